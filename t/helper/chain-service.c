/*
 * A service under test that logs and calls the next of its kind; see Chain.tars.
 *
 * Its name is that of the configuration: every App.Server may run it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "Chain.h"

static struct tars_str str(const char *s)
{
	return (struct tars_str){ s, (uint32_t)strlen(s) };
}

static int pass_on(struct tars_req *rq, const struct T_Chain_pass_in *in,
		   struct T_Chain_pass_out *out)
{
	struct tars_call c = { .to = tars_proxy(tars_app_of(rq), in->way.v[0].p), .rq = rq };
	struct T_Chain_pass_in next = { .user = in->user, .text = in->text,
					.way = { in->way.v + 1, in->way.n - 1 } };

	return T_Chain_pass(&c, &next, out);
}

static void begin(struct tars_req *rq, const char *what)
{
	if (strstr(what, "cookie"))
		tars_set_cookie(rq, "colour", "green");
	if (strstr(what, "dye"))
		tars_dye(rq, "by-code");
	if (strstr(what, "crash")) {
		for (int i = 0; i < 1000; i++)
			tars_log(rq, TARS_LOG_INFO, "before the end %d", i);
		abort();
	}
	if (strstr(what, "trace"))
		tars_trace_start(rq, TARS_TRACE_ALL, 2);
}

static void keep(struct tars_req *rq, struct tars_string_string_map *m, const char *key,
		 const char *value)
{
	struct tars_string_string_pair *pair;

	if (!value)
		return;
	pair = TARS_PUSH(rq, m);
	pair->key = str(key);
	pair->val = tars_strndup(rq, value, strlen(value));
}

static void what_came(struct tars_req *rq, struct T_Hop *hop)
{
	static const char *const status[] = {
		"STATUS_DYED_KEY", "STATUS_GRID_KEY", "STATUS_SETNAME_VALUE", "STATUS_TRACE_KEY",
		"STATUS_OTHER", "colour", "size", NULL
	};
	static const char *const context[] = { "node_name", "traceparent", "tracestate", NULL };

	for (int i = 0; status[i]; i++)
		keep(rq, &hop->status, status[i], tars_status(rq, status[i]));
	for (int i = 0; context[i]; i++)
		keep(rq, &hop->context, context[i], tars_context(rq, context[i]));
}

static int pass(struct tars_req *rq, const struct T_Chain_pass_in *in, struct T_Chain_pass_out *out)
{
	struct tars_app *app = tars_app_of(rq);
	struct T_Hop *hop;
	int rc = TARS_OK;

	begin(rq, in->begin.p);
	tars_log(rq, TARS_LOG_INFO, "pass %s", in->text.p);
	tars_daylog(rq, "flow", "%s|%s", in->user.p, in->text.p);
	if (in->way.n)
		rc = pass_on(rq, in, out);
	if (rc)
		return rc;
	hop = TARS_PUSH(rq, &out->hops);
	hop->who = str(tars_config(app, "/tars/application/client<modulename>", "none"));
	what_came(rq, hop);
	hop->cookie = str(tars_cookie(rq, "colour") ?: "");
	hop->dyed = str(tars_dyed(rq) ?: "-");
	hop->trace = str(tars_trace_id(rq));
	hop->span = str(tars_trace_span(rq));
	hop->caller = str(tars_caller_host(rq));
	return TARS_OK;
}

static int log_lines(struct tars_req *rq, const struct T_Chain_log_in *in,
		     struct T_Chain_log_out *out)
{
	(void)out;
	for (int32_t i = 0; i < in->n; i++) {
		if (in->name.n)
			tars_daylog(rq, in->name.p, "%s %d", in->text.p, i);
		else
			tars_log(rq, TARS_LOG_INFO, "%s %d", in->text.p, i);
	}
	return tars_log_flush(tars_app_of(rq), 30000) ? TARS_OK : tars_fail(rq, 1, "not flushed");
}

static const struct T_Chain handlers = { .pass = pass, .log = log_lines };

/* name=period[every] of logs by time: "hourly=hour minutes=minute10". */
static int init(struct tars_app *app)
{
	static const char *const words[] = { "day", "hour", "minute" };
	const char *conf = tars_config(app, "/tars/application/server<periods>", "");
	char name[64], word[16];
	unsigned every;
	int n;

	for (; sscanf(conf, " %63[^=]=%15[a-z]%u%n", name, word, &every, &n) == 3; conf += n)
		for (int p = 0; p < 3; p++)
			if (!strcmp(word, words[p]) &&
			    tars_daylog_period(app, name, (enum tars_log_period)p, every))
				return 1;
	tars_app_log(app, TARS_LOG_DEBUG, "init");
	return 0;
}

static void fini(struct tars_app *app)
{
	tars_app_log(app, TARS_LOG_DEBUG, "fini");
}

int main(int argc, char **argv)
{
	const char *name = getenv("SERVANT") ?: "T.ChainServer.ChainObj";
	const struct tars_servant servants[] = {
		{ name, &T_Chain_iface, &handlers, TARS_RUN_POOL, NULL },
		{ 0 }
	};

	return tars_main(argc, argv, &(struct tars_service){ .servants = servants, .init = init,
							     .fini = fini });
}
