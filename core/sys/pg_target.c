/* Where PostgreSQL is: the parsed DSN, its text without secrets, and its hosts as addresses. */
#include "core/sys/pg_int.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/io/listen.h"
#include "proto/buf.h"

enum { MAX_HOSTS = 32 };

struct host {
	const char *name, *address, *port;
};

/* libpq's mark of secrets: not to be shown ("*"). */
static bool is_secret(const PQconninfoOption *o)
{
	return o->dispchar[0] == '*';
}

static void describe(struct pg_target *t)
{
	struct buf b = BUF_INIT;

	for (const PQconninfoOption *o = t->options; o->keyword; o++)
		if (o->val && o->val[0] && !is_secret(o))
			buf_addf(&b, "%s%s=%s", buf_size(&b) ? " " : "", o->keyword, o->val);
	t->text = xstrdup(buf_str(&b));
	buf_release(&b);
}

int pg_target_init(struct pg_target *t, const struct pg_conf *conf, struct err *e)
{
	int64_t timeout_ms = conf->timeout_ms;
	struct buf b = BUF_INIT;
	char *cause = NULL;

	*t = (struct pg_target){ .options = PQconninfoParse(conf->dsn, &cause) };
	if (!t->options) {
		err_set(e, TARS_ECONF, "--db: not a PostgreSQL connection string: %.*s",
			cause ? (int)strcspn(cause, "\n") : 0, cause ? cause : "");
		PQfreemem(cause);
		return TARS_ECONF;
	}
	describe(t);
	buf_addf(&b, "-c statement_timeout=%lld", (long long)timeout_ms);
	t->server_options = xstrdup(buf_str(&b));
	t->name = xstrdup(conf->name ? conf->name : "tars");
	buf_release(&b);
	return 0;
}

void pg_target_release(struct pg_target *t)
{
	PQconninfoFree(t->options);
	free(t->text);
	free(t->server_options);
	free(t->name);
	*t = (struct pg_target){ 0 };
}

static const char *option(const struct pg_target *t, const char *keyword)
{
	for (const PQconninfoOption *o = t->options; o->keyword; o++)
		if (!strcmp(o->keyword, keyword))
			return o->val;
	return NULL;
}

/* From the DSN, or from libpq's environment variable. */
static const char *option_or_env(const struct pg_target *t, const char *keyword, const char *env)
{
	const char *v = option(t, keyword);

	return v && *v ? v : getenv(env);
}

/* The i-th element of a list separated by commas; the last one if there are fewer. */
static const char *list_item(struct arena *a, const char *list, unsigned i)
{
	size_t n = strcspn(list, ",");

	while (i-- && list[n]) {
		list += n + 1;
		n = strcspn(list, ",");
	}
	return arena_memdup(a, list, n);
}

static unsigned list_length(const char *list)
{
	unsigned n = list && *list ? 1 : 0;

	for (; n && *list; list++)
		n += *list == ',';
	return n < MAX_HOSTS ? n : MAX_HOSTS;
}

/* The hosts in the order in which to try them now. */
static unsigned list_hosts(const struct pg_target *t, struct arena *a, struct host *hosts)
{
	const char *names = option_or_env(t, "host", "PGHOST");
	const char *addresses = option_or_env(t, "hostaddr", "PGHOSTADDR");
	const char *ports = option_or_env(t, "port", "PGPORT");
	unsigned n_names = list_length(names), n_addresses = list_length(addresses);
	unsigned n = n_names > n_addresses ? n_names : n_addresses;

	for (unsigned i = 0; i < n; i++) {
		unsigned from = (i + t->attempts) % n;

		hosts[i] = (struct host){
			.name = n_names ? list_item(a, names, from) : "",
			.address = n_addresses ? list_item(a, addresses, from) : "",
			.port = ports ? list_item(a, ports, from) : "",
		};
	}
	return n;
}

/* Sockets need no look-up, and localhost is in a local file: libpq may try all of its addresses. */
static bool is_local(const char *name)
{
	return !name[0] || name[0] == '/' || name[0] == '@' || !strcmp(name, "localhost");
}

static int resolve_host(struct host *h, struct arena *a, struct err *e)
{
	char text[INET6_ADDRSTRLEN] = "";
	struct sockaddr_any addr;
	int rc;

	if (h->address[0] || is_local(h->name))
		return 0;
	rc = resolve(&addr, h->name, 0, e);
	if (rc < 0)
		return rc;
	if (addr.sa.sa_family == AF_INET)
		inet_ntop(AF_INET, &addr.in.sin_addr, text, sizeof(text));
	else
		inet_ntop(AF_INET6, &addr.in6.sin6_addr, text, sizeof(text));
	h->address = arena_strdup(a, text);
	return 0;
}

struct params {
	const char **keys, **values;
	unsigned n;
};

static void param(struct params *p, const char *key, const char *value)
{
	p->keys[p->n] = key;
	p->values[p->n++] = value;
}

static void param_default(struct params *p, const struct pg_target *t, const char *key,
			  const char *value)
{
	if (!option(t, key))
		param(p, key, value);
}

/* Everything but the hosts, copied: the target may be gone when a look-up ends. */
static void list_params(const struct pg_target *t, struct arena *a, struct params *p)
{
	static const char *const own[] = { "host", "hostaddr", "port", "options",
					   "client_encoding" };
	const char *options = option_or_env(t, "options", "PGOPTIONS");
	unsigned n = 0;

	while (t->options[n].keyword)
		n++;
	p->keys = arena_alloc(a, (n + 16) * sizeof(*p->keys));
	p->values = arena_alloc(a, (n + 16) * sizeof(*p->values));
	for (const PQconninfoOption *o = t->options; o->keyword; o++) {
		bool is_own = !o->val;

		for (size_t i = 0; i < sizeof(own) / sizeof(*own); i++)
			is_own = is_own || !strcmp(own[i], o->keyword);
		if (!is_own)
			param(p, arena_strdup(a, o->keyword), arena_strdup(a, o->val));
	}
	/* The user's own options come later, so they win. */
	param(p, "options", arena_strf(a, "%s %s", t->server_options, options ? options : ""));
	param(p, "client_encoding", "UTF8");
	param(p, "fallback_application_name", arena_strdup(a, t->name));
	/* A peer that vanished is noticed within a minute, also by an idle listener. */
	param_default(p, t, "keepalives_idle", "20");
	param_default(p, t, "keepalives_interval", "10");
	param_default(p, t, "keepalives_count", "3");
	param_default(p, t, "tcp_user_timeout", "30000");
}

static void add_item(struct buf *b, const char *item, bool first)
{
	buf_addf(b, "%s%s", first ? "" : ",", item);
}

int pg_target_resolve(struct pg_target *t, struct arena *a, const char ***keys,
		      const char ***values, struct err *e)
{
	struct buf names = BUF_INIT, addresses = BUF_INIT, ports = BUF_INIT;
	struct host hosts[MAX_HOSTS];
	unsigned n = list_hosts(t, a, hosts), good = 0;
	struct params p = { 0 };
	const char *port = option(t, "port");
	bool has_address = false;

	port = port ? arena_strdup(a, port) : NULL;
	list_params(t, a, &p);
	/* A host that cannot be resolved is left out as long as there is another one. */
	for (unsigned i = 0; i < n; i++) {
		if (resolve_host(&hosts[i], a, e) < 0)
			continue;
		add_item(&names, hosts[i].name, !good);
		add_item(&addresses, hosts[i].address, !good);
		add_item(&ports, hosts[i].port, !good);
		has_address = has_address || hosts[i].address[0];
		good++;
	}
	if (n) {
		param(&p, "host", arena_strdup(a, buf_str(&names)));
		param(&p, "port", arena_strdup(a, buf_str(&ports)));
		if (has_address)
			param(&p, "hostaddr", arena_strdup(a, buf_str(&addresses)));
	} else if (port) {
		param(&p, "port", port);
	}
	buf_release(&names);
	buf_release(&addresses);
	buf_release(&ports);
	*keys = p.keys;
	*values = p.values;
	return n && !good ? e->code : 0;
}
