/* For tests of core/io: a reactor that lives as long as one coroutine's function. */
#ifndef T_UNIT_IO_RUN_H
#define T_UNIT_IO_RUN_H

#include "core/io/coro.h"
#include "core/io/reactor.h"

/* What valgrind cannot imitate is skipped there. */
#if defined(__has_include)
#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#endif
#endif
#ifndef RUNNING_ON_VALGRIND
#define RUNNING_ON_VALGRIND 0
#endif

struct io_run {
	struct reactor *reactor;
	void (*fn)(void *);
	void *arg;
	struct task start;
};

static inline void io_run_main(void *arg)
{
	struct io_run *run = arg;

	run->fn(run->arg);
	reactor_stop(run->reactor);
}

static inline void io_run_start(struct task *t)
{
	coro_start(CORO_STACK_ROLE, io_run_main, container_of(t, struct io_run, start));
}

/* Runs fn(arg) in a coroutine of a new reactor on this thread, until it returns. */
static inline void io_run(void (*fn)(void *), void *arg)
{
	struct err e = { 0 };
	struct io_run run = { .reactor = reactor_new(&e), .fn = fn, .arg = arg,
			      .start.run = io_run_start };

	BUG_ON(!run.reactor);
	reactor_post(run.reactor, &run.start);
	reactor_run(run.reactor);
	reactor_free(run.reactor);
}

#endif
