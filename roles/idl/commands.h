/*
 * The commands of `tars idl` that have files of their own: options, values, what runs.
 *
 * One row of each stands in idl.c.  Thread: one.
 */
#ifndef ROLES_IDL_COMMANDS_H
#define ROLES_IDL_COMMANDS_H

#include "roles/idl/idl.h"

struct idl_fmt_conf {
	bool check, print, write;
};
extern const struct opt idl_fmt_opts[];
int idl_cmd_fmt(const struct role_call *call);

struct idl_breaking_conf {
	bool all, binary_only, servers_first;
	const char *ignore;
};
extern const struct opt idl_breaking_opts[];
int idl_cmd_breaking(const struct role_call *call);

struct idl_lint_conf {
	const char *disable;
	bool list, strict;
};
extern const struct opt idl_lint_opts[];
int idl_cmd_lint(const struct role_call *call);

struct idl_new_conf {
	const char *out;
};
extern const struct opt idl_new_opts[];
int idl_cmd_new(const struct role_call *call);

/* Commands that make one text of all files; `out` is a file, or NULL for stdout. */
struct idl_out_conf {
	const char *out;
};
int idl_env_text(const struct role_call *call, const char *out_path,
		 int (*make)(const struct role_call *call, struct idl *idl, struct buf *out,
			     struct err *e));

struct idl_doc_conf {
	const char *object, *out;
	bool openapi;
};

#endif
