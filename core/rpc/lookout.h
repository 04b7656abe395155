/*
 * Lookout: hearing from the node, or else the registry, that the endpoints of an object may have
 * changed.
 *
 * The first endpoint of the locator is told which objects were looked up (WatchObj); what it names
 * is looked up again at once.  Where there is no such object, as on official platforms, look-ups
 * are repeated every refresh_ms as always.  Owner: the app.  Thread: the main loop.
 */
#ifndef CORE_RPC_LOOKOUT_H
#define CORE_RPC_LOOKOUT_H

#include "core/io/reactor.h"

struct tars_app;
struct tars_proxy;

struct lookout {
	struct tars_app *app;
	struct tars_proxy *to;        /* WatchObj; NULL: the first time is to come */
	struct tars_proxy *first;     /* that were looked up, by next_watched */
	struct tars_proxy *registry;  /* whose locator `to` is made of */
	struct timer timer;
	bool is_calling, is_stopped;
	bool is_well;                 /* the last call was answered */
};

void lookout_init(struct lookout *w, struct tars_app *app);
/* It was looked up, and the answer was no error. */
void lookout_add(struct lookout *w, struct tars_proxy *proxy);
void lookout_stop(struct lookout *w);

#endif
