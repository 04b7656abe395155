/*
 * Packed parts of a fleet: MirrorContent as an LZ4 block, on its way from registry to node.
 *
 * Bytes and memory only.  Thread: any.
 */
#ifndef ROLES_REGISTRY_PACK_H
#define ROLES_REGISTRY_PACK_H

#include "if/Mirror.h"
#include "proto/arena.h"
#include "proto/buf.h"
#include "proto/err.h"

enum { PACK_MAX = 256 << 20 };  /* bytes of a content that is believed */

/* Appends the packed content to `to` and points packed_r at it: valid until `to` changes. */
void pack_content(const struct tars_MirrorContent *content, struct buf *to,
		  struct tars_MirrorPacked *packed_r);
/* What it refers to is in the arena. */
int unpack_content(const struct tars_MirrorPacked *packed, struct tars_MirrorContent *content_r,
		   struct arena *a, struct err *e);

#endif
