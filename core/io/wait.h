/*
 * Waiting for one event from wherever the code runs: coroutine, worker or plain thread.
 *
 * The waiting side inits, starts the operation, waits; the other side wakes exactly once.  On a
 * bare reactor wait_is_possible() is false and wait_for() is a bug.  Lives on the waiter's stack.
 * Several may be at work at once; each that is started must be waited for, in any order.
 */
#ifndef CORE_IO_WAIT_H
#define CORE_IO_WAIT_H

#include <stdbool.h>

struct coro;

struct wait {
	struct coro *coro;   /* NULL: a thread waits on `done` */
	int done;            /* a thread's futex */
};

bool wait_is_possible(void);
void wait_init(struct wait *w);
void wait_for(struct wait *w);
/* Thread: any. */
void wait_wake(struct wait *w);
/* The same as the last thing that the waker does: see coro_wake_now(). */
void wait_wake_now(struct wait *w);

#endif
