/* Nanoseconds that the codec takes for a small and a middling message, best of several rounds. */
#include <stdio.h>
#include <time.h>

#include "proto/packet.h"

struct item {
	int32_t id;
	struct tars_str name;
};

struct item_list {
	struct item *v;
	uint32_t n;
};

struct small {
	int64_t uid;
	int32_t age;
	int16_t level;
	bool active;
	double score;
	struct tars_str name;
};

struct middling {
	struct small head;
	struct tars_string_list tags;
	struct item_list items;
};

#define FIELD(S, m, t, ty) \
	{ .name = #m, .tag = (t), .flags = TARS_REQUIRED, .offset = offsetof(struct S, m), \
	  .type = (ty) }
#define STRUCT(S) \
	static const struct tars_type S##_type = { \
		.name = #S, .kind = TARS_STRUCT, .size = sizeof(struct S), .fields = S##_fields, \
		.n_fields = sizeof(S##_fields) / sizeof(*S##_fields), \
	}

static const struct tars_field item_fields[] = {
	FIELD(item, id, 0, &tars_type_int), FIELD(item, name, 1, &tars_type_string),
};
STRUCT(item);

static const struct tars_type item_list_type = {
	.name = "vector<item>", .kind = TARS_LIST, .size = sizeof(struct item_list),
	.elem = &item_type,
};

static const struct tars_field small_fields[] = {
	FIELD(small, uid, 0, &tars_type_long), FIELD(small, age, 1, &tars_type_int),
	FIELD(small, level, 2, &tars_type_short), FIELD(small, active, 3, &tars_type_bool),
	FIELD(small, score, 4, &tars_type_double), FIELD(small, name, 5, &tars_type_string),
};
STRUCT(small);

static const struct tars_field middling_fields[] = {
	FIELD(middling, head, 0, &small_type), FIELD(middling, tags, 1, &tars_type_string_list),
	FIELD(middling, items, 2, &item_list_type),
};
STRUCT(middling);

enum { ROUNDS = 7, LOOPS = 200000 };

static double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static char block[65536] __attribute__((aligned(16)));

/* One loop of the operation under test; what it works on is in these. */
static struct buf out = BUF_INIT, in = BUF_INIT;
static const struct tars_type *type;
static const void *value;
static struct request_packet request;

static void encode(void)
{
	buf_clear(&out);
	codec_put_flat(&out, type, value, 0);
}

static void decode(void)
{
	struct middling into;
	struct arena a;

	arena_init(&a, block, sizeof(block));
	BUG_ON(codec_get_flat(in.data, in.len, type, &into, &a, NULL));
	arena_clear(&a);
}

static void put_request(void)
{
	size_t mark;

	buf_clear(&out);
	mark = packet_begin_request(&out, &request);
	codec_put_flat(&out, type, value, 0);
	packet_end_request(&out, mark, &request);
}

static void get_request(void)
{
	struct request_packet p;
	struct arena a;

	arena_init(&a, block, sizeof(block));
	BUG_ON(packet_get_request(in.data + 4, in.len - 4, &p, &a, NULL));
	arena_clear(&a);
}

static void report(const char *what, void (*op)(void))
{
	double best = 1e18;

	for (int round = 0; round < ROUNDS; round++) {
		double start = now_ns(), took;

		for (int i = 0; i < LOOPS; i++)
			op();
		took = (now_ns() - start) / LOOPS;
		if (took < best)
			best = took;
	}
	printf("%-28s %4zu bytes %7.1f ns\n", what, op == decode || op == get_request ? in.len :
	       out.len, best);
}

static void report_both(const char *put_name, void (*put)(void), const char *get_name,
			void (*get)(void))
{
	report(put_name, put);
	buf_clear(&in);
	buf_add(&in, out.data, out.len);
	report(get_name, get);
}

int main(void)
{
	const struct small small = { 5000000000, 40, 300, true, 1.5, TARS_STR("somebody") };
	struct tars_str tags[] = { TARS_STR("alpha"), TARS_STR("beta"), TARS_STR("gamma") };
	struct item items[] = { { 1, TARS_STR("one") }, { 200, TARS_STR("two hundred") },
				{ 70000, TARS_STR("many") }, { 0, TARS_STR("") } };
	const struct middling middling = { small, { tags, 3 }, { items, 4 } };

	type = &small_type;
	value = &small;
	report_both("encode small", encode, "decode small", decode);
	request = (struct request_packet){
		.version = VERSION_TARS, .request_id = 77, .timeout_ms = 3000,
		.servant = TARS_STR("TestApp.HelloServer.HelloObj"), .func = TARS_STR("greet"),
	};
	report_both("put request with small", put_request, "get request", get_request);
	type = &middling_type;
	value = &middling;
	report_both("encode middling", encode, "decode middling", decode);
	buf_release(&out);
	buf_release(&in);
	return 0;
}
