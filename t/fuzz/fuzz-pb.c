/* Protobuf: any bytes give a value or a clean error; a value comes back equal from its bytes. */
#include "proto/pb.h"
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
	rc = pb_get(data, n, t, &value, &a, &e);
	BUG_ON(rc && (rc != e.code || !*e.text));
	rc = pb_put(&out, t, &value, &e);
	/* What came may have text that must not go out, or be too deep for its own messages. */
	BUG_ON(rc && !strstr(e.text, "UTF-8"));
	if (!rc) {
		rc = pb_get(buf_head(&out), buf_size(&out), t, &again, &a, &e);
		/* Packed numbers are shorter than those that came one by one. */
		BUG_ON(rc && !strstr(e.text, "proportion"));
		BUG_ON(!rc && tars_type_compare(t, &value, &again));
	}
	buf_release(&out);
	arena_clear(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	for (size_t i = 0; i < sizeof(interop_structs) / sizeof(*interop_structs); i++)
		try_type(data, n, interop_structs[i]);
	return 0;
}
