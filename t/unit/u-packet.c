/* Packet heads: bytes of the official SDKs, what may be missing, bodies written in place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto/packet.h"
#include "t/unit/data.h"
#include "t/unit/hex.h"

static struct arena arena;
static struct buf in = BUF_INIT, out = BUF_INIT;
static struct err err;

static int setup(void **state)
{
	(void)state;
	arena_init(&arena, NULL, 0);
	err_clear(&err);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	arena_clear(&arena);
	buf_release(&in);
	buf_release(&out);
	return 0;
}

#define OTHER_IDL ": the peer uses another IDL"
#define assert_bytes(b, text) assert_string_equal(hex_difference((b), (text)), "")
#define assert_text(s, text) do { \
	assert_int_equal((s).n, strlen(text)); \
	assert_memory_equal((s).p, text, strlen(text)); \
} while (0)

/* Without the four bytes of the length. */
static int get_request(const char *hex, struct request_packet *p)
{
	hex_read(&in, hex);
	memset(p, 0xa5, sizeof(*p));
	return packet_get_request(in.data, in.len, p, &arena, &err);
}

static int get_response(const char *hex, struct response_packet *p)
{
	hex_read(&in, hex);
	memset(p, 0xa5, sizeof(*p));
	return packet_get_response(in.data, in.len, p, &arena, &err);
}

static void check_request(const char *hex)
{
	struct request_packet p;
	size_t mark;

	assert_int_equal(get_request(hex + 8, &p), 0);
	packet_put_request(&out, &p);
	assert_bytes(&out, hex);
	buf_clear(&out);
	mark = packet_begin_request(&out, &p);
	buf_add(&out, p.body.p, p.body.n);
	packet_end_request(&out, mark, &p);
	assert_bytes(&out, hex);
	buf_clear(&out);
}

static void check_response(const char *hex)
{
	struct response_packet p;
	size_t mark;

	assert_int_equal(get_response(hex + 8, &p), 0);
	packet_put_response(&out, &p);
	assert_bytes(&out, hex);
	buf_clear(&out);
	mark = packet_begin_response(&out, &p);
	buf_add(&out, p.body.p, p.body.n);
	packet_end_response(&out, mark, &p);
	assert_bytes(&out, hex);
	buf_clear(&out);
}

/* The usual reply is the same by the short way. */
static void test_ok_is_a_response(void **state)
{
	static const int32_t ids[] = { 0, 1, 127, 128, -1, 40000, INT32_MAX, INT32_MIN };
	static const size_t guesses[] = { 0, 3, 200, 70000 };

	(void)state;
	for (size_t i = 0; i < sizeof(ids) / sizeof(*ids); i++)
		for (size_t g = 0; g < sizeof(guesses) / sizeof(*guesses); g++) {
			struct request_packet to = { .version = i % 2 ? VERSION_TARS : 2,
						     .request_id = ids[i],
						     .message_type = i % 3 ? 0 : MESSAGE_DYED };
			struct response_packet same = {
				.version = to.version, .request_id = to.request_id,
				.message_type = to.message_type,
				.body = { (const uint8_t *)"body", 4 },
			};
			struct buf expected = BUF_INIT;
			size_t mark = packet_begin_ok(&out, &to, guesses[g]);

			buf_add(&out, same.body.p, same.body.n);
			packet_end_ok(&out, mark);
			packet_put_response(&expected, &same);
			assert_int_equal(out.len, expected.len);
			assert_memory_equal(out.data, expected.data, out.len);
			buf_clear(&out);
			buf_release(&expected);
		}
}

static void test_official_vectors(void **state)
{
	struct data d;
	int rows = 0;

	(void)state;
	for (data_open(&d, "t/data/codec.tsv"); data_next(&d);) {
		if (!strcmp(d.field[0], "packet/request") || !strcmp(d.field[0], "tup"))
			check_request(d.field[3]);
		else if (!strcmp(d.field[0], "packet/response"))
			check_response(d.field[3]);
		else
			continue;
		rows++;
	}
	assert_int_equal(rows, 19);
}

static void test_request_values(void **state)
{
	struct request_packet p;

	(void)state;
	/* findObjectByIdInSameGroup by TarsGo */
	assert_int_equal(get_request("10012c3c4002561a "
			"746172732e7461727372656769737472792e51756572794f626a"
		"6619 66696e644f626a65637442794964496e53616d6547726f7570 7d00000b "
		"1605412e422e43290c390c"
		"810bb8 98000106096e6f64655f6e616d6516026e31 a80c", &p), 0);
	assert_true(p.version == VERSION_TARS && p.packet_type == PACKET_NORMAL);
	assert_true(p.message_type == 0 && p.request_id == 2 && p.timeout_ms == 3000);
	assert_text(p.servant, "tars.tarsregistry.QueryObj");
	assert_text(p.func, "findObjectByIdInSameGroup");
	assert_true(p.servant.p == (char *)in.data + 8);
	assert_int_equal(p.body.n, 11);
	assert_int_equal(p.context.n, 1);
	assert_string_equal(packet_map_find(&p.context, "node_name")->p, "n1");
	assert_null(packet_map_find(&p.context, "node_nam"));
	assert_null(packet_map_find(&p.context, "node_name2"));
	assert_null(packet_map_find(&p.status, "node_name"));
}

static void test_response_values(void **state)
{
	struct response_packet p;

	(void)state;
	/* TarsGo's error; context absent */
	assert_int_equal(get_response("10012c300350fd 6d000c780c8607 6e6f2066756e63", &p),
			TARS_EPROTO);
	assert_int_equal(get_response("10012c30034c50fd6d000c780c8607 6e6f2066756e63", &p), 0);
	assert_true(p.request_id == 3 && p.ret == TARS_ENOFUNC && !p.body.n && !p.context.n);
	assert_text(p.desc, "no func");
	/* TarsJava without status */
	assert_int_equal(get_response("10012c30034c5c6d00000107", &p), 0);
	assert_true(!p.status.n && !p.context.n && p.desc.n == 0 && p.desc.p && p.body.n == 1);
	/* duplicates stay as they came; the first is found */
	assert_int_equal(get_response("10012c30034c5c6d000c 780002 06016b 160131 06016b 160132",
			&p), 0);
	assert_int_equal(p.status.n, 2);
	assert_string_equal(packet_map_find(&p.status, "k")->p, "1");
}

/* Each required field of a request left out in turn. */
static void test_request_without(void **state)
{
	static const char *const fields[] = {
		"1001", "2c", "3c", "4001", "560141", "660142", "7d000c", "8c", "980c", "a80c",
	};
	static const char *const names[] = {
		"iVersion", "cPacketType", "iMessageType", "iRequestId", "sServantName",
		"sFuncName",
		"sBuffer", "iTimeout", "context", "status",
	};
	struct request_packet p;
	char hex[128], text[128];

	(void)state;
	for (size_t without = 0; without <= 10; without++) {
		*hex = '\0';
		for (size_t i = 0; i < 10; i++)
			if (i != without)
				strcat(hex, fields[i]);
		assert_int_equal(get_request(hex, &p), without < 10 ? TARS_EPROTO : 0);
		if (without == 10)
			break;
		snprintf(text, sizeof(text), "RequestPacket.%s: required, but the field with tag "
			 "%zu is missing", names[without], without + 1);
		assert_string_equal(err.text, text);
	}
}

static void test_bad_heads(void **state)
{
	static const struct {
		const char *hex, *error;
	} rows[] = {
		{ "", "RequestPacket.iVersion: required, but the field with tag 1 is missing" },
		{ "0b", "RequestPacket.iVersion: required, but the field with tag 1 is missing" },
		{ "1200000001", "RequestPacket.iVersion: expected short, found Int: the peer "
		  "uses another IDL" },
		{ "1001 2c 3c 43 0000000000000001",
		  "RequestPacket.iRequestId: expected int, found Long" OTHER_IDL },
		{ "1001 2c 3c 4c 5605 41", "RequestPacket.sServantName: a string of 5 bytes, but "
		  "only 1 follow" },
		{ "1001 2c 3c 4c 5600 6600 7d00 7f",
		  "RequestPacket.sBuffer: expected a size with tag 0, found tag 7" },
		{ "1001 2c 3c 4c 5600 6600 7d000c 8c 98 0002 0600 16",
		  "RequestPacket.context: size 2, but only 3 bytes follow" },
		{ "1001 2c 3c 4c 5600 6600 7d000c 8c 98 0001 0600 1001",
		  "RequestPacket.context[0]: expected a string, found Char" OTHER_IDL },
		{ "f0", "RequestPacket: the data ends in the middle of a value" },
		{ "0e", "RequestPacket: expected a value, found type 14" OTHER_IDL },
	};
	struct request_packet p;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		int rc = get_request(rows[i].hex, &p);

		assert_int_equal(rc, TARS_EPROTO);
		assert_string_equal(err.text, rows[i].error);
	}
	assert_int_equal(packet_get_request(in.data, 0, &p, &arena, NULL), TARS_EPROTO);
}

/* Seen from other SDKs: wide forms, a body as a list, unknown fields, fields out of order. */
static void test_tolerance(void **state)
{
	struct request_packet p;

	(void)state;
	assert_int_equal(get_request("0c 110001 2c 32 00000000 42 00000009 57 00000001 41 67 "
			"00000001 42"
		"79 02 00000002 0001 00ff 82 00000bb8 980c a80c bc c600 fc11", &p), 0);
	assert_true(p.version == 1 && p.request_id == 9 && p.timeout_ms == 3000);
	assert_text(p.func, "B");
	assert_true(p.body.n == 2 && p.body.p[1] == 0xff);
	assert_int_equal(get_request("1001 2c 4001 3c 560141 660142 7d000c 8c 980c a80c", &p),
			TARS_EPROTO);
	assert_string_equal(err.text, "RequestPacket.iMessageType: required, but the field with "
			    "tag 3 is missing");
}

static void test_error_response_has_text(void **state)
{
	struct response_packet p = { .version = 1, .request_id = 3, .ret = TARS_ENOFUNC };

	(void)state;
	packet_put_response(&out, &p); /* tag 8, though empty: TarsJava reads it as required */
	assert_bytes(&out, "00000013 1001 2c 3003 4c 50fd 6d000c 780c 8600");
}

/* A request and a response with a body of n bytes, at once and in place, where `guess` is expected. */
static void check_body(size_t n, size_t guess)
{
	struct request_packet request = { .version = 1, .func = TARS_STR("f") };
	struct response_packet response = { .version = 1, .ret = 5, .desc = TARS_STR("d") };
	uint8_t *body = xmalloc(n + 1);
	size_t mark;

	for (size_t i = 0; i < n; i++)
		body[i] = (uint8_t)(i * 7);
	buf_clear(&in);
	buf_add(&in, "earlier", 7);
	buf_release(&out);
	buf_add(&out, "consumed earlier", 16);
	buf_consume(&out, 9);
	request.body = response.body = (struct tars_bytes){ body, (uint32_t)n };
	packet_put_request(&in, &request);
	packet_put_response(&in, &response);
	request.body.n = response.body.n = (uint32_t)guess;
	mark = packet_begin_request(&out, &request);
	for (size_t i = 0; i < n; i++)
		buf_add_u8(&out, body[i]);
	packet_end_request(&out, mark, &request);
	mark = packet_begin_response(&out, &response);
	buf_add(&out, body, n);
	packet_end_response(&out, mark, &response);
	assert_int_equal(buf_size(&in), buf_size(&out));
	assert_memory_equal(buf_head(&in), buf_head(&out), buf_size(&in));
	free(body);
}

/* Bodies on both sides of each width of the size, behind other packets, with a growing buffer. */
static void test_bodies_in_place(void **state)
{
	static const size_t sizes[] = { 0, 1, 126, 127, 128, 129, 255, 32767, 32768, 70000 };
	enum { N = sizeof(sizes) / sizeof(*sizes) };

	(void)state;
	for (size_t i = 0; i < N; i++)
		for (size_t guess = 0; guess < N; guess++)
			check_body(sizes[i], sizes[guess]);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_official_vectors),
		TEST(test_ok_is_a_response),
		TEST(test_request_values),
		TEST(test_response_values),
		TEST(test_request_without),
		TEST(test_bad_heads),
		TEST(test_tolerance),
		TEST(test_error_response_has_text),
		TEST(test_bodies_in_place),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
