/*
 * Remote logs: what logs by time and dyed requests say also goes to the log server, in batches.
 *
 * A thread of its own calls LogF.loggerbyInfo and, for dyed lines, LogF.logger, as the official C++
 * SDK does (contract 10.3, 10.4): a packet goes out when it holds more than 200 lines or 5 MB, and
 * at the end of what waits.  Lines that do not arrive are written to <name>.remote.error_<date>.log.
 * Thread: any, except remotelog_free.
 */
#ifndef CORE_RPC_REMOTELOG_H
#define CORE_RPC_REMOTELOG_H

#include "core/rpc/app.h"

struct remotelog;

/* Takes the lines of app->log from now on; object: "tars.tarslog.LogObj".  The texts must stay. */
struct remotelog *remotelog_new(struct tars_app *app, const char *object, const char *app_name,
				const char *server);
struct remotelog_stats {
	uint64_t sent, unsent;       /* lines */
};
void remotelog_stats(struct remotelog *r, struct remotelog_stats *stats);
/* Waits until all lines so far are sent, or written as not sent.  False: not in time. */
bool remotelog_flush(struct remotelog *r, int64_t ms);
void remotelog_free(struct remotelog *r);

#endif
