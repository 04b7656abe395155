/* C generator: interfaces, as handler tables for servers and verbs for clients. */
#include "idl/gen_c.h"

#include <stdlib.h>
#include <string.h>

/* A method's verbs.  %P is its prefix "M_I_op", %I the interface's C name, '|' parts arguments. */
static const struct verb {
	const char *head, *params;   /* declaration */
	const char *before;          /* statements before the call */
	const char *call, *args;     /* "return f" and its arguments */
} verbs[] = {
	{ "int %P", "struct tars_call *c|const struct %P_in *in|struct %P_out *out",
	  "", "\treturn tars_invoke", "c|&%I_iface|%P_func|in|out" },
	{ "int %P_oneway", "struct tars_call *c|const struct %P_in *in",
	  "", "\treturn tars_invoke_oneway", "c|&%I_iface|%P_func|in" },
	{ "int %P_async", "struct tars_call *c|const struct %P_in *in|"
	  "void (*done)(void *ctx, int rc, const struct %P_out *out)|void *ctx",
	  "\tstruct %P_call *call = tars_alloc(c->rq, sizeof(*call));\n\n"
	  "\tcall->done = done;\n\tcall->ctx = ctx;\n",
	  "\treturn tars_invoke_async", "c|&%I_iface|%P_func|in|%P_done|call" },
	{ "struct tars_pending *%P_begin", "struct tars_call *c|const struct %P_in *in",
	  "", "\treturn tars_invoke_begin", "c|&%I_iface|%P_func|in" },
	{ "int %P_end", "struct tars_pending *p|struct %P_out *out",
	  "", "\treturn tars_invoke_end", "p|out" },
	{ "int %P_reply", "struct tars_req *rq|const struct %P_out *out",
	  "", "\treturn tars_reply", "rq|out" },
};

enum { N_VERBS = sizeof(verbs) / sizeof(*verbs), MAX_ARGS = 8 };

/* Text with %P and %I filled in. */
static char *fill(struct gen *g, const char *text, const char *prefix, const char *iface)
{
	struct buf b = BUF_INIT;
	char *out;

	for (; *text; text++) {
		if (*text != '%') {
			buf_add_u8(&b, (uint8_t)*text);
		} else {
			text++;
			buf_add_str(&b, *text == 'I' ? iface : prefix);
		}
	}
	out = arena_memdup(g->arena, b.data, b.len);
	buf_release(&b);
	return out;
}

/* "head(args)tail" with both filled in. */
static void put_filled(struct gen *g, struct buf *b, const char *head, const char *list,
		       const char *prefix, const char *iface, const char *tail)
{
	char *rest = fill(g, list, prefix, iface), *arg;
	const char *args[MAX_ARGS];
	unsigned n = 0;

	while ((arg = strsep(&rest, "|")))
		args[n++] = arg;
	gen_wrap(b, fill(g, head, prefix, iface), args, n, tail);
}

/* What the names of a method's functions and structs begin with: "M_I_op". */
static const char *op_prefix(struct gen *g, const struct idl_def *def, const struct idl_op *op)
{
	return arena_strf(g->arena, "%s_%s", def->c_name, op->c_name);
}

/* Members of the in or out struct, at most 256; gives how many. */
static uint32_t op_members(struct gen *g, const struct idl_op *op, bool out,
			   const struct idl_member **members)
{
	uint32_t n = 0;

	if (out && op->ret) {
		struct idl_member *ret = ARENA_NEW(g->arena, struct idl_member);

		*ret = (struct idl_member){
			.name = "", .c_name = "ret", .flags = TARS_REQUIRED | TARS_OUT,
			.type = op->ret,
		};
		idl_default(ret);
		members[n++] = ret;
	}
	for (uint32_t i = 0; i < op->n_params; i++)
		if (((op->params[i].flags & TARS_OUT) != 0) == out)
			members[n++] = &op->params[i];
	return n;
}

static int by_name(const void *a, const void *b)
{
	return strcmp((*(const struct idl_op *const *)a)->name,
		      (*(const struct idl_op *const *)b)->name);
}

static const struct idl_op **sorted_ops(struct gen *g, const struct idl_def *def)
{
	const struct idl_op **ops = arena_alloc(g->arena, sizeof(*ops) * def->n_ops);

	for (uint32_t i = 0; i < def->n_ops; i++)
		ops[i] = &def->ops[i];
	qsort(ops, def->n_ops, sizeof(*ops), by_name);
	return ops;
}

static void put_values(struct gen *g, const struct idl_op *op, const char *prefix, bool out)
{
	const struct idl_member *members[256];
	uint32_t n = op_members(g, op, out, members);

	for (uint32_t i = 0; i < n; i++)
		gen_containers(g, members[i]->type, NULL);
	buf_addf(g->h, "struct %s_%s {\n", prefix, out ? "out" : "in");
	for (uint32_t i = 0; i < n; i++)
		gen_member(g, members[i]);
	buf_addf(g->h, "%s};\n\n", n ? "" : "\tchar unused_; /* C has no empty structs */\n");
}

static void put_handlers(struct gen *g, const struct idl_def *def)
{
	buf_addf(g->h, "/* Handlers of %s; where one is NULL, the answer is TARS_ENOFUNC. */\n"
		 "struct %s {\n", def->full_name, def->c_name);
	for (uint32_t i = 0; i < def->n_ops; i++) {
		const struct idl_op *op = &def->ops[i];
		const char *prefix = op_prefix(g, def, op);
		const char *args[] = {
			"struct tars_req *rq",
			arena_strf(g->arena, "const struct %s_in *in", prefix),
			arena_strf(g->arena, "struct %s_out *out", prefix),
		};

		comment_put(g->h, 1, op->doc);
		comment_put(g->h, 1, op->note);
		gen_wrap(g->h, arena_strf(g->arena, "\tint (*%s)", op->c_name), args, 3, ";\n");
	}
	buf_addf(g->h, "%s};\n\nextern const struct tars_iface %s_iface;\n\n",
		 def->n_ops ? "" : "\tchar unused_; /* C has no empty structs */\n", def->c_name);
}

void gen_iface_head(struct gen *g, const struct idl_def *def)
{
	comment_put(g->h, 0, def->doc);
	comment_put(g->h, 0, def->note);
	if (def->doc || def->note)
		buf_add_u8(g->h, '\n');
	for (uint32_t i = 0; i < def->n_ops; i++) {
		const char *prefix = op_prefix(g, def, &def->ops[i]);

		put_values(g, &def->ops[i], prefix, false);
		put_values(g, &def->ops[i], prefix, true);
	}
	put_handlers(g, def);
	for (uint32_t i = 0; i < def->n_ops; i++) {
		const char *prefix = op_prefix(g, def, &def->ops[i]);

		buf_addf(g->h, "/* Calls of %s. */\n", def->ops[i].name);
		for (unsigned verb = 0; verb < N_VERBS; verb++)
			put_filled(g, g->h, verbs[verb].head, verbs[verb].params, prefix, "",
				   ";\n");
		buf_add_u8(g->h, '\n');
	}
	gen_push_head(g, def);
}

static void put_op_descriptors(struct gen *g, const struct idl_def *def, const struct idl_op *op,
			       bool out)
{
	const struct idl_member *members[256];
	uint32_t n = op_members(g, op, out, members);
	const char *side = out ? "out" : "in";

	gen_struct_descriptor(g, "static ",
			      arena_strf(g->arena, "%s_%s", op_prefix(g, def, op), side),
			      arena_strf(g->arena, "%s.%s %s", def->full_name, op->name, side),
			      members, n);
}

static void put_tables(struct gen *g, const struct idl_def *def, const struct idl_op **ops)
{
	const char *name = def->c_name;

	buf_addf(g->c,
		 "/* Indices of the methods in %s_funcs, which is sorted by name. */\nenum {\n",
		 name);
	for (uint32_t i = 0; i < def->n_ops; i++)
		buf_addf(g->c, "\t%s_func,\n", op_prefix(g, def, ops[i]));
	buf_addf(g->c, "};\n\nstatic const struct tars_func %s_funcs[] = {\n", name);
	for (uint32_t i = 0; i < def->n_ops; i++) {
		const char *prefix = op_prefix(g, def, ops[i]);

		buf_addf(g->c, "\t{ \"%s\", &%s_in_type, &%s_out_type, %u, %s },\n", ops[i]->name,
			 prefix, prefix, ops[i]->routekey,
			 ops[i]->flags & TARS_IDEMPOTENT ? "TARS_IDEMPOTENT" : "0");
	}
	buf_add_str(g->c, "};\n\n");
}

static void put_dispatch(struct gen *g, const struct idl_def *def, const struct idl_op **ops)
{
	static const char *const args[] = {
		"struct tars_req *rq", "const void *impl", "int func", "const void *in",
		"void *out",
	};

	gen_wrap(g->c, arena_strf(g->arena, "static int %s_dispatch", def->c_name), args, 5,
		 "\n{\n");
	if (!def->n_ops) {
		buf_add_str(g->c, "\t(void)rq;\n\t(void)impl;\n\t(void)func;\n\t(void)in;\n"
			    "\t(void)out;\n");
	} else {
		buf_addf(g->c, "\tconst struct %s *h = impl;\n\n\tswitch (func) {\n", def->c_name);
		for (uint32_t i = 0; i < def->n_ops; i++) {
			const char *member = ops[i]->c_name;

			buf_addf(g->c, "\tcase %s_func:\n"
				 "\t\treturn h->%s ? h->%s(rq, in, out) : TARS_ENOFUNC;\n",
				 op_prefix(g, def, ops[i]), member, member);
		}
		buf_add_str(g->c, "\t}\n");
	}
	buf_add_str(g->c, "\treturn TARS_ENOFUNC;\n}\n\n");
}

/* Converts the untyped callback of the runtime into the user's, without casting functions. */
static void put_thunk(struct gen *g, const char *prefix)
{
	static const char *const args[] = { "void *state", "int rc", "const void *out" };

	buf_addf(g->c,
		 "struct %s_call {\n\tvoid (*done)(void *ctx, int rc, const struct %s_out *out);\n"
		 "\tvoid *ctx;\n};\n\n", prefix, prefix);
	gen_wrap(g->c, arena_strf(g->arena, "static void %s_done", prefix), args, 3, "\n{\n");
	buf_addf(g->c,
		 "\tconst struct %s_call *call = state;\n\n"
		 "\tcall->done(call->ctx, rc, out);\n}\n\n",
		 prefix);
}

static void put_verbs(struct gen *g, const struct idl_def *def, const struct idl_op *op)
{
	const char *prefix = op_prefix(g, def, op);

	put_thunk(g, prefix);
	for (unsigned i = 0; i < N_VERBS; i++) {
		const struct verb *v = &verbs[i];

		put_filled(g, g->c, v->head, v->params, prefix, def->c_name, "\n{\n");
		buf_add_str(g->c, fill(g, v->before, prefix, def->c_name));
		put_filled(g, g->c, v->call, v->args, prefix, def->c_name, ";\n}\n\n");
	}
}

void gen_iface_code(struct gen *g, const struct idl_def *def)
{
	const struct idl_op **ops = sorted_ops(g, def);

	for (uint32_t i = 0; i < def->n_ops; i++) {
		put_op_descriptors(g, def, &def->ops[i], false);
		put_op_descriptors(g, def, &def->ops[i], true);
	}
	if (def->n_ops)
		put_tables(g, def, ops);
	put_dispatch(g, def, ops);
	buf_addf(g->c, "const struct tars_iface %s_iface = {\n\t.name = \"%s\",\n", def->c_name,
		 def->full_name);
	if (def->n_ops)
		buf_addf(g->c, "\t.funcs = %s_funcs, .n_funcs = %u,\n", def->c_name, def->n_ops);
	buf_addf(g->c, "\t.dispatch = %s_dispatch,\n};\n\n", def->c_name);
	for (uint32_t i = 0; i < def->n_ops; i++)
		put_verbs(g, def, &def->ops[i]);
	gen_push_code(g, def);
}
