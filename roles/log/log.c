/* tars log: remote logs, call topology and notifications of services. */
#include "if/LogF.h"
#include "if/NotifyF.h"
#include "if/Topology.h"
#include "roles/platform.h"

static const struct opt log_opts[] = {
	PLATFORM_ROLE_OPTS("tcp -h 0.0.0.0 -p 18993 -t 60000:tcp -h 0.0.0.0 -p 18913 -t 60000:"
			   "tcp -h 0.0.0.0 -p 18593 -t 60000")
};

static const struct tars_Log log_handlers = { 0 };
static const struct tars_Topology topology_handlers = { 0 };
static const struct tars_Notify notify_handlers = { 0 };

static const struct platform_object objects[] = {
	{ "tars.tarslog.LogObj", &tars_Log_iface, &log_handlers, TARS_RUN_CORO, 0 },
	{ "tars.tarslog.TopologyObj", &tars_Topology_iface, &topology_handlers, TARS_RUN_CORO, 1 },
	{ "tars.tarsnotify.NotifyObj", &tars_Notify_iface, &notify_handlers, TARS_RUN_CORO, 2 },
	{ 0 }
};

static int log_init(struct role_run *run, struct err *e)
{
	return platform_role_init(run, objects, e);
}

const struct role log_role = {
	.name = "log",
	.summary = "remote logs, call topology and notifications of services",
	.opts = log_opts,
	.conf_size = sizeof(struct platform_role_conf),
	.init = log_init,
	.stop = platform_role_stop,
};
