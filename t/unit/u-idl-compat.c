/* What `tars idl breaking` says of a changed type is what the codec does with its values. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "idl/compat.h"
#include "proto/codec.h"
#include "proto/json.h"

/* Values at the ends of each type, and some that others cannot have. */
static const struct sample {
	const char *type, *values[4];
} samples[] = {
	{ "bool", { "false", "true" } },
	{ "byte", { "-128", "127", "0" } },
	{ "unsigned byte", { "0", "255" } },
	{ "short", { "-32768", "32767" } },
	{ "unsigned short", { "0", "65535" } },
	{ "int", { "-2147483648", "2147483647" } },
	{ "unsigned int", { "0", "4294967295" } },
	{ "long", { "-9223372036854775808", "9223372036854775807", "0" } },
	{ "float", { "1.5", "0.0" } },
	{ "double", { "0.1", "1e300", "0.0" } },
	{ "string", { "\"\"", "\"text\"" } },
	{ "E", { "-2147483648", "2147483647" } },
	{ "P", { "{\"a\":7}" } },
	{ "Q", { "{\"a\":7}" } },
	{ "vector<byte>", { "[-128,127]" } },
	{ "vector<unsigned byte>", { "[0,255]" } },
	{ "vector<int>", { "[-2147483648,2147483647]" } },
	{ "vector<long>", { "[-9223372036854775808]" } },
	{ "vector<string>", { "[\"x\"]" } },
	{ "map<string, int>", { "{\"x\":2147483647}" } },
	{ "map<string, long>", { "{\"x\":9223372036854775807}" } },
	{ "map<int, int>", { "{\"1\":2}" } },
};
enum { N_SAMPLES = sizeof(samples) / sizeof(*samples) };

/* One version: struct S with a member of the type, which travels in requests. */
struct version {
	struct idl idl;
	struct arena arena;
	const struct tars_type *type;
};

static void load(struct version *v, const char *type)
{
	struct idl_descs descs;
	struct buf text = BUF_INIT;

	buf_addf(&text, "module M { enum E { X = 0 }; struct P { 0 require int a; };"
		 "struct Q { 0 require int a; }; struct S { 0 require %s v; };"
		 "interface I { void f(S s); }; };", type);
	idl_init(&v->idl, NULL);
	arena_init(&v->arena, NULL, 0);
	assert_non_null(idl_load_text(&v->idl, "S.tars", (const char *)text.data, text.len));
	idl_describe(&v->idl, &v->arena, &descs);
	v->type = idl_descs_type(&descs, "M::S");
	buf_release(&text);
}

static void release(struct version *v)
{
	idl_release(&v->idl);
	arena_clear(&v->arena);
}

/* With servers replaced first, new code reads old requests and old code no new ones. */
static bool is_said_to_break(const struct version *old, const struct version *new)
{
	bool breaks = false;
	struct compat c;

	compat_init(&c, &(struct compat_options){ .servers_first = true });
	compat_add(&c, &c.old, &old->idl);
	compat_add(&c, &c.new, &new->idl);
	compat_run(&c);
	for (uint32_t i = 0; i < c.n_changes; i++)
		breaks |= c.changes[i].level == COMPAT_BREAKING;
	compat_release(&c);
	return breaks;
}

/* The value as JSON, a bool as a number. */
static void put_value(struct buf *b, const struct tars_type *t, const void *value)
{
	struct err e;

	assert_int_equal(json_put(b, t, value, JSON_COMPACT, &e), 0);
	if (!strcmp(buf_str(b), "{\"v\":true}") || !strcmp(buf_str(b), "{\"v\":false}")) {
		bool v = strstr(buf_str(b), "true");

		buf_clear(b);
		buf_addf(b, "{\"v\":%d}", v);
	}
}

/* Whether the value, written as one type, is the same value when read as the other. */
static bool is_read(struct version *old, struct version *new, const char *json)
{
	struct buf wire = BUF_INIT, was = BUF_INIT, is = BUF_INIT, text = BUF_INIT;
	void *value = arena_alloc(&old->arena, old->type->size);
	void *copy = arena_alloc(&new->arena, new->type->size);
	struct err e = { 0 };
	bool same = false;

	buf_addf(&text, "{\"v\":%s}", json);
	if (json_get((const char *)text.data, text.len, old->type, value, &old->arena, &e))
		fail_msg("%s: %s", json, e.text);
	codec_put_flat(&wire, old->type, value, 0);
	if (!codec_get_flat(wire.data, wire.len, new->type, copy, &new->arena, NULL)) {
		put_value(&was, old->type, value);
		put_value(&is, new->type, copy);
		same = !strcmp(buf_str(&was), buf_str(&is));
	}
	buf_release(&wire);
	buf_release(&was);
	buf_release(&is);
	buf_release(&text);
	return same;
}

static void all_pairs(void **state)
{
	unsigned readable = 0;

	(void)state;
	for (unsigned i = 0; i < N_SAMPLES; i++) {
		for (unsigned k = 0; k < N_SAMPLES; k++) {
			struct version old, new;
			bool all = true, breaks;

			load(&old, samples[i].type);
			load(&new, samples[k].type);
			breaks = is_said_to_break(&old, &new);
			for (unsigned j = 0; j < 4 && samples[i].values[j]; j++)
				all &= is_read(&old, &new, samples[i].values[j]);
			if (all == breaks)
				fail_msg("%s -> %s: said to break: %d, but values are %sread",
					 samples[i].type, samples[k].type, breaks, all ? "" : "not ");
			readable += all;
			release(&old);
			release(&new);
		}
	}
	/* Each as itself, and those that a wider type takes. */
	assert_in_range(readable, N_SAMPLES + 15, N_SAMPLES * N_SAMPLES / 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_pairs),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
