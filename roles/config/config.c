/* tars config: the configuration centre (ConfigObj). */
#include "if/ConfigF.h"
#include "roles/platform.h"

static const struct opt config_opts[] = {
	PLATFORM_ROLE_OPTS("tcp -h 0.0.0.0 -p 18193 -t 60000")
};

static const struct tars_Config config_handlers = { 0 };

static const struct platform_object objects[] = {
	{ "tars.tarsconfig.ConfigObj", &tars_Config_iface, &config_handlers, TARS_RUN_CORO, 0 },
	{ 0 }
};

static int config_init(struct role_run *run, struct err *e)
{
	return platform_role_init(run, objects, e);
}

const struct role config_role = {
	.name = "config",
	.summary = "configuration files of services",
	.opts = config_opts,
	.conf_size = sizeof(struct platform_role_conf),
	.init = config_init,
	.stop = platform_role_stop,
};
