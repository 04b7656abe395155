/* Starting threads of the runtime: named, with all signals blocked. */
#include "core/io/thread.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/io/crash.h"
#include "proto/arena.h"

struct start {
	void *(*fn)(void *);
	void *arg;
};

static void *run(void *arg)
{
	struct start start = *(struct start *)arg;
	struct crash_stack *stack = crash_stack_set();
	void *result;

	free(arg);
	result = start.fn(start.arg);
	crash_stack_free(stack);
	return result;
}

int thread_start(pthread_t *thread, const char *name, void *(*fn)(void *), void *arg,
		 struct err *e)
{
	struct start *start = xmalloc(sizeof(*start));
	sigset_t all, old;
	char shown[16];
	int rc;

	*start = (struct start){ fn, arg };

	/* Signals belong to the reactor that reads them as a descriptor.  A crash must still be one:
	 * the faults stay deliverable. */
	sigfillset(&all);
	sigdelset(&all, SIGSEGV);
	sigdelset(&all, SIGBUS);
	sigdelset(&all, SIGFPE);
	sigdelset(&all, SIGILL);
	sigdelset(&all, SIGABRT);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	rc = pthread_create(thread, NULL, run, start);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (rc) {
		free(start);
		return err_set(e, TARS_ESYS, "cannot start thread %s: %s (see ulimit -u)", name,
			       strerror(rc));
	}
	snprintf(shown, sizeof(shown), "%s", name);
	pthread_setname_np(*thread, shown);
	return 0;
}
