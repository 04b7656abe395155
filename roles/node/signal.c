/* A condition that coroutines of one reactor wait for, with a time-out. */
#include "roles/node/signal.h"

#include "core/io/reactor.h"
#include "core/io/wait.h"

struct signal_waiter {
	struct signal_waiter *next;
	struct signal *signal;
	struct wait wait;
	struct timer timer;
};

static void time_is_up(struct timer *t)
{
	struct signal_waiter *w = container_of(t, struct signal_waiter, timer), **p;

	for (p = &w->signal->waiters; *p != w; p = &(*p)->next)
		;
	*p = w->next;
	wait_wake(&w->wait);
}

void signal_wait(struct signal *s, int64_t ms)
{
	struct signal_waiter w = { .next = s->waiters, .signal = s };

	if (ms <= 0)
		return;
	wait_init(&w.wait);
	s->waiters = &w;
	timer_start(&w.timer, ms, time_is_up);
	wait_for(&w.wait);
}

void signal_raise(struct signal *s)
{
	struct signal_waiter *w = s->waiters, *next;

	s->waiters = NULL;
	for (; w; w = next) {
		/* The waiter lives on a stack that is gone once it runs. */
		next = w->next;
		timer_stop(&w->timer);
		wait_wake(&w->wait);
	}
}
