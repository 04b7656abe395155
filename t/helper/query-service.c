/*
 * A registry under test: answers look-ups from the file ./routes, and writes them down in ./asked.
 *
 *	group - tcp -h 127.0.0.1 -p 4000 -v 1 -w 10:tcp -h 127.0.0.1 -p 4001
 *	set name.area.1 tcp -h 127.0.0.1 -p 4002
 *	station south tcp -h 127.0.0.1 -p 4003
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/rpc/req.h"
#include "if/QueryF.h"
#include "proto/endpoint.h"

static void add(struct tars_req *rq, struct tars_EndpointF_list *to, const char *text)
{
	struct endpoint_list list;
	struct err e;

	if (endpoint_list_parse(text, strlen(text), &list, &rq->arena, &e)) {
		fprintf(stderr, "query-service: %s\n", e.text);
		abort();
	}
	for (uint32_t i = 0; i < list.n; i++) {
		const struct endpoint *ep = &list.v[i];
		struct tars_EndpointF *f = TARS_PUSH(rq, to);

		f->host = tars_strf(rq, "%s", ep->host);
		f->port = ep->port;
		f->timeout = ep->timeout_ms;
		f->istcp = ep->type;
		f->weight = ep->weight;
		f->weightType = (int32_t)ep->weight_type;
		f->setId = f->nodeName = TARS_STR("");
	}
}

static void look_up(struct tars_req *rq, const char *kind, const char *arg,
		    struct tars_EndpointF_list *to)
{
	FILE *asked = fopen("asked", "a"), *routes = fopen("routes", "r");
	char line[4096], k[16], a[64];
	int at;

	if (!asked)
		abort();
	fprintf(asked, "%s %s\n", kind, arg);
	fclose(asked);
	while (routes && fgets(line, sizeof(line), routes))
		if (sscanf(line, "%15s %63s %n", k, a, &at) == 2 && !strcmp(k, kind) &&
		    !strcmp(a, arg)) {
			line[strcspn(line, "\n")] = '\0';
			add(rq, to, line + at);
		}
	if (routes)
		fclose(routes);
}

static int by_group(struct tars_req *rq, const struct tars_QueryF_findObjectByIdInSameGroup_in *in,
		    struct tars_QueryF_findObjectByIdInSameGroup_out *out)
{
	(void)in;
	look_up(rq, "group", "-", &out->activeEp);
	return TARS_OK;
}

static int by_set(struct tars_req *rq, const struct tars_QueryF_findObjectByIdInSameSet_in *in,
		  struct tars_QueryF_findObjectByIdInSameSet_out *out)
{
	look_up(rq, "set", in->setId.p, &out->activeEp);
	return TARS_OK;
}

static int by_station(struct tars_req *rq,
		      const struct tars_QueryF_findObjectByIdInSameStation_in *in,
		      struct tars_QueryF_findObjectByIdInSameStation_out *out)
{
	look_up(rq, "station", in->sStation.p, &out->activeEp);
	return TARS_OK;
}

int main(int argc, char **argv)
{
	static const struct tars_QueryF query = {
		.findObjectByIdInSameGroup = by_group, .findObjectByIdInSameSet = by_set,
		.findObjectByIdInSameStation = by_station,
	};
	static const struct tars_servant servants[] = {
		{ "tars.tarsregistry.QueryObj", &tars_QueryF_iface, &query, TARS_RUN_POOL, NULL },
		{ 0 }
	};

	return tars_main(argc, argv, &(struct tars_service){ .servants = servants });
}
