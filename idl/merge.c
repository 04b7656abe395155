/* A file and all that it includes, as one text. */
#include "idl/fmt.h"

static int merge_file(struct idl *idl, const struct idl_file *file, struct buf *out,
		      struct err *e)
{
	struct buf text = BUF_INIT;
	int rc = idl->opt.read(idl->opt.ctx, file->path, &text, e);

	if (!rc) {
		buf_addf(out, "%s// %s\n\n", buf_size(out) ? "\n" : "", file->path);
		fmt_text(idl, (const char *)buf_head(&text), buf_size(&text), true, out);
	}
	buf_release(&text);
	return rc;
}

int idl_merge(struct idl *idl, struct buf *out, struct err *e)
{
	int rc = 0;

	/* Tokens are read once more: what is malformed was reported when they were parsed. */
	for (uint32_t i = 0; i < idl->n_files && !rc; i++)
		rc = merge_file(idl, idl->files[i], out, e);
	return rc;
}
