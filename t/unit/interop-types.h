/*
 * Descriptors of the structs that the vectors in t/data/codec.tsv were made of, written by hand.
 *
 * They cover every kind, tags of one and two bytes, defaults, and recursion through a list.
 */
#ifndef T_INTEROP_TYPES_H
#define T_INTEROP_TYPES_H

#include "proto/type.h"

#define STRUCT_TYPE(S, table) { \
	.name = "Interop::" #S, .kind = TARS_STRUCT, .size = sizeof(struct S), \
	.fields = (table), .n_fields = sizeof(table) / sizeof(*(table)), \
}
#define LIST_TYPE(id, spelling, S, elem_type) \
	static const struct tars_type id = { \
		.name = (spelling), .kind = TARS_LIST, .size = sizeof(S), .elem = (elem_type), \
	}
#define MAP_TYPE(id, spelling, S, key_type, val_type) \
	static const struct tars_type id = { \
		.name = (spelling), .kind = TARS_MAP, .size = sizeof(S), \
		.pair_size = sizeof(*((S *)0)->v), \
		.val_offset = offsetof(__typeof__(*((S *)0)->v), val), \
		.key = (key_type), .elem = (val_type), \
	}
#define FIELD(S, member, t, how, ...) \
	{ .name = #member, .tag = (t), .flags = (how), .offset = offsetof(struct S, member), \
	  __VA_ARGS__ }
#define REQ(S, member, t, descriptor) FIELD(S, member, t, TARS_REQUIRED, .type = (descriptor))
#define OPT(S, member, t, descriptor, ...) FIELD(S, member, t, 0, .type = (descriptor), __VA_ARGS__)

enum Color { RED, GREEN = 5, BLUE = 6, NEG = -3, BIG = 70000 };
static const struct tars_enum_item Color_items[] = {
	{ "RED", RED }, { "GREEN", GREEN }, { "BLUE", BLUE }, { "NEG", NEG }, { "BIG", BIG },
};
static const struct tars_type Color_type = {
	.name = "Interop::Color", .kind = TARS_ENUM, .size = sizeof(enum Color),
	.items = Color_items, .n_fields = 5,
};

struct Scalars {
	bool b;
	int8_t i8;
	uint8_t u8;
	int16_t i16;
	uint16_t u16;
	int32_t i32;
	uint32_t u32;
	int64_t i64;
	float f32;
	double f64;
	struct tars_str s;
	enum Color e;
};
static const struct tars_field Scalars_fields[] = {
	REQ(Scalars, b, 0, &tars_type_bool),
	REQ(Scalars, i8, 1, &tars_type_byte),
	REQ(Scalars, u8, 2, &tars_type_ubyte),
	REQ(Scalars, i16, 3, &tars_type_short),
	REQ(Scalars, u16, 4, &tars_type_ushort),
	REQ(Scalars, i32, 5, &tars_type_int),
	REQ(Scalars, u32, 6, &tars_type_uint),
	REQ(Scalars, i64, 7, &tars_type_long),
	REQ(Scalars, f32, 8, &tars_type_float),
	REQ(Scalars, f64, 9, &tars_type_double),
	REQ(Scalars, s, 10, &tars_type_string),
	REQ(Scalars, e, 11, &Color_type),
};
static const struct tars_type Scalars_type = STRUCT_TYPE(Scalars, Scalars_fields);

struct Opt {
	bool b;
	int8_t i8;
	uint8_t u8;
	int16_t i16;
	uint16_t u16;
	int32_t i32;
	uint32_t u32;
	int64_t i64;
	float f32;
	double f64;
	struct tars_str s;
	enum Color e;
	struct tars_int_list v;
	struct tars_string_string_map m;
	struct tars_bytes raw;
	struct Scalars sc;
};
static const struct tars_field Opt_fields[] = {
	OPT(Opt, b, 0, &tars_type_bool, .i = 1),
	OPT(Opt, i8, 1, &tars_type_byte, .i = 7),
	OPT(Opt, u8, 2, &tars_type_ubyte, .i = 200),
	OPT(Opt, i16, 3, &tars_type_short, .i = -300),
	OPT(Opt, u16, 4, &tars_type_ushort, .i = 60000),
	OPT(Opt, i32, 5, &tars_type_int, .i = 100000),
	OPT(Opt, u32, 6, &tars_type_uint, .i = 4000000000),
	OPT(Opt, i64, 7, &tars_type_long, .i = 5000000000),
	OPT(Opt, f32, 8, &tars_type_float, .f = 1.5),
	OPT(Opt, f64, 9, &tars_type_double, .f = 2.25),
	OPT(Opt, s, 10, &tars_type_string, .s = "dflt"),
	OPT(Opt, e, 11, &Color_type, .i = GREEN),
	OPT(Opt, v, 12, &tars_type_int_list),
	OPT(Opt, m, 13, &tars_type_string_string_map),
	OPT(Opt, raw, 14, &tars_type_bytes),
	OPT(Opt, sc, 15, &Scalars_type),
};
static const struct tars_type Opt_type = STRUCT_TYPE(Opt, Opt_fields);

struct Leaf {
	int32_t a;
	struct tars_str b;
};
static const struct tars_field Leaf_fields[] = {
	REQ(Leaf, a, 0, &tars_type_int),
	OPT(Leaf, b, 1, &tars_type_string),
};
static const struct tars_type Leaf_type = STRUCT_TYPE(Leaf, Leaf_fields);

#define LIST_OF(S, T) struct S { T *v; uint32_t n; }
#define MAP_OF(S, K, V) struct S { struct { K key; V val; } *v; uint32_t n; }

LIST_OF(bool_list, bool);
LIST_OF(ubyte_list, uint8_t);
LIST_OF(short_list, int16_t);
LIST_OF(long_list, int64_t);
LIST_OF(float_list, float);
LIST_OF(double_list, double);
LIST_OF(Leaf_list, struct Leaf);
LIST_OF(int_list_list, struct tars_int_list);
LIST_OF(Color_list, enum Color);
LIST_OF(bytes_list, struct tars_bytes);
MAP_OF(int_Leaf_map, int32_t, struct Leaf);
MAP_OF(string_bytes_map, struct tars_str, struct tars_bytes);
MAP_OF(Leaf_int_map, struct Leaf, int32_t);
MAP_OF(int_string_map, int32_t, struct tars_str);
LIST_OF(int_string_map_list, struct int_string_map);
MAP_OF(int_strings_map, int32_t, struct tars_string_list);
MAP_OF(deep_map, struct tars_str, struct int_strings_map);

LIST_TYPE(bool_list_type, "vector<bool>", struct bool_list, &tars_type_bool);
LIST_TYPE(ubyte_list_type, "vector<unsigned byte>", struct ubyte_list, &tars_type_ubyte);
LIST_TYPE(short_list_type, "vector<short>", struct short_list, &tars_type_short);
LIST_TYPE(long_list_type, "vector<long>", struct long_list, &tars_type_long);
LIST_TYPE(float_list_type, "vector<float>", struct float_list, &tars_type_float);
LIST_TYPE(double_list_type, "vector<double>", struct double_list, &tars_type_double);
LIST_TYPE(Leaf_list_type, "vector<Leaf>", struct Leaf_list, &Leaf_type);
LIST_TYPE(int_list_list_type, "vector<vector<int>>", struct int_list_list, &tars_type_int_list);
LIST_TYPE(Color_list_type, "vector<Color>", struct Color_list, &Color_type);
LIST_TYPE(bytes_list_type, "vector<vector<byte>>", struct bytes_list, &tars_type_bytes);
MAP_TYPE(int_Leaf_map_type, "map<int, Leaf>", struct int_Leaf_map, &tars_type_int, &Leaf_type);
MAP_TYPE(string_bytes_map_type, "map<string, vector<byte>>", struct string_bytes_map,
	 &tars_type_string, &tars_type_bytes);
MAP_TYPE(Leaf_int_map_type, "map<Leaf, int>", struct Leaf_int_map, &Leaf_type, &tars_type_int);
MAP_TYPE(int_string_map_type, "map<int, string>", struct int_string_map, &tars_type_int,
	 &tars_type_string);
LIST_TYPE(int_string_map_list_type, "vector<map<int, string>>", struct int_string_map_list,
	  &int_string_map_type);
MAP_TYPE(int_strings_map_type, "map<int, vector<string>>", struct int_strings_map, &tars_type_int,
	 &tars_type_string_list);
MAP_TYPE(deep_map_type, "map<string, map<int, vector<string>>>", struct deep_map, &tars_type_string,
	 &int_strings_map_type);

struct Containers {
	struct tars_bytes raw;
	struct ubyte_list uraw;
	struct short_list vs;
	struct tars_int_list vi;
	struct long_list vl;
	struct float_list vf;
	struct double_list vd;
	struct tars_string_list vstr;
	struct Leaf_list vleaf;
	struct int_list_list vv;
	struct tars_string_string_map mss;
	struct int_Leaf_map mil;
	struct string_bytes_map msb;
	struct Leaf_int_map mli;
	struct int_string_map_list vm;
	struct deep_map deep;
	struct Color_list ve;
	struct bytes_list vraw;
};
static const struct tars_field Containers_fields[] = {
	REQ(Containers, raw, 0, &tars_type_bytes),
	REQ(Containers, uraw, 1, &ubyte_list_type),
	REQ(Containers, vs, 3, &short_list_type),
	REQ(Containers, vi, 4, &tars_type_int_list),
	REQ(Containers, vl, 5, &long_list_type),
	REQ(Containers, vf, 6, &float_list_type),
	REQ(Containers, vd, 7, &double_list_type),
	REQ(Containers, vstr, 8, &tars_type_string_list),
	REQ(Containers, vleaf, 9, &Leaf_list_type),
	REQ(Containers, vv, 10, &int_list_list_type),
	REQ(Containers, mss, 11, &tars_type_string_string_map),
	REQ(Containers, mil, 12, &int_Leaf_map_type),
	REQ(Containers, msb, 13, &string_bytes_map_type),
	REQ(Containers, mli, 14, &Leaf_int_map_type),
	REQ(Containers, vm, 15, &int_string_map_list_type),
	REQ(Containers, deep, 16, &deep_map_type),
	REQ(Containers, ve, 17, &Color_list_type),
	REQ(Containers, vraw, 18, &bytes_list_type),
};
static const struct tars_type Containers_type = STRUCT_TYPE(Containers, Containers_fields);

struct VB {
	struct bool_list vb;
};
static const struct tars_field VB_fields[] = { REQ(VB, vb, 0, &bool_list_type) };
static const struct tars_type VB_type = STRUCT_TYPE(VB, VB_fields);

struct HighTags {
	int32_t a, b, c;
	struct tars_str d;
	struct Leaf e;
	struct tars_bytes f;
	int64_t g;
};
static const struct tars_field HighTags_fields[] = {
	REQ(HighTags, a, 0, &tars_type_int),
	REQ(HighTags, b, 14, &tars_type_int),
	REQ(HighTags, c, 15, &tars_type_int),
	REQ(HighTags, d, 16, &tars_type_string),
	REQ(HighTags, e, 200, &Leaf_type),
	REQ(HighTags, f, 254, &tars_type_bytes),
	REQ(HighTags, g, 255, &tars_type_long),
};
static const struct tars_type HighTags_type = STRUCT_TYPE(HighTags, HighTags_fields);

struct Arr {
	struct tars_str fs;
	struct tars_int_list n;
};
static const struct tars_field Arr_fields[] = {
	REQ(Arr, fs, 0, &tars_type_string),
	REQ(Arr, n, 1, &tars_type_int_list),
};
static const struct tars_type Arr_type = STRUCT_TYPE(Arr, Arr_fields);

struct TreeNode;
LIST_OF(TreeNode_list, struct TreeNode);
struct TreeNode {
	struct tars_str name;
	struct TreeNode_list kids;
};
extern const struct tars_type TreeNode_type;
LIST_TYPE(TreeNode_list_type, "vector<TreeNode>", struct TreeNode_list, &TreeNode_type);
static const struct tars_field TreeNode_fields[] = {
	REQ(TreeNode, name, 0, &tars_type_string),
	OPT(TreeNode, kids, 1, &TreeNode_list_type),
};
const struct tars_type TreeNode_type = STRUCT_TYPE(TreeNode, TreeNode_fields);

static const struct tars_type *const interop_structs[] = {
	&Scalars_type, &Opt_type, &Leaf_type, &Containers_type, &VB_type, &HighTags_type, &Arr_type,
	&TreeNode_type,
};

#endif
