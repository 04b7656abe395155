/* Packets: any bytes give a head or a clean error; a head writes and reads back the same. */
#include "proto/packet.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum { LENGTH_SIZE = 4 };

static void try_request(const uint8_t *data, size_t n, struct arena *a)
{
	struct buf first = BUF_INIT, second = BUF_INIT;
	struct request_packet p;
	struct err e = { 0 };
	size_t mark;

	if (packet_get_request(data, n, &p, a, &e)) {
		BUG_ON(!e.code || !*e.text);
		return;
	}
	packet_put_request(&first, &p);
	BUG_ON(packet_get_request(first.data + LENGTH_SIZE, first.len - LENGTH_SIZE, &p, a, &e));
	mark = packet_begin_request(&second, &p);
	buf_add(&second, p.body.p, p.body.n);
	packet_end_request(&second, mark, &p);
	BUG_ON(first.len != second.len || memcmp(first.data, second.data, first.len));
	buf_release(&first);
	buf_release(&second);
}

static void try_response(const uint8_t *data, size_t n, struct arena *a)
{
	struct buf first = BUF_INIT, second = BUF_INIT;
	struct response_packet p;
	struct err e = { 0 };
	size_t mark;

	if (packet_get_response(data, n, &p, a, &e)) {
		BUG_ON(!e.code || !*e.text);
		return;
	}
	packet_put_response(&first, &p);
	BUG_ON(packet_get_response(first.data + LENGTH_SIZE, first.len - LENGTH_SIZE, &p, a, &e));
	mark = packet_begin_response(&second, &p);
	buf_add(&second, p.body.p, p.body.n);
	packet_end_response(&second, mark, &p);
	BUG_ON(first.len != second.len || memcmp(first.data, second.data, first.len));
	buf_release(&first);
	buf_release(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct arena a;

	arena_init(&a, NULL, 0);
	try_request(data, n, &a);
	try_response(data, n, &a);
	arena_clear(&a);
	return 0;
}
