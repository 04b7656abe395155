/*
 * The credential that a node got when it joined, and shows to its registries ever after.
 *
 * It is a file of the node's directory that only its account can read.  Thread: any; it blocks.
 */
#ifndef ROLES_NODE_CREDENTIAL_H
#define ROLES_NODE_CREDENTIAL_H

#include "core/tars.h"
#include "proto/arena.h"
#include "proto/err.h"

struct credential {
	const char *node, *secret;
};

/* Its file, in the platform's directory `root`. */
const char *credential_path(const char *root, struct arena *a);
/* TARS_ENOTFOUND: the node has none; TARS_ECONF: the file is not as it was written. */
int credential_read(const char *root, struct credential *c, struct arena *a, struct err *e);
int credential_write(const char *root, const struct credential *c, struct arena *a, struct err *e);
/* The context of calls that show it. */
const struct tars_string_string_map *credential_context(const struct credential *c, struct arena *a);

#endif
