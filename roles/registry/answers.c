/* Encoded answers of an object: a short list, as callers are of few classes. */
#include "roles/registry/answers.h"

#include <stdlib.h>

struct answer {
	struct answer *next;
	struct answer_class class;      /* its name is behind the bytes */
	uint32_t n;
	uint8_t data[];
};

static bool is_class(const struct answer_class *a, const struct answer_class *b)
{
	return a->kind == b->kind && a->group == b->group && str_is(a->name, b->name);
}

struct tars_bytes answer_find(const struct route_object *o, const struct answer_class *c)
{
	for (const struct answer *a = o->answers; a; a = a->next)
		if (is_class(&a->class, c))
			return (struct tars_bytes){ a->data, a->n };
	return (struct tars_bytes){ 0 };
}

void answer_keep(struct fleet *f, struct route_object *o, const struct answer_class *c,
		 const struct buf *encoded)
{
	size_t n = buf_size(encoded);
	struct answer *a;

	if (o->n_answers == ANSWERS_PER_OBJECT || c->name.n > ANSWERS_MAX_NAME ||
	    n > ANSWERS_MAX_BYTES / ANSWERS_PER_OBJECT)
		return;
	if (f->kept_bytes + n > ANSWERS_MAX_BYTES)
		fleet_forget_answers(f);
	a = xmalloc(sizeof(*a) + n + c->name.n);
	memcpy(a->data, buf_head(encoded), n);
	if (c->name.n)
		memcpy(a->data + n, c->name.p, c->name.n);
	a->n = (uint32_t)n;
	a->class = *c;
	a->class.name.p = (const char *)a->data + n;
	a->next = o->answers;
	o->answers = a;
	o->n_answers++;
	o->answer_bytes += n;
	f->kept_bytes += n;
}

void route_object_forget_answers(struct route_object *o)
{
	while (o->answers) {
		struct answer *a = o->answers;

		o->answers = a->next;
		free(a);
	}
	o->n_answers = 0;
	o->answer_bytes = 0;
}
