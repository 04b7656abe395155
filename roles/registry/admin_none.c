/* AdminRegObj: what this registry does not do, and what there is instead. */
#include "roles/registry/admin.h"

#define REFUSE(f, why) \
	ADMIN(f) \
	{ \
		(void)in; \
		(void)out; \
		return tars_fail(rq, TARS_ENOFUNC, "%s: %s", #f, why); \
	}

#define NO_RELEASES "this registry has no tasks and releases: put the files on the node and use " \
		    "startServer, stopServer and restartServer"
REFUSE(addTaskReq, NO_RELEASES)
REFUSE(getTaskRsp, NO_RELEASES)
REFUSE(getTaskHistory, NO_RELEASES)
REFUSE(setTaskItemInfo, NO_RELEASES)
REFUSE(batchPatch, NO_RELEASES)
REFUSE(updatePatchLog, NO_RELEASES)
REFUSE(getPatchPercent, NO_RELEASES)
REFUSE(deletePatchFile, NO_RELEASES)

#define NO_CONTAINERS "servers run as processes, not in containers"
REFUSE(forceDockerLogin, NO_CONTAINERS)
REFUSE(checkDockerRegistry, NO_CONTAINERS)
REFUSE(dockerPull, NO_CONTAINERS)

#define NO_USERS "this registry keeps no users, roles and tickets"
REFUSE(hasDevAuth, NO_USERS)
REFUSE(hasOpeAuth, NO_USERS)
REFUSE(hasAdminAuth, NO_USERS)
REFUSE(checkTicket, NO_USERS)
