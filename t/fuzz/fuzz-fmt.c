/* Fuzz: formatting changes blanks only, nothing the second time, and no generated code. */
#include <stdio.h>

#include "idl/fmt.h"

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
		buf_add_str(text, "// B.\nmodule B { enum E { X, Y = 7 }; struct S { 0 require E e; }; };");
	else
		return err_set(e, TARS_ENOTFOUND, "no file '%s'", path);
	return 0;
}

static bool is_blank(uint8_t c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* What is left of text without blanks and byte order mark. */
static void strip(struct buf *b, const uint8_t *p, size_t n)
{
	size_t from = n >= 3 && !memcmp(p, "\xef\xbb\xbf", 3) ? 3 : 0;

	for (size_t i = from; i < n; i++)
		if (!is_blank(p[i]))
			buf_add_u8(b, p[i]);
}

static bool same(const struct buf *a, const struct buf *b)
{
	return buf_size(a) == buf_size(b) &&
	       (!buf_size(a) || !memcmp(buf_head(a), buf_head(b), buf_size(a)));
}

static void must_be_same(const struct buf *a, const struct buf *b, const char *what)
{
	if (same(a, b))
		return;
	fprintf(stderr, "%s differs:\n%.*s\n---- and\n%.*s\n", what, (int)buf_size(a),
		(const char *)buf_head(a), (int)buf_size(b), (const char *)buf_head(b));
	BUG_ON(true);
}

static bool generate(const struct buf *text, struct buf *code, struct buf *merged)
{
	struct input in = { buf_head(text), buf_size(text) };
	struct buf header = BUF_INIT;
	struct err e = { 0 };
	struct idl_file *file;
	struct idl idl;

	idl_init(&idl, &(struct idl_options){ .with_tars = true, .read = read_source, .ctx = &in });
	file = idl_load(&idl, "input");
	if (file) {
		BUG_ON(idl_merge(&idl, merged, &e));
		idl_gen_c(&idl, file, &header, code);
		buf_append(code, &header);
	}
	buf_release(&header);
	idl_release(&idl);
	return file;
}

static bool format(const uint8_t *data, size_t n, struct buf *out)
{
	struct idl idl;
	int rc;

	idl_init(&idl, NULL);
	rc = idl_fmt(&idl, "input", (const char *)data, n, out);
	idl_release(&idl);
	return !rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	enum { ONCE, TWICE, BARE, BARE_ONCE, CODE, CODE_ONCE, MERGED, MERGED_ONCE, N };
	struct buf b[N] = { 0 }, text = BUF_INIT;

	buf_add(&text, data, n);
	if (format(data, n, &b[ONCE])) {
		strip(&b[BARE], data, n);
		strip(&b[BARE_ONCE], buf_head(&b[ONCE]), buf_size(&b[ONCE]));
		must_be_same(&b[BARE], &b[BARE_ONCE], "the text without blanks");
		BUG_ON(!format(buf_head(&b[ONCE]), buf_size(&b[ONCE]), &b[TWICE]));
		must_be_same(&b[ONCE], &b[TWICE], "the text formatted twice");
		if (generate(&text, &b[CODE], &b[MERGED])) {
			struct buf again = BUF_INIT;

			BUG_ON(!generate(&b[ONCE], &b[CODE_ONCE], &b[MERGED_ONCE]));
			must_be_same(&b[CODE], &b[CODE_ONCE], "the generated code");
			must_be_same(&b[MERGED], &b[MERGED_ONCE], "the merged text");
			BUG_ON(!generate(&b[MERGED], &again, &again));
			buf_release(&again);
		}
	}
	for (unsigned i = 0; i < N; i++)
		buf_release(&b[i]);
	buf_release(&text);
	return 0;
}
