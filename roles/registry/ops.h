/*
 * CtlObj: serves the table of operations (roles/ops.h).
 *
 * Most rows are a statement; the others have a handler here.  What a handler answers is what the
 * operator reads: 0 or not, and a text that names the object, the cause and what to do.
 * Thread: a coroutine of the registry's reactor.
 */
#ifndef ROLES_REGISTRY_OPS_H
#define ROLES_REGISTRY_OPS_H

#include "if/Ctl.h"
#include "roles/registry/deploy.h"
#include "roles/registry/registry.h"

/* Every function of CtlObj. */
#define OPS_ALL(X) \
	X(operations) X(serverDeploy) X(serverUndeploy) X(serverStart) X(serverStop) \
	X(serverRestart) X(serverSet) X(serverDrain) X(serverResume) X(serverSend) \
	X(serverList) X(serverState) X(serverExits) X(serverEvents) X(serverLogs) \
	X(nodeList) X(nodePing) \
	X(nodeMetrics) X(nodeDrain) X(nodeResume) X(nodeRemove) X(nodeToken) X(adapterList) \
	X(adapterSet) X(adapterProbe) X(adapterDelete) X(templateList) \
	X(templateView) X(templateSet) X(templateDelete) X(appList) X(idcList) X(idcSet) \
	X(idcDelete) X(stationList) X(stationSet) X(stationDelete) X(setList) X(setAssign) \
	X(iplist) X(plan) X(apply)

/* Those that are no statement. */
#define OPS_HANDLED(X) \
	X(operations) X(serverDeploy) X(serverUndeploy) X(serverStart) X(serverStop) \
	X(serverRestart) X(serverSend) X(serverState) X(serverExits) X(serverLogs) \
	X(adapterProbe) X(nodePing) X(nodeToken) X(templateView) X(iplist) X(plan) \
	X(apply)

#define OP_HANDLER(f) \
	int op_##f(struct tars_req *rq, const struct tars_Ctl_##f##_in *in, \
		   struct tars_Ctl_##f##_out *out)
#define OPS_DECLARE(f) OP_HANDLER(f);
OPS_HANDLED(OPS_DECLARE)
#undef OPS_DECLARE

/* Runs a statement that returns what it did (struct Routes_Outcome).  0 and a text; the statement's
 * own refusal; a negative code: TARS_ENOTFOUND if it returns nothing. */
int ops_change(struct registry *reg, const struct sql *sql, const char *const *params,
	       struct tars_str *text, struct arena *a, struct err *e);
/* Gives a servant probes and fills app and server of *ref.  probes.c */
int adapter_probe(struct registry *reg, const struct tars_AdapterProbeReq *req,
		  struct server_ref *ref, struct tars_str *text, struct arena *a, struct err *e);
/* What a function that failed answers: a code that says whether the database is to blame. */
int ops_ret(int code);

#endif
