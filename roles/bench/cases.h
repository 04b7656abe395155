/*
 * The calls of a benchmark: cases in JSON, with values that are drawn, made into packets.
 *
 * A text that is "[1-100]" stands for a number of that range and "[a,b,c]" for one of these.  A case
 * that has any becomes as many packets as --variants says, each with values of its own; all of
 * them together stay below CASES_MAX_MEMORY.  Owner: the benchmark.  Thread: its main one.
 */
#ifndef ROLES_BENCH_CASES_H
#define ROLES_BENCH_CASES_H

#include <jansson.h>

#include "roles/bench/load.h"
#include "roles/remote.h"

enum { CASES_MAX_MEMORY = 256 << 20, CASES_MAX = 100000 };

struct cases {
	struct remote *remote;       /* types, wire form, arena */
	const char *servant;         /* "App.Server.Obj" */
	const char *func;            /* of lines that name none; NULL: each must */
	unsigned variants;
	bool literal;                /* nothing is drawn */
	struct load_packet *packets;
	uint32_t n, cap;
	size_t memory;
	uint64_t seed;               /* of what is drawn */
};

/* All of these give 0 or an exit status, and have said why then. */
int cases_add(struct cases *c, const char *func, const char *json, size_t n);
/* Lines "FUNC JSON", or "JSON" for the function given; empty ones and those with # are skipped. */
int cases_add_file(struct cases *c, const char *path);
/* A case of a type of its own; its packets call `func`. */
int cases_add_typed(struct cases *c, const char *func, const struct tars_type *in, json_t *json);
void cases_release(struct cases *c);

/* A case of the function with every member, to be edited. */
int cases_print_template(struct cases *c, const char *func, struct buf *b);

/* Is this text one that is drawn?  *min, *max: of a range; a choice leaves them. */
enum cases_draw { CASES_LITERAL, CASES_RANGE, CASES_CHOICE };
enum cases_draw cases_read_draw(const char *text, int64_t *min, int64_t *max);

#endif
