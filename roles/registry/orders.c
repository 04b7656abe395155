/* Orders to nodes over the connections that they hold open. */
#include "roles/registry/orders.h"

#include <stdlib.h>
#include <string.h>

#include "core/io/reactor.h"
#include "core/io/wait.h"
#include "core/rpc/req.h"
#include "if/Node.h"
#include "proto/codec.h"
#include "proto/field.h"
#include "roles/registry/registry.h"

/* What nodes of this platform put in front of their sid. */
static const char our_mark[] = "tars/";

struct order_link {
	struct order_link *next;
	struct orders *orders;
	struct tars_client *client;
	char *node, *sid;
};

/* An order that waits for its answer, on the stack of who gave it. */
struct order {
	struct order *next;
	int32_t id, ret;
	const char *peer;            /* where it went; in rq */
	struct timer due;
	struct wait wait;
	struct tars_req *rq;
	struct tars_str result;      /* in rq */
	bool is_answered;
};

struct orders {
	const struct registry *registry;
	struct order_link *links;    /* of nodes that are registered, one each */
	struct order *waiting;
	int32_t last_id;
};

struct orders *orders_new(const struct registry *reg)
{
	struct orders *o = xcalloc(1, sizeof(*o));

	o->registry = reg;
	return o;
}

/* ---- connections ---- */

static void link_free(struct order_link *l)
{
	tars_client_unref(l->client);
	free(l->node);
	free(l->sid);
	free(l);
}

void orders_free(struct orders *o)
{
	while (o->links) {
		struct order_link *l = o->links;

		o->links = l->next;
		link_free(l);
	}
	free(o);
}

static struct order_link **find(struct orders *o, struct tars_str node)
{
	struct order_link **p = &o->links;

	while (*p && strcmp((*p)->node, node.p))
		p = &(*p)->next;
	return p;
}

/* A forwarder between data centres has many nodes behind its one connection. */
static void closed(struct tars_client *c, void *ctx)
{
	struct orders *o = ctx;
	struct order_link **p = &o->links;

	while (*p) {
		struct order_link *l = *p;

		if (l->client == c) {
			*p = l->next;
			link_free(l);
		} else {
			p = &l->next;
		}
	}
}

bool orders_connect(struct orders *o, struct tars_req *rq, struct tars_str node,
		    struct tars_str sid, struct tars_str *why)
{
	struct order_link **p = find(o, node), *l = *p;
	struct tars_client *client;

	if (!registry_node(o->registry, node)) {
		*why = tars_strf(rq, "node %s is not registered (tars ctl node list)", node.p);
		return false;
	}
	client = tars_client_ref(rq);
	if (!client) {
		*why = tars_strf(rq, "node %s: orders need a connection that takes pushes", node.p);
		return false;
	}
	if (l && l->client == client) {
		tars_client_unref(client);
		return true;
	}
	if (l) {
		*p = l->next;
		link_free(l);
	}
	if (tars_client_on_close(client, closed, o) != TARS_OK) {
		tars_client_unref(client);
		*why = tars_strf(rq, "node %s: its connection is closed", node.p);
		return false;
	}
	l = xcalloc(1, sizeof(*l));
	l->orders = o;
	l->client = client;
	l->node = xstrdup(node.p);
	l->sid = xstrdup(sid.n ? sid.p : "");
	l->next = o->links;
	o->links = l;
	return true;
}

void orders_disconnect(struct orders *o, struct tars_str node, struct tars_str sid)
{
	struct order_link **p = find(o, node), *l = *p;

	if (!l || strcmp(l->sid, sid.n ? sid.p : ""))
		return;
	*p = l->next;
	link_free(l);
}

bool orders_has(const struct orders *o, struct tars_str node)
{
	return *find((struct orders *)(uintptr_t)o, node) != NULL;
}

/* ---- what is sent ---- */

/* The push has the function's arguments under the same names, behind its own two. */
static int push(const struct order_link *l, struct tars_req *rq, int32_t id,
		const struct tars_func *f, const void *in)
{
	int i = tars_iface_find(&tars_NodePush_iface, f->name, strlen(f->name));
	const struct tars_type *t;
	void *out;

	if (i < 0)
		return TARS_ENOFUNC;
	t = tars_NodePush_iface.funcs[i].out;
	out = tars_alloc(rq, t->size);
	tars_type_init(t, out);
	*(int32_t *)field_in(t, out, "requestId") = id;
	*(struct tars_str *)field_in(t, out, "nodeName") = TARS_STR("127.0.0.1");
	for (uint32_t k = 0; k < f->in->n_fields; k++) {
		const struct tars_field *from = &f->in->fields[k];
		void *to = field_in(t, out, from->name);

		BUG_ON(!to);
		memcpy(to, (const char *)in + from->offset, from->type->size);
	}
	return tars_client_push(l->client, &tars_NodePush_iface, i, out);
}

static int push_invoke(const struct order_link *l, struct tars_req *rq, int32_t id,
		       const struct tars_func *f, const void *in)
{
	struct tars_NodePush_invoke_out out = {
		.requestId = id, .nodeName = TARS_STR("127.0.0.1"),
		.func = tars_strf(rq, "%s", f->name),
	};
	struct buf wire = BUF_INIT;
	int rc;

	codec_put_flat(&wire, f->in, in, 0);
	out.arguments.p = buf_head(&wire);
	out.arguments.n = (uint32_t)buf_size(&wire);
	rc = tars_NodePush_invoke_push(l->client, &out);
	buf_release(&wire);
	return rc;
}

/* ---- what comes back ---- */

static int decode(struct tars_req *rq, struct tars_str bytes, const struct tars_type *t, void *value,
		  struct err *e)
{
	return codec_get_flat((const uint8_t *)bytes.p, bytes.n, t, value, &rq->arena, e);
}

/* Four functions answer with encoded values, the others with a text (contract 3.6). */
static int take_pushed(struct tars_req *rq, const struct order *o, const struct tars_func *f,
		       void *out, struct err *e)
{
	struct tars_PushedState state = { 0 };
	struct tars_PushedList list = { 0 };
	struct tars_str *text = field_in(f->out, out, "result");
	void *to;
	int rc = 0;

	*(int32_t *)field_in(f->out, out, "") = o->ret;
	if (!text)
		text = field_in(f->out, out, "fileData");
	if (!strcmp(f->name, "getStateInfo")) {
		rc = decode(rq, o->result, &tars_PushedState_type, &state, e);
		memcpy(field_in(f->out, out, "info"), &state.info, sizeof(state.info));
		*text = state.result;
	} else if (!strcmp(f->name, "getPatchPercent")) {
		rc = decode(rq, o->result, &tars_PatchInfo_type, field_in(f->out, out, "tPatchInfo"), e);
	} else if ((to = field_in(f->out, out, "logFileList")) ||
		   !strcmp(f->name, "forceDockerLogin")) {
		rc = decode(rq, o->result, &tars_PushedList_type, &list, e);
		memcpy(to ? to : field_in(f->out, out, "result"), &list.list, sizeof(list.list));
	} else if (text) {
		*text = o->result;
	}
	return rc;
}

static void overdue(struct timer *t)
{
	struct order *o = container_of(t, struct order, due);

	wait_wake(&o->wait);
}

static void forget(struct orders *os, const struct order *o)
{
	struct order **p = &os->waiting;

	while (*p && *p != o)
		p = &(*p)->next;
	if (*p)
		*p = o->next;
}

/* "10.0.0.1:5312" and "10.0.0.1:1" are.  A node may answer over another connection. */
static bool is_same_host(const char *a, const char *b)
{
	const char *colon = strrchr(a, ':');
	size_t n = colon ? (size_t)(colon - a) + 1 : strlen(a) + 1;

	return !strncmp(a, b, n) && (!colon || !strchr(b + n, ':'));
}

bool orders_answer(struct orders *os, const struct tars_req *rq, int32_t id, int32_t ret,
		   struct tars_str result)
{
	struct order *o = os->waiting;

	while (o && (o->id != id || !is_same_host(o->peer, tars_peer(rq))))
		o = o->next;
	if (!o)
		return false;
	forget(os, o);
	o->ret = ret;
	o->result = tars_strndup(o->rq, result.p, result.n);
	o->is_answered = true;
	wait_wake(&o->wait);
	return true;
}

static int32_t next_id(struct orders *os)
{
	os->last_id = os->last_id == INT32_MAX ? 1 : os->last_id + 1;
	return os->last_id;
}

int orders_call(struct orders *os, struct tars_req *rq, struct tars_str node, int i, const void *in,
		void *out, int64_t timeout_ms, struct tars_str *why)
{
	const struct tars_func *f = &tars_Node_iface.funcs[i];
	const struct order_link *l = *find(os, node);
	bool is_ours = l && !strncmp(l->sid, our_mark, strlen(our_mark));
	struct order o = { .id = next_id(os), .rq = rq, .next = os->waiting };
	struct err e = { 0 };
	int rc;

	if (!l) {
		*why = tars_strf(rq, "node %s has no connection here", node.p);
		return ORDER_NOT_SENT;
	}
	o.peer = tars_strf(rq, "%s", tars_client_peer(l->client)).p;
	wait_init(&o.wait);
	os->waiting = &o;
	rc = is_ours ? push_invoke(l, rq, o.id, f, in) : push(l, rq, o.id, f, in);
	if (rc == TARS_OK) {
		timer_start(&o.due, timeout_ms, overdue);
		wait_for(&o.wait);
		timer_stop(&o.due);
	}
	forget(os, &o);
	if (rc != TARS_OK) {
		*why = tars_strf(rq, "node %s: %s cannot be pushed: %s", node.p, f->name,
				 tars_strerror(rc));
		return rc == TARS_ENOFUNC ? rc : ORDER_NOT_SENT;
	}
	if (!o.is_answered) {
		*why = tars_strf(rq, "node %s: no answer to %s within %lld ms", node.p, f->name,
				 (long long)timeout_ms);
		return TARS_ETIMEOUT;
	}
	tars_type_init(f->out, out);
	if (is_ours && o.ret) {
		*why = tars_strf(rq, "node %s: %s", node.p, o.result.p);
		return o.ret;
	}
	rc = is_ours ? decode(rq, o.result, f->out, out, &e) : take_pushed(rq, &o, f, out, &e);
	if (rc < 0)
		*why = tars_strf(rq, "node %s: the answer to %s: %s", node.p, f->name, e.text);
	return rc;
}
