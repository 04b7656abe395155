/* Routing data as a node reads it from whoever says that it is a registry: contents and changes. */
#include "proto/codec.h"
#include "roles/registry/pack.h"
#include "roles/registry/route.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The parts of a content; what cannot be read leaves the fleet as it can be used. */
static void apply(struct fleet *f, const struct tars_MirrorContent *c)
{
	for (uint32_t i = 0; i < c->servers.n; i++) {
		const struct tars_MirrorServer *s = &c->servers.v[i];

		if (s->rows.n)
			fleet_put_data(f, s->id, (uint8_t)s->state, s->rows.p, s->rows.n, NULL);
	}
	for (uint32_t i = 0; i < c->removed.n; i++)
		if (fleet_by_id(f, c->removed.v[i]))
			fleet_remove(f, fleet_by_id(f, c->removed.v[i]));
	if (c->base.n)
		fleet_put_base(f, c->base.p, c->base.n, NULL);
}

static void look_up(struct fleet *f, struct arena *a)
{
	struct route_answer ans;

	for (uint32_t i = 0; i < f->objects.n_slots; i++)
		for (struct dict_entry *e = f->objects.slots[i]; e; e = e->next) {
			route_in_group(f, e->key, TARS_STR("10.0.0.1"), a, &ans);
			route_in_set(f, e->key, TARS_STR("a.b.c"), TARS_STR("h"), a, &ans);
		}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tars_MirrorContent content = { 0 };
	struct tars_MirrorPacked packed = { .size = 4096, .data = { data, (uint32_t)size } };
	struct fleet *f = fleet_new();
	struct arena a;

	arena_init(&a, NULL, 0);
	/* As it comes, and as if it had been packed well. */
	if (unpack_content(&packed, &content, &a, NULL) == 0)
		apply(f, &content);
	content = (struct tars_MirrorContent){ 0 };
	if (codec_get_flat(data, size, &tars_MirrorContent_type, &content, &a, NULL) == 0)
		apply(f, &content);
	look_up(f, &a);
	fleet_free(f);
	arena_clear(&a);
	return 0;
}
