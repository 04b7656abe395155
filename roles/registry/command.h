/*
 * Commands to nodes, and the operations of AdminRegObj and CtlObj that are made of them.
 *
 * Each waits for the node.  Thread: a coroutine of the registry's reactor.
 */
#ifndef ROLES_REGISTRY_COMMAND_H
#define ROLES_REGISTRY_COMMAND_H

#include "if/AdminReg.h"
#include "roles/registry/registry.h"

enum node_command { NODE_START, NODE_STOP, NODE_LOAD, NODE_DESTROY, NODE_NOTIFY };
bool node_ping(struct tars_req *rq, struct registry *reg, struct tars_str name,
	       struct tars_str *result);
bool node_is_active(const struct registry *reg, struct tars_str name);
/* 0 or what the node answered, or an official tarsErrCode; result: a text, always set. */
int node_command(struct tars_req *rq, struct registry *reg, enum node_command cmd,
		 const struct server_ref *ref, struct tars_str command, struct tars_str *result);
int server_start(struct tars_req *rq, struct registry *reg, const struct server_ref *ref,
		 struct tars_str *result);
int server_stop(struct tars_req *rq, struct registry *reg, const struct server_ref *ref,
		struct tars_str *result);
int server_restart(struct tars_req *rq, struct registry *reg, const struct server_ref *ref,
		   struct tars_str *result);
/* Stops and destroys it on its node, if that is there, and deletes its rows. */
int server_undeploy(struct tars_req *rq, struct registry *reg, const struct server_ref *ref,
		    struct tars_str *result);

/* AdminRegObj's writing operations on rows (admin_edit.c). */
int admin_insert_server(struct tars_req *rq, const struct tars_AdminReg_insertServerConf_in *in,
			struct tars_AdminReg_insertServerConf_out *out);
int admin_insert_adapter(struct tars_req *rq, const struct tars_AdminReg_insertAdapterConf_in *in,
			 struct tars_AdminReg_insertAdapterConf_out *out);
int admin_flow_state(struct tars_req *rq, const struct tars_AdminReg_updateServerFlowState_in *in,
		     struct tars_AdminReg_updateServerFlowState_out *out);

#endif
