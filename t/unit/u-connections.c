/* Captured connections: bounds of what is kept of them, and what is given up first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "proto/buf.h"
#include "roles/connections.h"
#include "roles/stream.h"

/* The smallest packet of a request that a search finds. */
static const uint8_t packet[] = { 0, 0, 0, 10, 0x10, 1, 0x2c, 0x3c, 0x40, 1 };

static unsigned packets, notes;
static char last_note[120], last_from[CAPTURE_TEXT_SIZE];
static struct connections *connections;

static void on_packet(void *ctx, const struct capture_place *place, const uint8_t *p, size_t n)
{
	(void)ctx;
	assert_int_equal(n, sizeof(packet));
	assert_memory_equal(p, packet, n);
	assert_true(place->side == 0 || place->side == 1);
	packets++;
}

static void on_note(void *ctx, const struct capture_place *place, const char *text)
{
	(void)ctx;
	snprintf(last_note, sizeof(last_note), "%s", text);
	snprintf(last_from, sizeof(last_from), "%s", place->from);
	notes++;
}

static const struct capture_sink sink = { on_packet, on_note, NULL };

static int setup(void **state)
{
	(void)state;
	packets = notes = 0;
	connections = connections_new(&sink);
	return 0;
}

/* A segment from 10.0.x.y, where client is x * 256 + y. */
static void send_at(unsigned client, uint32_t seq, uint8_t flags, const void *p, size_t n)
{
	uint8_t ip[40 + sizeof(packet)] = {
		0x45, 0, 0, (uint8_t)(40 + n), [9] = 6, [12] = 10, 0, (uint8_t)(client >> 8), (uint8_t)client,
		192, 168, 0, 1, 1, 0, 2, 0, (uint8_t)(seq >> 24), (uint8_t)(seq >> 16), (uint8_t)(seq >> 8),
		(uint8_t)seq, [32] = 0x50, flags,
	};

	assert_in_range(n, 0, sizeof(packet));
	memcpy(ip + 40, p, n);
	connections_add(connections, 1, ip, 40 + n);
}

static void test_many_connections(void **state)
{
	enum { MORE = 5 };

	(void)state;
	for (unsigned i = 0; i < CAPTURE_MAX_CONNECTIONS + MORE; i++) {
		send_at(i, 0, 2, "", 0);
		send_at(i, 1, 16, packet, 4);
		if (i == CAPTURE_MAX_CONNECTIONS - 1)
			send_at(0, 5, 16, packet + 4, 3); /* not idle: the next ones go */
	}
	assert_int_equal(notes, MORE);
	assert_string_equal(last_note, "4 bytes at the end are only the beginning of a packet");
	assert_string_equal(last_from, "10.0.0.5:256");
	send_at(0, 8, 16, packet + 7, 3);
	assert_int_equal(packets, 1);
	connections_free(connections);
	assert_int_equal(notes, CAPTURE_MAX_CONNECTIONS + MORE - 1);
}

static void test_end_of_connections(void **state)
{
	(void)state;
	send_at(7, 0, 2, "", 0);
	send_at(7, 1, 16, packet, 4);
	send_at(7, 5, 4, "", 0); /* RST */
	assert_int_equal(notes, 1);
	/* The same ends again, from other numbers; what comes late of the old ones is not mixed in. */
	send_at(7, 1000000, 2, "", 0);
	send_at(7, 1000001, 16, packet, sizeof(packet));
	assert_int_equal(packets, 1);
	/* And without an end of the connection before. */
	send_at(7, 1000011, 16, packet, 3);
	send_at(7, 50, 2, "", 0);
	assert_int_equal(notes, 2);
	send_at(7, 51, 16, packet, sizeof(packet));
	assert_int_equal(packets, 2);
	connections_free(connections);
	assert_int_equal(notes, 2);
}

/* More and more waits for bytes that never come. */
static void test_gap_that_is_given_up(void **state)
{
	uint32_t seq = 1;

	(void)state;
	send_at(7, 0, 2, "", 0);
	send_at(7, seq, 16, packet, sizeof(packet));
	seq += sizeof(packet) + 25;
	for (unsigned i = 0; i < STREAM_MAX_LATE; i++, seq += sizeof(packet))
		send_at(7, seq, 16, packet, sizeof(packet));
	assert_int_equal(packets, 1);
	send_at(7, seq, 16, packet, sizeof(packet));
	assert_int_equal(packets, 1 + STREAM_MAX_LATE + 1);
	assert_int_equal(notes, 1);
	assert_string_equal(last_note, "25 bytes are missing in the capture");
	connections_free(connections);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_many_connections, setup),
		cmocka_unit_test_setup(test_end_of_connections, setup),
		cmocka_unit_test_setup(test_gap_that_is_given_up, setup),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
