/* Calls over HTTP: from a whole request to dispatch, and from its reply to a response. */
#include "core/rpc/http.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/rpc/app_int.h"
#include "core/rpc/format.h"
#include "core/rpc/metrics.h"
#include "core/rpc/req.h"
#include "proto/json.h"

struct http_exchange *http_exchange_new(struct server_conn *sc,
					void (*on_answer)(struct http_exchange *x))
{
	struct http_exchange *x = xmalloc(sizeof(*x));

	memset(x, 0, offsetof(struct http_exchange, request));
	http_request_init(&x->request, sc->conn.max_frame);
	x->refs = 1;
	x->sc = sc;
	sc->n_exchanges++;
	x->on_answer = on_answer;
	x->start_us = reactor_now();
	return x;
}

void http_exchange_unref(struct http_exchange *x)
{
	if (--x->refs)
		return;
	x->sc->n_exchanges--;
	http_request_release(&x->request);
	http_response_release(&x->response);
	free(x);
}

bool http_is_overdue(const struct http_exchange *x, int64_t now_us)
{
	const struct http_request *rq = &x->request;
	int64_t idle_ms = x->sc->adapter->conf.idle_ms;
	int64_t slow_ms = idle_ms < HTTP_SLOW_MS ? idle_ms : HTTP_SLOW_MS;
	int64_t bytes = (int64_t)(rq->head_size + buf_size(&rq->body));

	return now_us - x->start_us > (slow_ms + bytes * 1000 / HTTP_SLOW_RATE) * 1000;
}

const char *http_date(void)
{
	static __thread char text[sizeof("Sun, 06 Nov 1994 08:49:37 GMT")];
	static __thread time_t made;
	time_t now = time(NULL);
	struct tm tm;

	if (now != made) {
		made = now;
		strftime(text, sizeof(text), "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&now, &tm));
	}
	return text;
}

/* ---- answers ---- */

void http_answer(struct http_exchange *x)
{
	struct http_response *r = &x->response;

	if (r->status == 429 || r->status == 503)
		http_put_header(&r->headers, &x->request.arena, "retry-after", "1", 1);
	x->answered = true;
	x->on_answer(x);
}

void http_refuse(struct http_exchange *x, int status, const char *text)
{
	x->response.status = status;
	x->response.type = http_problem(&x->response.body, status, 0, text);
	if (status == 405)
		http_put_header(&x->response.headers, &x->request.arena, "allow", x->call.allow,
				     strlen(x->call.allow));
	http_answer(x);
}

static void answer_options(struct http_exchange *x)
{
	x->response.status = 204;
	http_put_header(&x->response.headers, &x->request.arena, "allow", x->call.allow,
			     strlen(x->call.allow));
	http_answer(x);
}

static void answer_health(struct http_exchange *x)
{
	struct tars_app *app = x->sc->loop->app;
	bool draining = atomic_load(&app->stopping);
	unsigned requests = 0, conns = 0;

	for (unsigned i = 0; i < app->n_loops; i++) {
		requests += atomic_load_explicit(&app->loops[i].n_requests, memory_order_relaxed);
		conns += atomic_load_explicit(&app->loops[i].n_conns, memory_order_relaxed);
	}
	x->response.status = draining ? 503 : 200;
	x->response.type = "application/json";
	buf_addf(&x->response.body, "{\"status\":\"%s\",\"requests\":%u,\"connections\":%u}\n",
		 draining ? "draining" : "ok", requests, conns);
	http_answer(x);
}

static void answer_metrics(struct http_exchange *x)
{
	x->response.status = 200;
	x->response.type = "text/plain; version=0.0.4; charset=utf-8";
	metrics_print(x->sc->loop->app, &x->response.body);
	http_answer(x);
}

/* ---- calls ---- */

static int get_json_args(struct tars_req *rq, void *in, struct err *e)
{
	return json_get_params((const char *)rq->head.body.p, rq->head.body.n, rq->func->in, in,
			       &rq->arena, e) ? TARS_EDECODE : 0;
}

static int get_packet_args(struct tars_req *rq, void *in, struct err *e)
{
	return packet_format(rq->head.version)->get_args(rq, in, e);
}

static void put_packet(struct buf *b, struct tars_req *rq, int code, const char *text,
		       const void *out)
{
	rq->http->response.status = http_call_status(ROUTE_TUP, code);
	rq->http->response.type = "application/octet-stream";
	packet_format(rq->head.version)->put_reply(b, rq, code, text, out);
}

/* The result as JSON; tars_ping has none. */
static int put_result(struct buf *b, const struct tars_req *rq, const void *out, struct err *e)
{
	if (rq->func)
		return json_put(b, rq->func->out, out, JSON_COMPACT, e);
	buf_add_str(b, "{}");
	return 0;
}

static int put_envelope(struct buf *b, const struct tars_req *rq, const void *out, struct err *e)
{
	struct buf json = BUF_INIT;
	struct tars_str data;
	int rc = put_result(&json, rq, out, e);

	data = (struct tars_str){ (const char *)buf_head(&json), (uint32_t)buf_size(&json) };
	if (!rc)
		rc = http_put_envelope(b, rq->http->call.envelope_id, &data, e);
	buf_release(&json);
	return rc;
}

static void put_json(struct buf *b, struct tars_req *rq, int code, const char *text,
		     const void *out)
{
	enum http_route route = rq->http->call.route;
	struct http_response *r = &rq->http->response;
	size_t start = buf_size(b);
	struct err e;

	r->headers.n = 0;
	r->type = "application/json";
	if (!code && (route == ROUTE_ENVELOPE ? put_envelope : put_result)(b, rq, out, &e) < 0) {
		b->len = b->pos + start;
		code = rq->result = TARS_EENCODE;
		text = e.text;
	}
	r->status = http_call_status(route, code);
	if (code)
		r->type = http_problem(b, r->status, code, text);
	if (route == ROUTE_CALL)
		http_put_context(r, &rq->http->request.arena, &rq->reply_context);
}

void http_send_response(struct tars_req *rq)
{
	buf_append(&rq->http->response.body, &rq->reply);
	http_answer(rq->http);
}

static const struct call_format json_format = {
	get_json_args, put_json, http_send_response, .keeps_input = true,
};
static const struct call_format packet_in_http = {
	get_packet_args, put_packet, http_send_response, .keeps_input = true,
};

/* A one-way packet has its answer at once; the call goes on without it. */
static void answer_oneway(struct http_exchange *x)
{
	x->response.status = 202;
	http_answer(x);
}

static void count_http_call(struct loop *l)
{
	uint64_t n = atomic_load_explicit(&l->n_http_calls, memory_order_relaxed);

	atomic_store_explicit(&l->n_http_calls, n + 1, memory_order_relaxed);
}

/* Fills x->call; false if it is refused. */
static bool read_call(struct http_exchange *x)
{
	bool is_grpc = x->call.route == ROUTE_GRPC;
	struct err e;
	int status = http_get_call(&x->request, &x->call, &e);

	if (!status && is_grpc && grpc_find_object(x, &e))
		status = 404;
	if (status && is_grpc)
		grpc_refuse(x, e.code, e.text);
	else if (status)
		http_refuse(x, status, e.text);
	return !status;
}

static const struct call_format *format_of(const struct http_exchange *x)
{
	switch (x->call.route) {
	case ROUTE_GRPC:
		return &grpc_format;
	case ROUTE_TUP:
		return &packet_in_http;
	default:
		return &json_format;
	}
}

static void start_call(struct http_exchange *x)
{
	struct tars_req *rq;

	if (x->sc->adapter->conf.local) {
		http_refuse(x, 403, "no calls over HTTP on this port, only GET /metrics and "
			    "GET /healthz");
		return;
	}
	if (!read_call(x))
		return;
	rq = req_get(x->sc->loop);
	rq->head = x->call.head;
	rq->http = x;
	rq->format = format_of(x);
	x->refs++;
	count_http_call(x->sc->loop);
	if (rq->head.packet_type == PACKET_ONEWAY)
		answer_oneway(x);
	server_submit(x->sc, rq);
}

/* ---- requests ---- */

bool http_head(struct http_exchange *x)
{
	struct err e;
	int status = http_route(&x->request, &x->call, &e);

	if (!status)
		return true;
	http_refuse(x, status, e.text);
	return false;
}

void http_whole(struct http_exchange *x)
{
	x->whole = true;
	if (x->answered)
		return;
	if (x->call.route == ROUTE_OPTIONS)
		answer_options(x);
	else if (x->call.route == ROUTE_HEALTH)
		answer_health(x);
	else if (x->call.route == ROUTE_GRPC && grpc_is_health(x))
		grpc_answer_health(x);
	else if (x->call.route != ROUTE_METRICS)
		start_call(x);
	else if (x->sc->adapter->conf.local)
		answer_metrics(x);
	else
		http_refuse(x, 404, "/metrics is on the port of the server's 'local' endpoint");
}
