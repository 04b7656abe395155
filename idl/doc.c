/* Documentation as Markdown. */
#include "idl/doc.h"

#include "idl/gen_c.h"

/* ---- what is there ---- */

static struct doc_module *module_of(struct idl *idl, struct doc_modules *all, const char *name)
{
	struct doc_module *m;

	for (uint32_t i = 0; i < all->n; i++)
		if (!strcmp(all->v[i].name, name))
			return &all->v[i];
	m = IDL_PUSH(&idl->arena, all->v, all->n);
	*m = (struct doc_module){ .name = name, .docs = "" };
	return m;
}

void doc_collect(struct idl *idl, struct doc_modules *all)
{
	for (uint32_t i = 0; i < idl->n_files; i++) {
		for (uint32_t k = 0; k < idl->files[i]->n_modules; k++) {
			const struct idl_module *block = idl->files[i]->modules[k];
			struct doc_module *m = module_of(idl, all, block->name);

			if (block->doc)
				m->docs = arena_strf(&idl->arena, "%s%s%s", m->docs,
						     *m->docs ? "\n\n" : "", block->doc);
			for (uint32_t j = 0; j < block->n_defs; j++)
				*IDL_PUSH(&idl->arena, m->defs, m->n_defs) = block->defs[j];
		}
	}
}

const char *doc_text(struct arena *a, const char *doc, const char *note)
{
	if (doc && note)
		return arena_strf(a, "%s\n\n%s", doc, note);
	return doc ? doc : note;
}

/* ---- text ---- */

/* Comments are Markdown as they are, but no HTML; a cell of a table has one line. */
static void put_text(struct buf *b, const char *text, bool is_cell)
{
	for (const char *p = text; p && *p; p++) {
		if (*p == '<')
			buf_add_str(b, "&lt;");
		else if (*p == '&')
			buf_add_str(b, "&amp;");
		else if (is_cell && *p == '|')
			buf_add_str(b, "\\|");
		else if (is_cell && *p == '\n')
			buf_add_str(b, "<br>");
		else
			buf_add_u8(b, (uint8_t)*p);
	}
}

static void put_paragraph(struct buf *b, const char *text)
{
	if (!text || !*text)
		return;
	put_text(b, text, false);
	buf_add_str(b, "\n\n");
}

static void put_cell(struct idl *idl, struct buf *b, const char *doc, const char *note)
{
	buf_add_str(b, " ");
	put_text(b, doc_text(&idl->arena, doc, note), true);
	buf_add_str(b, " |\n");
}

static void put_type(struct buf *b, const struct idl_type *t)
{
	switch (t->kind) {
	case TARS_LIST:
		buf_add_str(b, "vector&lt;");
		put_type(b, t->elem);
		buf_add_str(b, ">");
		break;
	case TARS_BYTES:
		buf_add_str(b, "vector&lt;byte>");
		break;
	case TARS_MAP:
		buf_add_str(b, "map&lt;");
		put_type(b, t->key);
		buf_add_str(b, ", ");
		put_type(b, t->elem);
		buf_add_str(b, ">");
		break;
	case TARS_STRUCT:
	case TARS_ENUM:
		buf_addf(b, "[%s](#%s)", t->def->full_name, t->def->full_name);
		break;
	default:
		idl_type_put(b, t);
	}
}

/* Nothing in it is Markdown or HTML. */
static void put_code(struct buf *b, const char *text)
{
	buf_add_str(b, "<code>");
	for (const char *p = text; *p; p++) {
		if (strchr("\\`*_[]<>&|~$", *p))
			buf_addf(b, "&#%u;", (unsigned char)*p);
		else
			buf_add_u8(b, (uint8_t)*p);
	}
	buf_add_str(b, "</code>");
}

/* A value as the language spells it. */
static void put_value(struct buf *b, const struct idl_type *t, const struct idl_value *v)
{
	struct buf text = BUF_INIT;

	switch (t->kind) {
	case TARS_STRING:
		gen_string(&text, v->s ? v->s : "");
		break;
	case TARS_BOOL:
		buf_add_str(&text, v->i ? "true" : "false");
		break;
	case TARS_F32:
	case TARS_F64:
		buf_addf(&text, "%.*g", t->kind == TARS_F32 ? 9 : 17, v->f);
		break;
	case TARS_ENUM:
		for (uint32_t i = 0; i < t->def->n_items && !text.len; i++)
			if (t->def->items[i].value == v->i)
				buf_add_str(&text, t->def->items[i].name);
		if (text.len)
			break;
		/* fall through */
	default:
		buf_addf(&text, "%lld", (long long)v->i);
	}
	put_code(b, buf_str(&text));
	buf_release(&text);
}

/* A struct and an interface may have one name. */
static const char *anchor_of(struct idl *idl, const struct idl_def *def)
{
	return def->kind == IDL_INTERFACE ? arena_strf(&idl->arena, "interface-%s", def->full_name)
					  : def->full_name;
}

static void put_heading(struct buf *b, const char *level, const char *what, const char *anchor,
			const char *name)
{
	buf_addf(b, "%s <a id=\"%s\"></a>%s%s%s\n\n", level, anchor, what, *what ? " " : "", name);
}

/* ---- definitions ---- */

static void put_struct(struct idl *idl, struct buf *b, const struct idl_def *def)
{
	buf_add_str(b, "| tag | name | type | | default | |\n|---|---|---|---|---|---|\n");
	for (uint32_t i = 0; i < def->n_members; i++) {
		const struct idl_member *m = &def->members[i];

		buf_addf(b, "| %u | %s | ", m->tag, m->name);
		put_type(b, m->type);
		buf_addf(b, " | %s | ", m->flags & TARS_REQUIRED ? "require" : "optional");
		if (m->value.kind != IDL_NONE)
			put_value(b, m->type, &m->value);
		buf_add_str(b, " |");
		put_cell(idl, b, m->doc, m->note);
	}
	buf_add_str(b, "\n");
	if (!def->key)
		return;
	buf_add_str(b, "Ordered by");
	for (uint32_t i = 0; i < def->key->n_keys; i++)
		buf_addf(b, "%s %s", i ? "," : "", def->key->keys[i].s);
	buf_add_str(b, ".\n\n");
}

static void put_enum(struct idl *idl, struct buf *b, const struct idl_def *def)
{
	buf_add_str(b, "| value | name | |\n|---|---|---|\n");
	for (uint32_t i = 0; i < def->n_items; i++) {
		const struct idl_item *item = &def->items[i];

		buf_addf(b, "| %d | %s |", item->value, item->name);
		put_cell(idl, b, item->doc, item->note);
	}
	buf_add_str(b, "\n");
}

static void put_const(struct buf *b, const struct idl_def *def)
{
	put_type(b, def->members[0].type);
	buf_add_str(b, " ");
	put_value(b, def->members[0].type, &def->members[0].value);
	buf_add_str(b, "\n\n");
}

static void put_signature(struct buf *b, const struct idl_op *op)
{
	buf_add_str(b, "```c\n");
	if (op->ret)
		idl_type_put(b, op->ret);
	else
		buf_add_str(b, "void");
	buf_addf(b, " %s(", op->name);
	for (uint32_t i = 0; i < op->n_params; i++) {
		const struct idl_member *m = &op->params[i];

		buf_addf(b, "%s%s", i ? ", " : "", m->flags & TARS_OUT ? "out " :
			 m->flags & TARS_ROUTEKEY ? "routekey " : "");
		idl_type_put(b, m->type);
		buf_addf(b, " %s", m->name);
	}
	buf_add_str(b, ")\n```\n\n");
}

static void put_op(struct idl *idl, struct buf *b, const struct idl_def *def,
		   const struct idl_op *op)
{
	put_heading(b, "####", "", arena_strf(&idl->arena, "%s.%s", def->full_name, op->name),
		    op->name);
	put_signature(b, op);
	put_paragraph(b, doc_text(&idl->arena, op->doc, op->note));
	if (!op->n_params && !op->ret)
		return;
	buf_add_str(b, "| | name | type | |\n|---|---|---|---|\n");
	for (uint32_t i = 0; i < op->n_params; i++) {
		const struct idl_member *m = &op->params[i];

		buf_addf(b, "| %s | %s | ", m->flags & TARS_OUT ? "out" : "in", m->name);
		put_type(b, m->type);
		buf_add_str(b, " |");
		put_cell(idl, b, m->doc, m->note);
	}
	if (op->ret) {
		buf_add_str(b, "| returns | | ");
		put_type(b, op->ret);
		buf_add_str(b, " | |\n");
	}
	buf_add_str(b, "\n");
}

static void put_def(struct idl *idl, struct buf *b, const struct idl_def *def)
{
	static const char *const kinds[] = {
		[IDL_ENUM] = "enum", [IDL_STRUCT] = "struct", [IDL_CONST] = "const",
		[IDL_INTERFACE] = "interface",
	};

	put_heading(b, "###", kinds[def->kind], anchor_of(idl, def), def->name);
	put_paragraph(b, doc_text(&idl->arena, def->doc, def->note));
	switch (def->kind) {
	case IDL_ENUM:
		put_enum(idl, b, def);
		break;
	case IDL_STRUCT:
		put_struct(idl, b, def);
		break;
	case IDL_CONST:
		put_const(b, def);
		break;
	case IDL_INTERFACE:
		for (uint32_t i = 0; i < def->n_ops; i++)
			put_op(idl, b, def, &def->ops[i]);
		break;
	}
}

/* ---- the page ---- */

/* What readers look for comes first. */
static const uint8_t order[] = { IDL_INTERFACE, IDL_STRUCT, IDL_ENUM, IDL_CONST };

static void each_def(struct idl *idl, struct buf *b, const struct doc_module *m,
		     void (*put)(struct idl *idl, struct buf *b, const struct idl_def *def))
{
	for (size_t i = 0; i < sizeof(order); i++)
		for (uint32_t k = 0; k < m->n_defs; k++)
			if (m->defs[k]->kind == order[i])
				put(idl, b, m->defs[k]);
}

static void put_entry(struct idl *idl, struct buf *b, const struct idl_def *def)
{
	buf_addf(b, "  * [%s](#%s)\n", def->name, anchor_of(idl, def));
}

int idl_markdown(struct idl *idl, struct buf *out, struct err *e)
{
	struct doc_modules all = { 0 };

	(void)e;
	doc_collect(idl, &all);
	buf_add_str(out, "<!-- generated by 'tars idl doc'; do not edit -->\n\n");
	for (uint32_t i = 0; i < all.n; i++) {
		buf_addf(out, "* [%s](#%s)\n", all.v[i].name, all.v[i].name);
		each_def(idl, out, &all.v[i], put_entry);
	}
	buf_add_str(out, "\n");
	for (uint32_t i = 0; i < all.n; i++) {
		put_heading(out, "##", "module", all.v[i].name, all.v[i].name);
		put_paragraph(out, all.v[i].docs);
		each_def(idl, out, &all.v[i], put_def);
	}
	/* One newline at the end, not two. */
	while (out->len > 1 && out->data[out->len - 1] == '\n' && out->data[out->len - 2] == '\n')
		out->len--;
	return 0;
}
