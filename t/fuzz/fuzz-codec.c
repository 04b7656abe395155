/* Codec: any bytes decode or fail cleanly, and what decodes is stable under encode and decode. */
#include <stdlib.h>

#include "proto/codec.h"
#include "t/unit/interop-types.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* Input that is kept gives the same value. */
static void try_kept(const uint8_t *data, size_t n, const struct tars_type *t, int expected,
		     const struct buf *written)
{
	uint8_t *own = xmalloc(n + 1);
	union { struct Containers c; struct Opt o; } value;
	struct buf again = BUF_INIT;
	struct arena a;

	if (n)
		memcpy(own, data, n);
	arena_init(&a, NULL, 0);
	BUG_ON(codec_get_kept(own, n, t, &value, &a, NULL) != expected);
	codec_put_flat(&again, t, &value, 0);
	BUG_ON(again.len != written->len ||
	       (again.len && memcmp(again.data, written->data, again.len)));
	buf_release(&again);
	arena_clear(&a);
	free(own);
}

static void try_type(const uint8_t *data, size_t n, const struct tars_type *t)
{
	struct arena a;
	struct buf first = BUF_INIT, second = BUF_INIT;
	union { struct Containers c; struct Opt o; } value, again;
	struct err e = { 0 };
	int rc;

	arena_init(&a, NULL, 0);
	rc = codec_get_flat(data, n, t, &value, &a, &e);
	BUG_ON(rc && (rc != e.code || !*e.text));
	/* After an error the value is all defaults, so it can be written in any case. */
	codec_put_flat(&first, t, &value, 0);
	try_kept(data, n, t, rc, &first);
	BUG_ON(codec_get_flat(first.data, first.len, t, &again, &a, &e));
	codec_put_flat(&second, t, &again, 0);
	/* By bytes, as NaN may hold anything and -0.0 is left out. */
	BUG_ON(first.len != second.len || (first.len && memcmp(first.data, second.data,
			first.len)));
	buf_clear(&first);
	codec_put_flat(&first, t, &value, CODEC_WRITE_DEFAULTS);
	BUG_ON(codec_get_flat(first.data, first.len, t, &again, &a, &e));
	buf_release(&first);
	buf_release(&second);
	arena_clear(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct cursor c = { data, data + n, NULL };
	uint8_t tag, type;

	for (size_t i = 0; i < sizeof(interop_structs) / sizeof(*interop_structs); i++)
		try_type(data, n, interop_structs[i]);
	while (n && cursor_head(&c, &tag, &type) > 0 && !cursor_skip(&c, type))
		;
	return 0;
}
