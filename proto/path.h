/*
 * Path to the place of an error, "info.list[3].name", collected while the error unwinds.
 *
 * So the good path pays nothing for names.  The text grows from the end of its room to the front;
 * what does not fit any more, at the outer end, is left out.  Owner: the call that unwinds.
 */
#ifndef PROTO_PATH_H
#define PROTO_PATH_H

#include "proto/err.h"
#include "proto/type.h"

struct path {
	unsigned pos;
	char text[240];
};

static inline void path_init(struct path *p)
{
	p->pos = sizeof(p->text);
}

/* Both put a step in front. */
void path_name(struct path *p, const char *name);
void path_index(struct path *p, uint32_t i);
/* Name of a field as users know it: the return value has none on the wire. */
const char *path_field(const struct tars_field *f);
/* Puts the path in front of the error's text and returns the code given. */
int path_wrap(const struct path *p, struct err *e, int code);

#endif
