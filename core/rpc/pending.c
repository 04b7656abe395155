/* Calls between begin and end: cancelling one, waiting for any of several. */
#include <sched.h>

#include "core/rpc/app_int.h"
#include "core/rpc/client.h"

/* ---- cancelling ---- */

void call_cancel(struct tars_pending *p)
{
	if (p->is_over)
		return;
	if (!p->is_registered)
		p->is_cancelled = true;
	else if (p->link)
		call_fail(p, TARS_ECANCEL, "cancelled; the call may have been executed");
	else
		call_fail(p, TARS_ECANCEL, "cancelled; not executed");
}

static void cancel_posted(struct task *t)
{
	struct tars_pending *p = container_of(t, struct tars_pending, cancel);

	call_cancel(p);
	call_free(p);
}

void tars_cancel(struct tars_pending *p)
{
	if (loop_is_here(p->loop)) {
		call_cancel(p);
		return;
	}
	if (atomic_load_explicit(&p->waiter, memory_order_acquire) == CALL_DONE ||
	    atomic_exchange(&p->cancel_posted, true))
		return;
	atomic_fetch_add(&p->refs, 1);
	p->cancel.run = cancel_posted;
	reactor_post(p->loop->reactor, &p->cancel);
}

/* ---- waiting for any ---- */

void wait_any_wake(struct wait_any *any)
{
	if (!atomic_exchange(&any->woken, true))
		wait_wake(&any->wait);
	atomic_fetch_sub_explicit(&any->users, 1, memory_order_release);
}

static int first_done(struct tars_pending *const *calls, int n)
{
	for (int i = 0; i < n; i++)
		if (calls[i] && atomic_load_explicit(&calls[i]->waiter, memory_order_acquire) ==
				CALL_DONE)
			return i;
	return -1;
}

/* False when one of the first *n_r of them is done already. */
static bool attach(struct wait_any *any, struct tars_pending *const *calls, int n, int *n_r)
{
	for (*n_r = 0; *n_r < n; ++*n_r) {
		struct tars_pending *p = calls[*n_r];
		struct wait *none = NULL;

		if (!p)
			continue;
		atomic_fetch_add_explicit(&any->users, 1, memory_order_relaxed);
		if (atomic_compare_exchange_strong(&p->waiter, &none, wait_any_tag(any)))
			continue;
		atomic_fetch_sub_explicit(&any->users, 1, memory_order_relaxed);
		return false;
	}
	return true;
}

/* Those that are done have touched it, or are about to: that is waited for. */
static void detach(struct wait_any *any, struct tars_pending *const *calls, int n)
{
	for (int i = 0; i < n; i++) {
		struct wait *mine = wait_any_tag(any);

		if (calls[i] && atomic_compare_exchange_strong(&calls[i]->waiter, &mine, NULL))
			atomic_fetch_sub_explicit(&any->users, 1, memory_order_relaxed);
	}
	while (atomic_load_explicit(&any->users, memory_order_acquire))
		sched_yield();
}

int tars_wait_any(struct tars_pending *const *calls, int n)
{
	struct wait_any any = { .woken = false };
	int n_attached, done = first_done(calls, n), n_calls = 0;
	bool must_wait;

	for (int i = 0; i < n; i++)
		n_calls += calls[i] != NULL;
	if (done >= 0)
		return done;
	if (!n_calls)
		return TARS_EARG;
	wait_init(&any.wait);
	must_wait = attach(&any, calls, n, &n_attached);
	/* Whoever was done meanwhile wakes, or has done so: a wake that is under way must come. */
	if (must_wait || atomic_exchange(&any.woken, true))
		wait_for(&any.wait);
	detach(&any, calls, n_attached);
	return first_done(calls, n);
}
