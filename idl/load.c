/* The library's front door: set-up, reading files, parsing and checking them. */
#include "idl/lex.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void idl_init(struct idl *idl, const struct idl_options *opt)
{
	*idl = (struct idl){ .symbols = idl_symtab_new() };
	if (opt)
		idl->opt = *opt;
	if (!idl->opt.read)
		idl->opt.read = idl_read_file;
	arena_init(&idl->arena, NULL, 0);
}

void idl_release(struct idl *idl)
{
	idl_symtab_free(idl->symbols);
	arena_clear(&idl->arena);
	*idl = (struct idl){ 0 };
}

void *idl_grow(struct arena *a, void *v, uint32_t n, size_t size)
{
	char *bigger;

	/* Full exactly when n is 0 or a power of two from 4 on. */
	if (n && (n < 4 || (n & (n - 1))))
		return v;
	bigger = arena_alloc(a, size * (n ? 2 * (size_t)n : 4));
	if (n)
		memcpy(bigger, v, size * n);
	return bigger;
}

int idl_read_file(void *ctx, const char *path, struct buf *text, struct err *e)
{
	FILE *f = fopen(path, "rb");
	size_t start = text->len, n;

	(void)ctx;
	if (!f)
		return err_set(e, errno == ENOENT || errno == ENOTDIR ? TARS_ENOTFOUND : TARS_ESYS,
			       "cannot read '%s': %s", path, strerror(errno));
	do {
		n = fread(buf_reserve(text, 65536), 1, 65536, f);
		text->len += n;
	} while (n && text->len - start <= IDL_MAX_FILE_SIZE);
	if (ferror(f)) {
		err_set(e, TARS_ESYS, "cannot read '%s': %s", path, strerror(errno));
		fclose(f);
		return TARS_ESYS;
	}
	fclose(f);
	return 0;
}

static struct idl_file *idl_finish(struct idl *idl, struct idl_file *file)
{
	for (uint32_t i = 0; i < idl->n_files; i++)
		idl_check(idl, idl->files[i]);
	return idl->n_errors ? NULL : file;
}

struct idl_file *idl_load(struct idl *idl, const char *path)
{
	return idl_finish(idl, idl_parse_file(idl, path, NULL));
}

struct idl_file *idl_load_text(struct idl *idl, const char *name, const char *text, size_t n)
{
	return idl_finish(idl, idl_parse_text(idl, name, text, n));
}
