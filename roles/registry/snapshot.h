/*
 * Snapshot: a fleet and what else its owner knows, in a file.
 *
 * A file is replaced as a whole or not at all, and one that is damaged is not believed.
 */
#ifndef ROLES_REGISTRY_SNAPSHOT_H
#define ROLES_REGISTRY_SNAPSHOT_H

#include "proto/buf.h"
#include "roles/registry/fleet.h"

/* Fills f, and the rest with what it refers to in the arena.  TARS_ENOTFOUND: there is no file. */
int snapshot_read(const char *path, struct fleet *f, struct Routes_Snapshot *rest_r,
		  struct arena *a, struct err *e);
/* The content of a file into an empty buffer.  rest: but for the servers. */
void snapshot_put(struct buf *b, const struct fleet *f, const struct Routes_Snapshot *rest);
/* Blocks: for a worker. */
int snapshot_write(const char *path, struct buf *content, struct err *e);
/* Between two of them: large ones are written less often. */
int64_t snapshot_pause_ms(const struct fleet *f);

#endif
