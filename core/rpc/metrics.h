/*
 * The metrics of an app, as /metrics on its local port shows them.
 *
 * Thread: any, but for metrics_add: before the app runs, or its main loop.
 */
#ifndef CORE_RPC_METRICS_H
#define CORE_RPC_METRICS_H

#include "core/sys/metric.h"

struct tars_app;

/* s stays as long as the app. */
void metrics_add(struct tars_app *app, struct metric_source *s);
void metrics_print(struct tars_app *app, struct buf *text);

/* The runtime's own: of process, loops, adapters and logs. */
void metrics_init(struct tars_app *app);
/* metrics_calls.c: of functions, endpoints and loops. */
void metrics_init_calls(struct tars_app *app);

#endif
