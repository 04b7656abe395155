/*
 * Crash reports: what a thread worked at when a fault hit it, and where, before it dies of it.
 *
 *	tars: crash: SIGSEGV at 0x8 in thread 4711 'reactor-1' of App.Server: serving ...
 *	./Server(+0x3f21)[0x55d0c8a3ff21]
 *
 * The report is written from inside the signal handler: no memory, no locks, on a stack of its own,
 * so an overflow is reported too.  Then whatever was set for the signal before takes its
 * course: by default the process dies by it and leaves its core.
 */
#ifndef CORE_IO_CRASH_H
#define CORE_IO_CRASH_H

#include <stddef.h>
#include <stdint.h>

/* A line under construction: what does not fit is cut. */
struct crash_line {
	char text[1024];
	size_t n;
};

struct crash_conf {
	const char *name;          /* of the process; copied */
	int (*descriptor)(void);   /* where to write */
	/* Adds what *coro_work() says.  Both run in the signal handler. */
	void (*tell)(struct crash_line *l, const void *work);
	/* After the report, in the signal handler; NULL: nothing. */
	void (*last)(void);
};

/* Reports SIGSEGV, SIGBUS, SIGFPE, SIGILL and SIGABRT from now on, in this thread and in those that
 * thread_start starts.  Once in a process: the second call does nothing. */
void crash_report(const struct crash_conf *conf);

void crash_add(struct crash_line *l, const char *text);
void crash_add_n(struct crash_line *l, const char *text, size_t n);
void crash_add_number(struct crash_line *l, int64_t v);

/* The stack for the handler of the calling thread, if there are reports; at its end.  */
struct crash_stack;
struct crash_stack *crash_stack_set(void);
void crash_stack_free(struct crash_stack *s);

#endif
