/* Starting threads of the runtime: named, with all signals blocked. */
#ifndef CORE_IO_THREAD_H
#define CORE_IO_THREAD_H

#include <pthread.h>

#include "proto/err.h"

/* The first 15 characters of the name are shown by ps -L and gdb. */
int thread_start(pthread_t *thread, const char *name, void *(*fn)(void *), void *arg,
		 struct err *e);

#endif
