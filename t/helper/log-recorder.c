/*
 * A log server under test: writes down each packet that it gets.
 *
 *	loggerbyInfo host=10.0.0.5 App.Server name=flow format=%Y%m%d set= flags=110 _ | type= lines=3
 *	> first line
 *
 * The file is called "recorded"; while there is one called "refuse", calls fail.
 */
#include <stdio.h>
#include <unistd.h>

#include "core/tars.h"
#include "if/LogF.h"

static void put_lines(FILE *f, const struct tars_string_list *lines)
{
	for (uint32_t i = 0; i < lines->n; i++)
		fprintf(f, "> %.*s", (int)lines->v[i].n, lines->v[i].p);
}

static FILE *begin(struct tars_req *rq)
{
	FILE *f = access("refuse", F_OK) ? fopen("recorded", "a") : NULL;

	if (!f)
		tars_fail(rq, 7, "refused");
	return f;
}

static int by_info(struct tars_req *rq, const struct tars_Log_loggerbyInfo_in *in,
		   struct tars_Log_loggerbyInfo_out *out)
{
	const struct tars_LogInfo *info = &in->info;
	FILE *f = begin(rq);

	(void)out;
	if (!f)
		return 7;
	fprintf(f, "loggerbyInfo host=%s %s.%s name=%s format=%s set=%s flags=%d%d%d %s %s type=%s "
		"lines=%u\n", tars_caller_host(rq), info->appname.p, info->servername.p,
		info->sFilename.p, info->sFormat.p, info->setdivision.p, info->bHasSufix,
		info->bHasAppNamePrefix, info->bHasSquareBracket, info->sConcatStr.p,
		info->sSepar.p, info->sLogType.p, in->buffer.n);
	put_lines(f, &in->buffer);
	fclose(f);
	return TARS_OK;
}

static int plain(struct tars_req *rq, const struct tars_Log_logger_in *in,
		 struct tars_Log_logger_out *out)
{
	FILE *f = begin(rq);

	(void)out;
	if (!f)
		return 7;
	fprintf(f, "logger host=%s app=%s server=%s file=%s format=%s lines=%u\n",
		tars_caller_host(rq), in->app.p, in->server.p, in->file.p, in->format.p,
		in->buffer.n);
	put_lines(f, &in->buffer);
	fclose(f);
	return TARS_OK;
}

static const struct tars_Log handlers = { .loggerbyInfo = by_info, .logger = plain };

int main(int argc, char **argv)
{
	static const struct tars_servant servants[] = {
		{ "tars.tarslog.LogObj", &tars_Log_iface, &handlers, TARS_RUN_POOL, NULL },
		{ 0 }
	};

	return tars_main(argc, argv, &(struct tars_service){ .servants = servants });
}
