/*
 * The platform's objects that services report to, under test: writes down what they are told.
 *
 *	reportMicMsg 1 10.0.0.5 {"msg":[...],"bFromClient":true}
 *
 * A line in ./reported is: function, iVersion-independent packet kind (1: wants an answer, 0:
 * one-way), the caller's host, the arguments as JSON.  ConfigObj gives the file
 * ./center/<app>.<server>.<file>; without one it answers as the official one does: nothing.  While
 * there is a file ./refuse, reports fail.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/rpc/req.h"
#include "if/ConfigF.h"
#include "if/NotifyF.h"
#include "if/PropertyF.h"
#include "if/StatF.h"
#include "proto/json.h"

static int record(struct tars_req *rq, const void *in)
{
	FILE *f = fopen("reported", "a");
	struct buf json = BUF_INIT;
	struct err e;

	if (!f || json_put(&json, rq->func->in, in, JSON_COMPACT, &e) < 0)
		abort();
	fprintf(f, "%s %d %s %s\n", rq->func->name, rq->head.packet_type == PACKET_NORMAL,
		tars_caller_host(rq), buf_str(&json));
	fclose(f);
	buf_release(&json);
	return access("refuse", F_OK) ? TARS_OK : tars_fail(rq, TARS_EUNKNOWN, "refused");
}

static int mic(struct tars_req *rq, const struct tars_StatF_reportMicMsg_in *in,
	       struct tars_StatF_reportMicMsg_out *out)
{
	(void)out;
	return record(rq, in);
}

static int samples(struct tars_req *rq, const struct tars_StatF_reportSampleMsg_in *in,
		   struct tars_StatF_reportSampleMsg_out *out)
{
	(void)out;
	return record(rq, in);
}

static int prop(struct tars_req *rq, const struct tars_PropertyF_reportPropMsg_in *in,
		struct tars_PropertyF_reportPropMsg_out *out)
{
	(void)out;
	return record(rq, in);
}

static int event(struct tars_req *rq, const struct tars_Notify_reportNotifyInfo_in *in,
		 struct tars_Notify_reportNotifyInfo_out *out)
{
	(void)out;
	return record(rq, in);
}

static struct tars_str center_file(struct tars_req *rq, const char *app, const char *server,
				   const char *file)
{
	FILE *f = fopen(tars_strf(rq, "center/%s.%s.%s", app, server, file).p, "r");
	char text[4096];
	size_t n;

	if (!f)
		return TARS_STR("");
	n = fread(text, 1, sizeof(text), f);
	fclose(f);
	return tars_strndup(rq, text, n);
}

static int by_name(struct tars_req *rq, const struct tars_Config_loadConfig_in *in,
		   struct tars_Config_loadConfig_out *out)
{
	out->config = center_file(rq, in->app.p, in->server.p, in->filename.p);
	return record(rq, in);
}

static int by_info(struct tars_req *rq, const struct tars_Config_loadConfigByInfo_in *in,
		   struct tars_Config_loadConfigByInfo_out *out)
{
	out->config = center_file(rq, in->configInfo.appname.p, in->configInfo.servername.p,
				  in->configInfo.filename.p);
	return record(rq, in);
}

int main(int argc, char **argv)
{
	static const struct tars_StatF stat = { .reportMicMsg = mic,
						   .reportSampleMsg = samples };
	static const struct tars_PropertyF property = { .reportPropMsg = prop };
	static const struct tars_Notify notify = { .reportNotifyInfo = event };
	static const struct tars_Config config = { .loadConfig = by_name,
						   .loadConfigByInfo = by_info };
	static const struct tars_servant servants[] = {
		{ "tars.tarsstat.StatObj", &tars_StatF_iface, &stat, TARS_RUN_POOL, NULL },
		{ "tars.tarsproperty.PropertyObj", &tars_PropertyF_iface, &property, TARS_RUN_POOL,
		  NULL },
		{ "tars.tarsnotify.NotifyObj", &tars_Notify_iface, &notify, TARS_RUN_POOL, NULL },
		{ "tars.tarsconfig.ConfigObj", &tars_Config_iface, &config, TARS_RUN_POOL, NULL },
		{ 0 }
	};

	return tars_main(argc, argv, &(struct tars_service){ .servants = servants });
}
