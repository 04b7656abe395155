/*
 * Makes the look-ups of a .calls file and compares the answers.
 * usage: route-replay OBJECT@ENDPOINT FILE
 *
 * Line: function, id, station or set, node_name of the caller, ret, active, inactive; separated by
 * tabs.  Lists: endpoints joined by ';', their fields (see put_endpoint) by '|'.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/tars.h"
#include "if/QueryF.h"
#include "proto/buf.h"

enum { FIELDS = 7 };
enum field { FUNC, ID, ARG, NODE, RET, ACTIVE, INACTIVE };

static void put_endpoint(struct buf *b, const struct tars_EndpointF *e)
{
	buf_addf(b, "%d|%s|%d|%d|%d|%d|%s|%d|%d|%d|%d|%s", e->istcp, e->host.p, e->port, e->timeout,
		 e->groupworkid, e->grouprealid, e->setId.p, e->weight, e->weightType, e->authType,
		 e->bakFlag, e->nodeName.p);
}

static void put_list(struct buf *b, const struct tars_EndpointF_list *l)
{
	for (uint32_t i = 0; i < l->n; i++) {
		if (i)
			buf_add_str(b, ";");
		put_endpoint(b, &l->v[i]);
	}
}

static struct tars_str str_of(const char *s)
{
	return (struct tars_str){ s, (uint32_t)strlen(s) };
}

/* Appends "ret TAB active TAB inactive". */
#define LOOKUP(func, ...) \
	do { \
		struct tars_QueryF_##func##_in in = { .id = str_of(f[ID]), __VA_ARGS__ }; \
		struct tars_QueryF_##func##_out out; \
		rc = tars_QueryF_##func(c, &in, &out); \
		if (rc == 0) { \
			buf_addf(b, "%d\t", out.ret); \
			put_list(b, &out.activeEp); \
			buf_add_str(b, "\t"); \
			put_list(b, &out.inactiveEp); \
		} \
	} while (0)

static int look_up(struct tars_call *c, char *const *f, struct buf *b)
{
	int rc = TARS_EARG;

	if (!strcmp(f[FUNC], "findObjectById")) {
		struct tars_QueryF_findObjectById_in in = { .id = str_of(f[ID]) };
		struct tars_QueryF_findObjectById_out out;

		rc = tars_QueryF_findObjectById(c, &in, &out);
		buf_add_str(b, "0\t");
		if (rc == 0)
			put_list(b, &out.ret);
		buf_add_str(b, "\t");
	} else if (!strcmp(f[FUNC], "findObjectById4Any")) {
		LOOKUP(findObjectById4Any);
	} else if (!strcmp(f[FUNC], "findObjectById4All")) {
		LOOKUP(findObjectById4All);
	} else if (!strcmp(f[FUNC], "findObjectByIdInSameGroup")) {
		LOOKUP(findObjectByIdInSameGroup);
	} else if (!strcmp(f[FUNC], "findObjectByIdInSameStation")) {
		LOOKUP(findObjectByIdInSameStation, .sStation = str_of(f[ARG]));
	} else if (!strcmp(f[FUNC], "findObjectByIdInSameSet")) {
		LOOKUP(findObjectByIdInSameSet, .setId = str_of(f[ARG]));
	}
	return rc;
}

static bool replay(struct tars_app *app, struct tars_proxy *query, char **f)
{
	struct tars_req *rq = tars_begin(app);
	struct tars_string_string_pair node = { TARS_STR("node_name"), str_of(f[NODE]) };
	struct tars_string_string_map context = { &node, 1 };
	struct tars_call c = { .to = query, .rq = rq, .context = *f[NODE] ? &context : NULL };
	struct buf got = BUF_INIT, want = BUF_INIT;
	int rc = look_up(&c, f, &got);
	bool ok;

	buf_addf(&want, "%s\t%s\t%s", f[RET], f[ACTIVE], f[INACTIVE]);
	ok = rc == 0 && !strcmp(buf_str(&got), buf_str(&want));
	if (!ok)
		printf("%s %s '%s' from '%s':\n  want %s\n  got  %s (%d %s)\n", f[FUNC], f[ID],
		       f[ARG], f[NODE], buf_str(&want), buf_str(&got), rc, c.error ? c.error : "");
	buf_release(&got);
	buf_release(&want);
	tars_end(rq);
	return ok;
}

int main(int argc, char **argv)
{
	char error[512], *line = NULL;
	struct tars_proxy *query;
	struct tars_app *app;
	int calls = 0, wrong = 0;
	size_t room = 0;
	FILE *file;

	if (argc != 3 || !(file = fopen(argv[2], "r"))) {
		fprintf(stderr, "usage: route-replay OBJECT@ENDPOINT FILE\n");
		return 64;
	}
	app = tars_start(NULL, error, sizeof(error));
	if (!app) {
		fprintf(stderr, "%s\n", error);
		return 70;
	}
	query = tars_proxy(app, argv[1]);
	while (getline(&line, &room, file) > 0) {
		char *f[FIELDS], *rest = line;
		int n = 0;

		line[strcspn(line, "\n")] = 0;
		if (*line == '#')
			continue;
		while (n < FIELDS && rest)
			f[n++] = strsep(&rest, "\t");
		if (n != FIELDS) {
			fprintf(stderr, "bad line: %s\n", line);
			return 65;
		}
		calls++;
		wrong += !replay(app, query, f);
	}
	printf("%d look-ups, %d wrong\n", calls, wrong);
	tars_stop(app);
	free(line);
	fclose(file);
	return wrong || !calls;
}
