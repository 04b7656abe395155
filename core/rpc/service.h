/*
 * What makes an app a managed TARS service: AdminObj, and the heartbeats to its node.
 *
 * Thread: the main loop.
 */
#ifndef CORE_RPC_SERVICE_H
#define CORE_RPC_SERVICE_H

#include "core/rpc/app.h"

struct nodelink;

/* AdminObj for the adapters with conf.local. */
void admin_init(struct tars_app *app);

struct nodelink_conf {
	const char *node;         /* object string of the node's ServerObj */
	const char *application, *server;
	const char *version;
};

/* Tells the node every 5 s that we are starting, until nodelink_ready; then every 10 s that each
 * adapter is alive.  The texts must stay; freed with the app. */
struct nodelink *nodelink_start(struct tars_app *app, const struct nodelink_conf *conf);
void nodelink_ready(struct nodelink *n);
void nodelink_stop(struct nodelink *n);

#endif
