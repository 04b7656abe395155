/* Waiting for one event: a coroutine parks, a thread sleeps on a futex. */
#include "core/io/wait.h"

#include <linux/futex.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/io/coro.h"
#include "core/io/reactor.h"

bool wait_is_possible(void)
{
	return coro_self() || !reactor_self();
}

void wait_init(struct wait *w)
{
	w->coro = coro_self();
	w->done = 0;
}

void wait_for(struct wait *w)
{
	if (w->coro) {
		BUG_ON(w->coro != coro_self());
		coro_await(&w->done);
		return;
	}
	BUG_ON(!wait_is_possible());
	while (!__atomic_load_n(&w->done, __ATOMIC_ACQUIRE))
		syscall(SYS_futex, &w->done, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
}

static inline void wake(struct wait *w, void (*wake_coro)(struct coro *))
{
	struct coro *coro = w->coro;

	if (coro) {
		__atomic_store_n(&w->done, 1, __ATOMIC_RELEASE);
		wake_coro(coro);
		return;
	}
	/* From here on the waiter may have returned and *w be gone: the second step only uses its
	 * address, and a futex wake that finds nobody, or a stranger, does no harm. */
	__atomic_store_n(&w->done, 1, __ATOMIC_RELEASE);
	syscall(SYS_futex, &w->done, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

void wait_wake(struct wait *w)
{
	wake(w, coro_wake);
}

void wait_wake_now(struct wait *w)
{
	wake(w, coro_wake_now);
}
