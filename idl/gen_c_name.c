/* C generator: which C name each definition has, and that no two are the same. */
#include "idl/gen_c.h"

#include <string.h>

#include "proto/code.h"

/* Scopes of g->names. */
static const char scope_names, scope_words, scope_containers;

/* Keywords of C and C++, and macros that common headers define without arguments; see also
 * is_of_compiler(). */
static const char *const reserved_words[] = {
	"BUFSIZ", "CHAR_BIT", "EOF", "EXIT_FAILURE", "EXIT_SUCCESS", "HUGE_VAL", "INFINITY", "NAN",
	"NULL", "RAND_MAX", "SEEK_CUR", "SEEK_END", "SEEK_SET",
	/* types of members: in C++ a member may not be called like the type of one behind it */
	"int16_t", "int32_t", "int64_t", "int8_t", "uint16_t", "uint32_t", "uint8_t",
	"alignas", "alignof", "and", "and_eq", "asm", "assert", "atomic_cancel", "atomic_commit",
	"atomic_noexcept", "auto", "bitand", "bitor", "bool", "break", "case", "catch", "char",
	"char16_t", "char32_t", "char8_t", "class", "co_await", "co_return", "co_yield", "compl",
	"concept", "const", "const_cast", "consteval", "constexpr", "constinit", "continue",
	"decltype", "default", "delete", "do", "double", "dynamic_cast", "else", "enum", "errno",
	"explicit", "export", "extern", "false", "float", "for", "friend", "goto", "i386", "if",
	"inline", "int", "linux", "long", "mutable", "namespace", "new", "noexcept", "not",
	"not_eq", "nullptr", "offsetof", "operator", "or", "or_eq", "private", "protected",
	"public", "reflexpr", "register", "reinterpret_cast", "requires", "restrict", "return",
	"short", "signed", "sizeof", "static", "static_assert", "static_cast", "stderr", "stdin",
	"stdout", "struct", "switch", "synchronized", "template", "this", "thread_local", "throw",
	"true", "try", "typedef", "typeid", "typename", "typeof", "union", "unix", "unsigned",
	"using", "virtual", "void", "volatile", "wchar_t", "while", "xor", "xor_eq",
};

/* What the runtime's headers define: nothing generated may be called like this. */
static const char *const runtime_names[] = {
	/* tars_codec.h */
	"tars_get_bool", "tars_get_byte", "tars_get_double", "tars_get_enum", "tars_get_float",
	"tars_get_int", "tars_get_long", "tars_get_member", "tars_get_short", "tars_get_string",
	"tars_get_ubyte", "tars_get_uint", "tars_get_ushort", "tars_is_omitted", "tars_put_bytes",
	"tars_put_double", "tars_put_enum", "tars_put_float", "tars_put_grow", "tars_put_int",
	"tars_put_member", "tars_put_room", "tars_put_string", "tars_reader", "tars_take_int",
	"tars_wire_double", "tars_wire_float", "tars_wire_head", "tars_wire_int",
	"tars_wire_signed", "tars_wire_type", "tars_wire_u16", "tars_wire_u32", "tars_wire_u64",
	"tars_writer",
	/* tars.h and the headers in it */
	"tars_alloc", "tars_any_list", "tars_app", "tars_app_data", "tars_app_of", "tars_begin",
	"tars_bytes", "tars_call", "tars_call_info", "tars_caller_host", "tars_code",
	"tars_config", "tars_context", "tars_data", "tars_done", "tars_end", "tars_enum_item",
	"tars_error", "tars_fail",
	"tars_field", "tars_field_flags", "tars_field_init", "tars_func", "tars_grow", "tars_hash",
	"tars_hash_int", "tars_hash_mode", "tars_hash_new", "tars_hold", "tars_iface",
	"tars_iface_find", "tars_int_list", "tars_invoke", "tars_invoke_async",
	"tars_invoke_begin", "tars_invoke_end", "tars_invoke_oneway", "tars_kind", "tars_main",
	"tars_peer", "tars_pending", "tars_proxy",
	"tars_release", "tars_reply", "tars_reply_error", "tars_req", "tars_run", "tars_secure",
	"tars_security", "tars_servant", "tars_service", "tars_set_app_data",
	"tars_set_reply_context", "tars_set_reply_status", "tars_sleep", "tars_start",
	"tars_status", "tars_stop", "tars_str", "tars_strerror", "tars_strf", "tars_string_list",
	"tars_string_string_map", "tars_string_string_pair", "tars_strndup", "tars_time_left_ms",
	"tars_type", "tars_type_bool", "tars_type_byte", "tars_type_bytes", "tars_type_compare",
	"tars_type_double", "tars_type_float", "tars_type_init", "tars_type_int",
	"tars_type_int_list", "tars_type_long", "tars_type_short", "tars_type_string",
	"tars_type_string_list", "tars_type_string_string_map", "tars_type_ubyte",
	"tars_type_uint", "tars_type_ushort", "tars_wire",
	"tars_app_daylog", "tars_app_log", "tars_daylog", "tars_daylog_period", "tars_log",
	"tars_check", "tars_command", "tars_load_app_config", "tars_load_config", "tars_proxy_conf",
	"tars_cancel", "tars_func_flags", "tars_retry", "tars_wait_any",
	"tars_client", "tars_client_close", "tars_client_on_close", "tars_client_peer",
	"tars_client_push", "tars_client_ref", "tars_client_unref", "tars_push", "tars_pushed",
	"tars_set_push",
	"tars_client_send", "tars_hang_up", "tars_listen", "tars_message", "tars_message_async",
	"tars_message_begin", "tars_message_oneway", "tars_protocol",
	"tars_property", "tars_property_policy", "tars_property_report", "tars_start_conf",
	"tars_start_with",
	"tars_log_flush", "tars_log_is_on", "tars_log_level", "tars_log_period",
	"tars_cookie", "tars_dye", "tars_dyed", "tars_set_cookie", "tars_trace_data",
	"tars_trace_id", "tars_trace_span", "tars_trace_start",
#define RUNTIME_CODE(name, value, http, grpc, official, text) "TARS_" #name,
	TARS_CODES(RUNTIME_CODE)
#undef RUNTIME_CODE
};

static const struct idl_loc runtime_owner;

enum { MAX_SUFFIXES = 24 }; /* of names that belong to one definition */

/* "_Bool" and "__LINE__", which the language keeps for itself; limits such as "INT32_MAX". */
static bool is_of_compiler(const char *name)
{
	static const char *const types[] = {
		"CHAR", "SCHAR", "UCHAR", "SHRT", "USHRT", "LONG", "ULONG", "LLONG", "ULLONG", "INT",
		"UINT", "INTMAX", "UINTMAX", "INTPTR", "UINTPTR", "PTRDIFF", "SIZE", "SIG_ATOMIC",
		"WCHAR", "WINT",
	};
	const char *end = strrchr(name, '_');

	if (*name == '_')
		return name[1] == '_' || (name[1] >= 'A' && name[1] <= 'Z');
	if (!end || (strcmp(end, "_MAX") && strcmp(end, "_MIN")))
		return false;
	/* "INT_MAX", "INT8_MAX", "INT_LEAST8_MAX", "INT_FAST8_MAX" */
	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
		size_t n = strlen(types[i]);

		if (!strncmp(name, types[i], n) &&
		    n + strspn(name + n, "0123456789_LEASTF") == strlen(name) - strlen("MAX"))
			return true;
	}
	return false;
}

static const char *c_word(struct gen *g, const char *name)
{
	bool is_taken = is_of_compiler(name) || idl_symtab_find(g->names, &scope_words, name);

	return is_taken ? arena_strf(g->arena, "%s_", name) : name;
}

/* "%s%s", which there are a lot of. */
static const char *join(struct gen *g, const char *a, const char *b)
{
	size_t n = strlen(a), m = strlen(b) + 1;
	char *both = arena_alloc_chars(g->arena, n + m);

	memcpy(both, a, n);
	memcpy(both + n, b, m);
	return both;
}

static struct idl_loc *name_owner(struct gen *g, const char *name)
{
	return idl_symtab_find(g->names, &scope_names, name);
}

/*
 * Takes base and base + each suffix.  Within a file a name that is taken gets a '_' behind it; a
 * clash with another file is an error, because that file's header must not depend on this one.
 */
static const char *claim(struct gen *g, struct idl_loc *loc, const char *base,
			 const char *const *suffixes)
{
	const char *names[MAX_SUFFIXES];
	unsigned n = 0;

	base = c_word(g, base);
	while (suffixes[n]) {
		const struct idl_loc *owner;

		BUG_ON(n == MAX_SUFFIXES);
		names[n] = join(g, base, suffixes[n]);
		owner = name_owner(g, names[n]);
		if (owner && owner->file && owner->file != loc->file) {
			idl_fail(g->idl, loc, "its C name '%s' is taken; rename one", names[n]);
			idl_note(g->idl, owner, "the other definition is here");
			return base;
		}
		if (owner) {
			base = join(g, base, "_");
			n = 0;
		} else {
			n++;
		}
	}
	while (n)
		idl_symtab_add(g->names, &scope_names, names[--n], loc);
	return base;
}

static const char *const only_itself[] = { "", NULL };

/* Escaped, and apart from the other names in the same struct. */
static void name_members(struct gen *g, struct idl_member *members, uint32_t n, bool has_ret)
{
	for (uint32_t i = 0; i < n; i++) {
		struct idl_member *m = &members[i];

		m->c_name = c_word(g, m->name);
		if (has_ret && (m->flags & TARS_OUT) && !strcmp(m->c_name, "ret"))
			m->c_name = "ret_";
		if (m->c_name == m->name)
			continue;
		for (uint32_t k = 0; k < n; k++) {
			if (strcmp(members[k].name, m->c_name))
				continue;
			m->c_name = arena_strf(g->arena, "%s_", m->c_name);
			k = (uint32_t)-1;
		}
	}
}

static void name_interface(struct gen *g, struct idl_def *def)
{
	static const char *const suffixes[] = {
		"", "_iface", "_funcs", "_dispatch", NULL,
	};
	static const char *const op_suffixes[] = {
		"", "_in", "_out", "_in_fields", "_out_fields", "_in_type", "_out_type", "_in_put",
		"_in_get", "_out_put", "_out_get", "_async", "_oneway", "_begin", "_end", "_reply",
		"_call", "_done", "_func", NULL,
	};
	static const char *const push_suffixes[] = {
		"", "_iface", "_funcs", "_dispatch", "_pushed", "_set_push", NULL,
	};
	static const char *const push_op_suffixes[] = {
		"", "_in", "_out", "_in_fields", "_out_fields", "_in_type", "_out_type", "_in_put",
		"_in_get", "_out_put", "_out_get", "_async", "_oneway", "_begin", "_end", "_reply",
		"_call", "_done", "_func", "_push", NULL,
	};
	size_t prefix;

	def->c_name = claim(g, &def->loc, def->c_name, def->is_push ? push_suffixes : suffixes);
	prefix = strlen(def->c_name) + 1;
	for (uint32_t i = 0; i < def->n_ops; i++) {
		struct idl_op *op = &def->ops[i];
		/* A table has a member of this name too, so here words of C are escaped. */
		const char *base = arena_strf(g->arena, "%s_%s", def->c_name, c_word(g, op->name));

		op->c_name = claim(g, &op->loc, base, def->is_push ? push_op_suffixes :
				   op_suffixes) + prefix;
		name_members(g, op->params, op->n_params, op->ret != NULL);
	}
}

static void name_def(struct gen *g, struct idl_def *def)
{
	static const char *const struct_suffixes[] = {
		"", "_list", "_type", "_fields", "_init", "_compare", "_put", "_get", NULL,
	};
	static const char *const enum_suffixes[] = { "", "_list", "_type", "_items", NULL };

	def->c_name = arena_strf(g->arena, "%s_%s", def->module, def->name);
	switch (def->kind) {
	case IDL_ENUM:
		def->c_name = claim(g, &def->loc, def->c_name, enum_suffixes);
		for (uint32_t i = 0; i < def->n_items; i++) {
			struct idl_item *item = &def->items[i];
			const char *base = arena_strf(g->arena, "%s_%s", def->c_name, item->name);

			item->c_name = claim(g, &item->loc, base, only_itself);
		}
		break;
	case IDL_STRUCT:
		def->c_name = claim(g, &def->loc, def->c_name, struct_suffixes);
		name_members(g, def->members, def->n_members, false);
		break;
	case IDL_CONST:
		def->c_name = claim(g, &def->loc, def->c_name, only_itself);
		break;
	case IDL_INTERFACE:
		name_interface(g, def);
		break;
	default:
		break; /* a key has no name of its own */
	}
}

void gen_names(struct gen *g)
{
	for (size_t i = 0; i < sizeof(runtime_names) / sizeof(*runtime_names); i++)
		idl_symtab_add(g->names, &scope_names, runtime_names[i],
			       (struct idl_loc *)(uintptr_t)&runtime_owner);
	for (size_t i = 0; i < sizeof(reserved_words) / sizeof(*reserved_words); i++)
		idl_symtab_add(g->names, &scope_words, reserved_words[i], g);
	for (uint32_t f = 0; f < g->idl->n_files; f++) {
		const struct idl_file *file = g->idl->files[f];

		for (uint32_t m = 0; m < file->n_modules; m++)
			for (uint32_t d = 0; d < file->modules[m]->n_defs; d++)
				name_def(g, file->modules[m]->defs[d]);
	}
}

/* "int_list", "TestApp_User_list", "string_int_map": the parts of a container's name. */
static const char *type_id(struct gen *g, const struct idl_type *t)
{
	switch (t->kind) {
	case TARS_LIST:
		return arena_strf(g->arena, "%s_list", type_id(g, t->elem));
	case TARS_MAP:
		return arena_strf(g->arena, "%s_%s_map", type_id(g, t->key), type_id(g, t->elem));
	case TARS_STRUCT:
	case TARS_ENUM:
		return t->def->c_name;
	default:
		return idl_kind_name(t->kind);
	}
}

static bool starts_with_builtin(const struct idl_type *t)
{
	while (t->kind == TARS_LIST || t->kind == TARS_MAP)
		t = t->kind == TARS_MAP ? t->key : t->elem;
	return t->kind < TARS_ENUM;
}

const char *gen_container(struct gen *g, const struct idl_type *t)
{
	return arena_strf(g->arena, "%s%s", starts_with_builtin(t) ? "tars_" : "", type_id(g, t));
}

const char *gen_pair(struct gen *g, const struct idl_type *t)
{
	const char *map = gen_container(g, t);

	return arena_strf(g->arena, "%.*spair", (int)(strlen(map) - strlen("map")), map);
}

const char *gen_c_type(struct gen *g, const struct idl_type *t)
{
	static const char *const names[] = {
		[TARS_BOOL] = "bool", [TARS_I8] = "int8_t", [TARS_I16] = "int16_t",
		[TARS_I32] = "int32_t", [TARS_I64] = "int64_t", [TARS_U8] = "uint8_t",
		[TARS_U16] = "uint16_t", [TARS_U32] = "uint32_t", [TARS_F32] = "float",
		[TARS_F64] = "double", [TARS_STRING] = "struct tars_str",
		[TARS_BYTES] = "struct tars_bytes",
	};

	if (t->kind < TARS_ENUM)
		return names[t->kind];
	if (t->kind == TARS_LIST || t->kind == TARS_MAP)
		return arena_strf(g->arena, "struct %s", gen_container(g, t));
	return arena_strf(g->arena, "%s %s", t->kind == TARS_ENUM ? "enum" : "struct",
			  t->def->c_name);
}

bool gen_is_runtime_container(struct gen *g, const struct idl_type *t)
{
	const struct idl_loc *owner = name_owner(g, gen_container(g, t));

	return owner && !owner->file && starts_with_builtin(t);
}

const char *gen_descriptor(struct gen *g, const struct idl_type *t)
{
	if (t->kind < TARS_ENUM)
		return arena_strf(g->arena, "tars_type_%s", idl_kind_name(t->kind));
	if (t->kind == TARS_STRUCT || t->kind == TARS_ENUM)
		return arena_strf(g->arena, "%s_type", t->def->c_name);
	if (gen_is_runtime_container(g, t))
		return arena_strf(g->arena, "tars_type_%s", type_id(g, t));
	return arena_strf(g->arena, "%s_type", gen_container(g, t));
}

bool gen_is_first(struct gen *g, const void *output, const char *name)
{
	if (idl_symtab_find(g->names, output, name))
		return false;
	name = arena_strdup(&g->idl->arena, name);
	idl_symtab_add(g->names, output, name, (void *)(uintptr_t)name);
	return true;
}

/* The name of a list of structs or enums belongs to those. */
static bool owns_list(const struct idl_loc *owner, const struct idl_type *t)
{
	return t->kind == TARS_LIST &&
	       (t->elem->kind == TARS_STRUCT || t->elem->kind == TARS_ENUM) &&
	       owner == &t->elem->def->loc;
}

void gen_claim_container(struct gen *g, const struct idl_type *t)
{
	const char *name = arena_strdup(&g->idl->arena, gen_container(g, t)), *spelling, *other;
	const struct idl_loc *owner = name_owner(g, name);
	struct buf b = BUF_INIT;

	idl_type_put(&b, t);
	spelling = arena_memdup(&g->idl->arena, b.data, b.len);
	buf_release(&b);
	other = idl_symtab_add(g->names, &scope_containers, name, (void *)(uintptr_t)spelling);
	if (owns_list(owner, t))
		return;
	if (owner) {
		idl_fail(g->idl, &t->loc, "the C name '%s' of '%s' is taken%s; rename that", name,
			 spelling, owner->file ? "" : " by the runtime");
		if (owner->file)
			idl_note(g->idl, owner, "the other definition is here");
	} else if (other && strcmp(other, spelling)) {
		idl_fail(g->idl, &t->loc,
			 "the C name '%s' stands for '%s' and for '%s'; rename a type "
			 "in one of them", name, other, spelling);
	}
}
