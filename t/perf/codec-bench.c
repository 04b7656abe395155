/* What the codec costs: CPU time of each operation, in alternating rounds with protobuf. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "codec-bench.h"
#include "proto/packet.h"
#include "t/unit/tables-only.h"

enum { BLOCK_SIZE = 512 << 10, N_NUMBERS = 100, N_TEXTS = 20, N_ITEMS = 1000, MAX_ROUNDS = 101 };

static char block[BLOCK_SIZE] __attribute__((aligned(16)));
static struct samples samples;
static struct buf out = BUF_INIT, encoded[N_MESSAGES], packet[2];
static union { struct Perf_Small s; struct Perf_Medium m; struct Perf_Large l; } decoded;

static struct {
	const char *name;
	const struct tars_type *type, *tables; /* with straight-line code, and without */
	const void *value;
} messages[N_MESSAGES] = {
	[SMALL] = { .name = "small", .type = &Perf_Small_type, .value = &samples.small },
	[MEDIUM] = { .name = "medium", .type = &Perf_Medium_type, .value = &samples.medium },
	[LARGE] = { .name = "large", .type = &Perf_Large_type, .value = &samples.large },
};

/* ---- values ---- */

static void *get_block(size_t n)
{
	void *p = calloc(1, n);

	BUG_ON(!p);
	return p;
}

static struct Perf_Small small(int32_t id)
{
	return (struct Perf_Small){ id, 3, 2000, 3000000, 1700000000, TARS_STR("sixteen bytes ok") };
}

static struct tars_str text(const char *fmt, int i)
{
	char *p = get_block(64);

	return (struct tars_str){ p, (uint32_t)snprintf(p, 64, fmt, i) };
}

static void make_medium(struct Perf_Medium *m)
{
	static const uint8_t digest[20] = "twenty bytes of hash";

	*m = (struct Perf_Medium){
		.id = 5000000000, .active = true, .kind = 7, .level = 300, .score = 70000,
		.name = TARS_STR("somebody with a name"), .retries = 5, .port = 18600,
		.address = 3232235777, .ratio = 0.75f, .mean = 1234.5678,
		.host = TARS_STR("host-17.example.net"), .created = 1700000000123,
		.changed = 1700000000456, .width = 1920, .height = 1080, .hidden = true,
		.comment = TARS_STR("a comment with some length"), .weight = 0.001,
		.digest = { digest, sizeof(digest) },
		.numbers = { get_block(N_NUMBERS * sizeof(int32_t)), N_NUMBERS },
		.texts = { get_block(N_TEXTS * sizeof(*m->texts.v)), N_TEXTS },
	};
	for (int i = 0; i < N_NUMBERS; i++)
		m->numbers.v[i] = i * 7;
	for (int i = 0; i < N_TEXTS; i++) {
		m->texts.v[i].key = text("key-%02d", i);
		m->texts.v[i].val = text("value number %02d ok", i);
	}
}

static void make_samples(void)
{
	samples.small = small(100);
	make_medium(&samples.medium);
	samples.large.items = (struct Perf_Small_list){
		get_block(N_ITEMS * sizeof(struct Perf_Small)), N_ITEMS,
	};
	for (int i = 0; i < N_ITEMS; i++)
		samples.large.items.v[i] = small(i);
}

static void free_samples(void)
{
	for (int i = 0; i < N_TEXTS; i++) {
		free((char *)(uintptr_t)samples.medium.texts.v[i].key.p);
		free((char *)(uintptr_t)samples.medium.texts.v[i].val.p);
	}
	free(samples.medium.texts.v);
	free(samples.medium.numbers.v);
	free(samples.large.items.v);
}

/* ---- operations ---- */

static void encode(enum message m)
{
	buf_clear(&out);
	codec_put_flat(&out, messages[m].type, messages[m].value, 0);
}

static void encode_tables(enum message m)
{
	buf_clear(&out);
	codec_put_flat(&out, messages[m].tables, messages[m].value, 0);
}

static void decode_as(enum message m, const struct tars_type *t)
{
	struct arena a;

	arena_init(&a, block, sizeof(block));
	BUG_ON(codec_get_flat(encoded[m].data, encoded[m].len, t, &decoded, &a, NULL));
	arena_clear(&a);
}

static void decode(enum message m)
{
	decode_as(m, messages[m].type);
}

static void decode_tables(enum message m)
{
	decode_as(m, messages[m].tables);
}

static const struct request_packet request = {
	.version = VERSION_TARS, .request_id = 77, .timeout_ms = 3000,
	.servant = { "TestApp.HelloServer.HelloObj", 28 }, .func = { "greet", 5 },
};
static const struct response_packet response = { .version = VERSION_TARS, .request_id = 77 };

static void put_request(enum message m)
{
	size_t mark;

	(void)m;
	buf_clear(&out);
	mark = packet_begin_request(&out, &request);
	buf_add(&out, encoded[SMALL].data, encoded[SMALL].len);
	packet_end_request(&out, mark, &request);
}

static void put_response(enum message m)
{
	size_t mark;

	(void)m;
	buf_clear(&out);
	mark = packet_begin_response(&out, &response);
	buf_add(&out, encoded[SMALL].data, encoded[SMALL].len);
	packet_end_response(&out, mark, &response);
}

static void get_request(enum message m)
{
	struct request_packet p;
	struct arena a;

	(void)m;
	arena_init(&a, block, sizeof(block));
	BUG_ON(packet_get_request(packet[0].data + 4, packet[0].len - 4, &p, &a, NULL));
	arena_clear(&a);
}

static void get_response(enum message m)
{
	struct response_packet p;
	struct arena a;

	(void)m;
	arena_init(&a, block, sizeof(block));
	BUG_ON(packet_get_response(packet[1].data + 4, packet[1].len - 4, &p, &a, NULL));
	arena_clear(&a);
}

static void encode_protobuf(enum message m)
{
	protobuf_encode(m);
}

enum { TARS, TABLES, PROTOBUF, REUSED, N_SUBJECTS };

static const char *const subjects[N_SUBJECTS] = { "tars", "tables", "protobuf", "reused" };

static const struct op {
	const char *name;
	enum message message;
	void (*run[N_SUBJECTS])(enum message m);
} ops[] = {
	{ "encode", SMALL, { encode, encode_tables, encode_protobuf, NULL } },
	{ "encode", MEDIUM, { encode, encode_tables, encode_protobuf, NULL } },
	{ "encode", LARGE, { encode, encode_tables, encode_protobuf, NULL } },
	{ "decode", SMALL, { decode, decode_tables, protobuf_decode, protobuf_decode_again } },
	{ "decode", MEDIUM, { decode, decode_tables, protobuf_decode, protobuf_decode_again } },
	{ "decode", LARGE, { decode, decode_tables, protobuf_decode, protobuf_decode_again } },
	{ "put request", SMALL, { put_request } },
	{ "get request", SMALL, { get_request } },
	{ "put response", SMALL, { put_response } },
	{ "get response", SMALL, { get_response } },
};

enum { N_OPS = sizeof(ops) / sizeof(*ops) };

static struct arena descriptors;

static void prepare(void)
{
	struct tables_only tables = { .arena = &descriptors };

	make_samples();
	protobuf_setup(&samples);
	for (int m = 0; m < N_MESSAGES; m++) {
		messages[m].tables = tables_only(&tables, messages[m].type);
		encode(m);
		buf_add(&encoded[m], out.data, out.len);
	}
	put_request(SMALL);
	buf_add(&packet[0], out.data, out.len);
	put_response(SMALL);
	buf_add(&packet[1], out.data, out.len);
}

static void cleanup(void)
{
	for (int m = 0; m < N_MESSAGES; m++)
		buf_release(&encoded[m]);
	buf_release(&packet[0]);
	buf_release(&packet[1]);
	buf_release(&out);
	arena_clear(&descriptors);
	free_samples();
	protobuf_end();
}

/* ---- measuring ---- */

static double cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void repeat(void (*fn)(enum message m), enum message m, long n)
{
	while (n--)
		fn(m);
}

/* CPU ns of one operation, over about `ms` milliseconds. */
static double measure(void (*fn)(enum message m), enum message m, double ms)
{
	double took = 0;
	long n = 1;

	for (;;) {
		double start = cpu_ns();

		repeat(fn, m, n);
		took = cpu_ns() - start;
		if (took > ms * 1e6)
			return took / (double)n;
		n = took > ms * 1e5 ? (long)((double)n * ms * 1.1e6 / took) + 1 : n * 4;
	}
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *v, int n)
{
	qsort(v, (size_t)n, sizeof(*v), by_value);
	return n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

static void print_name(const struct op *op)
{
	printf("%-13s %-7s", op->name, op->run[PROTOBUF] ? messages[op->message].name : "-");
}

/* ns[subject][round] of one operation. */
static void print_row(const struct op *op, double ns[N_SUBJECTS][MAX_ROUNDS], int n)
{
	double ratio[MAX_ROUNDS];

	print_name(op);
	for (int r = 0; r < n; r++) {
		double reference = ns[PROTOBUF][r];

		if (op->run[REUSED] && ns[REUSED][r] < reference)
			reference = ns[REUSED][r];
		ratio[r] = ns[TARS][r] / reference;
	}
	for (int s = 0; s < N_SUBJECTS; s++)
		if (op->run[s])
			printf(" %9.1f", median(ns[s], n));
		else
			printf(" %9s", "");
	if (op->run[PROTOBUF]) {
		double middle = median(ratio, n);

		printf(" %7.2f %5.0f%%", middle, 50 * (ratio[n - 1] - ratio[0]) / middle);
	}
	putchar('\n');
}

static void run_table(int rounds, double ms)
{
	static double ns[N_OPS][N_SUBJECTS][MAX_ROUNDS];

	for (int r = 0; r < rounds; r++)
		for (int i = 0; i < N_OPS; i++)
			for (int s = 0; s < N_SUBJECTS; s++)
				if (ops[i].run[s])
					ns[i][s][r] = measure(ops[i].run[s], ops[i].message, ms);
	printf("%-13s %-7s", "CPU ns", "message");
	for (int s = 0; s < N_SUBJECTS; s++)
		printf(" %9s", subjects[s]);
	printf(" %7s %6s\n", "ratio", "+-");
	for (int i = 0; i < N_OPS; i++)
		print_row(&ops[i], ns[i], rounds);
	for (int m = 0; m < N_MESSAGES; m++)
		printf("%s%s: %zu bytes", m ? ", " : "", messages[m].name, encoded[m].len);
	putchar('\n');
}

static int print_names(void)
{
	for (int i = 0; i < N_OPS; i++) {
		print_name(&ops[i]);
		putchar('\n');
	}
	return 0;
}

/* For callgrind: one operation of one subject, n times; 2 if there is none. */
static int run_one(int op, int subject, long n)
{
	if (op < 0 || op >= N_OPS || subject < 0 || subject >= N_SUBJECTS || !ops[op].run[subject])
		return 2;
	repeat(ops[op].run[subject], ops[op].message, n);
	return 0;
}

static int usage(void)
{
	fprintf(stderr, "usage: codec-bench ROUNDS MS   a table; MS of each measurement\n"
		"       codec-bench run OPERATION SUBJECT TIMES   by their numbers, from 0\n"
		"       codec-bench names   of the operations\n");
	return 64;
}

int main(int argc, char **argv)
{
	int status = 0, n = argc > 1 ? atoi(argv[1]) : 0;

	prepare();
	if (argc == 3 && n > 0 && n <= MAX_ROUNDS && atof(argv[2]) > 0)
		run_table(n, atof(argv[2]));
	else if (argc == 5 && !strcmp(argv[1], "run"))
		status = run_one(atoi(argv[2]), atoi(argv[3]), atol(argv[4]));
	else if (argc == 2 && !strcmp(argv[1], "names"))
		status = print_names();
	else
		status = usage();
	cleanup();
	return status;
}
