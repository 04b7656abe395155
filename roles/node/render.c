/* Renders a managed server's configuration from its descriptor and template. */
#include "roles/node/render.h"

#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "if/RegistryF.h"
#include "proto/tarsconf.h"

enum { N_MACROS = 20, DEFAULT_HEARTTIMEOUT_S = 45000 };

/* ---- macros ---- */

void macros_expand(struct buf *b, const char *text, size_t n, const struct macro *macros,
		   size_t n_macros)
{
	const char *end = text + n;

	while (text < end) {
		const char *dollar = memchr(text, '$', (size_t)(end - text)), *close;
		size_t i = n_macros;

		if (!dollar)
			dollar = end;
		buf_add(b, text, (size_t)(dollar - text));
		text = dollar;
		if (end - text > 2 && text[1] == '{') {
			close = memchr(text, '}', (size_t)(end - text));
			for (i = 0; close && i < n_macros; i++)
				if (strlen(macros[i].name) == (size_t)(close - text) - 2 &&
				    !memcmp(macros[i].name, text + 2, (size_t)(close - text) - 2))
					break;
			if (!close)
				i = n_macros;
		}
		if (i < n_macros) {
			buf_add_str(b, macros[i].value);
			text = close + 1;
		} else if (text < end) {
			buf_add_u8(b, (uint8_t)*text++);
		}
	}
}

/* As the text of a value must be written in a configuration. */
static const char *escaped(struct arena *a, const char *value)
{
	static const char special[] = "\\\r\n\t=", written[] = "\\rnt=";
	char *out = arena_alloc(a, 2 * strlen(value) + 1), *p = out;

	for (; *value; value++) {
		const char *s = strchr(special, *value);

		if (s)
			*p++ = '\\';
		*p++ = s ? written[s - special] : *value;
	}
	return out;
}

static const char *main_class(struct arena *a, const struct tars_ServerDescriptor *d)
{
	char *text = arena_strf(a, "com.qq.%s.%s.%s", d->application.p, d->serverName.p,
				d->serverName.p);
	size_t lower = strlen("com.qq.") + d->application.n + 1 + d->serverName.n;

	for (size_t i = 0; i < lower; i++)
		text[i] = (char)tolower((unsigned char)text[i]);
	return text;
}

static bool is_container(const struct tars_ServerDescriptor *d)
{
	return !strcmp(d->runType.p, "container");
}

static void make_macros(const struct render_in *in, struct arena *a, struct macro *m)
{
	const struct tars_ServerDescriptor *d = in->server;
	const char *id = arena_strf(a, "%s.%s", d->application.p, d->serverName.p);
	const struct macro all[N_MACROS] = {
		{ "locator", in->locator },
		{ "modulename", id },
		{ "app", d->application.p },
		{ "server", d->serverName.p },
		{ "nodename", in->node_name },
		{ "serverid", id },
		{ "localip", in->host },
		{ "exe", in->paths->exe },
		{ "basepath", in->paths->base },
		{ "datapath", in->paths->data },
		{ "logpath", in->log_path },
		{ "local", arena_strf(a, "tcp -h %s -p %d -t 10000",
				      is_container(d) ? "0.0.0.0" : "127.0.0.1", in->local_port) },
		{ "priKey", "" },
		{ "mainclass", main_class(a, d) },
		{ "config-center-port", arena_strf(a, "%d", d->configCenterPort) },
		{ "setdivision", d->setId.n ? d->setId.p : "NULL" },
		{ "enableset", d->setId.n ? "y" : "n" },
		{ "asyncthread", arena_strf(a, "%d", d->asyncThreadNum) },
		{ "baseimage", d->baseImage.p },
		{ "sha", d->sha.p },
	};

	memcpy(m, all, sizeof(all));
}

/* ---- adapters ---- */

static int by_name_descending(const void *a, const void *b)
{
	const struct tars_AdapterDescriptor *const *x = a, *const *y = b;

	return strcmp((*y)->adapterName.p, (*x)->adapterName.p);
}

static int add_adapter(struct tarsconf *server, const struct tars_ServerDescriptor *d,
		       const struct tars_AdapterDescriptor *ad, struct arena *a, struct err *e)
{
	struct tarsconf *domain;
	struct buf text = BUF_INIT;
	struct endpoint ep;

	if (!*ad->adapterName.p || strpbrk(ad->adapterName.p, "/<>\r\n"))
		return err_set(e, TARS_ECONF, "adapter name '%s' cannot stand in a configuration",
			       ad->adapterName.p);
	if (endpoint_parse(ad->endpoint.p, ad->endpoint.n, &ep, e) < 0)
		return err_wrap(e, "adapter %s", ad->adapterName.p);
	if (is_container(d))
		snprintf(ep.host, sizeof(ep.host), "0.0.0.0");
	endpoint_print(&text, &ep);
	domain = tarsconf_domain_add(server, ad->adapterName.p);
	tarsconf_set(domain, "allow", ad->allowIp.p);
	tarsconf_set(domain, "endpoint", buf_str(&text));
	tarsconf_set(domain, "maxconns", arena_strf(a, "%d", ad->maxConnections));
	tarsconf_set(domain, "protocol", ad->protocol.n ? ad->protocol.p : "tars");
	tarsconf_set(domain, "queuecap", arena_strf(a, "%d", ad->queuecap));
	tarsconf_set(domain, "queuetimeout", arena_strf(a, "%d", ad->queuetimeout));
	tarsconf_set(domain, "servant", ad->servant.p);
	tarsconf_set(domain, "threads", ad->threadNum.p);
	buf_release(&text);
	return 0;
}

static int add_adapters(struct tarsconf *server, const struct tars_ServerDescriptor *d,
			struct arena *a, struct err *e)
{
	uint32_t n = d->adapters.n;
	const struct tars_AdapterDescriptor **sorted = arena_alloc(a, n * sizeof(*sorted));
	int rc = 0;

	for (uint32_t i = 0; i < n; i++)
		sorted[i] = &d->adapters.v[i].val;
	qsort(sorted, n, sizeof(*sorted), by_name_descending);
	for (uint32_t i = 0; i < n && rc == 0; i++)
		rc = add_adapter(server, d, sorted[i], a, e);
	return rc;
}

/* ---- the whole ---- */

/* The official node writes a blank for "\s": so templates keep one at the end of a value. */
static const char *with_blanks(struct arena *a, struct buf *b)
{
	const char *text = buf_str(b);
	char *out = arena_alloc(a, strlen(text) + 1), *p = out;

	while (*text) {
		if (text[0] == '\\' && text[1] == 's') {
			*p++ = ' ';
			text += 2;
		} else {
			*p++ = *text++;
		}
	}
	return out;
}

#define SERVER_KEY(key) "/tars/application/server<" key ">"

static int get_ms(const struct tarsconf *c, const char *path, int64_t fallback, int64_t *v,
		  struct err *e)
{
	int rc = tarsconf_get_int(c, path, fallback, v, e);

	if (rc == 0 && (*v < 0 || *v > INT_MAX))
		rc = err_set(e, TARS_ECONF, "%s: %lld is not a time in milliseconds", path,
			     (long long)*v);
	return rc;
}

static int get_limit(const struct tarsconf *c, const char *path, int64_t *v, struct err *e)
{
	int rc = tarsconf_get_int(c, path, -1, v, e);

	if (rc == 0 && (*v < -1 || *v > INT_MAX))
		rc = err_set(e, TARS_ECONF, "%s: %lld is no limit", path, (long long)*v);
	return rc;
}

static int read_settings(const struct tarsconf *c, struct service_conf *s, struct err *e)
{
	int rc;

	memset(s, 0, sizeof(*s));
	rc = get_ms(c, SERVER_KEY("activating-timeout"), 60000, &s->activating_ms, e);
	if (rc == 0)
		rc = get_ms(c, SERVER_KEY("deactivating-timeout"), 3000, &s->deactivating_ms, e);
	if (rc == 0)
		rc = tarsconf_get_int(c, SERVER_KEY("hearttimeout"), DEFAULT_HEARTTIMEOUT_S,
				      &s->hearttimeout_s, e);
	if (rc == 0 && s->hearttimeout_s > INT_MAX)
		rc = err_set(e, TARS_ECONF, SERVER_KEY("hearttimeout") ": %lld is not a time in "
			     "seconds", (long long)s->hearttimeout_s);
	if (rc == 0)
		rc = get_limit(c, SERVER_KEY("log-keep-days"), &s->log_keep_days, e);
	if (rc == 0)
		rc = get_limit(c, SERVER_KEY("log-keep-mb"), &s->log_keep_mb, e);
	if (rc < 0)
		return rc;
	s->local_text = tarsconf_get_or(c, SERVER_KEY("local"), "");
	s->has_local = *s->local_text != '\0';
	if (s->has_local && endpoint_parse(s->local_text, strlen(s->local_text), &s->local, e) < 0)
		return err_wrap(e, SERVER_KEY("local"));
	s->log_path = tarsconf_get_or(c, SERVER_KEY("logpath"), "");
	s->java = tarsconf_get_or(c, SERVER_KEY("java"), "");
	s->classpath = tarsconf_get_or(c, SERVER_KEY("classpath"), "");
	s->jvmparams = tarsconf_get_or(c, SERVER_KEY("jvmparams"), "");
	s->mainclass = tarsconf_get_or(c, SERVER_KEY("mainclass"), "");
	s->package_format = tarsconf_get_or(c, SERVER_KEY("packageFormat"), "");
	s->php = tarsconf_get_or(c, SERVER_KEY("php"), "");
	s->entrance = tarsconf_get_or(c, SERVER_KEY("entrance"), "");
	s->env = tarsconf_get_or(c, SERVER_KEY("env"), "");
	s->redirect_path = tarsconf_get_or(c, "/tars/application<redirectpath>", "");
	return 0;
}

static int join_profile(const struct render_in *in, struct tarsconf *conf, struct arena *a,
			struct err *e)
{
	struct macro macros[N_MACROS];
	struct tarsconf *profile = tarsconf_new(a);
	struct buf text = BUF_INIT;
	int rc;

	make_macros(in, a, macros);
	for (size_t i = 0; i < N_MACROS; i++)
		macros[i].value = escaped(a, macros[i].value);
	macros_expand(&text, in->server->profile.p, in->server->profile.n, macros, N_MACROS);
	rc = tarsconf_parse(profile, (const char *)buf_head(&text), buf_size(&text), e);
	buf_release(&text);
	if (rc < 0)
		return err_wrap(e, "template");
	return tarsconf_join(conf, profile, true, e);
}

int render_config(const struct render_in *in, struct arena *a, const char **text_r,
		  struct service_conf *settings, struct err *e)
{
	struct tarsconf *conf = tarsconf_new(a), *server;
	struct buf text = BUF_INIT;
	int rc;

	server = tarsconf_domain_create(conf, "/tars/application/server");
	tarsconf_set(server, "node", arena_strf(a, "tars.tarsnode.ServerObj@%s", in->node_ep));
	rc = add_adapters(server, in->server, a, e);
	if (rc == 0)
		rc = join_profile(in, conf, a, e);
	if (rc == 0)
		rc = tarsconf_print(&text, conf, e);
	if (rc == 0) {
		*text_r = with_blanks(a, &text);
		rc = read_settings(conf, settings, e);
	}
	buf_release(&text);
	if (rc < 0)
		return err_wrap(e, "%s.%s", in->server->application.p, in->server->serverName.p);
	return 0;
}

static void add_trimmed_lines(struct buf *b, const char *text)
{
	static const char blanks[] = " \t\r";

	for (;;) {
		size_t n = strcspn(text, "\n"), from = strspn(text, blanks), to = n;

		while (to > from && strchr(blanks, text[to - 1]))
			to--;
		if (to > from)
			buf_add(b, text + from, to - from);
		if (!text[n])
			return;
		buf_add_u8(b, '\n');
		text += n + 1;
	}
}

void render_script(const struct render_in *in, const char *name, const char *text,
		   struct arena *a, struct buf *b)
{
	struct macro macros[N_MACROS];
	struct buf lines = BUF_INIT;

	make_macros(in, a, macros);
	add_trimmed_lines(&lines, text);
	macros_expand(b, buf_str(&lines), buf_size(&lines), macros, N_MACROS);
	if (!strstr(buf_str(&lines), arena_strf(a, "end-%s", name)))
		buf_addf(b, "\necho 'end-%s'", name);
	buf_release(&lines);
}

int render_local_port(const char *text, size_t n)
{
	struct arena a;
	struct tarsconf *conf;
	const char *local;
	struct endpoint ep;
	int port = 0;

	arena_init(&a, NULL, 0);
	conf = tarsconf_new(&a);
	if (tarsconf_parse(conf, text, n, NULL) == 0) {
		local = tarsconf_get(conf, SERVER_KEY("local"));
		if (local && endpoint_parse(local, strlen(local), &ep, NULL) == 0)
			port = ep.port;
	}
	arena_clear(&a);
	return port;
}
