/* C generator: interfaces that are pushed, as verbs for servers and a handler table for clients. */
#include "idl/gen_c.h"

static const char *op_name(struct gen *g, const struct idl_def *def, const struct idl_op *op)
{
	return arena_strf(g->arena, "%s_%s", def->c_name, op->c_name);
}

static void put_set_push(struct gen *g, struct buf *b, const struct idl_def *def, const char *end)
{
	const char *args[] = {
		"struct tars_proxy *to",
		arena_strf(g->arena, "const struct %s_pushed *handlers", def->c_name),
		"void *ctx", "void (*closed)(void *ctx)",
	};

	gen_wrap(b, arena_strf(g->arena, "void %s_set_push", def->c_name), args, 4, end);
}

static void put_push(struct gen *g, struct buf *b, const char *name, const char *end)
{
	const char *args[] = {
		"struct tars_client *to",
		arena_strf(g->arena, "const struct %s_out *out", name),
	};

	gen_wrap(b, arena_strf(g->arena, "int %s_push", name), args, 2, end);
}

void gen_push_head(struct gen *g, const struct idl_def *def)
{
	if (!def->is_push || !def->n_ops)
		return;
	buf_addf(g->h, "/* What a client does with what is pushed; where one is NULL, nothing. */\n"
		 "struct %s_pushed {\n", def->c_name);
	for (uint32_t i = 0; i < def->n_ops; i++) {
		const char *args[] = {
			"void *ctx",
			arena_strf(g->arena, "const struct %s_out *out",
				   op_name(g, def, &def->ops[i])),
		};

		comment_put(g->h, 1, def->ops[i].doc);
		comment_put(g->h, 1, def->ops[i].note);
		gen_wrap(g->h, arena_strf(g->arena, "\tvoid (*%s)", def->ops[i].c_name), args, 2,
			 ";\n");
	}
	buf_add_str(g->h, "};\n\n/* See tars_set_push. */\n");
	put_set_push(g, g->h, def, ";\n");
	buf_add_str(g->h, "/* To one client: see tars_client_push. */\n");
	for (uint32_t i = 0; i < def->n_ops; i++)
		put_push(g, g->h, op_name(g, def, &def->ops[i]), ";\n");
	buf_add_u8(g->h, '\n');
}

static void put_pushed(struct gen *g, const struct idl_def *def)
{
	static const char *const args[] = {
		"const void *handlers", "void *ctx", "int func", "const void *out",
	};

	gen_wrap(g->c, arena_strf(g->arena, "static void %s_pushed", def->c_name), args, 4,
		 "\n{\n");
	buf_addf(g->c, "\tconst struct %s_pushed *h = handlers;\n\n\tswitch (func) {\n",
		 def->c_name);
	for (uint32_t i = 0; i < def->n_ops; i++)
		buf_addf(g->c, "\tcase %s_func:\n\t\tif (h->%s)\n\t\t\th->%s(ctx, out);\n"
			 "\t\tbreak;\n", op_name(g, def, &def->ops[i]), def->ops[i].c_name,
			 def->ops[i].c_name);
	buf_add_str(g->c, "\t}\n}\n\n");
}

void gen_push_code(struct gen *g, const struct idl_def *def)
{
	if (!def->is_push || !def->n_ops)
		return;
	put_pushed(g, def);
	put_set_push(g, g->c, def, "\n{\n");
	buf_addf(g->c, "\ttars_set_push(to, &(struct tars_push){\n"
		 "\t\t.iface = &%s_iface, .pushed = %s_pushed,\n"
		 "\t\t.handlers = handlers, .ctx = ctx, .closed = closed });\n}\n\n",
		 def->c_name, def->c_name);
	for (uint32_t i = 0; i < def->n_ops; i++) {
		const char *name = op_name(g, def, &def->ops[i]);

		put_push(g, g->c, name, "\n{\n");
		buf_addf(g->c, "\treturn tars_client_push(to, &%s_iface, %s_func, out);\n}\n\n",
			 def->c_name, name);
	}
}
