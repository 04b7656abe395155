/* IDL: descriptors made at run time equal compiled ones, and survive printing and parsing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "idl/idl.h"
#include "if/AdminReg.h"
#include "if/AuthF.h"
#include "if/LogF.h"
#include "if/MonitorQuery.h"
#include "if/Node.h"
#include "if/PropertyF.h"
#include "if/StatF.h"
#include "if/Topology.h"
#include "proto/codec.h"
#include "proto/idltext.h"
#include "proto/json.h"

enum { MAX_DEPTH = 8 };

/* What each test needs; released by teardown. */
static struct idl idl;
static struct arena arena;
static struct idl_descs descs;
static struct buf text = BUF_INIT;

static int setup(void **state)
{
	(void)state;
	idl_init(&idl, &(struct idl_options){ .path = "proto/if", .with_tars = true });
	arena_init(&arena, NULL, 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	idl_release(&idl);
	arena_clear(&arena);
	buf_release(&text);
	return 0;
}

static void load(const char *path)
{
	if (!idl_load(&idl, path)) {
		idl_put_errors(&idl, &text);
		fail_msg("%s", buf_str(&text));
	}
	idl_describe(&idl, &arena, &descs);
}

static void assert_same_type(const struct tars_type *a, const struct tars_type *b, bool layout,
			     int depth);

static void assert_same_fields(const struct tars_type *a, const struct tars_type *b, bool layout,
			       int depth)
{
	assert_int_equal(a->n_fields, b->n_fields);
	for (int i = 0; i < a->n_fields; i++) {
		const struct tars_field *f = &a->fields[i], *g = &b->fields[i];

		assert_string_equal(f->name, g->name);
		assert_int_equal(f->tag, g->tag);
		assert_int_equal(f->flags, g->flags);
		if (layout)
			assert_int_equal(f->offset, g->offset);
		assert_int_equal(f->i, g->i);
		assert_true(f->f == g->f);
		if (f->s && *f->s)
			assert_string_equal(f->s, g->s);
		else
			assert_true(!g->s || !*g->s);
		assert_same_type(f->type, g->type, layout, depth + 1);
	}
}

static void assert_same_type(const struct tars_type *a, const struct tars_type *b, bool layout,
			     int depth)
{
	assert_string_equal(a->name, b->name);
	assert_int_equal(a->kind, b->kind);
	if (layout) {
		assert_int_equal(a->size, b->size);
		assert_int_equal(a->pair_size, b->pair_size);
		assert_int_equal(a->val_offset, b->val_offset);
	}
	if (depth > MAX_DEPTH)
		return; /* a struct that holds lists of itself */
	if (a->kind == TARS_MAP)
		assert_same_type(a->key, b->key, layout, depth + 1);
	if (a->kind == TARS_MAP || a->kind == TARS_LIST)
		assert_same_type(a->elem, b->elem, layout, depth + 1);
	if (a->kind == TARS_STRUCT)
		assert_same_fields(a, b, layout, depth);
	if (a->kind != TARS_ENUM)
		return;
	assert_int_equal(a->n_fields, b->n_fields);
	for (int i = 0; i < a->n_fields; i++) {
		assert_string_equal(a->items[i].name, b->items[i].name);
		assert_int_equal(a->items[i].value, b->items[i].value);
	}
}

static void assert_same_iface(const struct tars_iface *a, const struct tars_iface *b, bool layout)
{
	assert_non_null(a);
	assert_string_equal(a->name, b->name);
	assert_int_equal(a->n_funcs, b->n_funcs);
	for (int i = 0; i < a->n_funcs; i++) {
		assert_string_equal(a->funcs[i].name, b->funcs[i].name);
		assert_same_type(a->funcs[i].in, b->funcs[i].in, layout, 0);
		assert_same_type(a->funcs[i].out, b->funcs[i].out, layout, 0);
	}
}

/* The C compiler has laid out one, desc.c the other. */
static void test_layout_as_compiled(void **state)
{
	static const struct {
		const char *path;
		const struct tars_iface *iface;
	} rows[] = {
		{ "proto/if/AdminReg.tars", &tars_AdminReg_iface },
		{ "proto/if/AuthF.tars", &tars_Auth_iface },
		{ "proto/if/LogF.tars", &tars_Log_iface },
		{ "proto/if/MonitorQuery.tars", &tars_MonitorQuery_iface },
		{ "proto/if/Node.tars", &tars_NodePush_iface },
		{ "proto/if/PropertyF.tars", &tars_PropertyF_iface },
		{ "proto/if/StatF.tars", &tars_StatF_iface },
		{ "proto/if/Topology.tars", &tars_Topology_iface },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		load(rows[i].path);
		assert_same_iface(idl_descs_iface(&descs, rows[i].iface->name), rows[i].iface,
				  true);
		assert_null(idl_descs_iface(&descs, "tars::Nothing"));
	}
	assert_ptr_equal(idl_descs_type(&descs, "tars::Edge")->fields[0].type, &tars_type_string);
	assert_null(idl_descs_type(&descs, "Edge"));
}

static void test_print_and_parse(void **state)
{
	struct idl_descs again;
	struct idl other;

	(void)state;
	load("t/data/idl/All.tars");
	assert_int_equal(descs.n_ifaces, 2);
	for (uint32_t i = 0; i < descs.n_ifaces + descs.n_types; i++) {
		buf_clear(&text);
		if (i < descs.n_ifaces)
			idltext_iface(&text, descs.ifaces[i]);
		else
			idltext_type(&text, descs.types[i - descs.n_ifaces]);
		idl_init(&other, NULL);
		if (!idl_load_text(&other, "printed", buf_str(&text), buf_size(&text))) {
			idl_put_errors(&other, &text);
			fail_msg("%s", buf_str(&text));
		}
		idl_describe(&other, &arena, &again);
		for (uint32_t k = 0; k < again.n_types; k++)
			assert_same_type(again.types[k],
					 idl_descs_type(&descs, again.types[k]->name),
					 false, 0);
		if (i < descs.n_ifaces)
			assert_same_iface(again.ifaces[0], descs.ifaces[i], false);
		else
			assert_non_null(idl_descs_type(&again,
						       descs.types[i - descs.n_ifaces]->name));
		idl_release(&other);
	}
}

static void test_printed_text(void **state)
{
	static const char source[] =
		"module A { enum E { X = 2, Y }; struct S { 1 optional string s = \"\\\"\\n\"; "
		"0 require E e = Y; 2 optional float f = 0.1; 3 optional bool b = true; }; };"
		"module B { interface I { void g(); int f(routekey string k, out map<int, A::S> m, "
		"vector<byte> raw); }; };";

	(void)state;
	assert_non_null(idl_load_text(&idl, "f", source, sizeof(source) - 1));
	idl_describe(&idl, &arena, &descs);
	idltext_iface(&text, descs.ifaces[0]);
	assert_string_equal(buf_str(&text),
			    "module A\n{\n"
			    "\tenum E\n\t{\n\t\tX = 2,\n\t\tY = 3,\n\t};\n\n"
			    "\tstruct S\n\t{\n"
			    "\t\t0 require E e = Y;\n"
			    "\t\t1 optional string s = \"\\\"\\n\";\n"
			    "\t\t2 optional float f = 0.1;\n"
			    "\t\t3 optional bool b = true;\n"
			    "\t};\n\n"
			    "};\n\n"
			    "module B\n{\n"
			    "\tinterface I\n\t{\n"
			    "\t\tint f(routekey string k, out map<int, A::S> m, vector<byte> "
			    "raw);\n"
			    "\t\tvoid g();\n"
			    "\t};\n};\n");
	buf_clear(&text);
	idltext_func(&text, &descs.ifaces[0]->funcs[0], "A");
	assert_string_equal(buf_str(&text),
			    "int f(routekey string k, out map<int, S> m, vector<byte> raw)");
}

/* Values of described types live in memory that nobody but desc.c has measured. */
static void test_values(void **state)
{
	static const char json[] =
		"{\"name\":\"a\",\"children\":[{\"name\":\"b\",\"children\":[],\"by_name\":{},"
		"\"odd\":[]}],\"by_name\":{\"c\":{\"name\":\"d\",\"children\":[],\"by_name\":{},"
		"\"odd\":[]}},\"odd\":[[{\"key\":{\"name\":\"e\",\"children\":[],\"by_name\":{},"
		"\"odd\":[]},\"value\":-7}]]}";
	const struct tars_type *tree;
	struct buf wire = BUF_INIT;
	struct err e = { 0 };
	void *value, *again;

	(void)state;
	load("t/data/idl/All.tars");
	tree = idl_descs_type(&descs, "Test::Tree");
	value = arena_alloc(&arena, tree->size);
	again = arena_alloc(&arena, tree->size);
	assert_int_equal(json_get(json, sizeof(json) - 1, tree, value, &arena, &e), 0);
	codec_put_flat(&wire, tree, value, 0);
	assert_int_equal(codec_get_flat(wire.data, wire.len, tree, again, &arena, &e), 0);
	assert_int_equal(tars_type_compare(tree, value, again), 0);
	assert_int_equal(json_put(&text, tree, again, 0, &e), 0);
	value = arena_alloc(&arena, tree->size);
	assert_int_equal(json_get(buf_str(&text), buf_size(&text), tree, value, &arena, &e), 0);
	assert_int_equal(tars_type_compare(tree, value, again), 0);
	buf_release(&wire);
}

static void test_defaults(void **state)
{
	const struct tars_type *scalars;
	struct err e = { 0 };
	void *value;

	(void)state;
	load("t/data/idl/All.tars");
	scalars = idl_descs_type(&descs, "Test::Scalars");
	value = arena_alloc(&arena, scalars->size);
	tars_type_init(scalars, value);
	assert_int_equal(json_put(&text, scalars, value, JSON_COMPACT, &e), 0);
	assert_string_equal(buf_str(&text),
			    "{\"b\":true,\"i8\":0,\"u8\":255,\"i16\":-300,\"u16\":0,\"i32\":5,"
			    "\"u32\":4000000000,\"i64\":-9223372036854775808,"
			    "\"f32\":0.1,\"f64\":3.0,\"s\":\"a\\\\b\",\"c\":6,"
			    "\"level\":-1,\"nothing\":0}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_layout_as_compiled, setup, teardown),
		cmocka_unit_test_setup_teardown(test_print_and_parse, setup, teardown),
		cmocka_unit_test_setup_teardown(test_printed_text, setup, teardown),
		cmocka_unit_test_setup_teardown(test_values, setup, teardown),
		cmocka_unit_test_setup_teardown(test_defaults, setup, teardown),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("idl-desc", tests, NULL, NULL);
}
