/*
 * tars ctl: runs rows of the table of operations against CtlObj.
 *
 * Thread: the main thread of the tool.
 */
#ifndef ROLES_CTL_H
#define ROLES_CTL_H

#include "core/tars.h"
#include "roles/ops.h"

struct ctl_conf {
	const char *locator, *output;
	int64_t timeout_ms;
};

/* One run of a command; everything lives in rq or the arena until the end. */
struct ctl {
	const struct ctl_conf *conf;
	const struct op *op;
	const char *name;            /* of the command */
	char **args;                 /* behind the command */
	int n_args;
	struct tars_app *app;
	struct tars_req *rq;
	struct tars_proxy *to;       /* CtlObj */
	struct arena arena;
};

/* Runs a row of `ops`: the command's `run`. */
int ctl_run(const struct role_call *call);
/* "tars: ctl NAME: text" on stderr; gives the status. */
int ctl_complain(const struct ctl *c, int status, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Connects; an exit status. */
int ctl_open(struct ctl *c);
void ctl_close(struct ctl *c);
/* Calls a function of CtlObj and complains if it was refused; out lives in rq. */
int ctl_call(struct ctl *c, const char *func, const void *in, void *out);
/* Text of a file ("-": stdin), with a NUL. */
int ctl_read_file(struct ctl *c, const char *what, const char *path, struct tars_str *text);

/* ctl_print.c: rows as --output says.  `rows` is a list of `type`. */
int ctl_print_rows(struct ctl *c, const struct tars_type *type, const void *rows);

/* ---- commands that are more than a row ---- */
/* What `own` of deploy is; the request comes first. */
struct ctl_deploy {
	struct tars_DeployReq req;
	const char *protocol;
	struct opt_texts servant;
	int threads;
};
int ctl_prepare_deploy(struct ctl *c, void *own);           /* ctl_deploy.c */
struct ctl_fleet {
	struct tars_FleetReq req;
	const char *file;
};
int ctl_prepare_fleet(struct ctl *c, void *own);            /* ctl_fleet.c */
int ctl_apply(struct ctl *c, void *own);
struct ctl_logs {
	struct tars_LogsReq req;
	const char *range;
};
int ctl_logs(struct ctl *c, void *own);                     /* ctl_logs.c */
struct ctl_top {
	int64_t every_ms;
	int rounds;
};
int ctl_top(const struct role_call *call);                  /* ctl_top.c */
int ctl_doctor(const struct role_call *call);               /* ctl_doctor.c */

#endif
