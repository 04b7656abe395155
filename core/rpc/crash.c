/* The request that a crash report names. */
#include "core/io/crash.h"

#include "core/rpc/app.h"
#include "core/rpc/req.h"
#include "core/rpc/server.h"
#include "core/sys/log.h"

static void tell_request(struct crash_line *l, const void *work)
{
	static const char *const modes[] = { "POOL", "CORO", "INLINE" };
	const struct tars_req *rq = work;

	crash_add(l, "serving ");
	crash_add(l, rq->servant->row.name);
	crash_add(l, ".");
	crash_add(l, rq->func->name);
	crash_add(l, ", request ");
	crash_add_number(l, rq->head.request_id);
	crash_add(l, " of ");
	crash_add(l, tars_peer(rq));
	crash_add(l, ", run mode ");
	crash_add(l, modes[rq->servant->row.run]);
}

void app_report_crashes(const char *name)
{
	crash_report(&(struct crash_conf){ .name = name, .descriptor = log_descriptor,
					   .tell = tell_request, .last = applog_crashed });
}
