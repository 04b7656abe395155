/* Straight-line code and tables: the same values, errors and bytes, whatever the input. */
#include <string.h>

#include "proto/codec.h"
#include "proto/err.h"
#include "t/unit/tables-only.h"
#include "test/All.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static const struct tars_type *const structs[] = {
	&Test_Scalars_type, &Test_Containers_type, &Test_Tree_type, &Test_Words_type,
	&Test_Tree_list__type, &Second_User_type, &Test_Again_type, &Base_Point_type,
};

/* What one of the two made of the input. */
struct result {
	void *value;
	int rc;
	struct err e;
	struct buf bytes, all; /* encoded again, without and with defaults */
};

static void decode(struct result *r, const uint8_t *data, size_t n, const struct tars_type *t,
		   struct arena *a)
{
	memset(r, 0, sizeof(*r));
	r->value = arena_alloc(a, t->size);
	r->rc = codec_get_flat(data, n, t, r->value, a, &r->e);
	codec_put_flat(&r->bytes, t, r->value, 0);
	codec_put_flat(&r->all, t, r->value, CODEC_WRITE_DEFAULTS);
}

static bool is_same(const struct buf *a, const struct buf *b)
{
	return a->len == b->len && (!a->len || !memcmp(a->data, b->data, a->len));
}

static void try_type(const uint8_t *data, size_t n, const struct tars_type *t,
		     const struct tars_type *tables)
{
	struct result straight, walked;
	struct arena a;

	arena_init(&a, NULL, 0);
	decode(&straight, data, n, t, &a);
	decode(&walked, data, n, tables, &a);
	BUG_ON(straight.rc != walked.rc || strcmp(straight.e.text, walked.e.text));
	BUG_ON(tars_type_compare(t, straight.value, walked.value));
	BUG_ON(!is_same(&straight.bytes, &walked.bytes)); /* NaN and -0.0 are seen here */
	BUG_ON(!is_same(&straight.all, &walked.all));
	buf_release(&straight.bytes);
	buf_release(&straight.all);
	buf_release(&walked.bytes);
	buf_release(&walked.all);
	arena_clear(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static struct arena arena;
	static struct tables_only tables = { .arena = &arena };
	const struct tars_iface *iface = &Test_Words__iface;

	for (size_t i = 0; i < sizeof(structs) / sizeof(*structs); i++) {
		BUG_ON(!structs[i]->get || tables_only(&tables, structs[i])->get);
		try_type(data, n, structs[i], tables_only(&tables, structs[i]));
	}
	for (int i = 0; i < iface->n_funcs; i++) {
		const struct tars_func *f = &iface->funcs[i];

		try_type(data, n, f->in, tables_only(&tables, f->in));
		try_type(data, n, f->out, tables_only(&tables, f->out));
	}
	return 0;
}
