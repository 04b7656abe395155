/*
 * The .proto file of a module's interfaces from type descriptors: what gRPC clients are made from.
 *
 * It describes what proto/pb.h reads and writes.  The file is self-contained: types of other
 * modules are in it as Module_Type.  Thread: any.
 */
#ifndef PROTO_PROTOTEXT_H
#define PROTO_PROTOTEXT_H

#include "proto/buf.h"
#include "proto/type.h"

/* Appends it.  All n interfaces are of the module. */
void prototext(struct buf *b, const char *module, const struct tars_iface *const *ifaces, size_t n);

#endif
