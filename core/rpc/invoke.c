/* The public calls: tars_invoke and its variants, from any thread, and their results. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/io/coro.h"
#include "core/io/wait.h"
#include "core/rpc/app_int.h"
#include "core/rpc/client.h"
#include "core/rpc/message.h"
#include "core/rpc/proxy.h"
#include "core/rpc/retry.h"
#include "core/rpc/trace.h"
#include "core/rpc/wireform.h"

/* ---- encoding ---- */

/* A packet that is too large would cost the other calls of the connection their replies. */
static int check_size(struct buf *b, size_t start, size_t max, struct err *e)
{
	size_t n = buf_size(b) - start;

	if (n <= max)
		return TARS_OK;
	b->len = b->pos + start;
	if (!start)
		buf_release(b);
	return err_set(e, TARS_ESEND, "not sent: the request has %zu bytes, more than the limit "
		       "of %zu", n, max);
}

/* Whether the packet has anything beside the arguments. */
static bool has_more(const struct tars_pending *p, const struct tars_call *c)
{
	const struct app_conf *conf = &p->proxy->app->conf;

	if (conf->sample_rate)
		sample_begin(p->proxy->app->sampler, c->rq);
	return c->rq->travel || c->context || c->status || conf->node_name || conf->set ||
	       p->func->routekey;
}

static int put_request(struct buf *b, struct tars_pending *p, const struct tars_call *c,
		       const void *in, size_t max, struct err *e)
{
	struct outgoing more;
	struct request_packet head = {
		.version = p->wire ? p->wire : VERSION_TARS,
		.packet_type = p->oneway ? PACKET_ONEWAY : PACKET_NORMAL,
		.request_id = p->id,
		.servant = { p->proxy->name, (uint32_t)strlen(p->proxy->name) },
		.func = { p->func->name, (uint32_t)strlen(p->func->name) },
		.body.n = (uint32_t)codec_guess(p->func->in, in),
		.timeout_ms = p->timeout_ms,
	};
	size_t start = buf_size(b), mark;
	int rc;

	if (__builtin_expect(p->proxy->conf.protocol != NULL, 0)) {
		rc = message_put(b, p, in, e);
		return rc ? rc : check_size(b, start, max, e);
	}
	if (has_more(p, c)) {
		travel_put(&more, p, c, in);
		head.message_type = more.message_type;
		head.context = more.context;
		head.status = more.status;
	}
	mark = packet_begin_request(b, &head);
	if (__builtin_expect(p->wire != TARS_WIRE_TARS, 0)) {
		rc = wire_put_args(b, p->wire, p->func->in, in, e);
		if (rc) {
			b->len = b->pos + start;
			return rc;
		}
	} else {
		codec_put_flat(b, p->func->in, in, 0);
	}
	packet_end_request(b, mark, &head);
	rc = check_size(b, start, max, e);
	if (p->trace && !rc)
		trace_call_sent(p, in, buf_size(b) - start);
	return rc;
}

/* ---- starting ---- */

int32_t call_next_id(struct loop *l)
{
	enum { OF_THREADS = 1 << 30 };
	uint32_t id;

	if (!loop_is_here(l)) {
		id = atomic_fetch_add_explicit(&l->next_id_of_threads, 1, memory_order_relaxed);
		return (int32_t)(OF_THREADS | id % OF_THREADS);
	}
	/* 0 means a push on the wire. */
	do
		id = ++l->next_id % OF_THREADS;
	while (!id);
	return (int32_t)id;
}

/* From the loop's free list, on its thread. */
struct tars_pending *call_alloc(struct loop *l)
{
	struct tars_pending *p = loop_is_here(l) ? l->free_calls : NULL;

	if (p) {
		l->free_calls = p->next_by_id;
		l->n_free_calls--;
	} else {
		p = xmalloc(sizeof(*p));
	}
	mem_zero(p, sizeof(*p));
	p->loop = l;
	atomic_init(&p->refs, 1);
	list_init(&p->node);
	return p;
}

static struct tars_pending *call_new(const struct tars_call *c, const struct tars_iface *iface,
				     int func)
{
	struct loop *l = c->rq->app == c->to->app ? c->rq->loop : &c->to->app->loops[0];
	struct tars_pending *p = call_alloc(l);

	p->rq = c->rq;
	p->proxy = c->to;
	p->func = &iface->funcs[func];
	p->wire = (uint8_t)c->wire;
	p->hash_mode = c->hash_mode;
	p->hash = c->hash;
	if (__builtin_expect(c->to->conf.n_retries > 0, 0))
		p->retrying = retry_new(p);
	return p;
}

void call_free(struct tars_pending *p)
{
	struct loop *l = p->loop;

	/* The only holder needs no read-modify-write: nobody else can take a reference now. */
	if (atomic_load_explicit(&p->refs, memory_order_acquire) != 1 &&
	    atomic_fetch_sub_explicit(&p->refs, 1, memory_order_acq_rel) != 1)
		return;
	arena_clear(&p->arena);
	buf_release(&p->packet);
	free(p->retrying);
	if (!loop_is_here(l) || l->n_free_calls >= CALL_MAX_FREE) {
		free(p);
		return;
	}
	p->next_by_id = l->free_calls;
	l->free_calls = p;
	l->n_free_calls++;
}

void call_free_all(struct loop *l)
{
	struct tars_pending *p;

	while ((p = l->free_calls)) {
		l->free_calls = p->next_by_id;
		free(p);
	}
	l->n_free_calls = 0;
}

/* The smaller of what is asked for and what the caller's caller still waits. */
static void set_deadline(struct tars_pending *p, const struct tars_call *c)
{
	const struct app_conf *conf = &p->proxy->app->conf;
	int64_t left_ms = tars_time_left_ms(c->rq);
	int64_t timeout_ms = c->timeout_ms > 0 ? c->timeout_ms :
			     p->proxy->conf.timeout_ms > 0 ? p->proxy->conf.timeout_ms :
			     p->done ? conf->async_timeout_ms : conf->sync_timeout_ms;

	if (timeout_ms < conf->min_timeout_ms)
		timeout_ms = conf->min_timeout_ms;
	if (timeout_ms > left_ms)
		timeout_ms = left_ms;
	p->timeout_ms = (int)(timeout_ms > INT32_MAX ? INT32_MAX : timeout_ms);
	p->start_us = reactor_clock();
	p->deadline_us = p->start_us + timeout_ms * 1000;
}

static int cannot_start(const struct tars_pending *p, struct err *e)
{
	const struct tars_proxy *proxy = p->proxy;

	if (proxy->bad.code)
		return err_set(e, TARS_EARG, "%s", proxy->bad.text);
	if (__builtin_expect(!proxy->conf.protocol != (p->func->in != &message_type), 0))
		return err_set(e, TARS_EARG, "%s.%s: its proxy %s a protocol of its own, and is "
			       "called by tars_%s", proxy->name, p->func->name,
			       proxy->conf.protocol ? "has" : "has not",
			       proxy->conf.protocol ? "message" : "invoke");
	if (atomic_load_explicit(&proxy->app->closed, memory_order_relaxed))
		return err_set(e, TARS_ECANCEL, "%s.%s: cancelled: the process is stopping",
			       proxy->name, p->func->name);
	if (p->timeout_ms <= 0)
		return err_set(e, TARS_ETIMEOUT, "%s.%s: not sent: the caller's time is over",
			       proxy->name, p->func->name);
	return TARS_OK;
}

static void start_posted(struct task *t)
{
	struct tars_pending *p = container_of(t, struct tars_pending, task);

	call_register(p);
	if (atomic_load(&p->proxy->app->closed))
		call_fail(p, TARS_ECANCEL, "cancelled: the process is stopping");
	else if (p->is_cancelled)
		call_fail(p, TARS_ECANCEL, "cancelled; not executed");
	else
		call_route(p);
}

/* On its own loop the packet is encoded straight into the connection's output, unless it is to be
 * kept. */
static void start_here(struct tars_pending *p, const struct tars_call *c, const void *in)
{
	struct link *link = NULL;
	struct err e;
	int rc = TARS_OK;

	/* These are freed on completion, which must not happen below. */
	p->starting = p->done || p->oneway;
	call_register(p);
	if (p->retrying) {
		rc = put_request(&p->packet, p, c, in, FRAME_DEFAULT_MAX, &e);
		if (!rc)
			call_route(p);
	} else {
		link = call_try_link(p);
	}
	if (link) {
		size_t start = conn_unsent(&link->conn);

		rc = put_request(conn_out(&link->conn), p, c, in, link->max_packet, &e);
		if (!rc)
			call_sent(p, link, conn_unsent(&link->conn) - start);
	} else if (!p->retrying && !list_is_empty(&p->node)) {
		rc = put_request(&p->packet, p, c, in, FRAME_DEFAULT_MAX, &e);
	}
	if (rc)
		call_fail(p, rc, "%s", e.text);
	p->starting = false;
}

static int call_begin(struct tars_pending *p, const struct tars_call *c, const void *in,
		      struct err *e)
{
	int rc;

	p->id = call_next_id(p->loop);
	set_deadline(p, c);
	rc = cannot_start(p, e);
	if (rc)
		return rc;
	if (loop_is_here(p->loop)) {
		start_here(p, c, in);
	} else {
		rc = put_request(&p->packet, p, c, in, FRAME_DEFAULT_MAX, e);
		if (rc)
			return err_wrap(e, "%s.%s", p->proxy->name, p->func->name);
		p->task.run = start_posted;
		reactor_post(p->loop->reactor, &p->task);
	}
	return TARS_OK;
}

/* ---- results ---- */

static void set_error(struct tars_req *rq, int code, const char *text)
{
	req_lock(rq);
	rq->error_code = code;
	rq->error = text;
	req_unlock(rq);
}

static int decode_result(struct tars_pending *p, void *out)
{
	struct err e;
	int rc;

	if (p->func->out == &message_type) {
		*(struct tars_bytes *)out = p->body;
		return TARS_OK;
	}
	if (__builtin_expect(p->wire != TARS_WIRE_TARS, 0))
		rc = wire_get_result(p->wire, &p->body, p->func->out, out, call_arena(p), &e);
	else /* client.c has copied it for this */
		rc = codec_get_kept((uint8_t *)p->body.p, p->body.n, p->func->out, out,
				    call_arena(p), &e);
	if (rc >= 0)
		return TARS_OK;
	p->error = arena_strf(&p->arena, "%s.%s: the reply cannot be decoded: %s", p->proxy->name,
			      p->func->name, e.text);
	return TARS_ECLIENTDECODE;
}

/* The result becomes the request's: values, error text and reply context. */
static int take_result(struct tars_pending *p, void *out)
{
	int rc = p->rc ? p->rc : decode_result(p, out);

	if (rc)
		set_error(p->rq, rc, p->error);
	if (p->rq->travel && p->rq->travel->trace)
		trace_call_ended(p, rc, out);
	if (!arena_is_bare(&p->arena))
		req_take(p->rq, &p->arena);
	return rc;
}

static int refused(struct tars_call *c, struct err *e)
{
	c->error = tars_strndup(c->rq, e->text, strlen(e->text)).p;
	set_error(c->rq, e->code, c->error);
	return e->code;
}

/* ---- sync, begin and end ---- */

/* `failed` is a call that was over before it began: its end is told as for any other. */
static void fail_unstarted(struct tars_pending *p, const struct err *e)
{
	p->rc = e->code;
	p->error = arena_strdup(&p->arena, e->text);
	p->is_over = true;
	atomic_store(&p->waiter, CALL_DONE);
}

static bool is_local(const struct tars_pending *p)
{
	return p->loop == p->rq->loop && loop_is_here(p->loop);
}

static void begin(struct tars_pending *p, struct tars_call *c, const void *in)
{
	struct err e;
	int rc;

	c->error = "";
	c->reply_context = (struct tars_string_string_map){ 0 };
	if (!wait_is_possible())
		rc = err_set(&e, TARS_EBLOCK, "%s.%s: %s", p->proxy->name, p->func->name,
			     tars_strerror(TARS_EBLOCK));
	else
		rc = call_begin(p, c, in, &e);
	if (rc)
		fail_unstarted(p, &e);
}

struct tars_pending *tars_invoke_begin(struct tars_call *c, const struct tars_iface *iface,
				       int func, const void *in)
{
	struct tars_pending *p = call_new(c, iface, func);

	begin(p, c, in);
	return p;
}

static void wait_until_done(struct tars_pending *p)
{
	struct wait *none = NULL, w;

	if (atomic_load_explicit(&p->waiter, memory_order_acquire) == CALL_DONE)
		return;
	wait_init(&w);
	if (atomic_compare_exchange_strong(&p->waiter, &none, &w))
		wait_for(&w);
}

static int call_end(struct tars_pending *p, void *out, struct tars_call *c)
{
	int rc;

	wait_until_done(p);
	rc = take_result(p, out);
	if (c) {
		c->error = rc ? p->error : "";
		c->reply_context = p->reply_context;
	}
	call_free(p);
	return rc;
}

int tars_invoke_end(struct tars_pending *p, void *out)
{
	return call_end(p, out, NULL);
}

int tars_invoke(struct tars_call *c, const struct tars_iface *iface, int func, const void *in,
		void *out)
{
	struct tars_pending *p = call_new(c, iface, func);

	p->is_local = is_local(p);
	p->info = c->info;
	begin(p, c, in);
	return call_end(p, out, c);
}

int tars_invoke_oneway(struct tars_call *c, const struct tars_iface *iface, int func,
		       const void *in)
{
	struct tars_pending *p = call_new(c, iface, func);
	struct err e;

	c->error = "";
	p->oneway = true;
	if (!call_begin(p, c, in, &e))
		return TARS_OK;
	call_free(p);
	return refused(c, &e);
}

/* ---- async ---- */

int tars_invoke_async(struct tars_call *c, const struct tars_iface *iface, int func,
		      const void *in, tars_done *done, void *state)
{
	struct tars_pending *p = call_new(c, iface, func);
	struct err e;

	c->error = "";
	p->done = done;
	p->state = state;
	p->is_local = is_local(p);
	req_hold_here(c->rq);
	if (!call_begin(p, c, in, &e))
		return TARS_OK;
	call_free(p);
	tars_release(c->rq);
	return refused(c, &e);
}

static void run_done(void *arg)
{
	struct tars_pending *p = arg;
	struct tars_req *rq = p->rq;
	struct loop *l = p->loop;
	void *out = arena_alloc_raw(call_arena(p), p->func->out->size);
	int rc = take_result(p, out);

	count_add(&l->n_coros, 1);
	p->done(p->state, rc, rc ? NULL : out);
	call_free(p);
	tars_release(rq);
	count_add(&l->n_coros, -1);
}

void call_run_done(struct tars_pending *p)
{
	coro_start(p->loop->app->conf.coro_stack, run_done, p);
}
