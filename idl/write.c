/* Generated files on disk. */
#include "idl/write.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "proto/prototext.h"

/* A file that is made as path.new and then takes path's place. */
struct out {
	const char *path;
	struct buf temporary;
	FILE *f;
	int error;               /* errno of what failed first; 0: nothing has */
};

static void out_open(struct out *o, const char *path)
{
	*o = (struct out){ .path = path, .temporary = BUF_INIT };
	buf_addf(&o->temporary, "%s.new", path);
	o->f = fopen(buf_str(&o->temporary), "wb");
	if (!o->f)
		o->error = errno;
}

static void out_put(struct out *o, const void *text, size_t n)
{
	if (!o->error && fwrite(text, 1, n, o->f) != n)
		o->error = errno;
}

/* keep: else path stays as it was.  Releases all. */
static int out_close(struct out *o, bool keep, struct err *e)
{
	const char *name = buf_str(&o->temporary);

	if (o->f && fclose(o->f) && !o->error)
		o->error = errno;
	if (keep && !o->error && rename(name, o->path))
		o->error = errno;
	if (o->f && (o->error || !keep))
		remove(name);
	buf_release(&o->temporary);
	return keep && o->error ? err_set(e, TARS_ESYS, "cannot write '%s': %s", o->path,
					  strerror(o->error)) : 0;
}

int idl_write_file(const char *path, const struct buf *text, struct err *e)
{
	struct out o;

	out_open(&o, path);
	out_put(&o, text->data, text->len);
	return out_close(&o, true, e);
}

enum { HEADER, CODE };

static void put_either(void *ctx, bool is_code, const void *text, size_t n)
{
	struct out *outs = ctx;

	out_put(&outs[is_code ? CODE : HEADER], text, n);
}

static int write_both(struct idl *idl, struct idl_file *file, const char *dir, struct err *e)
{
	struct out outs[2];
	int rc, rc_header, rc_code;

	out_open(&outs[HEADER], arena_strf(&idl->arena, "%s/%s.h", dir, file->base));
	out_open(&outs[CODE], arena_strf(&idl->arena, "%s/%s.c", dir, file->base));
	rc = idl_pour_c(idl, file, &(struct idl_sink){ .put = put_either, .ctx = outs });
	rc_header = out_close(&outs[HEADER], !rc && (outs[HEADER].error || !outs[CODE].error), e);
	rc_code = out_close(&outs[CODE], !rc && !rc_header, e);
	return rc ? rc : rc_header ? rc_header : rc_code;
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
