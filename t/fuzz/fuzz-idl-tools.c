/* Fuzz: what is made of accepted .tars text: JSON, documentation, findings, and no changes to itself. */
#include <jansson.h>

#include "idl/compat.h"
#include "idl/doc.h"
#include "idl/lint.h"
#include "idl/tree_json.h"
#include "proto/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

struct input {
	const uint8_t *data;
	size_t n;
};

/* The text itself, and for every other path with a dot always the same. */
static int read_source(void *ctx, const char *path, struct buf *text, struct err *e)
{
	const struct input *in = ctx;

	if (!strcmp(path, "input"))
		buf_add(text, in->data, in->n);
	else if (strchr(path, '.'))
		buf_add_str(text, "module B { enum E { X, Y = 7 }; struct S { 0 require E e; }; };");
	else
		return err_set(e, TARS_ENOTFOUND, "no file '%s'", path);
	return 0;
}

static void must_be_json(const struct buf *text)
{
	json_t *json = json_loadb((const char *)buf_head(text), buf_size(text), 0, NULL);

	BUG_ON(!json);
	json_decref(json);
}

static void check_texts(struct idl *idl)
{
	struct buf b = BUF_INIT;
	struct err e = { 0 };

	BUG_ON(idl_json(idl, &b, &e));
	must_be_json(&b);
	buf_clear(&b);
	if (!idl_openapi(idl, "%M.%I.Obj", &b, &e))
		must_be_json(&b);
	buf_clear(&b);
	BUG_ON(idl_markdown(idl, &b, &e));
	BUG_ON(!text_is_utf8((const char *)buf_head(&b), buf_size(&b)));
	buf_release(&b);
}

static void check_lint(struct idl *idl, const struct idl_file *file)
{
	struct err e = { 0 };
	struct lint l;

	BUG_ON(lint_run(&l, idl, file, NULL, &e));
	for (uint32_t i = 0; i < l.n_findings; i++)
		BUG_ON(!l.findings[i].loc.line || !l.findings[i].text);
}

/* A version is compatible with itself. */
static void check_compat(const struct idl *idl)
{
	struct compat c;

	compat_init(&c, &(struct compat_options){ 0 });
	compat_add(&c, &c.old, idl);
	compat_add(&c, &c.new, idl);
	compat_run(&c);
	BUG_ON(c.n_changes);
	compat_release(&c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct input in = { data, n };
	struct idl_file *file;
	struct idl idl;

	idl_init(&idl, &(struct idl_options){ .with_tars = true, .read = read_source, .ctx = &in });
	file = idl_load(&idl, "input");
	if (file) {
		check_texts(&idl);
		check_lint(&idl, file);
		check_compat(&idl);
	}
	idl_release(&idl);
	return 0;
}
