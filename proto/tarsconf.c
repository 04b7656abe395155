/* TARS configuration text: tree, parser, printer, joining and paths. */
#include "proto/tarsconf.h"

#include <stddef.h>

#include "proto/hash.h"
#include "proto/text.h"

/*
 * Keys and domains are items: each is in the ordered list of its domain and in the hash table of
 * the tree, so that a domain with very many keys does not make parsing quadratic.
 *
 *   domain --keys-->    item <-> item <-> item       table[hash] --> item --> item
 *          --domains--> item <-> item
 */
struct item {
	const char *name;
	uint64_t hash;
	uint32_t domain;                /* number of the domain that it belongs to */
	bool is_domain;
	struct item *prev, *next;
	struct item *chain;
};

struct key {
	struct item item;
	struct tarsconf_key pub;
};

struct list {
	struct item *first, *last;
};

struct tree {
	struct arena *arena;
	struct item **table;
	uint32_t n_buckets, n_items, n_domains;
};

struct tarsconf {
	struct item item;
	struct tree *tree;
	uint32_t number;                /* stands for it in items: a tree can change its root */
	int depth;                      /* 0: the root */
	struct list keys, domains;
};

#define item_entry(ptr, type, member) ((type *)((char *)(ptr) - offsetof(type, member)))

/* ---- items ---- */

static uint64_t item_hash(const struct tarsconf *domain, const char *name, size_t n,
			  bool is_domain)
{
	uint64_t where = 2 * (uint64_t)domain->number + is_domain;

	return (hash_fnv(name, n) ^ where) * 0x9e3779b97f4a7c15;
}

static struct item **bucket(const struct tree *t, uint64_t hash)
{
	return &t->table[(hash >> 32) & (t->n_buckets - 1)];
}

static struct item *item_find(const struct tarsconf *domain, const char *name, size_t n,
			      bool is_domain)
{
	uint64_t hash = item_hash(domain, name, n, is_domain);
	struct item *i = *bucket(domain->tree, hash);

	for (; i; i = i->chain)
		if (i->hash == hash && i->domain == domain->number && i->is_domain == is_domain &&
		    !strncmp(i->name, name, n) && !i->name[n])
			return i;
	return NULL;
}

static void table_resize(struct tree *t, uint32_t n_buckets)
{
	struct tree old = *t;

	t->n_buckets = n_buckets;
	t->table = arena_alloc(t->arena, n_buckets * sizeof(*t->table));
	for (uint32_t b = 0; b < old.n_buckets; b++) {
		for (struct item *i = old.table[b], *next; i; i = next) {
			struct item **head = bucket(t, i->hash);

			next = i->chain;
			i->chain = *head;
			*head = i;
		}
	}
}

/* before = NULL: at the end. */
static void list_insert(struct list *list, struct item *i, struct item *before)
{
	i->next = before;
	i->prev = before ? before->prev : list->last;
	*(i->prev ? &i->prev->next : &list->first) = i;
	*(before ? &before->prev : &list->last) = i;
}

static void list_remove(struct list *list, struct item *i)
{
	*(i->prev ? &i->prev->next : &list->first) = i->next;
	*(i->next ? &i->next->prev : &list->last) = i->prev;
}

static void item_add(struct tarsconf *domain, struct item *i, bool is_domain)
{
	struct tree *t = domain->tree;
	struct item **head, *before = NULL;

	i->domain = domain->number;
	i->is_domain = is_domain;
	i->hash = item_hash(domain, i->name, strlen(i->name), is_domain);
	if (t->n_items++ == t->n_buckets)
		table_resize(t, 2 * t->n_buckets);
	head = bucket(t, i->hash);
	i->chain = *head;
	*head = i;
	if (is_domain && !domain->depth)
		for (before = domain->domains.first; before && strcmp(before->name, i->name) < 0;)
			before = before->next;
	list_insert(is_domain ? &domain->domains : &domain->keys, i, before);
}

/* ---- domains and keys ---- */

static struct tarsconf *domain_of(struct item *i)
{
	return i ? item_entry(i, struct tarsconf, item) : NULL;
}

static struct key *key_of(struct item *i)
{
	return i ? item_entry(i, struct key, item) : NULL;
}

struct tarsconf *tarsconf_new(struct arena *a)
{
	struct tarsconf *root = ARENA_NEW(a, struct tarsconf);

	root->item.name = "";
	root->tree = ARENA_NEW(a, struct tree);
	root->tree->arena = a;
	root->tree->n_domains = 1;
	table_resize(root->tree, 16);
	return root;
}

static struct tarsconf *domain_add(struct tarsconf *domain, const char *name, size_t n)
{
	struct tarsconf *d = domain_of(item_find(domain, name, n, true));

	if (d || domain->depth == TARSCONF_MAX_DEPTH)
		return d;
	d = ARENA_NEW(domain->tree->arena, struct tarsconf);
	d->item.name = arena_memdup(domain->tree->arena, name, n);
	d->tree = domain->tree;
	d->number = domain->tree->n_domains++;
	d->depth = domain->depth + 1;
	item_add(domain, &d->item, true);
	return d;
}

struct tarsconf *tarsconf_domain_add(struct tarsconf *domain, const char *name)
{
	return domain_add(domain, name, strlen(name));
}

/* name and value are the tree's already. */
static struct key *key_put(struct tarsconf *domain, const char *name, const char *value)
{
	struct key *k = key_of(item_find(domain, name, strlen(name), false));

	if (!k) {
		k = ARENA_NEW(domain->tree->arena, struct key);
		k->item.name = k->pub.name = name;
		item_add(domain, &k->item, false);
	}
	k->pub.value = value;
	return k;
}

void tarsconf_set(struct tarsconf *domain, const char *key, const char *value)
{
	struct arena *a = domain->tree->arena;

	key_put(domain, arena_strdup(a, key), arena_strdup(a, value));
}

bool tarsconf_erase(struct tarsconf *domain, const char *key)
{
	struct item *i = item_find(domain, key, strlen(key), false), **at;

	if (!i)
		return false;
	at = bucket(domain->tree, i->hash);
	while (*at != i)
		at = &(*at)->chain;
	*at = i->chain;
	domain->tree->n_items--;
	list_remove(&domain->keys, i);
	return true;
}

const struct tarsconf_key *tarsconf_next_key(const struct tarsconf *domain,
					     const struct tarsconf_key *prev)
{
	struct item *i = prev ? item_entry(prev, struct key, pub)->item.next : domain->keys.first;

	return i ? &key_of(i)->pub : NULL;
}

struct tarsconf *tarsconf_next_domain(const struct tarsconf *domain, const struct tarsconf *prev)
{
	return domain_of(prev ? prev->item.next : domain->domains.first);
}

const char *tarsconf_name(const struct tarsconf *domain)
{
	return domain->item.name;
}

/* ---- parser ---- */

struct parser {
	struct tarsconf *open[TARSCONF_MAX_DEPTH + 1];
	int depth;                      /* open[depth] is the innermost */
	int line;
	struct err *e;
};

/* "%.*s" of a text that may be long. */
#define SHOW(p, n) (int)((n) > 60 ? 60 : (n)), (p)

/* Resolves the escapes of p[n]; NULL if there is an unknown one. */
static const char *unescape(struct parser *ps, const char *p, size_t n)
{
	static const char from[] = "\\rnt=", to[] = "\\\r\n\t=";
	char *out, *o;

	if (!n)
		return "";
	out = o = arena_alloc_raw(ps->open[0]->tree->arena, n + 1);
	for (size_t i = 0; i < n; i++) {
		const char *known;

		if (p[i] != '\\') {
			*o++ = p[i];
			continue;
		}
		known = ++i < n ? strchr(from, p[i]) : NULL;
		if (!known) {
			err_set(ps->e, TARS_EPROTO,
				"line %d: '%.*s': a backslash wants \\, r, n, t or = behind it",
				ps->line, SHOW(p, n));
			return NULL;
		}
		*o++ = to[known - from];
	}
	*o = '\0';
	return out;
}

static int parse_key(struct parser *ps, const char *p, size_t n)
{
	struct tarsconf *domain = ps->open[ps->depth];
	const char *key = p, *value = "", *name;
	size_t key_size = n, value_size = 0;
	struct key *k;

	for (size_t i = 0; i < n; i++) {
		if (p[i] == '=' && !(i && p[i - 1] == '\\')) {
			key_size = i;
			value = p + i + 1;
			value_size = n - i - 1;
			break;
		}
	}
	text_trim(&key, &key_size);
	text_trim(&value, &value_size);
	name = unescape(ps, key, key_size);
	value = unescape(ps, value, value_size);
	if (!name || !value)
		return TARS_EPROTO;
	k = key_put(domain, name, value);
	list_remove(&domain->keys, &k->item);
	list_insert(&domain->keys, &k->item, NULL);
	return 0;
}

static int parse_tag(struct parser *ps, const char *p, size_t n)
{
	const char *end = memchr(p, '>', n), *name = p + 1;
	const char *open = ps->open[ps->depth]->item.name;
	struct tarsconf *child;
	size_t size;

	if (!end)
		return err_set(ps->e, TARS_EPROTO, "line %d: '%.*s' has no '>'", ps->line,
			       SHOW(p, n));
	size = (size_t)(end - name);
	if (size && *name == '/') {
		name++;
		size--;
		if (!ps->depth)
			return err_set(ps->e, TARS_EPROTO, "line %d: </%.*s> closes nothing",
				       ps->line, SHOW(name, size));
		if (strlen(open) != size || memcmp(open, name, size))
			return err_set(ps->e, TARS_EPROTO, "line %d: </%.*s> closes <%.60s>",
				       ps->line, SHOW(name, size), open);
		ps->depth--;
		return 0;
	}
	text_trim(&name, &size);
	child = domain_add(ps->open[ps->depth], name, size);
	if (!child)
		return err_set(ps->e, TARS_ELIMIT,
			       "line %d: <%.*s> is a domain of level %d, at most %d are possible",
			       ps->line, SHOW(name, size), ps->depth + 1, TARSCONF_MAX_DEPTH);
	ps->open[++ps->depth] = child;
	return 0;
}

static int parse_line(struct parser *ps, const char *p, size_t n)
{
	ps->line++;
	text_trim(&p, &n);
	if (!n || *p == '#')
		return 0;
	return *p == '<' ? parse_tag(ps, p, n) : parse_key(ps, p, n);
}

static int parse(struct tarsconf *root, const char *text, size_t n, struct err *e)
{
	struct parser ps = { .open = { root }, .e = e };
	const char *end = text + n;

	BUG_ON(root->depth);
	for (const char *p = text; p < end;) {
		const char *newline = memchr(p, '\n', (size_t)(end - p));
		size_t size = (size_t)((newline ? newline : end) - p);
		int rc = parse_line(&ps, p, size);

		if (rc)
			return rc;
		p += size + 1;
	}
	if (ps.depth)
		return err_set(e, TARS_EPROTO, "line %d: <%.60s> is not closed", ps.line,
			       ps.open[ps.depth]->item.name);
	return 0;
}

int tarsconf_parse(struct tarsconf *root, const char *text, size_t n, struct err *e)
{
	if (n > TARSCONF_MAX_SIZE)
		return err_set(e, TARS_ELIMIT, "the text has %zu bytes, at most %d are read", n,
			       TARSCONF_MAX_SIZE);
	if (memchr(text, '\0', n))
		return err_set(e, TARS_EPROTO, "the text contains a NUL byte");
	return parse(root, text, n, e);
}

/* ---- printer ---- */

static int print_escaped(struct buf *b, const char *s, struct err *e)
{
	for (const char *p = s; *p; p++) {
		switch (*p) {
		case '\\': buf_add(b, "\\\\", 2); break;
		case '\r': buf_add(b, "\\r", 2); break;
		case '\n': buf_add(b, "\\n", 2); break;
		case '\t': buf_add(b, "\\t", 2); break;
		case '=': buf_add(b, "\\=", 2); break;
		case '<':
		case '>':
			return err_set(e, TARS_EARG, "'%.60s' cannot be written: it contains '%c'",
				       s, *p);
		default: buf_add_u8(b, (uint8_t)*p);
		}
	}
	return 0;
}

static int print_tag(struct buf *b, int indent, const char *open, const char *name, struct err *e)
{
	int rc;

	buf_addf(b, "%*s%s", indent, "", open);
	rc = print_escaped(b, name, e);
	if (!rc)
		buf_add_str(b, ">\n");
	return rc;
}

static int print_keys(struct buf *b, const struct tarsconf *domain, struct err *e)
{
	const struct tarsconf_key *k = NULL;

	while ((k = tarsconf_next_key(domain, k))) {
		buf_addf(b, "%*s", 2 * domain->depth, "");
		if (print_escaped(b, k->name, e))
			return TARS_EARG;
		if (*k->value) {
			buf_add_u8(b, '=');
			if (print_escaped(b, k->value, e))
				return TARS_EARG;
		}
		buf_add_u8(b, '\n');
	}
	return 0;
}

static int print_domain(struct buf *b, const struct tarsconf *domain, struct err *e)
{
	int indent = 2 * (domain->depth - 1), rc = 0;
	struct tarsconf *d = NULL;

	if (domain->depth)
		rc = print_tag(b, indent, "<", domain->item.name, e);
	if (!rc && domain->depth)
		rc = print_keys(b, domain, e);
	while (!rc && (d = tarsconf_next_domain(domain, d)))
		rc = print_domain(b, d, e);
	if (!rc && domain->depth)
		rc = print_tag(b, indent, "</", domain->item.name, e);
	return rc;
}

int tarsconf_print(struct buf *b, const struct tarsconf *root, struct err *e)
{
	struct buf out = BUF_INIT;
	int rc;

	BUG_ON(root->depth);
	rc = print_domain(&out, root, e);
	if (!rc)
		buf_add(b, buf_str(&out), buf_size(&out));
	buf_release(&out);
	return rc;
}

/* By way of the text, as the official code does it: so the odd cases (a key without a name, a
 * domain name with a backslash) come out the same. */
int tarsconf_join(struct tarsconf *root, const struct tarsconf *other, bool update, struct err *e)
{
	struct tarsconf *joined = tarsconf_new(root->tree->arena);
	struct buf text = BUF_INIT;
	int rc;

	rc = tarsconf_print(&text, update ? root : other, e);
	if (!rc)
		rc = tarsconf_print(&text, update ? other : root, e);
	if (!rc)
		rc = parse(joined, buf_str(&text), buf_size(&text), e);
	buf_release(&text);
	if (!rc)
		*root = *joined;
	return rc;
}

/* ---- paths ---- */

/* Walks "/a/b" of n bytes; empty parts do not count. */
static struct tarsconf *walk(struct tarsconf *d, const char *path, size_t n, bool create)
{
	const char *end = path + n;

	while (d && path < end) {
		const char *slash = memchr(path, '/', (size_t)(end - path));
		size_t size = (size_t)((slash ? slash : end) - path);

		if (size && create)
			d = domain_add(d, path, size);
		else if (size)
			d = domain_of(item_find(d, path, size, true));
		path += size + (slash ? 1 : 0);
	}
	return d;
}

struct tarsconf *tarsconf_domain(const struct tarsconf *conf, const char *path)
{
	/* Without `create` nothing is written. */
	return *path == '/' ? walk((struct tarsconf *)conf, path, strlen(path), false) : NULL;
}

struct tarsconf *tarsconf_domain_create(struct tarsconf *conf, const char *path)
{
	return *path == '/' ? walk(conf, path, strlen(path), true) : NULL;
}

int tarsconf_lookup(const struct tarsconf *conf, const char *path, const char **value,
		    struct err *e)
{
	const char *open = strchr(path, '<'), *close = strchr(path, '>');
	struct tarsconf *domain;
	struct item *i = NULL;

	if (*path != '/' || !open || !close)
		return err_set(e, TARS_EARG, "'%.100s' is not a path like /domain/domain<key>",
			       path);
	domain = walk((struct tarsconf *)conf, path, (size_t)(open - path), false);
	if (domain && close > open)
		i = item_find(domain, open + 1, (size_t)(close - open - 1), false);
	if (!i)
		return err_set(e, TARS_ENOTFOUND, "%.200s is not in the configuration", path);
	*value = key_of(i)->pub.value;
	return 0;
}

const char *tarsconf_get(const struct tarsconf *conf, const char *path)
{
	return tarsconf_get_or(conf, path, NULL);
}

const char *tarsconf_get_or(const struct tarsconf *conf, const char *path, const char *fallback)
{
	const char *value = fallback;

	tarsconf_lookup(conf, path, &value, NULL);
	return value;
}

int tarsconf_get_int(const struct tarsconf *conf, const char *path, int64_t fallback, int64_t *v,
		     struct err *e)
{
	const char *value;
	int rc = tarsconf_lookup(conf, path, &value, e);

	if (rc == TARS_ENOTFOUND) {
		*v = fallback;
		return 0;
	}
	if (rc)
		return rc;
	if (!text_int(value, strlen(value), INT64_MIN, INT64_MAX, v))
		return err_set(e, TARS_ECONF, "%.200s: '%.60s' is not a whole number", path, value);
	return 0;
}
