/* Reports: the heads and packets of an official server, row for row and byte for byte; cutting */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/rpc/report_int.h"
#include "proto/codec.h"
#include "t/unit/data.h"
#include "t/unit/hex.h"

static struct arena arena;

static int set_up(void **state)
{
	(void)state;
	arena_init(&arena, NULL, 0);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	arena_clear(&arena);
	return 0;
}

static void assert_text(struct tars_str s, const char *want)
{
	assert_int_equal(s.n, strlen(want));
	assert_memory_equal(s.p, want, s.n);
}

/* ---- recorded packets ---- */

static const char *dup(const char *text)
{
	return arena_strdup(&arena, text);
}

/* "App.Server" becomes an object again, as callers know it. */
static struct stat_row row_of(struct data *d)
{
	bool served = !strcmp(d->field[1], "server");
	struct report_names names = { .module = "tarsnode", .version = "3.0.20",
				      .node_name = served ? "" : dup(d->field[5]) };
	char *interval = d->field[11];
	struct stat_row row;

	if (served)
		row = report_served_row(&names, dup(d->field[2]), d->field[5], dup(d->field[4]),
					&arena);
	else
		row = report_called_row(&names, arena_strf(&arena, strchr(d->field[3], '.') ?
							   "%s.AnyObj" : "%s", d->field[3]),
					dup(d->field[4]), d->field[6], atoi(d->field[7]), "",
					&arena);
	row.body = (struct mic_body){
		.count = atoi(d->field[8]), .timeouts = atoi(d->field[9]),
		.failures = atoi(d->field[10]), .total_ms = atoi(d->field[12]),
		.max_ms = atoi(d->field[13]), .min_ms = atoi(d->field[14]),
	};
	for (unsigned i = 0; i < MIC_INTERVALS; i++)
		row.body.intervals[i] = atoi(strsep(&interval, ","));
	return row;
}

static void encode(struct buf *b, const struct stat_row *rows, uint32_t n)
{
	int func = tars_iface_find(&tars_StatF_iface, "reportMicMsg", strlen("reportMicMsg"));
	struct tars_StatF_reportMicMsg_in in;

	report_put_rows(&in, rows, n, &arena);
	codec_put_flat(b, tars_StatF_iface.funcs[func].in, &in, 0);
}

/* The next packet, which must be this one. */
static uint32_t assert_packet(const struct stat_row *rows, uint32_t n, const char *hex)
{
	uint32_t cut = report_cut_rows(rows, n, 1400);
	struct buf got = BUF_INIT, want = BUF_INIT;

	encode(&got, rows, cut);
	hex_read(&want, hex);
	assert_int_equal(buf_size(&got), buf_size(&want));
	assert_memory_equal(buf_head(&got), buf_head(&want), buf_size(&want));
	buf_release(&got);
	buf_release(&want);
	return cut;
}

static void test_recorded_packets(void **state)
{
	struct stat_row rows[64];
	uint32_t n = 0, at = 0, packets = 0;
	bool merged = false;
	struct data d;

	(void)state;
	data_open(&d, "t/data/stat-reports.tsv");
	while (data_next(&d)) {
		if (!strcmp(d.field[0], "row")) {
			assert_true(n < 64);
			rows[n++] = row_of(&d);
		} else if (!strcmp(d.field[0], "packet")) {
			if (!merged)
				assert_int_equal(report_merge_rows(rows, n), n);
			merged = true;
			at += assert_packet(rows + at, n - at, d.field[1]);
			packets++;
		} else {
			assert_int_equal(at, n);
			n = at = 0;
			merged = false;
		}
	}
	assert_int_equal(packets, 13);
}

/* ---- heads ---- */

static void test_names_with_sets(void **state)
{
	struct report_names names = { .module = "App.Server", .set = "n.a.1", .version = "1.0",
				      .node_name = "node" };
	struct stat_row row;

	(void)state;
	row = report_called_row(&names, "B.Other.SomeObj", "f", "10.0.0.1", 80, "m.b.*", &arena);
	assert_text(row.master, "App.Server.na1@1.0");
	assert_text(row.slave, "B.Other.mb*");
	assert_text(row.master_ip, "node");
	assert_text(row.slave_ip, "10.0.0.1");
	assert_text(row.set[0], "m");
	assert_text(row.set[1], "b");
	assert_text(row.set[2], "*");

	row = report_called_row(&names, "B.Other.SomeObj", "f", "10.0.0.1", 80, "", &arena);
	assert_text(row.slave, "B.Other");
	assert_text(row.set[0], "");
	row = report_called_row(&names, "Short", "f", "", 0, "*.b.1", &arena);
	assert_text(row.slave, "Short");

	row = report_served_row(&names, "stat_from_server", "10.0.0.9", "g", &arena);
	assert_text(row.master, "stat_from_server");
	assert_text(row.master_ip, "10.0.0.9");
	assert_text(row.slave, "App.Server.na1");
	assert_text(row.slave_ip, "");
	assert_text(row.set[2], "1");
	assert_int_equal(row.port, 0);
	assert_false(row.from_client);
}

static void test_sets(void **state)
{
	static const char *const bad[] = { NULL, "", "a", "a.b", "a.b.c.d", ".b.c", "a..c", "a.b.",
					   "*.b.c", "a.*.c" };
	struct tars_str parts[3];

	(void)state;
	for (unsigned i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		assert_false(report_set_parts(bad[i], parts));
		assert_int_equal(parts[0].n + parts[1].n + parts[2].n, 0);
	}
	assert_true(report_set_parts("a.b.*", parts));
	assert_text(parts[2], "*");
}

static void test_texts_are_trimmed_and_cut(void **state)
{
	char text[300];
	struct report_names names = { .module = text, .version = "1", .node_name = "" };
	struct stat_row row;

	(void)state;
	assert_text(report_trim("\r\tabc \t\r", 127), "abc ");
	assert_text(report_trim("\t\r", 127), "");
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	row = report_called_row(&names, text, text, text, 1, "", &arena);
	assert_int_equal(row.master.n, 127);
	assert_int_equal(row.slave.n, 127);
	assert_int_equal(row.func.n, 127);
	assert_int_equal(row.slave_ip.n, 50);
	row = report_served_row(&names, "k", text, text, &arena);
	assert_int_equal(row.master_ip.n, 50);
	assert_int_equal(row.slave.n, 127);
	assert_int_equal(row.func.n, 127);
}

/* ---- merging and cutting ---- */

static void test_equal_heads_become_one(void **state)
{
	struct report_names names = { .module = "A.B", .version = "1", .node_name = "" };
	struct stat_row rows[4];

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		rows[i] = report_called_row(&names, "C.D.Obj", i == 2 ? "g" : "f", "h", 1, "",
					    &arena);
		rows[i].body = (struct mic_body){ 0 };
		mic_add_ok(&rows[i].body, 10 + i, 1);
	}
	rows[3].from_client = false;
	assert_int_equal(report_merge_rows(rows, 4), 3);
	assert_false(rows[0].from_client);
	assert_text(rows[1].func, "f");
	assert_int_equal(rows[1].body.count, 2);
	assert_int_equal(rows[1].body.max_ms, 11);
	assert_int_equal(rows[1].body.min_ms, 10);
	assert_text(rows[2].func, "g");
	assert_int_equal(report_merge_rows(rows, 0), 0);
}

/* Whatever the rows are, no packet's arguments are larger than the limit, if it has two rows. */
static void test_cut_by_bytes(void **state)
{
	struct report_names names = { .module = "A.B", .version = "1", .node_name = "" };
	struct stat_row rows[40];
	uint32_t packets = 0;

	(void)state;
	for (unsigned i = 0; i < 40; i++) {
		char long_ip[64], name[128];

		memset(long_ip, 'i', sizeof(long_ip) - 1);
		long_ip[sizeof(long_ip) - 1] = '\0';
		memset(name, 'a' + (int)(i % 26), sizeof(name) - 1);
		name[i % 3 ? 2 : 127] = '\0';
		names.node_name = dup(long_ip);
		rows[i] = report_called_row(&names, "C.D.Obj", dup(name), long_ip, 65535, "x.y.z",
					    &arena);
		rows[i].body = (struct mic_body){
			.count = INT32_MAX, .timeouts = -1 - (int)i, .failures = 1 << 20,
			.total_ms = INT64_MAX, .max_ms = INT32_MAX, .min_ms = 1 << 17,
		};
		for (unsigned k = 0; k < MIC_INTERVALS; k++)
			rows[i].body.intervals[k] = INT32_MAX - (int)k;
	}
	for (uint32_t at = 0, cut; at < 40; at += cut, packets++) {
		struct buf b = BUF_INIT;

		cut = report_cut_rows(rows + at, 40 - at, 1400);
		assert_in_range(cut, 1, 40 - at);
		encode(&b, rows + at, cut);
		assert_in_range(buf_size(&b), 1, 1400);
		buf_release(&b);
	}
	assert_in_range(packets, 8, 39);
	/* One row is a packet, however small the limit. */
	assert_int_equal(report_cut_rows(rows, 40, 10), 1);
	/* Those that were served and those that were made do not mix. */
	rows[1].from_client = false;
	assert_int_equal(report_cut_rows(rows, 40, 100000), 1);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_recorded_packets, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_names_with_sets, set_up, tear_down),
		cmocka_unit_test(test_sets),
		cmocka_unit_test_setup_teardown(test_texts_are_trimmed_and_cut, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_equal_heads_become_one, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_cut_by_bytes, set_up, tear_down),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
