/* Captures: any segments in any order give packets, notes or nothing, in bounded memory. */
#include <stdio.h>

#include "roles/capture.h"
#include "roles/packets.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

struct seen {
	struct packets packets;
	struct buf text;
};

static void packet(void *ctx, const struct capture_place *place, const uint8_t *p, size_t n)
{
	const struct packets_place where = { place->connection, place->side };
	struct seen *seen = ctx;
	struct err e = { 0 };
	int rc;

	BUG_ON(!*place->from || !*place->to);
	BUG_ON(n < 5 || ((size_t)p[0] << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3]) != n);
	rc = packets_put(&seen->packets, &where, p, n, TREE_LINES, &seen->text, &e);
	BUG_ON(rc && !*e.text);
	BUG_ON(packets_put(&seen->packets, &where, p, n, TREE_JSON, &seen->text, NULL) != rc);
	BUG_ON(!rc && !packets_are_there(p, n));
	buf_clear(&seen->text);
}

static void note(void *ctx, const struct capture_place *place, const char *text)
{
	(void)ctx;
	BUG_ON(!*place->from || !*text);
}

/* A file of the packets that the data is cut into: a size in two bytes stands before each. */
static void write_file(struct buf *file, int link, const uint8_t *data, size_t n)
{
	const uint32_t head[] = { 0xa1b2c3d4, 2 | 4 << 16, 0, 0, 262144, (uint32_t)link };

	buf_add(file, head, sizeof(head));
	while (n > 2) {
		uint32_t size = (uint32_t)data[0] << 8 | data[1];
		uint32_t record[] = { 1, 2, size, size };

		if (size > n - 2)
			record[2] = size = (uint32_t)n - 2;
		buf_add(file, record, sizeof(record));
		buf_add(file, data + 2, size);
		data += 2 + size;
		n -= 2 + size;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const int links[] = { 1, 0, 101, 113, 276, 108, 147 };
	const struct idl_descs none = { 0 };
	struct seen seen = { .text = BUF_INIT };
	const struct capture_sink sink = { packet, note, &seen };
	struct buf file = BUF_INIT;
	struct err e = { 0 };
	int rc;

	if (!n)
		return 0;
	packets_init(&seen.packets, &none, NULL);
	write_file(&file, links[*data % (sizeof(links) / sizeof(*links))], data + 1, n - 1);
	rc = capture_read(fmemopen(file.data, file.len, "rb"), &sink, &e);
	BUG_ON(rc && !*e.text);
	packets_release(&seen.packets);
	buf_release(&seen.text);
	buf_release(&file);
	return 0;
}
