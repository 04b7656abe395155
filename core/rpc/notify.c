/* Events of a service for the notification centre. */
#include "core/rpc/notify.h"

#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/rpc/app_int.h"
#include "core/rpc/main_conf.h"
#include "if/NotifyF.h"

static struct tars_str str(const char *s)
{
	return (struct tars_str){ s ? s : "", s ? (uint32_t)strlen(s) : 0 };
}

void notify_report(struct tars_app *app, const char *text)
{
	const char *object = tars_config(app, "/tars/application/server<notify>", "");
	struct tars_Notify_reportNotifyInfo_in in;
	struct tars_req *rq;
	struct tars_call c;
	char thread[24];

	if (!*object || !app->service)
		return;
	snprintf(thread, sizeof(thread), "%ld", syscall(SYS_gettid));
	rq = tars_begin(app);
	c = (struct tars_call){ .to = tars_proxy(app, object), .rq = rq };
	in = (struct tars_Notify_reportNotifyInfo_in){ .info = {
		.eType = tars_ReportType_REPORT,
		.sApp = str(app->service->application), .sServer = str(app->service->server),
		.sSet = str(app->conf.set), .sMessage = str(text), .sThreadId = str(thread),
		.sNodeName = str(app->conf.node_name),
	} };
	tars_Notify_reportNotifyInfo_oneway(&c, &in);
	tars_end(rq);
}
