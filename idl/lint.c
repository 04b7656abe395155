/* Running lint rules over a file, and the comments that switch them off. */
#include "idl/lint.h"

#include <stdlib.h>
#include <string.h>

#include "idl/lex.h"
#include "proto/text.h"

static const char mark[] = "lint:disable";

const char *const lint_severities[] = { "hint", "warning", "error" };

bool lint_is_rule(const char *name, size_t n)
{
	for (const struct lint_rule *r = lint_rules; r->name; r++)
		if (strlen(r->name) == n && !memcmp(r->name, name, n))
			return true;
	return false;
}

/* ---- comments that switch rules off ---- */

static bool is_punct(const struct token *t, char c)
{
	return t->kind == TOK_PUNCT && t->punct == c;
}

/* The line where the statement that begins with t ends; with the whole body of a definition. */
static uint32_t statement_end(const struct token *t)
{
	unsigned depth = 0;

	for (; t->kind != TOK_END; t++) {
		if (t->kind == TOK_INCLUDE || (!depth && (is_punct(t, ';') || is_punct(t, ','))))
			return t->loc.line;
		if (is_punct(t, '}') && !depth)
			return t->loc.line;
		depth += is_punct(t, '{') || is_punct(t, '(') || is_punct(t, '<');
		depth -= is_punct(t, '}') || is_punct(t, ')') || is_punct(t, '>');
	}
	return UINT32_MAX;
}

/* Marks in the gap before tokens[i], which begins at p on this line. */
static void find_marks(struct lint *l, const char *p, uint32_t line, const struct token *tokens,
		       uint32_t i)
{
	const char *end = tokens[i].start, *hit;

	while (end - p > (ptrdiff_t)strlen(mark) &&
	       (hit = memmem(p, (size_t)(end - p), mark, strlen(mark)))) {
		struct lint_quiet *q = IDL_PUSH(&l->idl->arena, l->quiet, l->n_quiet);
		const char *rules = hit + strlen(mark), *stop = rules;

		for (; p < hit; p++)
			line += *p == '\n';
		while (stop < end && *stop != '\n' && !(end - stop > 1 && !memcmp(stop, "*/", 2)))
			stop++;
		while (rules < stop && (*rules == ' ' || *rules == '\t' || *rules == '\r'))
			rules++;
		q->first = line;
		q->last = i && tokens[i - 1].loc.line == line ? line : statement_end(&tokens[i]);
		q->n = (uint32_t)(stop - rules);
		q->rules = arena_memdup(&l->idl->arena, rules, q->n);
		p = stop;
	}
}

/* Reads the text again for what is not in the tree. */
static int scan_text(struct lint *l, struct err *e)
{
	struct buf text = BUF_INIT;
	struct token *tokens = NULL;
	uint32_t n = 0, line = 1;
	struct lexer lx;
	const char *p;
	int rc = l->idl->opt.read(l->idl->opt.ctx, l->file->path, &text, e);

	if (!rc) {
		p = text.len ? (const char *)text.data : "";
		lexer_init(&lx, l->idl, (struct idl_file *)l->file, p, text.len);
		p = lx.pos;
		do
			lexer_next(&lx, IDL_PUSH(&l->idl->arena, tokens, n));
		while (tokens[n - 1].kind != TOK_END);
		for (uint32_t i = 0; i < n; i++) {
			find_marks(l, p, line, tokens, i);
			if (tokens[i].kind == TOK_INCLUDE)
				*IDL_PUSH(&l->idl->arena, l->includes, l->n_includes) =
					tokens[i].loc;
			p = tokens[i].start + tokens[i].n;
			line = tokens[i].loc.line;
		}
	}
	buf_release(&text);
	return rc;
}

static bool is_quiet(const struct lint *l, uint32_t line)
{
	for (uint32_t i = 0; i < l->n_quiet; i++) {
		const struct lint_quiet *q = &l->quiet[i];

		if (q->first <= line && line <= q->last &&
		    (!q->n || text_list_has(q->rules, q->n, l->rule->name)))
			return true;
	}
	return false;
}

/* ---- running ---- */

void lint_add(struct lint *l, const struct idl_loc *loc, const char *fmt, ...)
{
	struct lint_finding *f;
	va_list ap;

	if (is_quiet(l, loc->line))
		return;
	f = IDL_PUSH(&l->idl->arena, l->findings, l->n_findings);
	*f = (struct lint_finding){ .rule = l->rule, .loc = *loc, .order = l->n_findings };
	va_start(ap, fmt);
	f->text = arena_vstrf(&l->idl->arena, fmt, ap);
	va_end(ap);
}

static int by_place(const void *a_, const void *b_)
{
	const struct lint_finding *a = a_, *b = b_;

	if (a->loc.line != b->loc.line)
		return a->loc.line < b->loc.line ? -1 : 1;
	if (a->loc.col != b->loc.col)
		return a->loc.col < b->loc.col ? -1 : 1;
	return a->order < b->order ? -1 : 1;
}

static void run_rule(struct lint *l)
{
	if (l->rule->on_file)
		l->rule->on_file(l, l->file);
	for (uint32_t i = 0; i < l->file->n_modules && l->rule->on_def; i++)
		for (uint32_t k = 0; k < l->file->modules[i]->n_defs; k++)
			l->rule->on_def(l, l->file->modules[i]->defs[k]);
}

int lint_run(struct lint *l, struct idl *idl, const struct idl_file *file, const char *disabled,
	     struct err *e)
{
	int rc;

	*l = (struct lint){ .idl = idl, .file = file };
	rc = scan_text(l, e);
	for (l->rule = lint_rules; !rc && l->rule->name; l->rule++)
		if (!text_list_has(disabled, disabled ? strlen(disabled) : 0, l->rule->name))
			run_rule(l);
	if (l->n_findings)
		qsort(l->findings, l->n_findings, sizeof(*l->findings), by_place);
	return rc;
}
