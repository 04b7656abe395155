/* Generated files on disk. */
#include "idl/write.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* By a temporary file, so that nobody sees half of it. */
static int replace_file(const char *path, const struct buf *text, struct err *e)
{
	struct buf temporary = BUF_INIT;
	const char *name;
	int rc = 0;
	FILE *f;

	buf_addf(&temporary, "%s.new", path);
	name = buf_str(&temporary);
	f = fopen(name, "wb");
	if (!f || fwrite(text->data, 1, text->len, f) != text->len)
		rc = TARS_ESYS;
	if (f && fclose(f))
		rc = TARS_ESYS;
	if (!rc && rename(name, path))
		rc = TARS_ESYS;
	if (rc) {
		err_set(e, rc, "cannot write '%s': %s", path, strerror(errno));
		if (f)
			remove(name);
	}
	buf_release(&temporary);
	return rc;
}

static int write_both(struct idl *idl, struct idl_file *file, const char *dir, struct err *e)
{
	struct buf header = BUF_INIT, code = BUF_INIT;
	int rc = idl_gen_c(idl, file, &header, &code);

	if (!rc)
		rc = replace_file(arena_strf(&idl->arena, "%s/%s.h", dir, file->base), &header, e);
	if (!rc)
		rc = replace_file(arena_strf(&idl->arena, "%s/%s.c", dir, file->base), &code, e);
	buf_release(&header);
	buf_release(&code);
	return rc;
}

int idl_write_c(const struct idl_options *opt, const char *path, const char *dir, FILE *report)
{
	struct err e = { 0 };
	struct idl_file *file;
	struct idl idl;
	int rc;

	idl_init(&idl, opt);
	file = idl_load(&idl, path);
	rc = file ? write_both(&idl, file, dir, &e) : TARS_EARG;
	if (idl.n_errors) {
		struct buf errors = BUF_INIT;

		idl_put_errors(&idl, &errors);
		fputs(buf_str(&errors), report);
		buf_release(&errors);
	} else if (rc) {
		fprintf(report, "%s\n", e.text);
	}
	idl_release(&idl);
	return rc;
}
