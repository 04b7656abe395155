/*
 * Pool of worker threads with a bounded queue.
 *
 * Thread: any, except pool_free and pool_end (the owner, when nobody submits any more).  A single
 * task wakes one worker; a burst wakes one after the other, while tasks wait, and none if all are
 * busy.
 */
#ifndef CORE_IO_POOL_H
#define CORE_IO_POOL_H

#include <stdbool.h>
#include <stdint.h>

#include "core/io/reactor.h"

struct pool;

struct pool_conf {
	const char *name;           /* of the threads; at most 15 characters are shown */
	unsigned threads;
	int (*thread_init)(void *arg);   /* in each worker; may be NULL */
	void (*thread_fini)(void *arg);
	void *arg;
};

struct pool *pool_new(const struct pool_conf *conf, struct err *e);
/* Runs what is queued, then joins. */
void pool_free(struct pool *p);
/*
 * The same, but not for ever: runs what is queued in the calling thread, and frees p if all workers
 * come back by then (reactor_clock).  False: at least one has not; p must stay.
 */
bool pool_end(struct pool *p, int64_t until_us);
/* The n tasks of the list, which is empty then. */
void pool_submit_all(struct pool *p, struct task_list *tasks, unsigned n);
/* Tasks that wait at present. */
unsigned pool_length(const struct pool *p);

/* A shared pool for blocking work of coroutines (files, name look-ups): runs fn(arg) in a worker
 * and waits for it.  Needs a place where waiting is possible. */
void pool_run(void (*fn)(void *), void *arg);
/* The same without waiting for it.  Thread: any. */
void pool_run_detached(void (*fn)(void *), void *arg);

#endif
