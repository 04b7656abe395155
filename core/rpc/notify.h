/*
 * Events of a service for the notification centre: Notify.reportNotifyInfo (contract 3.11).
 *
 * One-way and best effort: an event that cannot be sent is lost, as with official SDKs.
 */
#ifndef CORE_RPC_NOTIFY_H
#define CORE_RPC_NOTIFY_H

#include "core/tars.h"

/* An event of the framework, "restart".  The object is /tars/application/server<notify>; nothing
 * is sent without one.  Thread: any. */
void notify_report(struct tars_app *app, const char *text);

#endif
