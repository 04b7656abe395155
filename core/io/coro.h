/*
 * Stackful coroutines of one reactor.
 *
 * A coroutine runs on the reactor that started it and never leaves it, so its code needs no locks
 * against others of that reactor.  It must not block: it parks.  Stacks have a guard page and come
 * from a free list of their thread.  Every coroutine must have ended before its reactor is freed.
 * Thread: its reactor, except coro_wake (any).
 */
#ifndef CORE_IO_CORO_H
#define CORE_IO_CORO_H

#include <stddef.h>
#include <stdint.h>

struct coro;

enum { CORO_STACK_ROLE = 64 * 1024, CORO_STACK_USER = 128 * 1024 };

/* Runs fn(arg) at once on a new coroutine of reactor_self() until it first parks or ends.
 * stack: bytes, rounded up to pages. */
void coro_start(size_t stack, void (*fn)(void *), void *arg);
/* NULL on the reactor's own stack and on other threads. */
struct coro *coro_self(void);
/* What the running coroutine, or the thread outside of any, works at; for crash reports.  NULL at
 * first; the pointer stays right while it runs. */
const void **coro_work(void);
/* Sleeps until coro_wake; a wake that came before counts. */
void coro_park(void);
/* Thread: any.  Exactly one park returns for each wake, so wake for a reason the coroutine waits
 * for, and once. */
void coro_wake(struct coro *c);
/* The same, where the waker has nothing left to do: runs c at once if this is its reactor's own
 * stack, so that what the two work at is still in the cache. */
void coro_wake_now(struct coro *c);
/*
 * Parks until *done.  The waker sets it (release), then wakes, once; every done flag that is handed
 * out must be awaited, in any order: a coroutine may have several at work.
 */
void coro_await(const int *done);
/* Parks for a time. */
void coro_sleep_ms(int64_t ms);
/* Lets everything else that is ready have a turn. */
void coro_yield(void);
/* Gives the free stacks of this thread back; the reactor does it when it stops. */
void coro_free_stacks(void);

#endif
