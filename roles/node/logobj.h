/*
 * What NodeObj answers about logs: its functions, each by its name in the interface.
 *
 * Thread: a coroutine of the main reactor; files are read in workers.
 */
#ifndef ROLES_NODE_LOGOBJ_H
#define ROLES_NODE_LOGOBJ_H

#include "if/Node.h"

#define NODE_LOGS(X) X(getLogFileList) X(getLogData) X(listLogs) X(readLog)

/* The head of one of them. */
#define NODE_LOG(f) \
	int node_##f(struct tars_req *rq, const struct tars_Node_##f##_in *in, \
		     struct tars_Node_##f##_out *out)

#define NODE_LOG_DECLARE(f) NODE_LOG(f);
NODE_LOGS(NODE_LOG_DECLARE)
#undef NODE_LOG_DECLARE

#endif
