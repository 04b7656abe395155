/*
 * AdminObj's commands: tables of the official ones and of our own (contract 6).
 *
 * Each runs in a coroutine.  The answer goes out in the official frame, which consoles show as it
 * is; what the service adds (tars_service.commands) runs in a worker.
 */
#ifndef CORE_RPC_ADMIN_H
#define CORE_RPC_ADMIN_H

#include <stdbool.h>

#include "core/tars.h"
#include "proto/buf.h"

struct admin_call {
	struct tars_req *rq;
	struct tars_app *app;
	const char *params;          /* what stands behind the first blank of the command */
	struct buf *out;
};

struct admin_command {
	const char *name;
	const char *help;            /* parameters and what it does, in one line */
	bool (*run)(struct admin_call *c); /* false: refused; nothing of that name runs after it */
};

extern const struct admin_command admin_official[], admin_own[]; /* end with { NULL } */

#endif
