/*
 * The table of operations: everything that an operator can do, a row each.
 *
 * A row is a command of `tars ctl` (its words, options, help and completion) and a function of
 * CtlObj (proto/if/Ctl.tars has its arguments and results).  The registry reads the same rows: which
 * statement a function is, which right it needs, whether it changes anything.  Every function is
 * `int FUNC(REQUEST req, [out vector<ROW> rows,] out string result)`.
 */
#ifndef ROLES_OPS_H
#define ROLES_OPS_H

#include "if/Ctl.h"
#include "roles/role.h"

struct sql;
struct ctl;

/* What a caller must be allowed to do; each includes those before it. */
enum op_right { OP_READ, OP_OPERATE, OP_ADMIN };

struct op {
	const char *func;        /* of tars_Ctl_iface */
	enum op_right right;
	bool changes;            /* is noted as an event and in the log */
	bool is_secret;          /* its result is for the caller alone: not noted */
	/* The statement that does it: its parameters are the request's members in order, and
	 * `param` behind them if there is one.  NULL: a handler does (roles/registry/ops*.c). */
	const struct sql *sql;
	const char *param;
	/* ---- of `tars ctl` ---- */
	const char *members;     /* of the request, filled by the arguments in order: "server node" */
	const char *files;       /* members whose argument or option is a file's name, "-" is stdin */
	/* Of a row, "server node pid"; those behind '|' with -o wide.  NULL: people read the text, rows
	 * are for JSON. */
	const char *columns;
	bool each_node;          /* without a node: on all nodes that have the server */
	/* Completes the request from what is in `own`; not 0: an exit status, it was complained. */
	int (*prepare)(struct ctl *c, void *own);
	/* Instead of one call of `func`. */
	int (*run)(struct ctl *c, void *own);
};

/* Ends with { 0 }; `detail` of each is its struct op.  ops.c */
extern const struct role_command ops[];
extern const char *const op_rights[];
/* The row of a function, or NULL. */
const struct role_command *op_find(const char *func);

#endif
