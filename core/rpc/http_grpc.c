/* gRPC on HTTP/2: unary calls onto servants, and the health check. */
#include <string.h>

#include "core/rpc/app_int.h"
#include "core/rpc/format.h"
#include "core/rpc/http.h"
#include "core/rpc/req.h"
#include "proto/grpc.h"
#include "proto/json.h"
#include "proto/pb.h"

#define HEALTH "grpc.health.v1.Health"

enum { SERVING = 1, NOT_SERVING = 2 };

/* ---- calls ---- */

static int get_args(struct tars_req *rq, void *in, struct err *e)
{
	const struct tars_bytes *body = &rq->head.body;
	const struct tars_type *t = rq->func->in;
	int rc;

	if (rq->http->call.coding == GRPC_JSON)
		rc = json_get_params((const char *)body->p, body->n, t, in, &rq->arena, e);
	else
		rc = pb_get(body->p, body->n, t, in, &rq->arena, e);
	return rc ? TARS_EDECODE : 0;
}

/* tars_ping has no result. */
static int put_result(struct buf *b, const struct tars_req *rq, const void *out, struct err *e)
{
	bool is_json = rq->http->call.coding == GRPC_JSON;

	if (rq->func)
		return is_json ? json_put(b, rq->func->out, out, JSON_COMPACT, e) :
				 pb_put(b, rq->func->out, out, e);
	if (is_json)
		buf_add_str(b, "{}");
	return 0;
}

static void begin_response(struct http_exchange *x)
{
	struct http_response *r = &x->response;

	r->status = 200;
	r->type = x->call.coding == GRPC_JSON ? "application/grpc+json" : "application/grpc";
	r->headers.n = r->trailers.n = 0;
}

static void put_reply(struct buf *b, struct tars_req *rq, int code, const char *text,
		      const void *out)
{
	struct http_response *r = &rq->http->response;
	struct arena *a = &rq->http->request.arena;
	size_t start = buf_size(b), mark;
	struct err e;

	begin_response(rq->http);
	if (!code) {
		mark = grpc_begin_message(b);
		if (put_result(b, rq, out, &e)) {
			b->len = b->pos + start;
			code = rq->result = TARS_EENCODE;
			text = e.text;
		} else {
			grpc_end_message(b, mark);
		}
	}
	http_put_context(r, a, &rq->reply_context);
	grpc_put_status(&r->trailers, a, code, text);
}

const struct call_format grpc_format = {
	get_args, put_reply, http_send_response, .keeps_input = true,
};

void grpc_refuse(struct http_exchange *x, int code, const char *text)
{
	begin_response(x);
	grpc_put_status(&x->response.trailers, &x->request.arena, code, text);
	http_answer(x);
}

/* ---- names ---- */

/* "Module.Interface", as .proto files of our IDL have it. */
static bool is_iface(const struct tars_iface *iface, const struct tars_str *name)
{
	const char *colons = strstr(iface->name, "::");
	size_t n = colons ? (size_t)(colons - iface->name) : 0;

	return colons && name->n == n + 1 + strlen(colons + 2) && name->p[n] == '.' &&
	       !memcmp(name->p, iface->name, n) &&
	       !memcmp(name->p + n + 1, colons + 2, name->n - n - 1);
}

int grpc_find_object(struct http_exchange *x, struct err *e)
{
	struct tars_app *app = x->sc->loop->app;
	const struct servant_table *t = atomic_load_explicit(&app->servants, memory_order_acquire);
	struct tars_str *name = &x->call.head.servant;
	const struct servant *found = NULL;

	if (!t || servant_find(app, name->p, name->n))
		return 0;
	for (uint32_t i = 0; i <= t->mask; i++) {
		const struct servant *s = t->slots[i];

		if (!s || !is_iface(s->row.iface, name))
			continue;
		if (found)
			return err_set(e, TARS_ENOSERVANT, "%s and %s have the interface '%.*s': "
				       "name one of them in the header tars-object",
				       found->row.name, s->row.name, (int)name->n, name->p);
		found = s;
	}
	/* What is not found dispatch refuses. */
	if (found)
		*name = (struct tars_str){ found->row.name, (uint32_t)found->name_len };
	return 0;
}

/* ---- health ---- */

bool grpc_is_health(const struct http_exchange *x)
{
	const struct request_packet *head = &x->call.head;

	return head->servant.n == strlen(HEALTH) && head->func.n == strlen("Check") &&
	       !memcmp(head->servant.p, HEALTH, strlen(HEALTH)) &&
	       !memcmp(head->func.p, "Check", strlen("Check"));
}

void grpc_answer_health(struct http_exchange *x)
{
	bool draining = atomic_load(&x->sc->loop->app->stopping);
	struct buf *b = &x->response.body;
	size_t mark = grpc_begin_message(b);

	begin_response(x);
	if (x->call.coding == GRPC_JSON) {
		buf_addf(b, "{\"status\":\"%s\"}", draining ? "NOT_SERVING" : "SERVING");
	} else {
		buf_add_u8(b, 1 << 3);
		buf_add_u8(b, draining ? NOT_SERVING : SERVING);
	}
	grpc_end_message(b, mark);
	grpc_put_status(&x->response.trailers, &x->request.arena, TARS_OK, "");
	http_answer(x);
}
