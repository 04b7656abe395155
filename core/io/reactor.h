/*
 * Reactor: one thread, one event loop, its timers and its inbox.
 *
 * Owns everything registered with it.  All functions: Thread: its reactor, unless said otherwise;
 * reactor_post() is the only door from other threads.  Objects used by events are intrusive
 * (struct task, timer, watch inside the user's struct, found by container_of): no allocation.
 *
 * A turn: wait -> watches -> timers -> inbox -> deferred tasks -> flush (reactor_at_flush) -> end
 * (reactor_at_end).
 * What a step adds to itself or to an earlier step runs in the next turn, which then does not
 * wait; only the flush step runs until nothing is left to flush.
 */
#ifndef CORE_IO_REACTOR_H
#define CORE_IO_REACTOR_H

#include <stdint.h>

#include "core/io/task.h"
#include "proto/buf.h"
#include "proto/err.h"

struct reactor;

/* A new reactor; its thread is whoever calls reactor_run. */
struct reactor *reactor_new(struct err *e);
/* Runs until reactor_stop, then what is posted and deferred.  reactor_self() is r inside. */
void reactor_run(struct reactor *r);
/* Sets up r before it runs: reactor_self() is r between them. */
void reactor_enter(struct reactor *r);
void reactor_leave(void);
/* Thread: any. */
void reactor_stop(struct reactor *r);
/* After reactor_run returned and when no other thread posts any more; runs what is left in the
 * inbox first.  NULL is fine. */
void reactor_free(struct reactor *r);
/* t runs in reactor_free: for what belongs to r. */
void reactor_at_free(struct reactor *r, struct task *t);
/* A thread of its own that runs r; join after reactor_stop. */
int reactor_start_thread(struct reactor *r, const char *name, struct err *e);
void reactor_join(struct reactor *r);

/* NULL outside a reactor.  True inside its coroutines too. */
struct reactor *reactor_self(void);
/* Runs t in the inbox step of r.  Posts of one thread run in their order.  Thread: any.  t must
 * stay until it has run. */
void reactor_post(struct reactor *r, struct task *t);
/* At the end of this turn of reactor_self(). */
void reactor_defer(struct task *t);
/* In the flush step of this turn, after all deferred tasks: one writev per connection. */
void reactor_at_flush(struct task *t);
/* Behind all of them: for what measures the turn, and adds nothing to it. */
void reactor_at_end(struct task *t);

/* Monotonic microseconds, read once per turn; reactor_clock() reads now.  Thread: any. */
int64_t reactor_clock(void);
int64_t reactor_read_now(void);
extern __thread int64_t reactor_turn_us;   /* 0: not read in this turn yet, or no reactor */
static inline int64_t reactor_now(void)
{
	return reactor_turn_us ? reactor_turn_us : reactor_read_now();
}
/* Timers of r that run. */
size_t reactor_timer_count(const struct reactor *r);

/* Room of this reactor for what does not outlive the current callback: every connection reads into
 * it, so that idle ones need no buffer. */
enum { REACTOR_SCRATCH_SIZE = 1024 * 1024 };
uint8_t *reactor_scratch(void);
/* One large buffer that connections pass on among them, so that much output needs no new memory
 * again and again.  lend: its memory becomes that of b, which has none; there may be none to lend.
 * give_back: b is emptied, and has no memory afterwards.  Thread: its reactor. */
void reactor_lend(struct buf *b);
void reactor_give_back(struct buf *b);
/* Somebody used much memory for a short time: once that has been long ago, what malloc keeps of it
 * goes back to the system.  Thread: its reactor. */
void reactor_used_much_memory(void);
/* A second room of the same size: what TLS makes of the first. */
uint8_t *reactor_scratch_plain(void);

/* ---- timers: one shot, on reactor_self() ---- */
struct timer {
	void (*run)(struct timer *);
	int64_t due_us;
	size_t place;           /* 0: not started; this and what follows is of timers.c */
	struct timer *prev, *next;
	struct reactor *owner;
};
/* Restarts a running one. */
void timer_start(struct timer *t, int64_t ms, void (*run)(struct timer *));
/* The same by the clock of reactor_clock(). */
void timer_start_at(struct timer *t, int64_t due_us, void (*run)(struct timer *));
/* Idempotent, also for a zeroed one. */
void timer_stop(struct timer *t);
static inline bool timer_is_running(const struct timer *t)
{
	return t->place != 0;
}

/* ---- descriptors: level-triggered ---- */
enum watch_events { WATCH_READ = 1, WATCH_WRITE = 2 };
struct watch {
	void (*run)(struct watch *, int events);
	int fd;
	bool active;
	struct reactor *owner;
	uint64_t impl[8];       /* the event library's part */
};
/* Starts or changes the events; 0 stops. */
void watch_set(struct watch *w, int fd, int events, void (*run)(struct watch *, int events));
void watch_stop(struct watch *w);

/* ---- children and signals, as descriptors ---- */
/* Blocks what a service reacts to (HUP, INT, TERM, CHLD, USR1, USR2) in this thread and those it
 * starts, and ignores SIGPIPE: at the start of main.  Children inherit both: reset before exec. */
void reactor_block_signals(void);
/* run(signo, arg) on r for each of the signals (0-terminated), which must be blocked.  Before r
 * runs, or on it. */
int reactor_on_signals(struct reactor *r, const int *signals, void (*run)(int signo, void *arg),
		       void *arg, struct err *e);

#endif
