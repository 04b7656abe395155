/* Types of a tool's values: descriptors from a .tars file, and types by their spelling. */
#include "roles/types.h"

#include <stdio.h>
#include <stdlib.h>

#include "proto/text.h"

/* A type is read as the only member of a struct, so it may be whatever a member may be. */
#define HOLDER "tars_value::Value"
static const char holder_format[] = "module tars_value { struct Value { 0 require %s value; }; };";
static const char holder_path[] = "--type";

static int load_type(struct types *t, const char *spelling, struct err *e)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789_:<>, ";
	const char *text;

	if (!*spelling || spelling[strspn(spelling, allowed)])
		return err_set(e, TARS_EARG, "--type: '%.200s' is not a type, like M::S, vector<int> "
			       "or map<string, M::S>", spelling);
	text = arena_strf(&t->arena, holder_format, spelling);
	if (!idl_load_text(&t->idl, holder_path, text, strlen(text)))
		return err_set(e, TARS_EARG, "--type %s: %s", spelling, t->idl.errors->text);
	return 0;
}

static void report(const struct idl *idl)
{
	struct buf text = BUF_INIT;

	idl_put_errors(idl, &text);
	fputs(buf_str(&text), stderr);
	buf_release(&text);
}

static int load_file(struct types *t, const char *file, struct err *e)
{
	if (idl_load(&t->idl, file))
		return 0;
	report(&t->idl);
	return err_set(e, TARS_EARG, "--idl: %s has errors", file);
}

int types_load(struct types *t, const char *idl, const char *include, const char *type,
	       struct err *e)
{
	int rc = 0;

	*t = (struct types){ 0 };
	arena_init(&t->arena, NULL, 0);
	idl_init(&t->idl, &(struct idl_options){ .path = include, .with_tars = true });
	if (idl)
		rc = load_file(t, idl, e);
	if (!rc && type)
		rc = load_type(t, type, e);
	if (!rc)
		idl_describe(&t->idl, &t->arena, &t->descs);
	if (!rc && type)
		t->type = idl_descs_type(&t->descs, HOLDER)->fields->type;
	if (rc)
		types_release(t);
	return rc;
}

void types_release(struct types *t)
{
	idl_release(&t->idl);
	arena_clear(&t->arena);
}

int types_tag(const char *text, int *tag_r, struct err *e)
{
	int64_t tag = -1;

	if (text && !text_int(text, strlen(text), 0, UINT8_MAX, &tag))
		return err_set(e, TARS_EARG, "--tag: '%.40s' is not a tag (0 to 255)", text);
	*tag_r = (int)tag;
	return 0;
}
