/* The node's own template in the registry: what it says of the node itself holds, as officially
 * (contract 4.1), unless an option was given that says otherwise. */
#include <stdlib.h>
#include <string.h>

#include "if/RegistryF.h"
#include "proto/tarsconf.h"
#include "roles/node/node.h"

enum { CALL_MS = 3000 };

/* Our option for a key of the official node's configuration. */
static const struct setting {
	const char *path, *option;
	int64_t min, max;       /* of the key's value; others are brought inside, as officially */
} settings[] = {
	{ "/tars/node/keepalive<heartTimeout>", "heart-timeout", 1, 86400 },
	{ "/tars/node/keepalive<monitorInterval>", "monitor", 1, 10 },
	{ "/tars/node/keepalive<reportAliveInterval>", "heartbeat", 1, 3600 },
	{ "/tars/node/keepalive<synStatInterval>", "sync", 1, 86400 },
	{ "/tars/app_conf/default<ActivatorMaxCount>", "start-limit", 1, 1000000 },
	{ "/tars/app_conf/default<ActivatorTimeInterval>", "start-window", 1, 86400 },
	{ "/tars/app_conf/default<ActivatorPunishInterval>", "start-penalty", 1, 86400 },
};

/* Durations are milliseconds in options and seconds in keys. */
static int64_t get(const struct opt *o, const struct node_conf *conf)
{
	const void *at = (const char *)conf + o->offset;

	return o->type == OPT_TYPE_DURATION ? *(const int64_t *)at : *(const int *)at;
}

static void set(struct node *n, const struct setting *s, int64_t value, struct arena *a)
{
	const struct opt *o = opt_find(node_role.opts, s->option);
	struct node_conf defaults = { 0 };
	void *at = (char *)&n->tuned + o->offset;

	opt_set(o, o->def, &defaults, a);
	value = value < s->min ? s->min : value > s->max ? s->max : value;
	if (o->type == OPT_TYPE_DURATION)
		value *= 1000;
	if (get(o, n->options) != get(o, &defaults) || value == get(o, n->options))
		return;
	if (o->type == OPT_TYPE_DURATION)
		*(int64_t *)at = value;
	else
		*(int *)at = (int)value;
	log_info(&n->log, "its template in the registry sets %s to %lld%s", s->option,
		 (long long)value, o->type == OPT_TYPE_DURATION ? " ms" : "");
}

void node_tune(struct node *n)
{
	struct arena a;
	struct tarsconf *conf;
	struct err e = { 0 };
	int64_t value;
	int rc;

	arena_init(&a, NULL, 0);
	conf = tarsconf_new(&a);
	n->tuned = *n->options;
	n->conf = &n->tuned;
	rc = n->template ? tarsconf_parse(conf, n->template, strlen(n->template), &e) : 0;
	for (size_t i = 0; i < sizeof(settings) / sizeof(*settings) && rc == 0; i++) {
		if (!tarsconf_get(conf, settings[i].path))
			continue;
		rc = tarsconf_get_int(conf, settings[i].path, 0, &value, &e);
		if (rc == 0)
			set(n, &settings[i], value, &a);
	}
	if (rc < 0)
		log_warn(&n->log, "its template in the registry: %s", e.text);
	arena_clear(&a);
}

void node_fetch_template(struct node *n, struct tars_req *rq)
{
	struct tars_call c = link_call(n, rq, CALL_MS);
	struct tars_Registry_getNodeTemplate_in in = { .nodeName = tars_strf(rq, "%s", n->name) };
	struct tars_Registry_getNodeTemplate_out out = { 0 };

	/* What was said last still holds. */
	if (tars_Registry_getNodeTemplate(&c, &in, &out) != 0 || out.ret != 0)
		return;
	if (!strcmp(out.profileTemplate.p, n->template ? n->template : ""))
		return;
	free(n->template);
	n->template = xstrdup(out.profileTemplate.p);
	node_tune(n);
}
