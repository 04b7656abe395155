/*
 * Stop guard: a stop is bounded, also when a handler never gives its loop back.
 *
 * A loop that stands still can neither read the signal nor do what stopping asks of it.  So a thread
 * of its own sees the signal too, and knocks at the loops while the process stops.  One that is
 * silent when the time is over gets SIGABRT, whose crash report says where its thread is and for
 * which request (core/io/crash.h).
 *
 * Thread: any, unless said otherwise.
 */
#ifndef CORE_RPC_STOPGUARD_H
#define CORE_RPC_STOPGUARD_H

#include <stdint.h>

#include "proto/err.h"

struct stop_guard;
struct tars_app;

/* Signals: those that begin a stop, 0-terminated and blocked.  ms: how long a stop may take before
 * silent loops are looked for. */
struct stop_guard *stop_guard_start(struct tars_app *app, const int *signals, int64_t ms,
				    struct err *e);
/* A stop begins, perhaps without a signal.  NULL is fine. */
void stop_guard_begin(struct stop_guard *g);
/* All loops have ended.  NULL is fine.  Thread: one, before app_free. */
void stop_guard_end(struct stop_guard *g);
/* After app_free: its last knocks may be in the inboxes until then.  NULL is fine. */
void stop_guard_free(struct stop_guard *g);

#endif
