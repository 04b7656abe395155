/* C generator: one file's header and code. */
#include "idl/gen_c.h"

void gen_forget(struct gen *g)
{
	enum { KEPT = 1 << 16 };

	arena_recycle(g->arena, KEPT);
}

int idl_gen_c(struct idl *idl, struct idl_file *file, struct buf *header, struct buf *code)
{
	struct arena scratch;
	struct gen g = {
		.idl = idl, .arena = &idl->arena, .file = file, .names = idl_symtab_new(),
		.h = header, .c = code,
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

int idl_check_c(struct idl *idl, struct idl_file *file)
{
	struct buf header = BUF_INIT;
	int rc = idl_gen_c(idl, file, &header, NULL);

	buf_release(&header);
	return rc;
}
