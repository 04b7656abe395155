/*
 * What an operator sets of a server's process, beside its template: environment, arguments, account.
 *
 * Texts as they are stored: environment "NAME=value;NAME=value", each value as it stands (nothing is
 * expanded or quoted); arguments are words by blanks.  Thread: any.
 */
#ifndef ROLES_RUN_OPTIONS_H
#define ROLES_RUN_OPTIONS_H

#include "proto/arena.h"
#include "proto/err.h"

/* "NAME=value" each, ends with NULL, in the arena.  NULL: TARS_EARG, an item is none. */
const char *const *run_env_parse(const char *text, struct arena *a, struct err *e);
/* The words, ends with NULL.  NULL: TARS_EARG, there are too many. */
const char *const *run_args_parse(const char *text, struct arena *a, struct err *e);
/* TARS_EARG: no account can be called so; "" is fine. */
int run_user_check(const char *name, struct err *e);

#endif
