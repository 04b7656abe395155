/* Endpoint and object strings: parse, split, print, order. */
#include "proto/endpoint.h"

#include <ctype.h>
#include <stdio.h>

#include "proto/text.h"

/* "%.*s" of a text that may be long. */
#define SHOW(p, n) (int)((n) > 60 ? 60 : (n)), (p)

static const char *const type_names[] = {
	[ENDPOINT_UDP] = "udp", [ENDPOINT_TCP] = "tcp", [ENDPOINT_SSL] = "ssl",
};
enum { TYPE_COUNT = sizeof(type_names) / sizeof(*type_names), TYPE_NAME_SIZE = 3 };

const char *endpoint_type_name(int32_t type)
{
	BUG_ON(type < 0 || type >= TYPE_COUNT);
	return type_names[type];
}

void endpoint_label(char *text, size_t size, const struct endpoint *ep)
{
	const char *type = ep->type < 0 || ep->type >= TYPE_COUNT ? "?" : type_names[ep->type];

	if (endpoint_is_unix(ep))
		snprintf(text, size, "%s unix:%s", type, ep->host);
	else
		snprintf(text, size, endpoint_is_ipv6(ep) && *ep->host != '[' ? "%s [%.70s]:%d" :
			 "%s %.70s:%d", type, ep->host, ep->port);
}

static int type_at(const char *p, size_t n)
{
	for (int i = 0; i < TYPE_COUNT; i++)
		if (n >= TYPE_NAME_SIZE && !memcmp(p, type_names[i], TYPE_NAME_SIZE))
			return i;
	return -1;
}

/* ---- one endpoint ---- */

struct scan {
	const char *p, *end;     /* what is left */
	const char *token;
	size_t size;
};

static bool scan_next(struct scan *s)
{
	const char *p = s->p, *end = s->end;

	while (p < end && strchr(" \t\r\n", *p))
		p++;
	s->token = p;
	while (p < end && !strchr(" \t\r\n", *p))
		p++;
	s->size = (size_t)(p - s->token);
	s->p = p;
	return s->size;
}

/* The argument of an option: a word that does not begin with '-'.  Leaves the scan where it is if
 * there is none. */
static bool scan_argument(struct scan *s)
{
	struct scan ahead = *s;

	if (!scan_next(&ahead) || *ahead.token == '-')
		return false;
	*s = ahead;
	return true;
}

/* The options that carry a number; -h is text, all other letters are accepted and ignored. */
static const struct number_option {
	char letter;
	int64_t max;
	size_t offset;
	const char *what;
} number_options[] = {
	{ 'p', 65535, offsetof(struct endpoint, port), "a port (0..65535)" },
	{ 't', INT32_MAX, offsetof(struct endpoint, timeout_ms), "a time in milliseconds" },
	{ 'g', INT32_MAX, offsetof(struct endpoint, grid), "a number" },
	{ 'q', INT32_MAX, offsetof(struct endpoint, qos), "a number" },
	{ 'w', INT32_MAX, offsetof(struct endpoint, weight), "a weight (0..100)" },
	{ 'v', UINT32_MAX, offsetof(struct endpoint, weight_type), "a weight type (0, 1 or 2)" },
	{ 'e', 1, offsetof(struct endpoint, auth), "0 (open) or 1 (access key)" },
};

static int parse_host(struct endpoint *ep, const struct scan *s, struct err *e)
{
	if (s->size >= sizeof(ep->host))
		return err_set(e, TARS_ELIMIT,
			       "endpoint: the host '%.40s...' has %zu bytes, the limit is %zu",
			       s->token, s->size, sizeof(ep->host) - 1);
	memcpy(ep->host, s->token, s->size);
	ep->host[s->size] = '\0';
	return 0;
}

static int parse_option(struct endpoint *ep, char letter, struct scan *s, struct err *e)
{
	bool has_argument = scan_argument(s);

	if (letter == 'h') {
		if (!has_argument)
			return err_set(e, TARS_EARG, "endpoint: -h wants a host name or address");
		return parse_host(ep, s, e);
	}
	for (size_t i = 0; i < sizeof(number_options) / sizeof(*number_options); i++) {
		const struct number_option *o = &number_options[i];
		int64_t v;
		uint32_t stored;

		if (o->letter != letter)
			continue;
		if (!has_argument)
			return err_set(e, TARS_EARG, "endpoint: -%c wants %s", letter, o->what);
		if (!text_int(s->token, s->size, 0, o->max, &v))
			return err_set(e, TARS_EARG, "endpoint: -%c: '%.*s' is not %s", letter,
				       SHOW(s->token, s->size), o->what);
		stored = (uint32_t)v;
		memcpy((char *)ep + o->offset, &stored, sizeof(stored));
		return 0;
	}
	return 0;
}

static int parse_words(struct endpoint *ep, struct scan *s, struct err *e)
{
	if (!scan_next(s))
		return err_set(e, TARS_EARG,
			       "endpoint: empty (try 'tcp -h 127.0.0.1 -p 10000')");
	ep->type = type_at(s->token, s->size);
	if (s->size != TYPE_NAME_SIZE || ep->type < 0)
		return err_set(e, TARS_EARG,
			       "endpoint: begins with '%.*s' instead of tcp, udp or ssl",
			       SHOW(s->token, s->size));
	while (scan_next(s)) {
		int rc;

		if (s->size != 2 || *s->token != '-')
			return err_set(e, TARS_EARG,
				       "endpoint: '%.*s' is not an option like -h, -p or -t",
				       SHOW(s->token, s->size));
		rc = parse_option(ep, s->token[1], s, e);
		if (rc)
			return rc;
	}
	if (!*ep->host)
		return err_set(e, TARS_EARG, "endpoint: no host (add -h HOST)");
	return 0;
}

int endpoint_parse(const char *text, size_t n, struct endpoint *ep, struct err *e)
{
	struct scan s = { .p = text, .end = text + n };
	struct endpoint out = { .timeout_ms = 3000, .weight = -1 };
	int rc;

	if (n > ENDPOINT_MAX_TEXT)
		return err_set(e, TARS_ELIMIT, "endpoint: %zu bytes of text, at most %d are read",
			       n, ENDPOINT_MAX_TEXT);
	if (memchr(text, '\0', n))
		return err_set(e, TARS_EARG, "endpoint: contains a NUL byte");
	rc = parse_words(&out, &s, e);
	if (rc)
		return rc;
	if (!strcmp(out.host, "*"))
		strcpy(out.host, "0.0.0.0");
	if (out.weight_type && (out.weight == -1 || out.weight > 100))
		out.weight = 100;
	*ep = out;
	return 0;
}

void endpoint_print(struct buf *b, const struct endpoint *ep)
{
	buf_addf(b, "%s -h %s -p %d -t %d", endpoint_type_name(ep->type), ep->host, ep->port,
		 ep->timeout_ms);
	if (ep->grid)
		buf_addf(b, " -g %d", ep->grid);
	if (ep->qos)
		buf_addf(b, " -q %d", ep->qos);
	if (ep->weight > 0)
		buf_addf(b, " -w %d", ep->weight);
	if (ep->weight_type)
		buf_addf(b, " -v %u", ep->weight_type);
	if (ep->auth)
		buf_addf(b, " -e %d", ep->auth);
}

int endpoint_compare(const struct endpoint *a, const struct endpoint *b)
{
	char x[sizeof(a->host) + 32], y[sizeof(x)];

	snprintf(x, sizeof(x), "%d:%s:%d", a->type, a->host, a->port);
	snprintf(y, sizeof(y), "%d:%s:%d", b->type, b->host, b->port);
	return strcmp(x, y);
}

/* ---- lists ---- */

static const char *find_type(const char *p, const char *end)
{
	for (; end - p >= TYPE_NAME_SIZE; p++)
		if (type_at(p, (size_t)(end - p)) >= 0)
			return p;
	return NULL;
}

bool endpoint_list_next(const char **p, const char *end, const char **item, size_t *n)
{
	const char *from = find_type(*p, end), *to;

	if (!from)
		return false;
	to = find_type(from + TYPE_NAME_SIZE, end);
	if (!to)
		to = end;
	*p = to;
	while (to[-1] == ' ' || to[-1] == ':')
		to--;
	*item = from;
	*n = (size_t)(to - from);
	return true;
}

int endpoint_list_parse(const char *text, size_t n, struct endpoint_list *list, struct arena *a,
			struct err *e)
{
	const char *p = text, *end = text + n, *item;
	struct endpoint_list out = { 0 };
	size_t size, count = 0;
	int rc;

	if (n > ENDPOINT_MAX_TEXT)
		return err_set(e, TARS_ELIMIT,
			       "endpoint list: %zu bytes of text, at most %d are read", n,
			       ENDPOINT_MAX_TEXT);
	while (endpoint_list_next(&p, end, &item, &size))
		count++;
	if (count > ENDPOINT_MAX_LIST)
		return err_set(e, TARS_ELIMIT,
			       "endpoint list: %zu endpoints, at most %d are read", count,
			       ENDPOINT_MAX_LIST);
	if (count)
		out.v = arena_alloc(a, count * sizeof(*out.v));
	p = text;
	while (endpoint_list_next(&p, end, &item, &size)) {
		rc = endpoint_parse(item, size, &out.v[out.n], e);
		if (rc) {
			err_wrap(e, "endpoint %u of the list, '%.*s'", out.n + 1, SHOW(item, size));
			return rc;
		}
		out.n++;
	}
	*list = out;
	return 0;
}

/* ---- objects ---- */

static int check_object_name(const char *name, size_t n, struct err *e)
{
	bool good = n && n < 256;
	char before = '.';

	for (size_t i = 0; good && i < n; i++) {
		unsigned char c = (unsigned char)name[i];

		if (c == '.')
			good = before != '.';
		else
			good = (c < 0x80 && isalnum(c)) || c == '_' || c == '-';
		before = (char)c;
	}
	if (!good || before == '.')
		return err_set(e, TARS_EARG, "object '%.*s': not a name like App.Server.Obj",
			       SHOW(name, n));
	return 0;
}

int object_ref_parse(const char *text, struct object_ref *ref, struct arena *a, struct err *e)
{
	const char *name = text, *at = strchr(text, '@');
	size_t n = at ? (size_t)(at - text) : strlen(text);
	struct object_ref out = { .direct = at };
	int rc;

	text_trim(&name, &n);
	rc = check_object_name(name, n, e);
	if (rc)
		return rc;
	out.name = arena_memdup(a, name, n);
	if (at) {
		rc = endpoint_list_parse(at + 1, strlen(at + 1), &out.eps, a, e);
		if (rc) {
			err_wrap(e, "object %s", out.name);
			return rc;
		}
		if (!out.eps.n)
			return err_set(e, TARS_EARG,
				       "object %s: no endpoint behind '@' (try 'tcp -h HOST -p N')",
				       out.name);
	}
	*ref = out;
	return 0;
}
