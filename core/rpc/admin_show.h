/*
 * What AdminObj shows of a service: official texts, and our own tables.
 *
 * Thread: a coroutine; loops are asked on their own threads.
 */
#ifndef CORE_RPC_ADMIN_SHOW_H
#define CORE_RPC_ADMIN_SHOW_H

#include "core/rpc/admin.h"

/* ---- admin_show.c: in the official layout ---- */
bool admin_show_status(struct admin_call *c);
bool admin_show_connections(struct admin_call *c);
bool admin_show_resources(struct admin_call *c);

#endif
