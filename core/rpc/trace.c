/* The call trace: from request to calls, its lines, and what users ask for. */
#include "core/rpc/trace.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "core/rpc/app_int.h"
#include "core/rpc/client.h"
#include "core/rpc/proxy.h"
#include "proto/json.h"

enum { MAX_DATA = 700 * 1024 }; /* of a line, so that it fits into a log */

static const char log_name[] = "_t_trace_";

int64_t trace_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

/* n random bytes, not all of them 0, in hex. */
static void new_id(char *text, size_t n)
{
	uint8_t bytes[16];

	do
		while (getrandom(bytes, n, 0) != (ssize_t)n)
			;
	while (!memcmp(bytes, (uint8_t[16]){ 0 }, n));
	trace_hex(text, bytes, n);
}

/* ---- arriving ---- */

static void set_limits(struct trace *t, const struct tars_app *app, unsigned data, unsigned kb)
{
	t->data = data;
	t->max_data = 1024 * (size_t)(kb > app->conf.trace_kb ? kb : app->conf.trace_kb);
}

static void take_key(struct tars_req *rq, struct trace *t, const struct trace_key *k)
{
	t->key = k->trace;
	t->id = tars_strndup(rq, k->id.p, k->id.n);
	t->span = tars_strndup(rq, k->span.p, k->span.n).p;
	set_limits(t, rq->app, k->data, k->max_kb);
}

/* A trace that began elsewhere has no TARS key: it gets one without data. */
static void make_key(struct tars_req *rq, struct trace *t, unsigned data, unsigned kb)
{
	t->id = tars_strndup(rq, t->w3c.id, W3C_ID_SIZE - 1);
	if (kb)
		t->key = tars_strf(rq, "%x.%u-%s", data, kb, t->w3c.id);
	else
		t->key = tars_strf(rq, "%x-%s", data, t->w3c.id);
	set_limits(t, rq->app, data, kb);
}

/* In the context, where we write it; some put it into the status. */
static const struct tars_str *find_w3c(const struct request_packet *head, const char *key)
{
	const struct tars_str *text = packet_map_find(&head->context, key);

	return text ? text : packet_map_find(&head->status, key);
}

/*
 * The TARS key says whether lines are written; without one, the sampled flag does.  What the other
 * world calls the trace is kept if it has come along, else it is made from what there is.
 */
void trace_arrived(struct tars_req *rq)
{
	const struct request_packet *head = &rq->head;
	const struct tars_str *text = NULL;
	struct traceparent w3c;
	struct trace_key key;
	struct trace *t;
	bool has_key, has_w3c;

	if (head->message_type & MESSAGE_TRACE)
		text = packet_map_find(&head->status, "STATUS_TRACE_KEY");
	has_key = text && !trace_key_parse(text->p, text->n, &key, NULL);
	text = find_w3c(head, "traceparent");
	has_w3c = text && !traceparent_parse(text->p, text->n, &w3c, NULL);
	if (!has_key && !has_w3c)
		return;
	t = travel_get(rq)->trace = tars_alloc(rq, sizeof(*t));
	if (has_key)
		take_key(rq, t, &key);
	if (has_w3c) {
		t->w3c = w3c;
		text = find_w3c(head, "tracestate");
		if (text && tracestate_is_ok(text->p, text->n))
			t->state = *text;
	} else {
		trace_id_to_w3c(&key.id, t->w3c.id);
	}
	if (!has_key) {
		t->id = tars_strndup(rq, w3c.id, W3C_ID_SIZE - 1);
		t->span = tars_strndup(rq, w3c.span, W3C_SPAN_SIZE - 1).p;
		if (w3c.flags & TRACE_SAMPLED)
			make_key(rq, t, 0, 0);
	}
	if (has_key)
		t->w3c.flags |= TRACE_SAMPLED;
	atomic_init(&t->parent, t->span);
}

/* ---- lines ---- */

/* JSON, if this kind of line has data. */
static void put_data(struct buf *b, const struct trace *t, unsigned kind,
		     const struct tars_type *type, const void *value, size_t size)
{
	static const char too_long[] = "{\"trace_param_over_max_len\":true}";

	if (!(t->data & kind) || !value)
		return;
	/* Text that JSON cannot express leaves no data. */
	if (size <= t->max_data && json_put(b, type, value, JSON_COMPACT, NULL) < 0)
		buf_clear(b);
	if (size > t->max_data || buf_size(b) > MAX_DATA) {
		buf_clear(b);
		buf_add_str(b, too_long);
	}
}

static void write_line(struct tars_app *app, struct trace_line *line, struct buf *data)
{
	struct buf b = BUF_INIT;

	line->data = (struct tars_bytes){ buf_head(data), (uint32_t)buf_size(data) };
	trace_line_put(&b, line);
	tars_app_daylog(app, log_name, "%s", buf_str(&b));
	buf_release(&b);
	buf_release(data);
}

static void write_call_line(const struct tars_pending *p, bool sent, int64_t time_ms, int rc,
			    struct buf *data)
{
	const struct call_trace *ct = p->trace;
	struct tars_app *app = p->proxy->app;
	struct trace_line line = {
		.trace = ct->trace->key, .span = ct->span, .parent = ct->parent,
		.annotation = sent ? ct->first ? "ts" : "cs" : ct->first ? "te" : "cr",
		.client = app->name, .server = p->proxy->name, .func = p->func->name,
		.time_ms = time_ms, .ret = rc,
	};

	write_line(app, &line, data);
}

void trace_call_sent(struct tars_pending *p, const void *in, size_t size)
{
	struct buf data = BUF_INIT;

	p->trace->sent = true;
	if (!p->trace->trace->key.n)
		return;
	put_data(&data, p->trace->trace, TARS_TRACE_CS, p->func->in, in, size);
	write_call_line(p, true, trace_now_ms(), 0, &data);
}

void trace_call_ended(struct tars_pending *p, int rc, const void *out)
{
	struct buf data = BUF_INIT;

	/* It was sent before the trace began, or failed before there was a packet. */
	if (!p->trace && !rc)
		return;
	if (!p->trace)
		trace_begin_call(p, p->rq->travel->trace);
	if (!p->trace->sent)
		trace_call_sent(p, NULL, 0);
	if (!p->trace->trace->key.n)
		return;
	put_data(&data, p->trace->trace, TARS_TRACE_CR, p->func->out, rc ? NULL : out, p->body.n);
	write_call_line(p, false, p->trace->ended_ms ? p->trace->ended_ms : trace_now_ms(),
			err_wire_code(rc), &data);
}

static void write_server_line(const struct tars_req *rq, const char *annotation, int rc,
			      struct buf *data)
{
	const struct trace *t = rq->travel->trace;
	struct trace_line line = {
		.trace = t->key, .span = t->span, .parent = "*", .annotation = annotation,
		.client = "", .server = rq->app->name, .func = rq->func->name,
		.time_ms = trace_now_ms(), .ret = rc,
	};

	write_line(rq->app, &line, data);
}

void trace_received(struct tars_req *rq, const void *in)
{
	struct trace *t = rq->travel->trace;
	struct buf data = BUF_INIT;

	if (!t || !t->key.n)
		return;
	t->received = true;
	put_data(&data, t, TARS_TRACE_SR, rq->func->in, in, rq->head.body.n);
	write_server_line(rq, "sr", 0, &data);
}

void trace_replied(struct tars_req *rq, int code, const void *out, size_t size)
{
	struct trace *t = rq->travel->trace;
	struct buf data = BUF_INIT;

	/* One that was refused before its handler is not in the trace. */
	if (!t || !t->received)
		return;
	put_data(&data, t, TARS_TRACE_SS, rq->func->out, code ? NULL : out, size);
	write_server_line(rq, "ss", err_wire_code(code), &data);
}

/* ---- calls ---- */

void trace_begin_call(struct tars_pending *p, struct trace *t)
{
	struct call_trace *ct = ARENA_NEW(&p->arena, struct call_trace);
	const char *parent = NULL;

	ct->trace = t;
	new_id(ct->span, (W3C_SPAN_SIZE - 1) / 2);
	p->trace = ct;
	/* Where a trace begins its first call is the root: its own parent, and that of the others. */
	ct->parent = atomic_load(&t->parent);
	if (ct->parent)
		return;
	ct->parent = tars_strndup(p->rq, ct->span, W3C_SPAN_SIZE - 1).p;
	ct->first = atomic_compare_exchange_strong(&t->parent, &parent, ct->parent);
	if (!ct->first)
		ct->parent = parent;
}

/* ---- what users say ---- */

_Static_assert(TARS_TRACE_ALL == (int)TRACE_DATA_ALL, "the official bits");

void tars_trace_start(struct tars_req *rq, unsigned data, unsigned max_kb)
{
	struct travel *travel = travel_get(rq);
	struct trace *t = travel->trace;

	if (t && t->key.n)
		return;
	if (!t) {
		t = tars_alloc(rq, sizeof(*t));
		new_id(t->w3c.id, (W3C_ID_SIZE - 1) / 2);
		t->span = "";
	}
	t->w3c.flags |= TRACE_SAMPLED;
	make_key(rq, t, data & TRACE_DATA_ALL, max_kb < TRACE_MAX_KB ? max_kb : TRACE_MAX_KB);
	travel->trace = t;
}

const char *tars_trace_id(const struct tars_req *rq)
{
	const struct trace *t = rq->travel ? rq->travel->trace : NULL;

	return t ? t->id.p : "";
}

const char *tars_trace_span(const struct tars_req *rq)
{
	const struct trace *t = rq->travel ? rq->travel->trace : NULL;

	return t ? t->span : "";
}
