/*
 * AdminRegObj's functions, each by the name that it has in the interface, and where they are.
 *
 * They only unpack and pack: what they do is done by functions that need no request from outside
 * (registry.h, command.h, profile.h, store.h).  Thread: a coroutine of the registry's reactor.
 */
#ifndef ROLES_REGISTRY_ADMIN_H
#define ROLES_REGISTRY_ADMIN_H

#include "if/AdminReg.h"
#include "roles/registry/command.h"

/* admin_list.c: what is there. */
#define ADMIN_LISTS(X) \
	X(getAllApplicationNames) X(getAllNodeNames) X(getNodeList) X(getAllServerIds) \
	X(getServerTree) X(getServerNameList) X(getServers) X(hasServer) X(getNodeVesion)

/* admin.c: profiles, states and commands. */
#define ADMIN_COMMANDS(X) \
	X(getProfileTemplate) X(getServerProfileTemplate) X(getServerState) X(startServer) \
	X(stopServer) X(restartServer) X(destroyServer) X(loadServer) X(notifyServer) X(undeploy) \
	X(uninstallServer) X(getGroupId) X(getClientIp) X(getVersion)

/* admin_node.c: what goes to a node. */
#define ADMIN_NODES(X) \
	X(reportNode) X(deleteNode) X(reportResult) X(pingNode) X(shutdownNode) X(delCache) X(getNodeLoad) X(getLogFileList) X(getLogData) \
	X(checkServer)

/* admin_edit.c: rows. */
#define ADMIN_EDITS(X) \
	X(insertServerConf) X(insertAdapterConf) X(updateServerFlowState) X(insertConfigFile) \
	X(getConfigFileId) X(insertHistoryConfigFile) X(registerPlugin) X(getPatchPackage)

/* admin_none.c: what this registry does not do. */
#define ADMIN_NONE(X) \
	X(addTaskReq) X(getTaskRsp) X(getTaskHistory) X(setTaskItemInfo) X(batchPatch) \
	X(updatePatchLog) X(getPatchPercent) X(deletePatchFile) X(forceDockerLogin) \
	X(checkDockerRegistry) X(dockerPull) X(hasDevAuth) X(hasOpeAuth) X(hasAdminAuth) \
	X(checkTicket)

#define ADMIN_ALL(X) \
	ADMIN_LISTS(X) ADMIN_COMMANDS(X) ADMIN_NODES(X) ADMIN_EDITS(X) ADMIN_NONE(X)

/* The head of one of them. */
#define ADMIN(f) \
	int admin_##f(struct tars_req *rq, const struct tars_AdminReg_##f##_in *in, \
		      struct tars_AdminReg_##f##_out *out)

#define ADMIN_DECLARE(f) ADMIN(f);
ADMIN_ALL(ADMIN_DECLARE)
#undef ADMIN_DECLARE

#endif
