/*
 * Reports: call statistics and properties go to the platform every minute (contract 9.1, 9.3).
 *
 *	loops' call_row, call_stat --take--> heads --sort, merge--> packets --> StatObj
 *	properties ----------------take--> values ----------------> packets --> PropertyObj
 *
 * Heads, names and the cut at 1400 bytes are those of the official C++ SDK.  Unlike there an answer
 * is asked for: what could not be delivered goes out with the next report.
 * Thread: the main loop, except where said.
 */
#ifndef CORE_RPC_REPORT_H
#define CORE_RPC_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "core/tars.h"
#include "proto/buf.h"

struct reporter;

struct reporter_conf {
	const char *stat, *property;  /* objects; NULL or "": none */
	int64_t interval_ms;          /* 0: 60000; at least 10000 */
	int64_t timeout_ms;           /* 0: 5000, which is the least */
	int64_t max_size;             /* 0: 1400; 500 to 1400, anything else is 1400 */
};

/* The texts are copied.  Never NULL. */
struct reporter *reporter_new(struct tars_app *app, const struct reporter_conf *conf);
void reporter_free(struct reporter *r);
/* From the next report on.  Thread: any. */
void reporter_configure(struct reporter *r, const struct reporter_conf *conf);
/* Collects and sends; waits for a report that is under way.  out, if given: what became of it, for
 * people.  In a coroutine, of any loop. */
void reporter_send(struct reporter *r, struct buf *out);
/* The last one: no more start by themselves.  Waits at most so long.  In a coroutine. */
void reporter_finish(struct reporter *r, int64_t within_ms);

#endif
