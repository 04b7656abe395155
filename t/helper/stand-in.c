/*
 * The platform as a node under test sees it: notes every call, gives prepared answers.
 *
 *	1234567 RegistryObj keepAlive 1 {"nodeName":"n1","load":{...}}
 *
 * A line in ./calls: milliseconds of a steady clock, object, function, packet kind (1: wants an
 * answer, 0: one-way), the arguments as JSON.
 *
 * ./answers/FUNC.TEXT.TEXT... holds the out parameters as JSON, of the call whose arguments begin
 * with these texts, as far as they are not empty; the most exact file counts.  A number instead:
 * the call fails with this code.  No file: everything is 0 and empty.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/rpc/req.h"
#include "core/sys/files.h"
#include "if/AdminReg.h"
#include "if/ConfigF.h"
#include "if/NotifyF.h"
#include "if/PropertyF.h"
#include "if/QueryF.h"
#include "if/RegistryF.h"
#include "if/StatF.h"
#include "proto/json.h"

enum { MAX_TEXTS = 8, MAX_ANSWER = 16 << 20 };

static void note(struct tars_req *rq, const char *object, const json_t *args)
{
	struct timespec now;
	FILE *f = fopen("calls", "a");
	char *text = json_dumps(args, JSON_COMPACT);

	clock_gettime(CLOCK_MONOTONIC, &now);
	if (!f || !text)
		abort();
	fprintf(f, "%lld %s %s %d %s\n", now.tv_sec * 1000LL + now.tv_nsec / 1000000,
		strrchr(object, '.') + 1, rq->func->name,
		rq->head.packet_type == PACKET_NORMAL, text);
	fclose(f);
	free(text);
}

/* The texts of the arguments, those of structs included. */
static void collect(json_t *value, const char **texts, size_t *n)
{
	const char *key;
	json_t *member;

	json_object_foreach(value, key, member) {
		if (json_is_object(member))
			collect(member, texts, n);
		else if (*n < MAX_TEXTS && json_string_length(member) &&
			 !strchr(json_string_value(member), '/'))
			texts[(*n)++] = json_string_value(member);
	}
}

/* NULL: nothing is prepared. */
static const char *prepared(struct tars_req *rq, json_t *args)
{
	const char *texts[MAX_TEXTS], *path, *text;
	size_t n = 0, size;

	collect(args, texts, &n);
	for (;; n--) {
		path = tars_strf(rq, "answers/%s", rq->func->name).p;
		for (size_t i = 0; i < n; i++)
			path = tars_strf(rq, "%s.%s", path, texts[i]).p;
		if (file_read(path, MAX_ANSWER, &rq->arena, &text, &size, NULL) == 0)
			return text;
		if (n == 0)
			return NULL;
	}
}

/* What is not said keeps its default. */
static int give(struct tars_req *rq, const char *text, void *out)
{
	struct err e = { 0 };
	json_t *json = json_loads(text, 0, NULL), *defaults = json_from_value(rq->func->out, out, &e);
	int rc = 0;

	if (!json || !defaults || json_object_update_missing(json, defaults) < 0 ||
	    json_to_value(json, rq->func->out, out, &rq->arena, &e) < 0) {
		fprintf(stderr, "answer to %s: %s\n", rq->func->name, e.text);
		rc = tars_fail(rq, TARS_EUNKNOWN, "%s", e.text);
	}
	json_decref(json);
	json_decref(defaults);
	return rc;
}

static int answer(struct tars_req *rq, const void *impl, int func, const void *in, void *out)
{
	struct err e = { 0 };
	json_t *args = json_from_value(rq->func->in, in, &e);
	const char *text;

	(void)func;
	if (!args)
		abort();
	note(rq, impl, args);
	text = prepared(rq, args);
	json_decref(args);
	if (!text)
		return TARS_OK;
	if (*text != '{')
		return tars_fail(rq, atoi(text), "prepared");
	return give(rq, text, out);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		const struct tars_iface *iface;
	} objects[] = {
		{ "tars.tarsregistry.QueryObj", &tars_QueryF_iface },
		{ "tars.tarsregistry.RegistryObj", &tars_Registry_iface },
		{ "tars.tarsAdminRegistry.AdminRegObj", &tars_AdminReg_iface },
		{ "tars.tarsconfig.ConfigObj", &tars_Config_iface },
		{ "tars.tarsnotify.NotifyObj", &tars_Notify_iface },
		{ "tars.tarsstat.StatObj", &tars_StatF_iface },
		{ "tars.tarsproperty.PropertyObj", &tars_PropertyF_iface },
	};
	enum { N = sizeof(objects) / sizeof(*objects) };
	struct tars_iface ifaces[N];
	struct tars_servant servants[N + 1] = { 0 };

	for (size_t i = 0; i < N; i++) {
		ifaces[i] = *objects[i].iface;
		ifaces[i].dispatch = answer;
		servants[i] = (struct tars_servant){ objects[i].name, &ifaces[i], objects[i].name,
						     TARS_RUN_INLINE, NULL };
	}
	return tars_main(argc, argv, &(struct tars_service){ .servants = servants });
}
