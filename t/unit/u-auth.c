/* Access keys: every recorded packet and verdict of the official SDK, and damaged packages. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto/auth.h"
#include "t/unit/data.h"
#include "t/unit/hex.h"

static struct data rows;
static const struct data *row = &rows;

static void rows_open(void)
{
	data_open(&rows, "t/data/auth.tsv");
}

/* The next row of this kind. */
static bool rows_next(const char *kind)
{
	while (data_next(&rows))
		if (!strcmp(row->field[0], kind))
			return true;
	return false;
}

static struct tars_str str_of(const char *s)
{
	return (struct tars_str){ s, (uint32_t)strlen(s) };
}

static struct auth_key key_of(char *const *field)
{
	return (struct auth_key){ .access_key = str_of(field[0]), .secret_key = str_of(field[1]),
				  .object = str_of(field[2]) };
}

static void assert_bytes(const struct buf *b, const char *hex)
{
	const char *difference = hex_difference(b, hex);

	if (!*difference)
		return;
	print_error("line %d: %s\n", row->line, difference);
	fail();
}

/* ---- the client's packet ---- */

static void test_requests(void **state)
{
	struct buf secret = BUF_INIT, b = BUF_INIT;
	int n = 0;

	(void)state;
	for (rows_open(); rows_next("request"); n++) {
		struct auth_key key = { .access_key = str_of(row->field[1]),
					.object = str_of(row->field[4]) };

		hex_read(&secret, row->field[2]);
		key.secret_key = (struct tars_str){ (const char *)buf_head(&secret),
						    (uint32_t)buf_size(&secret) };
		buf_clear(&b);
		auth_put_request(&b, &key, strtoll(row->field[3], NULL, 10));
		assert_bytes(&b, row->field[5]);
	}
	assert_int_equal(n, 29);
	buf_release(&secret);
	buf_release(&b);
}

/* ---- the server's verdict ---- */

static void test_verdicts(void **state)
{
	struct buf b = BUF_INIT;
	struct arena a;
	int n = 0;

	(void)state;
	arena_init(&a, NULL, 0);
	for (rows_open(); rows_next("verdict"); n++) {
		struct auth_key key = key_of(&row->field[3]);
		const char *want = row->field[7];
		int got;

		hex_read(&b, row->field[2]);
		got = auth_check(buf_head(&b), buf_size(&b), &key,
				 strtoll(row->field[6], NULL, 10), &a, NULL);
		arena_clear(&a);
		if (got == (*want == '-' && !want[1] ? AUTH_PROTO_ERR : atoi(want)))
			continue;
		print_error("%s: %d instead of %s\n", row->field[1], got, want);
		fail();
	}
	assert_int_equal(n, 23);
	buf_release(&b);
}

static void test_cipher(void **state)
{
	struct buf key = BUF_INIT, in = BUF_INIT, out = BUF_INIT;
	int n = 0;

	(void)state;
	for (rows_open(); rows_next("seal"); n++) {
		hex_read(&key, row->field[1]);
		hex_read(&in, row->field[2]);
		buf_clear(&out);
		auth_encrypt(&out, buf_head(&key), buf_head(&in), buf_size(&in));
		assert_bytes(&out, row->field[3]);
		buf_clear(&in);
		assert_true(auth_decrypt(&in, buf_head(&key), buf_head(&out), buf_size(&out)));
		assert_bytes(&in, row->field[2]);
	}
	for (rows_open(); rows_next("open"); n++) {
		hex_read(&key, row->field[1]);
		hex_read(&in, row->field[2]);
		buf_clear(&out);
		assert_int_equal(auth_decrypt(&out, buf_head(&key), buf_head(&in), buf_size(&in)),
				 *row->field[3] != '\0');
		assert_bytes(&out, row->field[3]);
	}
	assert_int_equal(n, 10);
	buf_release(&key);
	buf_release(&in);
	buf_release(&out);
}

/* ---- both, as they were recorded between an official client and an official server ---- */

/* The time that the client has signed. */
static int64_t time_of(const struct tars_bytes *body)
{
	struct err e;
	int64_t v = 0;
	struct cursor c = { body->p, body->p + body->n, &e };
	uint8_t tag, type;

	while (cursor_head(&c, &tag, &type) > 0 && tag < 3)
		assert_int_equal(cursor_skip(&c, type), 0);
	assert_int_equal(tag, 3);
	assert_int_equal(cursor_int(&c, type, &v), 0);
	return v;
}

static void replay_shake(struct arena *a)
{
	struct auth_key client = key_of(&row->field[2]), server = key_of(&row->field[5]);
	struct buf packet = BUF_INIT, ours = BUF_INIT;
	struct request_packet p;
	int64_t now = 0;
	struct err e;

	hex_read(&packet, row->field[8]);
	assert_int_equal(packet_get_request(buf_head(&packet) + 4, buf_size(&packet) - 4, &p, a, &e),
			 0);
	if (p.message_type == MESSAGE_AUTH) {
		now = time_of(&p.body);
		auth_put_request(&ours, &client, now);
		assert_bytes(&ours, row->field[8]);
		buf_clear(&ours);
	}
	if (!auth_check(p.body.p, p.body.n, &server, now, a, NULL))
		auth_put_reply(&ours, &p);
	assert_bytes(&ours, row->field[9]);
	buf_release(&packet);
	buf_release(&ours);
}

static void test_handshakes(void **state)
{
	struct arena a;
	int n = 0;

	(void)state;
	arena_init(&a, NULL, 0);
	for (rows_open(); rows_next("shake"); n++) {
		replay_shake(&a);
		arena_clear(&a);
	}
	assert_int_equal(n, 5);
}

static void test_reply(void **state)
{
	struct request_packet request = { .version = 1, .request_id = 1, .message_type = 64 };
	struct response_packet reply;
	struct buf b = BUF_INIT;
	struct arena a;
	struct err e;

	(void)state;
	arena_init(&a, NULL, 0);
	auth_put_reply(&b, &request);
	assert_int_equal(packet_get_response(buf_head(&b) + 4, buf_size(&b) - 4, &reply, &a, &e), 0);
	assert_true(auth_is_granted(&reply));
	reply.ret = -1;
	assert_false(auth_is_granted(&reply));
	reply.ret = 0;
	reply.body.n--;
	assert_false(auth_is_granted(&reply));
	buf_release(&b);
}

/* ---- limits ---- */

static struct auth_key good = { .object = { "A.B.C", 5 }, .access_key = { "ak", 2 },
				.secret_key = { "sk", 2 } };

/* A package as the client makes it; consumes nothing. */
static struct tars_bytes package(struct buf *b, struct arena *a, int64_t time_s)
{
	struct request_packet p;
	struct err e;

	buf_clear(b);
	auth_put_request(b, &good, time_s);
	assert_int_equal(packet_get_request(buf_head(b) + 4, buf_size(b) - 4, &p, a, &e), 0);
	return p.body;
}

static void test_times(void **state)
{
	static const struct { int64_t client, server; int state; } times[] = {
		{ 1000000, 1000000, AUTH_SUCC }, { 1000000, 1003599, AUTH_SUCC },
		{ 1000000, 1003600, AUTH_WRONG_TIME }, { 1003599, 1000000, AUTH_SUCC },
		{ 1003600, 1000000, AUTH_WRONG_TIME }, { INT64_MAX, 1000000, AUTH_WRONG_TIME },
		{ INT64_MIN, 1000000, AUTH_WRONG_TIME }, { -1, 5, AUTH_SUCC },
	};
	struct buf b = BUF_INIT;
	struct arena a;

	(void)state;
	arena_init(&a, NULL, 0);
	for (size_t i = 0; i < sizeof(times) / sizeof(*times); i++) {
		struct tars_bytes p = package(&b, &a, times[i].client);

		assert_int_equal(auth_check(p.p, p.n, &good, times[i].server, &a, NULL),
				 times[i].state);
	}
	arena_clear(&a);
	buf_release(&b);
}

/* Each bit of the package counts, but for some of the time: the official key is made of it by "or",
 * which does not tell all times apart. */
static void test_damage(void **state)
{
	struct buf b = BUF_INIT, copy = BUF_INIT;
	struct tars_bytes p;
	struct arena a;

	(void)state;
	arena_init(&a, NULL, 0);
	p = package(&b, &a, 1700000000);
	for (uint32_t bit = 0; bit < p.n * 8; bit++) {
		bool is_time = bit / 8 >= 12 && bit / 8 < 16;

		if (is_time)
			continue;
		buf_clear(&copy);
		buf_add(&copy, p.p, p.n);
		copy.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_not_equal(auth_check(copy.data, p.n, &good, 1700000000, &a, NULL),
				     AUTH_SUCC);
	}
	for (uint32_t n = 0; n < p.n; n++)
		assert_int_not_equal(auth_check(p.p, n, &good, 1700000000, &a, NULL), AUTH_SUCC);
	arena_clear(&a);
	buf_release(&b);
	buf_release(&copy);
}

static void test_any_object(void **state)
{
	struct auth_key any = good;
	struct tars_str object;
	struct buf b = BUF_INIT;
	struct tars_bytes p;
	struct arena a;

	(void)state;
	arena_init(&a, NULL, 0);
	any.object = TARS_STR("");
	p = package(&b, &a, 5000);
	assert_int_equal(auth_check(p.p, p.n, &any, 5000, &a, &object), AUTH_SUCC);
	assert_int_equal(object.n, 5);
	assert_memory_equal(object.p, "A.B.C", 5);
	arena_clear(&a);
	buf_release(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_requests),
		cmocka_unit_test(test_verdicts),
		cmocka_unit_test(test_cipher),
		cmocka_unit_test(test_handshakes),
		cmocka_unit_test(test_reply),
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_damage),
		cmocka_unit_test(test_any_object),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("auth", tests, NULL, NULL);
}
