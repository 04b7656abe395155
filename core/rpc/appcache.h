/*
 * The official AppCache: what a service must remember over restarts, in
 * <datapath>/<server>.tarsdat (contract 6: logLevel, closeCout).
 *
 * A TARS configuration text <cache>key=value</cache>; what official SDKs keep there besides stays.
 * The file is read and written anew each time, as that is rare.  These block: in a worker
 * (pool_run).  Thread: any.
 */
#ifndef CORE_RPC_APPCACHE_H
#define CORE_RPC_APPCACHE_H

#include "proto/arena.h"
#include "proto/err.h"

/* path NULL: nothing is kept, every key is "". */
const char *appcache_get(const char *path, const char *key, struct arena *a);
int appcache_set(const char *path, const char *key, const char *value, struct err *e);

#endif
