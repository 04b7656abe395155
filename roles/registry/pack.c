/* MirrorContent <-> LZ4 block. */
#include "roles/registry/pack.h"

#include <lz4.h>

#include "proto/codec.h"

void pack_content(const struct tars_MirrorContent *content, struct buf *to,
		  struct tars_MirrorPacked *packed_r)
{
	struct buf plain = BUF_INIT;
	int room, n;

	codec_put_flat(&plain, &tars_MirrorContent_type, content, 0);
	room = LZ4_compressBound((int)buf_size(&plain));
	n = LZ4_compress_default((const char *)buf_head(&plain),
				 (char *)buf_reserve(to, (size_t)room), (int)buf_size(&plain), room);
	BUG_ON(n <= 0);
	packed_r->size = (int32_t)buf_size(&plain);
	packed_r->data = (struct tars_bytes){ buf_head(to) + buf_size(to), (uint32_t)n };
	to->len += (size_t)n;
	buf_release(&plain);
}

int unpack_content(const struct tars_MirrorPacked *packed, struct tars_MirrorContent *content_r,
		   struct arena *a, struct err *e)
{
	uint8_t *plain;
	int n;

	if (packed->size < 0 || packed->size > PACK_MAX || packed->data.n > PACK_MAX)
		return err_set(e, TARS_EPROTO, "%d bytes of routing data: at most %d are believed",
			       packed->size, PACK_MAX);
	plain = arena_alloc_raw(a, (size_t)packed->size + 1);
	n = LZ4_decompress_safe((const char *)packed->data.p, (char *)plain, (int)packed->data.n,
				packed->size);
	if (n != packed->size)
		return err_set(e, TARS_EPROTO, "routing data cannot be unpacked");
	return codec_get_flat(plain, (size_t)n, &tars_MirrorContent_type, content_r, a, e);
}
