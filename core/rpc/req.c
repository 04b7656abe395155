/* Requests: their life, their memory, and what a handler asks of them. */
#include "core/rpc/req.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/io/coro.h"
#include "core/rpc/app_int.h"
#include "core/rpc/server.h"

#define REQ_RESET_START offsetof(struct tars_req, app)
#define REQ_RESET_SIZE (offsetof(struct tars_req, first) - REQ_RESET_START)

static struct tars_req *req_alloc(void)
{
	struct tars_req *rq = xmalloc(sizeof(*rq));

	rq->reply = (struct buf)BUF_INIT;
	arena_init(&rq->arena, rq->first, sizeof(rq->first));
	return rq;
}

void req_free(struct tars_req *rq)
{
	arena_clear(&rq->arena);
	buf_release(&rq->reply);
	free(rq);
}

static void req_reset(struct tars_req *rq, struct loop *l)
{
	mem_zero((char *)rq + REQ_RESET_START, REQ_RESET_SIZE);
	rq->app = l->app;
	rq->loop = l;
	rq->deadline_us = INT64_MAX;
	atomic_init(&rq->holds, 1);
	atomic_flag_clear_explicit(&rq->lock, memory_order_relaxed);
}

/* From the loop's free list, on its thread. */
static struct tars_req *req_reuse(struct loop *l)
{
	struct tars_req *rq = l->free_reqs;

	if (!rq)
		return req_alloc();
	l->free_reqs = rq->next_free;
	l->n_free_reqs--;
	return rq;
}

struct tars_req *req_get(struct loop *l)
{
	struct tars_req *rq = req_reuse(l);

	req_reset(rq, l);
	rq->served = true;
	return rq;
}

void req_put(struct tars_req *rq)
{
	struct loop *l = rq->loop;

	if (l->n_free_reqs >= REQ_MAX_FREE) {
		req_free(rq);
		return;
	}
	arena_recycle(&rq->arena, REQ_KEEP);
	if (rq->reply.cap > REQ_KEEP)
		buf_release(&rq->reply);
	else
		buf_clear(&rq->reply);
	rq->next_free = l->free_reqs;
	l->free_reqs = rq;
	l->n_free_reqs++;
}

struct tars_req *req_new(struct loop *l)
{
	struct tars_req *rq = loop_is_here(l) ? req_reuse(l) : req_alloc();

	req_reset(rq, l);
	rq->start_us = reactor_now();
	atomic_init(&rq->answered, true);
	return rq;
}

struct arena *req_arena(struct tars_req *rq)
{
	return &rq->arena;
}

/* ---- holds ---- */

static void finish_at_home(struct task *t)
{
	server_request_done(container_of(t, struct tars_req, task));
}

static void req_last_release(struct tars_req *rq)
{
	bool here = loop_is_here(rq->loop);

	if (!rq->served && here) {
		req_put(rq);
	} else if (!rq->served) {
		req_free(rq);
	} else if (here) {
		server_request_done(rq);
	} else {
		rq->task.run = finish_at_home;
		reactor_post(rq->loop->reactor, &rq->task);
	}
}

void tars_hold(struct tars_req *rq)
{
	if (!rq->shared)
		rq->shared = true;
	atomic_fetch_add_explicit(&rq->holds, 1, memory_order_relaxed);
}

void req_hold_here(struct tars_req *rq)
{
	int holds = atomic_load_explicit(&rq->holds, memory_order_relaxed);

	if (rq->shared || !loop_is_here(rq->loop))
		tars_hold(rq);
	else
		atomic_store_explicit(&rq->holds, holds + 1, memory_order_relaxed);
}

void tars_release(struct tars_req *rq)
{
	int holds = atomic_load_explicit(&rq->holds, memory_order_relaxed);

	/* Where no other thread has it, and by the only holder, no read-modify-write is needed. */
	if (!rq->shared && holds > 1)
		atomic_store_explicit(&rq->holds, holds - 1, memory_order_relaxed);
	else if (atomic_load_explicit(&rq->holds, memory_order_acquire) == 1 ||
	    atomic_fetch_sub_explicit(&rq->holds, 1, memory_order_acq_rel) == 1)
		req_last_release(rq);
}

struct tars_req *tars_begin(struct tars_app *app)
{
	struct loop *l = loop_self();

	if (!l || l->app != app)
		l = &app->loops[atomic_fetch_add(&app->next_loop, 1) % app->n_loops];
	return req_new(l);
}

void tars_end(struct tars_req *rq)
{
	if (rq)
		tars_release(rq);
}

/* ---- memory ---- */

void req_lock(struct tars_req *rq)
{
	if (rq->shared)
		while (atomic_flag_test_and_set_explicit(&rq->lock, memory_order_acquire))
			sched_yield();
}

void req_unlock(struct tars_req *rq)
{
	if (rq->shared)
		atomic_flag_clear_explicit(&rq->lock, memory_order_release);
}

void req_take(struct tars_req *rq, struct arena *from)
{
	req_lock(rq);
	arena_steal(&rq->arena, from);
	req_unlock(rq);
}

void *tars_alloc(struct tars_req *rq, size_t size)
{
	void *p;

	req_lock(rq);
	p = arena_alloc_raw(&rq->arena, size);
	req_unlock(rq);
	return memset(p, 0, size);
}

struct tars_str tars_strndup(struct tars_req *rq, const char *p, size_t n)
{
	char *copy = tars_alloc(rq, n + 1);

	if (n)
		memcpy(copy, p, n);
	return (struct tars_str){ .p = copy, .n = (uint32_t)n };
}

struct tars_str tars_strf(struct tars_req *rq, const char *fmt, ...)
{
	struct tars_str s;
	va_list ap;

	va_start(ap, fmt);
	req_lock(rq);
	s.p = arena_vstrf(&rq->arena, fmt, ap);
	req_unlock(rq);
	va_end(ap);
	s.n = (uint32_t)strlen(s.p);
	return s;
}

/*
 * Lists have no capacity member, and those that were decoded or set by hand are exactly full, so
 * the request remembers the capacity of the ones that grew here: a small direct-mapped table.  A
 * list that has lost its place in it is copied once more, never overrun.
 */
enum { GROWN_SLOTS = 32, GROW_FIRST = 4 };

struct grown {
	const void *v;
	uint32_t cap;
};

static struct grown *grown_slot(struct tars_req *rq, const void *v)
{
	uintptr_t key = (uintptr_t)v >> 4;

	if (!rq->grown)
		rq->grown = tars_alloc(rq, GROWN_SLOTS * sizeof(*rq->grown));
	return &rq->grown[(key ^ key >> 5 ^ key >> 11) % GROWN_SLOTS];
}

void *tars_grow(struct tars_req *rq, void *v, uint32_t n, size_t size)
{
	struct grown *slot = grown_slot(rq, v);
	uint32_t cap = n < GROW_FIRST ? GROW_FIRST : n * 2;
	void *grown;

	if (v && slot->v == v && n < slot->cap) {
		memset((char *)v + n * size, 0, size);
		return v;
	}
	BUG_ON(n > UINT32_MAX / 2 || cap > SIZE_MAX / 2 / size);
	grown = tars_alloc(rq, cap * size);
	if (n)
		memcpy(grown, v, n * size);
	if (v && slot->v == v)
		slot->v = NULL;
	*grown_slot(rq, grown) = (struct grown){ .v = grown, .cap = cap };
	return grown;
}

/* ---- the reply ---- */

int tars_fail(struct tars_req *rq, int code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	req_lock(rq);
	rq->fail_text = arena_vstrf(&rq->arena, fmt, ap);
	req_unlock(rq);
	va_end(ap);
	rq->fail_code = code ? code : TARS_EUNKNOWN;
	return rq->fail_code;
}

static void set_pair(struct tars_req *rq, struct tars_string_string_map *m, const char *key,
		     const char *value)
{
	struct tars_string_string_pair *pair = NULL;

	for (uint32_t i = 0; i < m->n && !pair; i++)
		if (!strcmp(m->v[i].key.p, key))
			pair = &m->v[i];
	if (!pair) {
		pair = TARS_PUSH(rq, m);
		pair->key = tars_strndup(rq, key, strlen(key));
	}
	pair->val = tars_strndup(rq, value, strlen(value));
}

void tars_set_reply_context(struct tars_req *rq, const char *key, const char *value)
{
	set_pair(rq, &rq->reply_context, key, value);
}

int tars_set_reply_status(struct tars_req *rq, const char *key, const char *value)
{
	if (!strncmp(key, "STATUS_", 7) || !strncmp(key, "TARS_", 5))
		return TARS_EARG;
	set_pair(rq, &rq->reply_status, key, value);
	return TARS_OK;
}

/* ---- what the caller sent ---- */

static const char *map_value(const struct tars_string_string_map *m, const char *key)
{
	const struct tars_str *s = packet_map_find(m, key);

	return s ? s->p : NULL;
}

const char *tars_context(const struct tars_req *rq, const char *key)
{
	return map_value(&rq->head.context, key);
}

const char *tars_status(const struct tars_req *rq, const char *key)
{
	return map_value(&rq->head.status, key);
}

const char *tars_peer(const struct tars_req *rq)
{
	return rq->conn ? rq->conn->conn.peer_text : "";
}

const char *tars_caller_host(const struct tars_req *rq)
{
	const char *name = tars_context(rq, "node_name");

	if (name && *name)
		return name;
	return rq->conn ? rq->conn->peer_host : "";
}

int tars_sleep(int64_t ms)
{
	struct timespec left = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };

	if (coro_self()) {
		coro_sleep_ms(ms);
		return TARS_OK;
	}
	if (reactor_self())
		return TARS_EBLOCK;
	while (ms > 0 && nanosleep(&left, &left) && errno == EINTR)
		;
	return TARS_OK;
}

int64_t tars_time_left_ms(const struct tars_req *rq)
{
	int64_t left_us;

	if (rq->deadline_us == INT64_MAX)
		return INT64_MAX;
	left_us = rq->deadline_us - reactor_clock();
	return left_us > 0 ? left_us / 1000 : 0;
}

struct tars_app *tars_app_of(const struct tars_req *rq)
{
	return rq->app;
}

void *tars_data(const struct tars_req *rq)
{
	if (rq->servant && rq->servant->row.data)
		return rq->servant->row.data;
	return rq->app->data;
}

const char *tars_error(const struct tars_req *rq)
{
	struct tars_req *lockable = (struct tars_req *)rq;
	const char *text;

	req_lock(lockable);
	text = rq->error;
	req_unlock(lockable);
	return text ? text : "";
}
