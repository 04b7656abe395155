/* tars patch: stores releases and hands them to nodes (PatchObj). */
#include "if/Patch.h"
#include "roles/platform.h"

static const struct opt patch_opts[] = {
	PLATFORM_ROLE_OPTS("tcp -h 0.0.0.0 -p 18793 -t 60000")
};

static const struct tars_Patch patch_handlers = { 0 };

static const struct platform_object objects[] = {
	{ "tars.tarspatch.PatchObj", &tars_Patch_iface, &patch_handlers, TARS_RUN_CORO, 0 },
	{ 0 }
};

static int patch_init(struct role_run *run, struct err *e)
{
	return platform_role_init(run, objects, e);
}

const struct role patch_role = {
	.name = "patch",
	.summary = "stores releases and hands them to nodes",
	.opts = patch_opts,
	.conf_size = sizeof(struct platform_role_conf),
	.init = patch_init,
	.stop = platform_role_stop,
};
