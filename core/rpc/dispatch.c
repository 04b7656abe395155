/* From a parsed request to its handler in one of the three run modes, and the reply back. */
#include <stdio.h>
#include <string.h>

#include "core/io/coro.h"
#include "core/rpc/app_int.h"
#include "core/rpc/format.h"
#include "core/rpc/limits.h"
#include "core/rpc/req.h"
#include "core/rpc/server.h"
#include "core/rpc/trace.h"
#include "proto/idltext.h"

/* ---- the reply ---- */

static void put_reply(struct buf *b, struct tars_req *rq, int code, const char *text,
		      const void *out)
{
	size_t start = buf_size(b), size;

	/* Whatever the handler said, or did not: an error has a text. */
	if (code && !*text)
		text = tars_strerror(code);
	rq->format->put_reply(b, rq, code, text, out);
	size = buf_size(b) - start;
	if (size > rq->adapter->max_reply) {
		char why[128];

		snprintf(why, sizeof(why), "the reply has %zu bytes, more than the limit of %zu",
			 size, rq->adapter->max_reply);
		b->len = b->pos + start;
		code = rq->result = TARS_EENCODE;
		rq->format->put_reply(b, rq, code, why, NULL);
	}
	if (rq->travel)
		trace_replied(rq, code, out, size);
}

/* On the request's loop: a reply that another thread encoded, or that is not sent as it is. */
static void send_encoded(struct tars_req *rq)
{
	struct conn *c = &rq->conn->conn;

	if (rq->format->send) {
		rq->format->send(rq);
	} else if (conn_is_open(c)) {
		conn_append(c, &rq->reply);
	}
	stats_ended(rq);
	tars_release(rq);
}

static void send_posted(struct task *t)
{
	send_encoded(container_of(t, struct tars_req, task));
}

static bool take_answer(struct tars_req *rq)
{
	if (rq->shared)
		return !atomic_exchange(&rq->answered, true);
	if (atomic_load_explicit(&rq->answered, memory_order_relaxed))
		return false;
	atomic_store_explicit(&rq->answered, true, memory_order_relaxed);
	return true;
}

int req_respond(struct tars_req *rq, int code, const char *text, const void *out)
{
	struct conn *c = &rq->conn->conn;
	bool here = loop_is_here(rq->loop);

	if (!take_answer(rq)) {
		if (rq->head.packet_type == PACKET_ONEWAY)
			rq->result = code;
		tars_release(rq);
		return TARS_EARG;
	}
	rq->result = code;
	if (here && !rq->format->send) {
		if (conn_is_open(c)) {
			put_reply(conn_out(c), rq, code, text, out);
			conn_written(c);
		}
		stats_ended(rq);
		tars_release(rq);
		return TARS_OK;
	}
	put_reply(&rq->reply, rq, code, text, out);
	if (here) {
		send_encoded(rq);
	} else {
		rq->task.run = send_posted;
		reactor_post(rq->loop->reactor, &rq->task);
	}
	return TARS_OK;
}

/* One-way requests have no reader: a late reply to one is right, and goes nowhere. */
static int late_reply(struct tars_req *rq, int code, const char *text, const void *out)
{
	if (!rq->served)
		return TARS_EARG;
	if (rq->head.packet_type == PACKET_ONEWAY)
		return TARS_OK;
	tars_hold(rq);
	return req_respond(rq, code, text, out);
}

int tars_reply(struct tars_req *rq, const void *out)
{
	return late_reply(rq, TARS_OK, "", out);
}

int tars_reply_error(struct tars_req *rq, int code, const char *fmt, ...)
{
	struct err e;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(e.text, sizeof(e.text), fmt, ap);
	va_end(ap);
	return late_reply(rq, code ? code : TARS_EUNKNOWN, e.text, NULL);
}

/* ---- running a handler ---- */

/* What tars_fail said, or why the call failed whose code the handler passes on. */
static const char *failure_text(const struct tars_req *rq, int rc)
{
	if (rq->fail_text && rq->fail_code == rc)
		return rq->fail_text;
	if (rq->error && rq->error_code == rc)
		return rq->error;
	return rc == TARS_ENOFUNC ? "the servant has no handler for this function" :
				    tars_strerror(rc);
}

/* The reply comes later.  A worker must not touch the list, where admit() has put its request. */
static void put_off(struct tars_req *rq)
{
	if (rq->servant->row.run == TARS_RUN_INLINE)
		stats_running(rq);
	atomic_store_explicit(&rq->late, true, memory_order_relaxed);
	tars_release(rq);
}

/* False if the reply comes later. */
static bool run_handler(struct tars_req *rq)
{
	const struct tars_servant *s = &rq->servant->row;
	void *in = arena_alloc_raw(&rq->arena, rq->func->in->size);
	void *out = arena_alloc_raw(&rq->arena, rq->func->out->size);
	const void **work = coro_work();
	struct err e;
	int rc;

	*work = rq;
	rc = rq->format->get_args(rq, in, &e);
	if (__builtin_expect(rc, 0)) {
		*work = NULL;
		err_wrap(&e, "%s.%s", s->name, rq->func->name);
		req_respond(rq, rc, e.text, NULL);
		return true;
	}
	if (rq->travel)
		trace_received(rq, in);
	tars_type_init(rq->func->out, out);
	rc = s->iface->dispatch(rq, s->impl, rq->func_index, in, out);
	*work = NULL;
	if (rc == TARS_LATER) {
		put_off(rq);
		return false;
	}
	if (rc == TARS_OK)
		req_respond(rq, TARS_OK, "", out);
	else
		req_respond(rq, rc, failure_text(rq, rc), NULL);
	return true;
}

static int64_t begin_us(const struct tars_req *rq)
{
	return rq->ordered ? reactor_now() : rq->start_us;
}

static void run_inline(struct tars_req *rq)
{
	struct server_conn *ordered = rq->ordered ? rq->conn : NULL;

	rq->ran_us = begin_us(rq);
	if (run_handler(rq) && ordered)
		lane_over(ordered);
}

static void run_coro(void *arg)
{
	struct tars_req *rq = arg;
	struct loop *l = rq->loop;
	struct server_conn *ordered = rq->ordered ? rq->conn : NULL;
	bool answered;

	count_add(&l->n_coros, 1);
	l->n_handlers++;
	answered = run_handler(rq);
	l->n_handlers--;
	count_add(&l->n_coros, -1);
	if (answered && ordered)
		lane_over(ordered);
}

/* True if the caller, or the adapter's patience, is gone: then it is answered, and never runs. */
static bool expire(struct tars_req *rq, int64_t now)
{
	struct adapter *a = rq->adapter;
	int64_t waited_ms = (now - rq->start_us) / 1000;
	char text[128];

	if (now < rq->deadline_us && waited_ms <= a->conf.queue_timeout_ms)
		return false;
	adapter_drop(a, DROP_EXPIRED);
	snprintf(text, sizeof(text), "not executed: it waited %lld ms in the queue of %.60s",
		 (long long)waited_ms, a->name);
	req_respond(rq, TARS_EQUEUETIMEOUT, text, NULL);
	return true;
}

/* The process is stopping, and its grace for handlers is over. */
static void refuse_at_end(struct tars_req *rq)
{
	req_respond(rq, TARS_ECANCEL, "not executed: the server is stopping", NULL);
}

static bool is_closed(const struct tars_req *rq)
{
	return atomic_load_explicit(&rq->app->closed, memory_order_relaxed);
}

bool request_work(struct tars_req *rq)
{
	int64_t now = reactor_clock();

	atomic_fetch_sub_explicit(&rq->adapter->waiting, 1, memory_order_relaxed);
	if (expire(rq, now))
		return true;
	if (is_closed(rq)) {
		refuse_at_end(rq);
		return true;
	}
	rq->ran_us = now;
	return run_handler(rq);
}

static void work(struct task *t)
{
	request_work(container_of(t, struct tars_req, task));
}

/* ---- dispatch ---- */

/* The input buffer is gone when the frame callback returns. */
static void keep_body(struct tars_req *rq)
{
	if (rq->format->keeps_input)
		return;
	rq->head.body.p = (const uint8_t *)arena_memdup(&rq->arena, rq->head.body.p,
							rq->head.body.n);
	rq->keeps_body = true;
}

/* TUP replies repeat the names, perhaps later, when the input buffer is gone. */
static void keep_names(struct tars_req *rq)
{
	rq->head.servant = (struct tars_str){ rq->servant->row.name,
					      (uint32_t)rq->servant->name_len };
	rq->head.func = (struct tars_str){ rq->func->name, (uint32_t)strlen(rq->func->name) };
}

static void refuse_overload(struct tars_req *rq, unsigned n)
{
	char text[160];

	adapter_drop(rq->adapter, DROP_OVERLOAD);
	snprintf(text, sizeof(text), "overloaded: %u requests wait in %.60s (queuecap=%u)", n,
		 rq->adapter->name, rq->adapter->conf.queue_cap);
	req_respond(rq, TARS_EOVERLOAD, text, NULL);
}

/* Official servers answer -9 from 4/5 of the queue's capacity on (contract 11.5). */
static bool is_overloaded(const struct adapter *a, unsigned n)
{
	return (uint64_t)n * 5 > (uint64_t)a->conf.queue_cap * 4;
}

static struct pool *pool_of(struct task *t)
{
	struct adapter *a = container_of(t, struct tars_req, task)->adapter;

	return atomic_load_explicit(&a->group->pool, memory_order_relaxed);
}

/* At the end of a turn: a burst of requests costs one lock and one wake. */
static void submit_to_pools(struct task *submit)
{
	struct loop *l = container_of(submit, struct loop, submit);
	struct task *t;

	while ((t = l->for_pools.head)) {
		struct pool *pool = pool_of(t);
		struct task_list batch = { 0 };
		unsigned n = 0;

		for (; t && pool_of(t) == pool; t = l->for_pools.head, n++)
			task_list_add(&batch, task_list_take(&l->for_pools));
		pool_submit_all(pool, &batch, n);
	}
}

void request_to_pool(struct tars_req *rq, void (*run)(struct task *))
{
	struct loop *l = rq->loop;

	rq->task.run = run;
	if (task_list_is_empty(&l->for_pools)) {
		l->submit.run = submit_to_pools;
		reactor_at_flush(&l->submit);
	}
	task_list_add(&l->for_pools, &rq->task);
}

static void begin_coro(struct tars_req *rq)
{
	struct app_conf *conf = &rq->app->conf;
	struct server_conn *ordered = rq->ordered ? rq->conn : NULL;
	char text[160];

	if (__builtin_expect(rq->loop->n_handlers < rq->app->max_handlers, 1)) {
		rq->ran_us = begin_us(rq);
		coro_start(conf->coro_stack, run_coro, rq);
		return;
	}
	adapter_drop(rq->adapter, DROP_OVERLOAD);
	snprintf(text, sizeof(text), "overloaded: %u coroutines run on this reactor "
		 "(coroutinememsize=%zu, coroutinestack=%zu)", rq->loop->n_handlers,
		 conf->coro_memory, conf->coro_stack);
	req_respond(rq, TARS_EOVERLOAD, text, NULL);
	if (ordered)
		lane_over(ordered);
}

void request_begin(struct tars_req *rq)
{
	struct server_conn *ordered = rq->ordered ? rq->conn : NULL;

	/* It waited for those before it. */
	if (ordered && expire(rq, reactor_now())) {
		lane_over(ordered);
		return;
	}
	switch (rq->servant->row.run) {
	case TARS_RUN_CORO:
		begin_coro(rq);
		break;
	case TARS_RUN_POOL:
		request_to_pool(rq, work);
		break;
	default:
		run_inline(rq);
	}
}

static bool admit_to_pool(struct tars_req *rq)
{
	_Atomic unsigned *waiting = &rq->adapter->waiting;
	unsigned n = atomic_fetch_add_explicit(waiting, 1, memory_order_relaxed) + 1;

	if (__builtin_expect(is_overloaded(rq->adapter, n), 0)) {
		atomic_fetch_sub_explicit(waiting, 1, memory_order_relaxed);
		refuse_overload(rq, n);
		return false;
	}
	return true;
}

static bool admit_coro(struct tars_req *rq)
{
	struct adapter *a = rq->adapter;
	_Atomic unsigned *own = &a->running[rq->loop->index].n;
	unsigned n = atomic_load_explicit(own, memory_order_relaxed) + 1;

	/* While each loop has no more than its part, all have not too many. */
	if (__builtin_expect(is_overloaded(a, n * rq->app->n_loops), 0)) {
		n = adapter_running(a) + 1;
		if (is_overloaded(a, n)) {
			refuse_overload(rq, n);
			return false;
		}
	}
	count_add(own, 1);
	rq->coro_counted = true;
	return true;
}

/* Counts it among those of its run mode; false if they are too many. */
static bool admit(struct tars_req *rq)
{
	bool is_pool = rq->servant->row.run == TARS_RUN_POOL;

	if (!(is_pool ? admit_to_pool(rq) : admit_coro(rq)))
		return false;
	stats_running(rq);
	return true;
}

/* To its handler, at once or behind those of its connection. */
static void run(struct tars_req *rq)
{
	bool ordered = rq->servant->row.ordered | rq->adapter->conf.ordered;

	if (rq->servant->row.run != TARS_RUN_INLINE) {
		if (!admit(rq))
			return;
		keep_body(rq);
	} else if (__builtin_expect(ordered, 0) && rq->conn->lane.busy) {
		keep_body(rq);
	}
	if (__builtin_expect(ordered, 0))
		lane_enter(rq);
	else
		request_begin(rq);
}

/* Whoever has not passed the guard of one adapter must not come in by another. */
static bool may_serve(const struct adapter *a, const struct servant *s)
{
	return !atomic_load_explicit(&s->guarded, memory_order_relaxed) ||
	       (a->conf.servant && !strcmp(a->conf.servant, s->row.name));
}

static const struct servant *find_servant(struct tars_req *rq)
{
	const struct tars_str *name = &rq->head.servant;
	struct server_conn *sc = rq->conn;

	if (sc->last && sc->last->name_len == name->n &&
	    !memcmp(sc->last->row.name, name->p, name->n))
		return sc->last;
	if (rq->adapter->conf.local) {
		sc->last = name->n == strlen("AdminObj") && !memcmp(name->p, "AdminObj", name->n) ?
			   rq->app->admin : NULL;
		return sc->last;
	}
	sc->last = servant_find(rq->app, name->p, name->n);
	if (sc->last && !may_serve(rq->adapter, sc->last))
		sc->last = NULL;
	return sc->last;
}

static bool is_named(const struct tars_func *f, const struct tars_str *name)
{
	return strlen(f->name) == name->n && !memcmp(f->name, name->p, name->n);
}

/* Its index, or -1.  Callers often repeat themselves. */
static int find_func(struct tars_req *rq)
{
	const struct tars_iface *iface = rq->servant->row.iface;
	const struct tars_str *name = &rq->head.func;
	struct server_conn *sc = rq->conn;

	if ((unsigned)sc->last_func >= iface->n_funcs || !is_named(&iface->funcs[sc->last_func], name))
		sc->last_func = tars_iface_find(iface, name->p, name->n);
	return sc->last_func;
}

static bool is_func(const struct tars_req *rq, const char *name)
{
	return is_named(&(struct tars_func){ .name = name }, &rq->head.func);
}

/* tars_describe: reflection, the IDL text of the servant's interface as a string. */
static void describe(struct tars_req *rq)
{
	static const struct tars_field field = { .name = "", .flags = TARS_REQUIRED | TARS_OUT,
						 .type = &tars_type_string };
	static const struct tars_type out_type = {
		.name = "tars_describe", .kind = TARS_STRUCT, .n_fields = 1,
		.size = sizeof(struct tars_str), .fields = &field,
	};
	static const struct tars_func func = { "tars_describe", NULL, &out_type };
	struct buf b = BUF_INIT;
	struct tars_str text;

	idltext_iface(&b, rq->servant->row.iface);
	text = (struct tars_str){ buf_str(&b), (uint32_t)buf_size(&b) };
	rq->func = &func;
	req_respond(rq, TARS_OK, "", &text);
	buf_release(&b);
}

static void refuse_servant(struct tars_req *rq)
{
	const struct tars_str *name = &rq->head.servant;
	const struct servant *s;
	char names[256], text[512];
	int shown = name->n > 128 ? 128 : (int)name->n;

	servant_names(rq->app, names, sizeof(names));
	s = rq->adapter->conf.local ? NULL : servant_find(rq->app, name->p, name->n);
	if (s && s->row.protocol)
		snprintf(text, sizeof(text), "servant '%.*s' speaks a protocol of its own, at an "
			 "endpoint of its own", shown, name->p);
	else if (s)
		snprintf(text, sizeof(text), "servant '%.*s' is not served here, but at an endpoint "
			 "that asks for an access key or a certificate", shown, name->p);
	else
		snprintf(text, sizeof(text), "no servant '%.*s' here; served: %s", shown, name->p,
			 rq->adapter->conf.local ? "AdminObj" : names);
	req_respond(rq, TARS_ENOSERVANT, text, NULL);
}

static void refuse_func(struct tars_req *rq)
{
	char text[512];

	snprintf(text, sizeof(text), "%s (%s) has no function '%.*s'", rq->servant->row.name,
		 rq->servant->row.iface->name,
		 rq->head.func.n > 128 ? 128 : (int)rq->head.func.n, rq->head.func.p);
	req_respond(rq, TARS_ENOFUNC, text, NULL);
}

/* False if a limit of the adapter refused it. */
static bool is_within_limits(struct tars_req *rq)
{
	struct adapter *a = rq->adapter;
	char why[384];
	enum limits_refusal refusal = limits_admit(a->limits, rq, why, sizeof(why));

	rq->limited = !refusal;
	if (!refusal)
		return true;
	adapter_drop(a, refusal == LIMITS_RATE ? DROP_RATE : DROP_CONCURRENCY);
	req_respond(rq, TARS_EOVERLOAD, why, NULL);
	return false;
}

void dispatch(struct tars_req *rq)
{
	struct err e;

	if (is_func(rq, "tars_ping")) {
		req_respond(rq, TARS_OK, "", NULL);
		return;
	}
	/* The worker threads are ending, and nobody would wait for a coroutine. */
	if (is_closed(rq)) {
		refuse_at_end(rq);
		return;
	}
	if ((rq->head.message_type || rq->head.status.n || rq->head.context.n) &&
	    travel_arrived(rq, &e)) {
		req_respond(rq, e.code, e.text, NULL);
		return;
	}
	rq->servant = find_servant(rq);
	if (!rq->servant) {
		refuse_servant(rq);
		return;
	}
	rq->func_index = find_func(rq);
	if (rq->func_index < 0) {
		/* Not over UDP: whom it would go to may never have asked. */
		if (is_func(rq, "tars_describe") && !rq->adapter->udp.is_open)
			describe(rq);
		else
			refuse_func(rq);
		return;
	}
	rq->func = &rq->servant->row.iface->funcs[rq->func_index];
	if (rq->head.version == VERSION_TUP)
		keep_names(rq);
	if (__builtin_expect(!rq->adapter->limits, 1) || is_within_limits(rq))
		run(rq);
}
