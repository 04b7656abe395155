/*
 * Orders by push: a connection to every AdminReg, over which it may order what NodeObj takes
 * (contract 3.6).  So orders reach a node that nobody can connect to.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/rpc/req.h"
#include "if/AdminReg.h"
#include "if/Node.h"
#include "if/QueryF.h"
#include "proto/codec.h"
#include "proto/field.h"
#include "proto/endpoint.h"
#include "roles/node/node.h"

enum { REPORT_MS = 10000, CALL_MS = 3000, ORDER_MS = 120000, MAX_UNDER_WAY = 1000 };

/* One AdminReg; they are few, and kept. */
struct admin {
	struct admin *next;
	struct node *node;
	struct tars_proxy *proxy;
	char object[];
};

/* A push that is being carried out. */
struct order {
	struct admin *from;
	int func;                /* of NodePush */
	struct buf wire;
};

/* ---- answers ---- */

static void answer(const struct order *o, struct tars_req *rq, int32_t id, int32_t ret,
		   struct tars_str result)
{
	struct tars_call c = { .to = o->from->proxy, .rq = rq, .timeout_ms = CALL_MS };
	struct tars_AdminReg_reportResult_in in = {
		.requestId = id, .ret = ret, .result = result,
		.funcName = tars_strf(rq, "callback_%s", tars_NodePush_iface.funcs[o->func].name),
	};

	/* One-way, as the official node does: who waits for it has a time-out. */
	if (tars_AdminReg_reportResult_oneway(&c, &in))
		log_warn(&o->from->node->log, "the answer to %s is lost: %s", in.funcName.p, c.error);
}

static struct tars_str encoded(struct tars_req *rq, const struct tars_type *t, const void *value)
{
	struct buf wire = BUF_INIT;
	struct tars_str s;

	codec_put_flat(&wire, t, value, 0);
	s = tars_strndup(rq, (const char *)buf_head(&wire), buf_size(&wire));
	buf_release(&wire);
	return s;
}

/* Four functions answer with encoded values, the others with a text. */
static struct tars_str result_of(struct tars_req *rq, const struct tars_func *f, void *out)
{
	struct tars_str *text = field_in(f->out, out, "result");
	struct tars_PushedState state = { 0 };
	struct tars_PushedList list = { 0 };
	void *from;

	if (!strcmp(f->name, "getStateInfo")) {
		memcpy(&state.info, field_in(f->out, out, "info"), sizeof(state.info));
		state.result = *text;
		return encoded(rq, &tars_PushedState_type, &state);
	}
	if (!strcmp(f->name, "getPatchPercent"))
		return encoded(rq, &tars_PatchInfo_type, field_in(f->out, out, "tPatchInfo"));
	from = field_in(f->out, out, "logFileList");
	if (from || !strcmp(f->name, "forceDockerLogin")) {
		memcpy(&list.list, from ? from : text, sizeof(list.list));
		return encoded(rq, &tars_PushedList_type, &list);
	}
	return text ? *text : *(struct tars_str *)field_in(f->out, out, "fileData");
}

/* ---- carrying out ---- */

/* We order it of ourselves, so that an order is the same wherever it comes from. */
static int order_self(struct node *n, struct tars_req *rq, int func, const void *in, void *out,
		      const char **error)
{
	struct tars_call c = {
		.to = tars_proxy(n->app, tars_strf(rq, "tars.tarsnode.NodeObj@%s", n->service_ep).p),
		.rq = rq, .timeout_ms = ORDER_MS,
	};
	int rc = tars_invoke(&c, &tars_Node_iface, func, in, out);

	*error = c.error;
	return rc;
}

/* The push has the function's arguments under the same names, behind its own two. */
static void run_named(struct order *o, struct tars_req *rq, const struct tars_func *push, void *args)
{
	int32_t id = *(int32_t *)field_in(push->out, args, "requestId");
	int i = tars_iface_find(&tars_Node_iface, push->name, strlen(push->name)), rc;
	const struct tars_func *f;
	const char *error;
	void *in, *out;

	if (!strcmp(push->name, "ping")) {
		answer(o, rq, id, 0, TARS_STR("ping succ"));
		return;
	}
	BUG_ON(i < 0);
	f = &tars_Node_iface.funcs[i];
	in = tars_alloc(rq, f->in->size + 1);
	out = tars_alloc(rq, f->out->size);
	for (uint32_t k = 0; k < f->in->n_fields; k++)
		memcpy((char *)in + f->in->fields[k].offset,
		       field_in(push->out, args, f->in->fields[k].name), f->in->fields[k].type->size);
	rc = order_self(o->from->node, rq, i, in, out, &error);
	if (rc)
		answer(o, rq, id, -1, tars_strf(rq, "%s", error));
	else
		answer(o, rq, id, *(int32_t *)field_in(f->out, out, ""), result_of(rq, f, out));
}

static void run_any(struct order *o, struct tars_req *rq, const struct tars_NodePush_invoke_out *args)
{
	int i = tars_iface_find(&tars_Node_iface, args->func.p, args->func.n), rc;
	const struct tars_func *f = i < 0 ? NULL : &tars_Node_iface.funcs[i];
	struct err e = { 0 };
	const char *error;
	void *in, *out;

	if (!f) {
		answer(o, rq, args->requestId, TARS_ENOFUNC,
		       tars_strf(rq, "this node has no function %s", args->func.p));
		return;
	}
	in = tars_alloc(rq, f->in->size + 1);
	out = tars_alloc(rq, f->out->size);
	if (codec_get_flat(args->arguments.p, args->arguments.n, f->in, in, req_arena(rq), &e)) {
		answer(o, rq, args->requestId, TARS_EDECODE, tars_strf(rq, "%s: %s", f->name, e.text));
		return;
	}
	rc = order_self(o->from->node, rq, i, in, out, &error);
	if (rc)
		answer(o, rq, args->requestId, rc, tars_strf(rq, "%s", error));
	else
		answer(o, rq, args->requestId, 0, encoded(rq, f->out, out));
}

static void run_order(struct tars_req *unused, void *arg)
{
	struct order *o = arg;
	const struct tars_func *push = &tars_NodePush_iface.funcs[o->func];
	struct tars_req *rq = tars_begin(o->from->node->app);
	void *args = tars_alloc(rq, push->out->size);
	struct err e;

	(void)unused;
	BUG_ON(codec_get_flat(buf_head(&o->wire), buf_size(&o->wire), push->out, args, req_arena(rq),
			      &e));
	if (!strcmp(push->name, "invoke"))
		run_any(o, rq, args);
	else
		run_named(o, rq, push, args);
	tars_end(rq);
	o->from->node->orders_under_way--;
	buf_release(&o->wire);
	free(o);
}

/* Who ordered it need not wait for its time-out. */
static void refuse(struct admin *a, int func, const void *out)
{
	const struct tars_type *t = tars_NodePush_iface.funcs[func].out;
	struct tars_req *rq = tars_begin(a->node->app);
	struct order o = { .from = a, .func = func };
	struct tars_str why = TARS_STR("the node is stopping");

	if (!a->node->is_stopping)
		why = tars_strf(rq, "the node is busy: %u orders are under way; try again when some "
				"are done", a->node->orders_under_way);
	log_every(1000, LOG_LEVEL_WARN, &a->node->log, "orders: %s is refused: %s",
		  tars_NodePush_iface.funcs[func].name, why.p);
	answer(&o, rq, *(const int32_t *)field_in(t, (void *)(uintptr_t)out, "requestId"),
	       TARS_EOVERLOAD, why);
	tars_end(rq);
}

/* A start takes as long as it takes: the next order does not wait for it. */
static void pushed(const void *handlers, void *ctx, int func, const void *out)
{
	struct admin *a = ctx;
	struct order *o;

	(void)handlers;
	if (a->node->is_stopping || a->node->orders_under_way >= MAX_UNDER_WAY) {
		refuse(a, func, out);
		return;
	}
	o = xcalloc(1, sizeof(*o));
	o->from = a;
	o->func = func;
	codec_put_flat(&o->wire, tars_NodePush_iface.funcs[func].out, out, 0);
	a->node->orders_under_way++;
	node_spawn(a->node, run_order, o);
}

/* ---- connections ---- */

static void closed(void *ctx)
{
	struct admin *a = ctx;

	signal_raise(&a->node->admin_lost);
}

static struct admin *find_admin(struct node *n, const struct tars_EndpointF *ep)
{
	char object[256];
	struct admin *a;

	snprintf(object, sizeof(object), "tars.tarsAdminRegistry.AdminRegObj@%s -h %s -p %d",
		 ep->istcp == ENDPOINT_SSL ? "ssl" : "tcp", ep->host.p, ep->port);
	for (a = n->admins; a; a = a->next)
		if (!strcmp(a->object, object))
			return a;
	a = xcalloc(1, sizeof(*a) + strlen(object) + 1);
	memcpy(a->object, object, strlen(object) + 1);
	a->node = n;
	/* Its own time-out makes it a proxy, and so a connection, of its own. */
	a->proxy = tars_proxy_conf(n->app, a->object, &(struct tars_proxy_conf){ .timeout_ms = CALL_MS });
	tars_set_push(a->proxy, &(struct tars_push){
		.iface = &tars_NodePush_iface, .pushed = pushed, .ctx = a, .closed = closed,
	});
	a->next = n->admins;
	n->admins = a;
	return a;
}

void node_orders_free(struct node *n)
{
	while (n->admins) {
		struct admin *a = n->admins;

		n->admins = a->next;
		free(a);
	}
}

static bool report(struct node *n, struct tars_req *rq, struct admin *a)
{
	struct tars_call c = { .to = a->proxy, .rq = rq, .timeout_ms = CALL_MS,
			       .context = n->credential };
	struct tars_AdminReg_reportNode_in in = {
		.rn = { tars_strf(rq, "%s", n->name), tars_strf(rq, "tars/%s", n->object) },
	};
	struct tars_AdminReg_reportNode_out out = { 0 };

	if (tars_AdminReg_reportNode(&c, &in, &out) == TARS_OK)
		return true;
	log_every(60000, LOG_LEVEL_DEBUG, &n->log, "orders: %s", c.error);
	return false;
}

/* False: some of them do not answer. */
static bool report_to_all(struct node *n, struct tars_req *rq)
{
	struct tars_call c = {
		.to = tars_proxy(n->app, "tars.tarsregistry.QueryObj"), .rq = rq, .timeout_ms = CALL_MS,
	};
	struct tars_QueryF_findObjectById4All_in in = {
		.id = TARS_STR("tars.tarsAdminRegistry.AdminRegObj"),
	};
	struct tars_QueryF_findObjectById4All_out out = { 0 };

	bool all = tars_QueryF_findObjectById4All(&c, &in, &out) == TARS_OK;

	for (uint32_t i = 0; i < out.activeEp.n && !n->is_stopping; i++)
		all &= report(n, rq, find_admin(n, &out.activeEp.v[i]));
	return all;
}

void node_orders_run(struct tars_req *unused, void *arg)
{
	struct node *n = arg;

	(void)unused;
	while (!n->is_stopping) {
		bool is_early = !n->is_registered, all = false;

		if (!is_early) {
			struct tars_req *rq = tars_begin(n->app);

			all = report_to_all(n, rq);
			tars_end(rq);
		}
		if (!n->is_stopping)
			signal_wait(is_early ? &n->stepped : &n->admin_lost,
				    all ? REPORT_MS : n->conf->retry_ms);
	}
}
