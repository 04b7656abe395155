/*
 * Answers to look-ups as they were encoded, kept with their object until it changes.
 *
 * All callers of one class get the same bytes, so all but the first cost a copy.  An object keeps few
 * answers, a fleet a bounded number of bytes: beyond that it begins anew.
 * Owner: the object.  Thread: the fleet's.
 */
#ifndef ROLES_REGISTRY_ANSWERS_H
#define ROLES_REGISTRY_ANSWERS_H

#include "proto/buf.h"
#include "roles/registry/route.h"

enum {
	ANSWERS_PER_OBJECT = 16,
	ANSWERS_MAX_NAME = 128,
	ANSWERS_MAX_BYTES = 64 << 20,   /* of a fleet */
};

/* Functions whose results are encoded alike, if the rest of the class is the same. */
enum answer_kind { ANSWER_ACTIVE, ANSWER_ANY, ANSWER_GROUP, ANSWER_STATION, ANSWER_SET };

struct answer_class {
	enum answer_kind kind;
	int32_t group;          /* of the caller's host, where it matters */
	struct tars_str name;   /* of the station or set */
};

/* Until the fleet changes; p is NULL: not kept. */
struct tars_bytes answer_find(const struct route_object *o, const struct answer_class *c);
/* Copies. */
void answer_keep(struct fleet *f, struct route_object *o, const struct answer_class *c,
		 const struct buf *encoded);

#endif
