/*
 * A condition that coroutines of one reactor wait for: something changed, or time is up.
 *
 * Owner: whoever embeds it; it must outlive its waiters.  Zeroed is ready for use.
 * Thread: its reactor; signal_wait in a coroutine.
 */
#ifndef ROLES_NODE_SIGNAL_H
#define ROLES_NODE_SIGNAL_H

#include <stdint.h>

struct signal_waiter;

struct signal {
	struct signal_waiter *waiters;
};

/* Parks until the next signal_raise, at most ms. */
void signal_wait(struct signal *s, int64_t ms);
/* Wakes all who wait now. */
void signal_raise(struct signal *s);

#endif
