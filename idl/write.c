/* Generated files on disk. */
#include "idl/write.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "proto/prototext.h"

int idl_write_file(const char *path, const struct buf *text, struct err *e)
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
		rc = idl_write_file(arena_strf(&idl->arena, "%s/%s.h", dir, file->base), &header, e);
	if (!rc)
		rc = idl_write_file(arena_strf(&idl->arena, "%s/%s.c", dir, file->base), &code, e);
	buf_release(&header);
	buf_release(&code);
	return rc;
}

/* All interfaces of a module that stand in the file, whose blocks of it may be several. */
static size_t find_interfaces(const struct idl_file *file, const char *module,
			      const struct idl_descs *descs, const struct tars_iface **ifaces)
{
	size_t n = 0;

	for (uint32_t i = 0; i < file->n_modules; i++) {
		const struct idl_module *m = file->modules[i];

		for (uint32_t k = 0; k < m->n_defs && !strcmp(m->name, module); k++)
			if (m->defs[k]->kind == IDL_INTERFACE)
				ifaces[n++] = idl_descs_iface(descs, m->defs[k]->full_name);
	}
	return n;
}

static bool is_first_block(const struct idl_file *file, uint32_t block)
{
	for (uint32_t i = 0; i < block; i++)
		if (!strcmp(file->modules[i]->name, file->modules[block]->name))
			return false;
	return true;
}

static int write_protos(struct idl *idl, struct idl_file *file, const char *dir, struct err *e)
{
	const struct tars_iface **ifaces;
	struct idl_descs descs;
	int rc = 0;

	idl_describe(idl, &idl->arena, &descs);
	ifaces = arena_alloc(&idl->arena, descs.n_ifaces * sizeof(*ifaces));
	for (uint32_t i = 0; i < file->n_modules && !rc; i++) {
		const char *module = file->modules[i]->name;
		struct buf text = BUF_INIT;
		size_t n = find_interfaces(file, module, &descs, ifaces);

		if (n && is_first_block(file, i)) {
			prototext(&text, module, ifaces, n);
			rc = idl_write_file(arena_strf(&idl->arena, "%s/%s.proto", dir, module),
					  &text, e);
		}
		buf_release(&text);
	}
	return rc;
}

static int write_with(int (*write)(struct idl *idl, struct idl_file *file, const char *dir,
				   struct err *e),
		      const struct idl_options *opt, const char *path, const char *dir,
		      FILE *report)
{
	struct err e = { 0 };
	struct idl_file *file;
	struct idl idl;
	int rc;

	idl_init(&idl, opt);
	file = idl_load(&idl, path);
	rc = file ? write(&idl, file, dir, &e) : TARS_EARG;
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

int idl_write_c(const struct idl_options *opt, const char *path, const char *dir, FILE *report)
{
	return write_with(write_both, opt, path, dir, report);
}

int idl_write_proto(const struct idl_options *opt, const char *path, const char *dir, FILE *report)
{
	return write_with(write_protos, opt, path, dir, report);
}
