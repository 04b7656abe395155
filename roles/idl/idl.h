/*
 * What the commands of `tars idl` share: reading files, showing errors, writing results.
 *
 * An env belongs to one run of a command.  Errors go to stderr, a line each.  One thread.
 */
#ifndef ROLES_IDL_IDL_H
#define ROLES_IDL_IDL_H

#include "idl/idl.h"
#include "roles/role.h"

/* Options of every command. */
struct idl_conf {
	const char *include;
	bool with_tars;
};

struct idl_env {
	const struct role_call *call;
	struct idl_options opt;   /* reads "-" as standard input */
	struct buf input;         /* standard input, once it was read */
	bool has_input;
};

void idl_env_init(struct idl_env *env, const struct role_call *call);
void idl_env_release(struct idl_env *env);
/* Runs `one` for each argument; EXIT_FAILED if one of them gave something else than 0. */
int idl_env_each(const struct role_call *call,
		 int (*one)(struct idl_env *env, const char *path, void *arg), void *arg);

/* 0, or EXIT_USAGE after saying which word of the option's list (may be NULL) is no rule. */
int idl_check_rules(const struct role_call *call, const char *option, const char *list,
		    bool (*is_rule)(const char *name, size_t n), const char *hint);

/* Loads a file into a fresh idl (release it in any case); NULL after its errors were shown. */
struct idl_file *idl_env_load(struct idl_env *env, struct idl *idl, const char *path);
void idl_show_errors(const struct idl *idl);
/* Writes the whole text to a file, or to stdout if path is NULL or "-"; an enum role_exit. */
int idl_put_output(const struct role_call *call, const char *path, const struct buf *text);

#endif
