/* Canonical layout of .tars text: between which tokens there is what, and where comments go. */
#include "idl/fmt.h"

#include <string.h>

#include "idl/fmt_rows.h"
#include "idl/parse.h"

/* What stands between two tokens. */
enum sep { SEP_NONE, SEP_SPACE, SEP_LINE };

struct comment {
	const char *start, *end;
	uint32_t line, end_line;
};

struct fmt {
	struct idl *idl;
	const char *text, *end;
	bool drops_includes;
	struct token *tokens;    /* with TOK_END */
	uint32_t n_tokens;
	struct fmt_rows rows;
	/* Where we are. */
	uint32_t depth;          /* of braces */
	uint32_t angles, parens; /* that are open */
	bool in_enum;
	uint32_t tag_width;      /* of this struct */
	bool mixes_flags;        /* it has both "require" and "optional" */
	bool wants_blank;        /* an include was left out */
	/* The gap before the token at hand. */
	struct comment *comments;
	uint32_t n_comments;
	uint32_t line, end_line; /* where it begins and ends */
};

static bool is_punct(const struct token *t, char c)
{
	return t && t->kind == TOK_PUNCT && t->punct == c;
}

static bool is_one_of(const struct token *t, const char *set)
{
	return t && t->kind == TOK_PUNCT && t->punct && strchr(set, t->punct);
}

static enum sep separator(const struct fmt *f, const struct token *prev, const struct token *t)
{
	if (!prev || t->kind == TOK_END || t->kind == TOK_INCLUDE || prev->kind == TOK_INCLUDE)
		return SEP_LINE;
	if (is_one_of(t, ";,"))
		return SEP_NONE;
	if (is_one_of(t, "{}") || is_one_of(prev, "{;") || (f->in_enum && is_punct(prev, ',')))
		return SEP_LINE;
	if (is_one_of(t, ")>](<[:") || is_one_of(prev, "(<[:*") || prev->kind == TOK_SCOPE)
		return SEP_NONE;
	if (t->kind == TOK_SCOPE && prev->kind == TOK_NAME)
		return SEP_NONE;
	return SEP_SPACE;
}

/* ---- the gap before a token ---- */

static const char *comment_end(const char *p, const char *end)
{
	const char *close;

	if (p[1] == '/') {
		close = memchr(p, '\n', (size_t)(end - p));
		return close ? close : end;
	}
	close = memmem(p + 2, (size_t)(end - p - 2), "*/", 2);
	return close ? close + 2 : end;
}

static uint32_t count_lines(const char *p, const char *end)
{
	uint32_t n = 0;

	for (; (p = memchr(p, '\n', (size_t)(end - p))); p++)
		n++;
	return n;
}

/* Lines are counted from the token before. */
static void scan_gap(struct fmt *f, const char *p, const char *end)
{
	uint32_t line = 0;

	f->n_comments = 0;
	f->line = 0;
	while (p < end) {
		struct comment *c;

		if (*p != '/') {
			line += *p++ == '\n';
			continue;
		}
		c = IDL_PUSH(&f->idl->arena, f->comments, f->n_comments);
		*c = (struct comment){ .start = p, .end = comment_end(p, end), .line = line };
		line += count_lines(c->start, c->end);
		c->end_line = line;
		p = c->end;
	}
	f->end_line = line;
}

static size_t base_column(const struct fmt *f, const char *p)
{
	const char *start = p;

	while (start > f->text && start[-1] != '\n')
		start--;
	return fmt_blanks(start, p);
}

static void put_comment(struct fmt *f, const struct comment *c, bool is_note)
{
	fmt_row_comment(&f->rows, c->start, c->end, base_column(f, c->start), is_note);
}

static uint32_t row_indent(const struct fmt *f, enum sep sep)
{
	return f->depth + (sep == SEP_LINE ? 0 : 1);
}

/* Comments that begin on the line of the token before and end it stay there; the first of those
 * that follow is given. */
static uint32_t put_notes(struct fmt *f, const struct token *prev, const struct token *t)
{
	const struct comment *c = f->comments;
	uint32_t i = 0;

	if (!prev || !f->n_comments || c->line)
		return 0;
	if (c->end_line == f->end_line && t->kind != TOK_END)
		return 0;
	do
		put_comment(f, &c[i++], true);
	while (i < f->n_comments && c[i].line == c[i - 1].end_line);
	return i;
}

/* A comment between two tokens of a line: "f(int a, / * b * / int b)". */
static bool is_inline(const struct fmt *f, enum sep sep)
{
	return sep != SEP_LINE && !f->comments[0].line && f->comments[0].end_line == f->end_line;
}

/* What stood before an include that is left out does not document what stands behind it. */
static void put_wanted_blank(struct fmt *f)
{
	if (f->wants_blank)
		fmt_row_blank(&f->rows);
	f->wants_blank = false;
}

/* The gap's comments, each line of them as it was, and the row for the token. */
static void put_comments(struct fmt *f, const struct token *prev, const struct token *t,
			 enum sep sep)
{
	uint32_t first = put_notes(f, prev, t), indent = row_indent(f, sep), line;
	const struct comment *c = f->comments;

	if (is_inline(f, sep)) {
		for (uint32_t i = 0; i < f->n_comments; i++)
			put_comment(f, &c[i], false);
		fmt_row_code(&f->rows, " ", sep == SEP_SPACE);
		return;
	}
	put_wanted_blank(f);
	line = first ? c[first - 1].end_line : 0;
	for (uint32_t i = first; i < f->n_comments; i++) {
		bool is_first = i == first;

		if (is_first || c[i].line > line) {
			/* Two notes and no blank line behind them would make one of them a doc. */
			if (c[i].line > line + 1 && !(is_first && first < 2 && is_punct(prev, '{')))
				fmt_row_blank(&f->rows);
			fmt_row_add(&f->rows, indent);
		}
		put_comment(f, &c[i], false);
		line = c[i].end_line;
	}
	if (first < f->n_comments && sep != SEP_LINE && line == f->end_line) {
		fmt_row_code(&f->rows, " ", sep == SEP_SPACE);
		return;
	}
	if (f->end_line > line + 1 && !is_punct(t, '}') &&
	    !(is_punct(prev, '{') && f->n_comments == 1 && first == 1))
		fmt_row_blank(&f->rows);
	fmt_row_add(&f->rows, is_punct(t, '}') ? f->depth - 1 : is_punct(t, ')') ? f->depth : indent);
}

/* Columns of a parameter with the ',' or ')' behind it. */
static size_t unit_width(const struct token *t)
{
	uint32_t angles = 0;
	size_t width = 0;

	for (; t->kind != TOK_END; t++) {
		width += t->n + (t->kind == TOK_KEYWORD || t->kind == TOK_NAME);
		angles += is_punct(t, '<');
		if (angles)
			angles -= is_punct(t, '>');
		else if (is_punct(t, ')'))
			return width; /* the ';' and one blank less */
		else if (is_punct(t, ','))
			return width - 1;
	}
	return width;
}

/* "require" is a letter shorter than "optional". */
static bool is_padded(const struct fmt *f, const struct token *prev)
{
	return prev->keyword == KW_require && f->mixes_flags && f->depth == 2 &&
	       prev > f->tokens && prev[-1].kind == TOK_INT;
}

static void put_gap(struct fmt *f, const struct token *prev, const struct token *t, enum sep sep)
{
	if (f->n_comments) {
		put_comments(f, prev, t, sep);
	} else if (sep == SEP_LINE) {
		put_wanted_blank(f);
		if (prev && f->end_line > 1 && !is_punct(prev, '{') && !is_one_of(t, "{}"))
			fmt_row_blank(&f->rows);
		fmt_row_add(&f->rows, is_punct(t, '}') ? f->depth - 1 : f->depth);
	} else if (sep == SEP_SPACE) {
		if (f->parens && !f->angles && is_punct(prev, ',') &&
		    fmt_row_column(&f->rows) + 1 + unit_width(t) > FMT_WIDTH)
			fmt_row_add(&f->rows, f->depth + 1);
		else
			fmt_row_code(&f->rows, "  ", is_padded(f, prev) ? 2 : 1);
	}
}

/* ---- tokens ---- */

/* Looks ahead at the members of a struct that begins with this brace. */
static void measure_struct(struct fmt *f, const struct token *open)
{
	bool requires = false, optionals = false;

	f->tag_width = 0;
	for (const struct token *t = open + 1; t->kind != TOK_END && !is_punct(t, '}'); t++) {
		if (t->kind == TOK_INT && is_one_of(t - 1, "{;") && t->n > f->tag_width)
			f->tag_width = t->n;
		requires |= t->keyword == KW_require;
		optionals |= t->keyword == KW_optional;
	}
	f->mixes_flags = requires && optionals;
}

static void put_token(struct fmt *f, const struct token *t, const struct token *prev)
{
	if (t->kind == TOK_INCLUDE) {
		if (f->drops_includes) {
			f->rows.v[f->rows.n - 1].is_dropped = true;
			f->wants_blank = true;
			return;
		}
		fmt_row_code(&f->rows, "#include \"", 10);
		fmt_row_code(&f->rows, t->s, strlen(t->s));
		fmt_row_code(&f->rows, "\"", 1);
		return;
	}
	if (t->kind == TOK_INT && f->depth == 2 && is_one_of(prev, "{;"))
		for (uint32_t i = t->n; i < f->tag_width; i++)
			fmt_row_code(&f->rows, " ", 1);
	fmt_row_code(&f->rows, t->start, t->n);
}

static void follow(struct fmt *f, const struct token *t)
{
	if (t->keyword == KW_enum)
		f->in_enum = true;
	if (t->kind != TOK_PUNCT)
		return;
	switch (t->punct) {
	case '{':
		f->depth++;
		measure_struct(f, t);
		break;
	case '}':
		f->depth--;
		f->in_enum = false;
		break;
	case '<':
		f->angles++;
		break;
	case '>':
		f->angles -= f->angles > 0;
		break;
	case '(':
		f->parens++;
		break;
	case ')':
		f->parens -= f->parens > 0;
		break;
	}
}

static void read_tokens(struct fmt *f, const char *text, size_t n)
{
	struct lexer lx;
	struct token t;

	lexer_init(&lx, f->idl, NULL, text, n);
	f->text = lx.pos;
	f->end = lx.end;
	do {
		lexer_next(&lx, &t);
		*IDL_PUSH(&f->idl->arena, f->tokens, f->n_tokens) = t;
	} while (t.kind != TOK_END);
}

void fmt_text(struct idl *idl, const char *text, size_t n, bool drops_includes, struct buf *out)
{
	struct fmt f = {
		.idl = idl, .drops_includes = drops_includes,
		.rows = { .arena = &idl->arena, .text = BUF_INIT },
	};
	const struct token *prev = NULL;
	const char *at;

	read_tokens(&f, text ? text : "", n);
	at = f.text;
	for (uint32_t i = 0; i < f.n_tokens; i++) {
		const struct token *t = &f.tokens[i];

		scan_gap(&f, at, t->start);
		put_gap(&f, prev, t, separator(&f, prev, t));
		if (t->kind == TOK_END)
			break;
		put_token(&f, t, prev);
		follow(&f, t);
		at = t->start + t->n;
		prev = t;
	}
	fmt_rows_print(&f.rows, out);
	buf_release(&f.rows.text);
}

/* Layout needs no included file. */
static int read_nothing(void *ctx, const char *path, struct buf *text, struct err *e)
{
	(void)ctx;
	(void)path;
	(void)text;
	(void)e;
	return 0;
}

int idl_fmt(struct idl *idl, const char *name, const char *text, size_t n, struct buf *out)
{
	idl->opt.read = read_nothing;
	idl->opt.with_tars = true;
	idl_parse_text(idl, name, text, n);
	if (idl->n_errors)
		return TARS_EARG;
	fmt_text(idl, text, n, false, out);
	return 0;
}
