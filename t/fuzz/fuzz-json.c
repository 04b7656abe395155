/* JSON: any text gives a value or a clean error; a value survives text and comes back equal. */
#include "proto/json.h"
#include "t/unit/interop-types.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void try_type(const char *text, size_t n, const struct tars_type *t)
{
	union { struct Containers c; struct Opt o; } value, again;
	struct buf out = BUF_INIT;
	struct err e = { 0 };
	struct arena a;
	int rc;

	arena_init(&a, NULL, 0);
	rc = json_get(text, n, t, &value, &a, &e);
	BUG_ON(rc && (rc != e.code || !*e.text));
	/* JSON cannot give NaN or bad UTF-8, so writing cannot fail. */
	BUG_ON(json_put(&out, t, &value, JSON_COMPACT, &e));
	rc = json_get((char *)out.data, out.len, t, &again, &a, &e);
	/* A map whose keys were spelled twice comes back without the first of them. */
	BUG_ON(rc && !strstr(e.text, "proportion"));
	if (!rc) {
		out.len = 0;
		BUG_ON(json_put(&out, t, &again, JSON_INDENT(2), &e));
	}
	json_get_params(text, n, t, &again, &a, NULL);
	buf_release(&out);
	arena_clear(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	for (size_t i = 0; i < sizeof(interop_structs) / sizeof(*interop_structs); i++)
		try_type((const char *)data, n, interop_structs[i]);
	return 0;
}
