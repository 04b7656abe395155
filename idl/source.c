/* Source files: finding includes, and parsing each file once. */
#include "idl/parse.h"

#include <stdlib.h>
#include <string.h>

/* Scope of file paths in the symbol table. */
static const char path_scope;

/* "./a//b/../c" as "a/c", so that a file has one name. */
static const char *path_normal(struct arena *a, const char *path)
{
	char *out = arena_alloc_raw(a, strlen(path) + 3), *o = out;
	const char *floor = out; /* ".." cannot be undone up to here */

	if (*path == '/')
		*o++ = '/';
	floor = o;
	while (*path) {
		const char *end = strchrnul(path, '/');
		size_t n = (size_t)(end - path);

		if (n == 2 && path[0] == '.' && path[1] == '.' && o > floor) {
			while (--o > floor && o[-1] != '/')
				;
		} else if (n && !(n == 1 && *path == '.')) {
			memcpy(o, path, n);
			o += n;
			*o++ = '/';
			if (n == 2 && path[0] == '.' && path[1] == '.')
				floor = o;
		}
		path = *end ? end + 1 : end;
	}
	if (o > out + 1)
		o--;
	*o = '\0';
	return out;
}

static const char *path_base(struct arena *a, const char *path)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	const char *dot = strrchr(name, '.');

	return arena_memdup(a, name, dot && dot > name ? (size_t)(dot - name) : strlen(name));
}

/* What makes a file the same one, whatever path leads to it. */
static const char *path_key(struct idl *idl, const char *path)
{
	char *real = realpath(path, NULL);
	const char *key = real ? arena_strdup(&idl->arena, real) : path;

	free(real);
	return key;
}

/* The text lives as long as the idl. */
static struct idl_file *parse_source(struct idl *idl, const char *path, const char *text, size_t n)
{
	struct idl_file *file = ARENA_NEW(&idl->arena, struct idl_file);
	struct parser p = { .idl = idl, .arena = &idl->arena, .file = file };

	file->path = path;
	file->base = path_base(&idl->arena, path);
	file->text = text;
	file->size = n;
	idl_symtab_add(idl->symbols, &path_scope, path_key(idl, path), file);
	if (n > IDL_MAX_FILE_SIZE) {
		idl_fail(idl, &(struct idl_loc){ file, 1, 1 },
			 "the file is larger than %d MB; split it", IDL_MAX_FILE_SIZE >> 20);
		return file;
	}
	idl->include_depth++;
	lexer_init(&p.lx, idl, file, text, n);
	parse_next(&p);
	parse_definitions(&p);
	idl->include_depth--;
	*IDL_PUSH(&idl->arena, idl->files, idl->n_files) = file;
	return file;
}

struct idl_file *idl_parse_text(struct idl *idl, const char *path, const char *text, size_t n)
{
	return parse_source(idl, arena_strdup(&idl->arena, path),
			    arena_memdup(&idl->arena, text, n), n);
}

/* Gives *file if there is one at this path; else TARS_ENOTFOUND or why it cannot be read. */
static int try_path(struct idl *idl, const char *path, struct idl_file **file, struct err *e)
{
	struct buf text = BUF_INIT;
	int rc;

	path = path_normal(&idl->arena, path);
	*file = idl_symtab_find(idl->symbols, &path_scope, path_key(idl, path));
	if (*file)
		return 0;
	rc = idl->opt.read(idl->opt.ctx, path, &text, e);
	if (!rc)
		*file = idl_parse_text(idl, path, (const char *)buf_head(&text), buf_size(&text));
	buf_release(&text);
	return rc;
}

static int try_dirs(struct idl *idl, const char *path, const struct idl_loc *from,
		    struct idl_file **file, struct err *e)
{
	const char *slash = strrchr(from->file->path, '/'), *dir = idl->opt.path;
	int rc = TARS_ENOTFOUND;

	while (dir && *dir && rc == TARS_ENOTFOUND) {
		int n = (int)strcspn(dir, ":");

		if (n)
			rc = try_path(idl, arena_strf(&idl->arena, "%.*s/%s", n, dir, path), file, e);
		dir += n + (dir[n] == ':');
	}
	if (rc == TARS_ENOTFOUND && slash)
		rc = try_path(idl,
			      arena_strf(&idl->arena, "%.*s/%s", (int)(slash - from->file->path),
					      from->file->path, path), file, e);
	return rc;
}

/* The path as it stands, in the search path, next to the file that includes it; and, because
 * files often carry the paths of the machine they were written on, its last part there. */
static int find_include(struct idl *idl, const char *path, const struct idl_loc *from,
			struct idl_file **file, struct err *e)
{
	const char *slash = strrchr(path, '/');
	int rc = try_path(idl, path, file, e);

	if (rc == TARS_ENOTFOUND && *path != '/')
		rc = try_dirs(idl, path, from, file, e);
	if (rc == TARS_ENOTFOUND && slash)
		rc = try_dirs(idl, slash + 1, from, file, e);
	return rc;
}

struct idl_file *idl_parse_file(struct idl *idl, const char *path, const struct idl_loc *from)
{
	struct err e = { 0 };
	struct idl_file *file = NULL;
	int rc;

	if (idl->include_depth > IDL_MAX_INCLUDE_DEPTH) {
		idl_fail(idl, from, "includes are nested more than %d deep", IDL_MAX_INCLUDE_DEPTH);
		return NULL;
	}
	rc = from ? find_include(idl, path, from, &file, &e) : try_path(idl, path, &file, &e);
	if (rc == TARS_ENOTFOUND && from)
		idl_fail(idl, from,
			 "include \"%s\" is not in the search path; add its directory to it",
			 path);
	else if (rc)
		idl_fail(idl, from ? from : &(struct idl_loc){ 0 }, "%s", e.text);
	else if (from && file == from->file)
		idl_fail(idl, from, "'%s' includes itself", path);
	return rc ? NULL : file;
}
