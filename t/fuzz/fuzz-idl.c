/* Fuzz: .tars text; what is accepted generates C, and prints to text that is accepted again. */
#include <stdio.h>

#include "idl/idl.h"
#include "proto/idltext.h"
#include "proto/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* Whatever is included is there, and is always the same. */
static int read_include(void *ctx, const char *path, struct buf *text, struct err *e)
{
	(void)ctx;
	if (!strchr(path, '.'))
		return err_set(e, TARS_ENOTFOUND, "no file '%s'", path);
	buf_add_str(text,
		    "#include \"nothing\"\nmodule B { enum E { X, Y = 7 }; struct S { 0 require E "
		    "e; "
			  "1 optional vector<S> s; }; };");
	return 0;
}

static void check_text(const struct buf *text, const char *name)
{
	struct idl idl;

	idl_init(&idl, &(struct idl_options){ .with_tars = true, .read = read_include });
	if (!idl_load_text(&idl, name, (const char *)buf_head(text), buf_size(text))) {
		struct buf errors = BUF_INIT;

		idl_put_errors(&idl, &errors);
		fprintf(stderr, "%s%.*s\n", buf_str(&errors), (int)buf_size(text), buf_head(text));
		BUG_ON(true);
	}
	idl_release(&idl);
}

static void check_accepted(struct idl *idl, struct idl_file *file)
{
	struct buf header = BUF_INIT, code = BUF_INIT;
	struct idl_descs descs;
	struct arena a;

	arena_init(&a, NULL, 0);
	idl_describe(idl, &a, &descs);
	for (uint32_t i = 0; i < descs.n_types && i < 100; i++) {
		struct buf text = BUF_INIT;
		void *value = arena_alloc(&a, descs.types[i]->size);

		tars_type_init(descs.types[i], value);
		BUG_ON(tars_type_compare(descs.types[i], value, value));
		idltext_type(&text, descs.types[i]);
		check_text(&text, "type");
		buf_release(&text);
	}
	for (uint32_t i = 0; i < descs.n_ifaces && i < 100; i++) {
		struct buf text = BUF_INIT;

		idltext_iface(&text, descs.ifaces[i]);
		check_text(&text, "interface");
		buf_release(&text);
	}
	arena_clear(&a);
	BUG_ON(!idl_gen_c(idl, file, &header, &code) && !buf_size(&code));
	buf_release(&header);
	buf_release(&code);
}

/* What is shown of the input is text, whatever bytes it has. */
static void check_rejected(const struct idl *idl)
{
	struct buf errors = BUF_INIT;

	idl_put_errors(idl, &errors);
	BUG_ON(!text_is_utf8((const char *)buf_head(&errors), buf_size(&errors)));
	BUG_ON(memchr(buf_head(&errors), '\0', buf_size(&errors)) ||
	       memchr(buf_head(&errors), '\x1b', buf_size(&errors)));
	buf_release(&errors);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct idl_file *file;
	struct idl idl;

	idl_init(&idl, &(struct idl_options){ .with_tars = true, .read = read_include });
	file = idl_load_text(&idl, "input", (const char *)data, n);
	BUG_ON((file == NULL) != (idl.n_errors > 0));
	if (file)
		check_accepted(&idl, file);
	else
		check_rejected(&idl);
	idl_release(&idl);
	return 0;
}
