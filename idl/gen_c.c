/* C generator: one file's header and code. */
#include "idl/gen_c.h"

int idl_gen_c(struct idl *idl, struct idl_file *file, struct buf *header, struct buf *code)
{
	struct gen g = {
		.idl = idl, .arena = &idl->arena, .file = file, .names = idl_symtab_new(),
		.h = header, .c = code,
	};

	gen_names(&g);
	if (!idl->n_errors) {
		gen_head(&g);
		gen_code(&g);
	}
	idl_symtab_free(g.names);
	return idl->n_errors ? TARS_EEXISTS : 0;
}
