/*
 * A service under test that does what it is told, and has commands of its own; see Observe.tars.
 *
 * T.Observed has a servant for each run mode.  At its start it fetches the files that are named in
 * the key `fetch` of its configuration, if any, and says what came of it in ./fetched.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "Observe.h"

/* ---- requests that wait ---- */

enum { MAX_HELD = 64 };
static struct tars_req *held[MAX_HELD];
static unsigned n_held;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static int hold(struct tars_req *rq)
{
	int rc = TARS_LATER;

	pthread_mutex_lock(&lock);
	if (n_held == MAX_HELD) {
		rc = tars_fail(rq, 1, "too many are held");
	} else {
		tars_hold(rq);
		held[n_held++] = rq;
	}
	pthread_mutex_unlock(&lock);
	return rc;
}

static int release(struct tars_req *rq, const struct T_Observe_release_in *in,
		   struct T_Observe_release_out *out)
{
	(void)rq;
	(void)in;
	pthread_mutex_lock(&lock);
	out->ret = (int32_t)n_held;
	while (n_held) {
		tars_reply(held[--n_held], &(struct T_Observe_work_out){ .ret = 7 });
		tars_release(held[n_held]);
	}
	pthread_mutex_unlock(&lock);
	return TARS_OK;
}

/* ---- work ---- */

static int call(struct tars_req *rq, const char *object, struct tars_str what)
{
	struct tars_call c = { .to = tars_proxy(tars_app_of(rq), object), .rq = rq };
	struct T_Observe_work_in in = { .what = what, .n = 2500, .object = TARS_STR("") };
	struct T_Observe_work_out out;

	return T_Observe_work(&c, &in, &out);
}

static int work(struct tars_req *rq, const struct T_Observe_work_in *in,
		struct T_Observe_work_out *out)
{
	out->ret = in->n;
	if (!strcmp(in->what.p, "fail"))
		return tars_fail(rq, in->n, "asked to fail");
	if (!strcmp(in->what.p, "sleep"))
		usleep((useconds_t)in->n * 1000);
	if (!strcmp(in->what.p, "hold"))
		return hold(rq);
	if (!strcmp(in->what.p, "call"))
		return call(rq, in->object.p, TARS_STR("ok"));
	if (!strcmp(in->what.p, "call_slow"))
		return call(rq, in->object.p, TARS_STR("sleep"));
	return TARS_OK;
}

/* All policies at once. */
static int report(struct tars_req *rq, const struct T_Observe_report_in *in,
		  struct T_Observe_report_out *out)
{
	static const int ranges[] = { 10, 50 };
	struct tars_property *p = tars_property(tars_app_of(rq), in->property.p, 63, ranges, 2);

	(void)out;
	for (uint32_t i = 0; i < in->values.n; i++)
		tars_property_report(p, in->values.v[i]);
	return TARS_OK;
}

static const struct T_Observe handlers = { .work = work, .release = release, .report = report };

/* ---- commands ---- */

static int echo(struct tars_req *rq, const char *params, struct tars_str *result)
{
	*result = tars_strf(rq, "echo:%s", params);
	return 0;
}

static int again(struct tars_req *rq, const char *params, struct tars_str *result)
{
	(void)rq;
	(void)params;
	*result = TARS_STR("again");
	return 0;
}

static int refuse(struct tars_req *rq, const char *params, struct tars_str *result)
{
	*result = tars_strf(rq, "not %s", params);
	return 1;
}

static int after(struct tars_req *rq, const char *params, struct tars_str *result)
{
	*result = tars_strf(rq, "after %s", params);
	return 0;
}

static const struct tars_command commands[] = {
	{ "echo", "TEXT: gives it back", echo },
	{ "echo", "TEXT: gives it back", again },
	{ "refuse", NULL, refuse },
	{ "refuse", NULL, again },
	{ "tars.setloglevel", "is told of the level", after },
	{ 0 }
};

/* ---- configuration ---- */

static void note(const char *fmt, const char *a, int b, const char *c)
{
	FILE *f = fopen("fetched", "a");

	if (!f)
		abort();
	fprintf(f, fmt, a, b, c);
	fclose(f);
}

static int on_config(struct tars_app *app, const char *file)
{
	(void)app;
	note("on_config %s %d%s\n", file, access(file, R_OK), "");
	return strcmp(file, "unloved.conf") ? 0 : 5;
}

static int init(struct tars_app *app)
{
	const char *file = tars_config(app, "/tars/application/server<fetch>", "");
	char text[256];
	int rc;

	if (!*file)
		return 0;
	rc = tars_load_config(app, file, text, sizeof(text));
	note("init %s %d %s\n", file, rc, text);
	rc = tars_load_app_config(app, file, text, sizeof(text));
	note("app %s %d %s\n", file, rc, text);
	return 0;
}

int main(int argc, char **argv)
{
	static const struct tars_servant servants[] = {
		{ "T.Observed.PoolObj", &T_Observe_iface, &handlers, TARS_RUN_POOL, NULL },
		{ "T.Observed.CoroObj", &T_Observe_iface, &handlers, TARS_RUN_CORO, NULL },
		{ "T.Observed.InlineObj", &T_Observe_iface, &handlers, TARS_RUN_INLINE, NULL },
		{ 0 }
	};

	return tars_main(argc, argv, &(struct tars_service){
		.servants = servants, .init = init, .commands = commands,
		.on_config = on_config });
}
