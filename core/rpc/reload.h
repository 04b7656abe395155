/*
 * Reading configuration again while the service runs (contract 6, 8.2).
 *
 * What can be changed then is what official servers change: the locator, the objects and intervals
 * of reports, and the values that tars_config() gives.  Thread: a coroutine or a worker.
 */
#ifndef CORE_RPC_RELOAD_H
#define CORE_RPC_RELOAD_H

#include <stdbool.h>

#include "core/tars.h"
#include "proto/buf.h"

/* A file of the configuration centre: see tars_load_config. */
int reload_config_file(struct tars_app *app, struct tars_req *rq, const char *file, bool app_only,
		       char *text, size_t size);
/* The service's own configuration; appends what was loaded, or why not. */
void reload_properties(struct tars_app *app, struct buf *out);
/* Only the locator; false: nothing was changed. */
bool reload_locator(struct tars_app *app, struct buf *out);

#endif
