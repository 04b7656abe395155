/* The link of a service to its node: ServerF.keepActiving, reportVersion and keepAlive. */
#include <string.h>
#include <unistd.h>

#include "core/io/coro.h"
#include "core/rpc/app_int.h"
#include "core/rpc/req.h"
#include "core/rpc/server.h"
#include "core/rpc/service.h"
#include "if/NodeF.h"

enum { STARTING_MS = 5000, ALIVE_MS = 10000 };

struct nodelink {
	struct tars_app *app;
	struct nodelink_conf conf;
	struct tars_proxy *node;
	struct timer timer;
	bool ready, reported, beating, stopped;
};

static struct tars_str str(const char *s)
{
	return (struct tars_str){ s, (uint32_t)strlen(s) };
}

static struct tars_ServerInfo server_info(const struct nodelink *n, const char *adapter)
{
	return (struct tars_ServerInfo){
		.application = str(n->conf.application),
		.serverName = str(n->conf.server),
		.pid = (int32_t)getpid(),
		.adapter = str(adapter),
	};
}

/* A node that is away is no reason to stop: the next beat tries again. */
static int keep_alive(struct nodelink *n, struct tars_req *rq, const char *adapter)
{
	struct tars_call c = { .to = n->node, .rq = rq };
	struct tars_ServerF_keepAlive_in in = { .serverInfo = server_info(n, adapter) };
	struct tars_ServerF_keepAlive_out out;

	return tars_ServerF_keepAlive(&c, &in, &out);
}

static int keep_activing(struct nodelink *n, struct tars_req *rq)
{
	struct tars_call c = { .to = n->node, .rq = rq };
	struct tars_ServerF_keepActiving_in in = { .serverInfo = server_info(n, "") };
	struct tars_ServerF_keepActiving_out out;

	return tars_ServerF_keepActiving(&c, &in, &out);
}

static int report_version(struct nodelink *n, struct tars_req *rq)
{
	struct tars_call c = { .to = n->node, .rq = rq };
	struct tars_ServerF_reportVersion_in in = {
		.app = str(n->conf.application), .serverName = str(n->conf.server),
		.version = str(n->conf.version),
	};
	struct tars_ServerF_reportVersion_out out;

	return tars_ServerF_reportVersion(&c, &in, &out);
}

/* Who waits for an adapter that is closed is told nothing good of it. */
static void alive(struct nodelink *n, struct tars_req *rq)
{
	struct list *l;

	if (!n->reported) {
		if (report_version(n, rq) || keep_alive(n, rq, ""))
			return;
		n->reported = true;
	}
	for (l = n->app->adapters.next; l != &n->app->adapters; l = l->next) {
		const struct adapter *a = container_of(l, struct adapter, node);

		if (atomic_load(&a->listening) && keep_alive(n, rq, a->name))
			return;
	}
}

static void beat(struct timer *t);

static void run_beat(void *arg)
{
	struct nodelink *n = arg;
	struct loop *l = &n->app->loops[0];
	struct tars_req *rq = req_new(l);
	bool was_ready = n->ready;

	count_add(&l->n_coros, 1);
	n->beating = true;
	if (was_ready)
		alive(n, rq);
	else
		keep_activing(n, rq);
	n->beating = false;
	tars_end(rq);
	if (!n->stopped)
		timer_start(&n->timer, n->ready != was_ready ? 0 : was_ready ? ALIVE_MS :
			    STARTING_MS, beat);
	count_add(&l->n_coros, -1);
}

static void beat(struct timer *t)
{
	coro_start(CORO_STACK_USER, run_beat, container_of(t, struct nodelink, timer));
}

struct nodelink *nodelink_start(struct tars_app *app, const struct nodelink_conf *conf)
{
	struct nodelink *n;

	pthread_mutex_lock(&app->lock);
	n = ARENA_NEW(&app->arena, struct nodelink);
	pthread_mutex_unlock(&app->lock);
	n->app = app;
	n->conf = *conf;
	n->node = tars_proxy(app, conf->node);
	timer_start(&n->timer, 0, beat);
	return n;
}

void nodelink_ready(struct nodelink *n)
{
	if (!n)
		return;
	n->ready = true;
	if (!n->beating && !n->stopped)
		timer_start(&n->timer, 0, beat);
}

void nodelink_stop(struct nodelink *n)
{
	if (!n)
		return;
	n->stopped = true;
	timer_stop(&n->timer);
}
