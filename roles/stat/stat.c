/* tars stat: call statistics and properties, and the queries on them. */
#include "if/MonitorQuery.h"
#include "if/PropertyF.h"
#include "if/StatF.h"
#include "roles/platform.h"

static const struct opt stat_opts[] = {
	PLATFORM_ROLE_OPTS("tcp -h 0.0.0.0 -p 18293 -t 60000:tcp -h 0.0.0.0 -p 18493 -t 60000:"
			   "tcp -h 0.0.0.0 -p 18393 -t 60000:tcp -h 0.0.0.0 -p 18693 -t 60000")
};

static const struct tars_StatF stat_handlers = { 0 };
static const struct tars_PropertyF property_handlers = { 0 };
static const struct tars_MonitorQuery query_handlers = { 0 };

static const struct platform_object objects[] = {
	{ "tars.tarsstat.StatObj", &tars_StatF_iface, &stat_handlers, TARS_RUN_CORO, 0 },
	{ "tars.tarsproperty.PropertyObj", &tars_PropertyF_iface, &property_handlers,
	  TARS_RUN_CORO, 1 },
	{ "tars.tarsquerystat.QueryObj", &tars_MonitorQuery_iface, &query_handlers, TARS_RUN_CORO,
	  2 },
	{ "tars.tarsqueryproperty.QueryObj", &tars_MonitorQuery_iface, &query_handlers,
	  TARS_RUN_CORO, 3 },
	{ 0 }
};

static int stat_init(struct role_run *run, struct err *e)
{
	return platform_role_init(run, objects, e);
}

const struct role stat_role = {
	.name = "stat",
	.summary = "call statistics and properties of services",
	.opts = stat_opts,
	.conf_size = sizeof(struct platform_role_conf),
	.init = stat_init,
	.stop = platform_role_stop,
};
