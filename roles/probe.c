/* Probes: from their texts, and whether a servant can have them. */
#include "roles/probe.h"

#include <string.h>

#include "core/sys/opt.h"

enum { MIN_MS = 10, MAX_MS = 24 * 3600 * 1000, MAX_TIMEOUT_MS = 30000, MAX_COUNT = 1000 };

#define DURATION(name, field, def) OPT_DURATION(name, struct probe_rule, field, def, 0, "")
#define COUNT(name, def) OPT(#name, struct probe_rule, name, def, 0, "")
static const struct opt settings[] = {
	DURATION("delay", delay_ms, "0s"), COUNT(failures, "3"),
	DURATION("interval", interval_ms, "10s"), COUNT(successes, "1"),
	DURATION("timeout", timeout_ms, "1s"), { 0 }
};

static const struct kind {
	const char *name;
	int min_args, max_args;
	const char *usage;
} kinds[] = {
	[PROBE_TCP] = { "tcp", 0, 0, "tcp" },
	[PROBE_PING] = { "tars_ping", 0, 0, "tars_ping" },
	[PROBE_HTTP] = { "http", 1, 1, "http /PATH" },
	[PROBE_SCRIPT] = { "script", 1, PROBE_MAX_ARGS, "script FILE ARGUMENT..." },
};
enum { N_KINDS = sizeof(kinds) / sizeof(*kinds) };

const char *probe_purpose_name(enum probe_purpose purpose)
{
	return purpose == PROBE_LIVENESS ? "liveness" : "readiness";
}

static const struct kind *find_kind(const char *name)
{
	for (int i = 0; i < N_KINDS; i++)
		if (!strcmp(kinds[i].name, name))
			return &kinds[i];
	return NULL;
}

/* 1: it is one; 0: it is an argument. */
static int take_setting(const char *word, struct probe_rule *r, struct arena *a, struct err *e)
{
	const char *equals = strchr(word, '='), *wrong;
	const struct opt *o;

	if (!equals)
		return 0;
	o = opt_find(settings, arena_strf(a, "%.*s", (int)(equals - word), word));
	if (!o)
		return 0;
	wrong = opt_set(o, equals + 1, r, a);
	return wrong ? err_set(e, TARS_EARG, "%s: '%s' %s", o->name, equals + 1, wrong) : 1;
}

static int check_ranges(const struct probe_rule *r, struct err *e)
{
	if (r->interval_ms < MIN_MS || r->interval_ms > MAX_MS || r->delay_ms < 0 ||
	    r->delay_ms > MAX_MS)
		return err_set(e, TARS_EARG, "interval is 10ms to 24h, delay is 0s to 24h");
	/* The node's own stop may have to wait so long. */
	if (r->timeout_ms < MIN_MS || r->timeout_ms > MAX_TIMEOUT_MS)
		return err_set(e, TARS_EARG, "timeout is 10ms to 30s");
	if (r->failures < 1 || r->failures > MAX_COUNT || r->successes < 1 ||
	    r->successes > MAX_COUNT)
		return err_set(e, TARS_EARG, "failures and successes are 1 to %d", MAX_COUNT);
	return 0;
}

/* Is one of its parts ".."? */
static bool leads_up(const char *path)
{
	for (const char *p = path; (p = strstr(p, "..")); p += 2)
		if ((p == path || p[-1] == '/') && (!p[2] || p[2] == '/'))
			return true;
	return false;
}

/* A file below a directory, or the path of a request. */
static int check_path(const struct probe_rule *r, struct err *e)
{
	const char *path = r->args[0];

	if (r->kind == PROBE_HTTP && *path != '/')
		return err_set(e, TARS_EARG, "the path '%s' does not begin with /", path);
	if (r->kind == PROBE_SCRIPT && (*path == '/' || leads_up(path)))
		return err_set(e, TARS_EARG, "the file '%s' is not below the server's directory: name "
			       "it from there, like bin/check.sh", path);
	return 0;
}

static int take_words(char *words, struct probe_rule *r, struct arena *a, struct err *e)
{
	int n = 0, rc;
	char *rest = words;

	for (char *word; (word = strtok_r(rest, " ", &rest)); ) {
		rc = n ? 0 : take_setting(word, r, a, e);
		if (rc < 0)
			return rc;
		if (rc)
			continue;
		if (n == kinds[r->kind].max_args)
			return err_set(e, TARS_EARG, "'%s' is too much: it is \"%s\", behind the kind "
				       "with delay=, failures=, interval=, successes= and timeout=",
				       word, kinds[r->kind].usage);
		r->args[n++] = word;
	}
	if (n < kinds[r->kind].min_args)
		return err_set(e, TARS_EARG, "it is \"%s\"", kinds[r->kind].usage);
	return 0;
}

static int parse(struct tars_str text, struct probe_rule *r, struct arena *a, struct err *e)
{
	char *words = (char *)arena_memdup(a, text.p, text.n), *rest;
	const struct kind *kind;
	const char *name;
	int rc;

	if (text.n > PROBE_MAX_TEXT)
		return err_set(e, TARS_EARG, "it has more than %d characters", PROBE_MAX_TEXT);
	for (uint32_t i = 0; i < text.n; i++)
		if ((unsigned char)words[i] < ' ' || words[i] == 127)
			return err_set(e, TARS_EARG, "it has characters that cannot be printed");
	for (const struct opt *o = settings; o->name; o++)
		opt_set(o, o->def, r, a);
	name = strtok_r(words, " ", &rest);
	kind = find_kind(name ? name : "");
	if (!kind)
		return err_set(e, TARS_EARG, "'%s' is not a kind of probe: tcp, tars_ping, \"http "
			       "/PATH\" or \"script FILE ARGUMENT...\"", name ? name : "");
	r->kind = (enum probe_kind)(kind - kinds);
	rc = take_words(rest, r, a, e);
	if (rc == 0)
		rc = check_ranges(r, e);
	return rc == 0 && r->args[0] ? check_path(r, e) : rc;
}

int probe_parse(struct tars_str text, struct probe_rule *rule, struct arena *a, struct err *e)
{
	memset(rule, 0, sizeof(*rule));
	if (parse(text, rule, a, e) < 0)
		return err_wrap(e, "probe '%.*s'", (int)(text.n > 100 ? 100 : text.n), text.p);
	return 0;
}

int probe_check(struct tars_str text, enum probe_purpose purpose, const struct endpoint *ep,
		struct tars_str protocol, struct arena *a, struct err *e)
{
	struct probe_rule r;
	const char *wrong = NULL;

	if (!text.n)
		return 0;
	if (probe_parse(text, &r, a, e) < 0)
		return err_wrap(e, "%s", probe_purpose_name(purpose));
	if (purpose == PROBE_LIVENESS && r.successes != 1)
		wrong = "successes is 1: the first failure after a success counts as one";
	else if (ep->type == ENDPOINT_UDP && (r.kind == PROBE_TCP || r.kind == PROBE_HTTP))
		wrong = "its endpoint is udp: use tars_ping or script";
	else if (ep->type == ENDPOINT_SSL && r.kind == PROBE_HTTP)
		wrong = "its endpoint is ssl: use tcp, tars_ping or script";
	else if (r.kind == PROBE_PING && protocol.n && strcmp(protocol.p, "tars") != 0)
		wrong = "it does not speak tars: use tcp, http or script";
	return wrong ? err_set(e, TARS_EARG, "%s: probe '%s': %s", probe_purpose_name(purpose),
			       text.p, wrong) : 0;
}
