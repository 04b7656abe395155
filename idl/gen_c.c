/* C generator: one file's header and code. */
#include "idl/gen_c.h"

/* A large output takes longer for its memory than for its text. */
static void hand_on(struct gen *g, struct buf *b)
{
	enum { ENOUGH = 1 << 16, TAIL = 8 }; /* gen_code() looks at its last bytes */

	if (buf_size(b) < ENOUGH)
		return;
	g->sink->put(g->sink->ctx, b == g->c, buf_head(b), buf_size(b) - TAIL);
	buf_consume(b, buf_size(b) - TAIL);
}

void gen_done(struct gen *g)
{
	enum { KEPT = 1 << 16 };

	arena_recycle(g->arena, KEPT);
	if (!g->sink)
		return;
	hand_on(g, g->h);
	if (g->c)
		hand_on(g, g->c);
}

static int generate(struct idl *idl, struct idl_file *file, struct buf *header, struct buf *code,
		    const struct idl_sink *sink)
{
	struct arena scratch;
	struct gen g = {
		.idl = idl, .arena = &idl->arena, .file = file, .names = idl_symtab_new(),
		.h = header, .c = code, .sink = sink,
	};

	gen_names(&g);
	arena_init(&scratch, NULL, 0);
	g.arena = &scratch;
	if (!idl->n_errors)
		gen_head(&g);
	if (!idl->n_errors && code)
		gen_code(&g);
	arena_clear(&scratch);
	idl_symtab_free(g.names);
	return idl->n_errors ? TARS_EEXISTS : 0;
}

int idl_gen_c(struct idl *idl, struct idl_file *file, struct buf *header, struct buf *code)
{
	return generate(idl, file, header, code, NULL);
}

int idl_pour_c(struct idl *idl, struct idl_file *file, const struct idl_sink *sink)
{
	struct buf header = BUF_INIT, code = BUF_INIT;
	int rc = generate(idl, file, &header, &code, sink);

	sink->put(sink->ctx, false, buf_head(&header), buf_size(&header));
	sink->put(sink->ctx, true, buf_head(&code), buf_size(&code));
	buf_release(&header);
	buf_release(&code);
	return rc;
}

static void drop(void *ctx, bool is_code, const void *text, size_t n)
{
	(void)ctx, (void)is_code, (void)text, (void)n;
}

int idl_check_c(struct idl *idl, struct idl_file *file)
{
	struct buf header = BUF_INIT;
	int rc = generate(idl, file, &header, NULL, &(struct idl_sink){ .put = drop });

	buf_release(&header);
	return rc;
}
