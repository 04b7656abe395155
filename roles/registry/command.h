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
/* What stands for an answer: the node is not there to be asked; or it did not answer. */
enum { NODE_AWAY = -1, NODE_SILENT = TARS_ETIMEOUT };
/* Calls a function of Node by its name.  0: out is filled; else a code, and why says more. */
int node_call(struct tars_req *rq, struct registry *reg, struct tars_str node, const char *func,
	      const void *in, void *out, int64_t timeout_ms, struct tars_str *why);
/* "Active" as nodes and consoles call a state; "" for a number that is none. */
const char *node_state_text(int state);
bool node_ping(struct tars_req *rq, struct registry *reg, struct tars_str name,
	       struct tars_str *result);
bool node_is_active(const struct registry *reg, struct tars_str name);
/* 0, what the node answered, or one of the above; result: a text, always set. */
int node_command(struct tars_req *rq, struct registry *reg, enum node_command cmd,
		 const struct server_ref *ref, struct tars_str command, struct tars_str *result);
int server_start(struct tars_req *rq, struct registry *reg, const struct server_ref *ref,
		 struct tars_str *result);
int server_stop(struct tars_req *rq, struct registry *reg, const struct server_ref *ref,
		struct tars_str *result);
int server_restart(struct tars_req *rq, struct registry *reg, const struct server_ref *ref,
		   struct tars_str *result);
/* The node stops it and forgets it. */
int server_destroy(struct tars_req *rq, struct registry *reg, const struct server_ref *ref,
		   struct tars_str *result);
/* The same, and deletes its rows. */
int server_uninstall(struct tars_req *rq, struct registry *reg, const struct server_ref *ref,
		     struct tars_str *result);
/* The same, also when the node is not there any more. */
int server_undeploy(struct tars_req *rq, struct registry *reg, const struct server_ref *ref,
		    struct tars_str *result);

#endif
