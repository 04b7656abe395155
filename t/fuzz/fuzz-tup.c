/* TUP: any body gives parameters or a clean error; what was read can be written and read again. */
#include "proto/tup.h"
#include "t/unit/interop-types.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void try_type(const uint8_t *data, size_t n, const struct tars_type *t)
{
	union { struct Containers c; struct Opt o; } value, again;
	struct buf out = BUF_INIT;
	struct err e = { 0 };
	struct arena a;
	int rc;

	arena_init(&a, NULL, 0);
	rc = tup_get(data, n, t, &value, &a, &e);
	BUG_ON(rc && (rc != e.code || !*e.text));
	tup_put(&out, t, &value, true);
	BUG_ON(tup_get(out.data, out.len, t, &again, &a, &e));
	buf_release(&out);
	arena_clear(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	for (size_t i = 0; i < sizeof(interop_structs) / sizeof(*interop_structs); i++)
		try_type(data, n, interop_structs[i]);
	return 0;
}
