/* Lexer of .tars text: tokens, literals, and which comment belongs to which token. */
#include "idl/lex.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "idl/comment.h"

static const struct {
	const char *name;
	uint8_t n;
} keywords[] = {
#define KEYWORD_ROW(name) { #name, sizeof(#name) - 1 },
	IDL_KEYWORDS(KEYWORD_ROW)
#undef KEYWORD_ROW
};

static bool is_alpha(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static int hex_digit(char c)
{
	if (is_digit(c))
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

void lexer_init(struct lexer *lx, struct idl *idl, struct idl_file *file, const char *text,
		size_t n)
{
	*lx = (struct lexer){
		.idl = idl, .file = file, .pos = text, .end = text + n, .line_start = text,
		.line = 1,
	};
	if (n >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
		lx->pos += 3;
		lx->line_start += 3;
	}
}

/* The byte k places ahead, '\0' at the end. */
static char peek(const struct lexer *lx, size_t k)
{
	return (size_t)(lx->end - lx->pos) > k ? lx->pos[k] : '\0';
}

static struct idl_loc loc_of(const struct lexer *lx, const char *p)
{
	return (struct idl_loc){
		.file = lx->file, .line = lx->line, .col = (uint32_t)(p - lx->line_start) + 1,
	};
}

/* Advances to p, counting lines. */
static void advance(struct lexer *lx, const char *p)
{
	for (; lx->pos < p; lx->pos++) {
		if (*lx->pos == '\n') {
			lx->line++;
			lx->line_start = lx->pos + 1;
		}
	}
}

static const char *comment_end(struct lexer *lx)
{
	const char *p = lx->pos + 2;
	struct idl_loc loc;

	if (lx->pos[1] == '/') {
		while (p < lx->end && *p != '\n')
			p++;
		return p;
	}
	for (; lx->end - p >= 2; p++)
		if (p[0] == '*' && p[1] == '/')
			return p + 2;
	lx->is_cut = true;
	loc = loc_of(lx, lx->pos);
	idl_fail(lx->idl, &loc, "this comment is not closed; expected '*/' before the end of the "
		 "file");
	return lx->end;
}

/*
 * Skips blanks and comments.  A comment that starts on the line where the last token ended and has
 * that line's rest for itself is that token's note; of the others, the last block without a blank
 * line in or behind it is the doc of the token to come.
 */
static void skip_blanks(struct lexer *lx, struct token *t)
{
	const char *note = NULL, *note_end = NULL, *doc = NULL, *doc_end = NULL;
	uint32_t note_line = 0, doc_line = 0;

	for (;;) {
		const char *start, *end;
		uint32_t line;

		while (lx->pos < lx->end && is_space(*lx->pos))
			advance(lx, lx->pos + 1);
		if (peek(lx, 0) != '/' || (peek(lx, 1) != '/' && peek(lx, 1) != '*'))
			break;
		start = lx->pos;
		line = lx->line;
		end = comment_end(lx);
		advance(lx, end);
		if (line == lx->token_line && !note) {
			note = start;
			note_end = end;
			note_line = lx->line;
			continue;
		}
		if (!doc || line > doc_line + 1)
			doc = start;
		doc_end = end;
		doc_line = lx->line;
	}
	if (note && note_line == lx->line && lx->pos < lx->end) {
		/* "f(int a, / * of b * / int b)": it belongs to what follows on its line. */
		doc = note;
		doc_end = doc_end ? doc_end : note_end;
		doc_line = lx->line;
		note = NULL;
	}
	if (note)
		t->note = comment_text(&lx->idl->arena, note, note_end);
	if (doc && doc_line + 1 >= lx->line)
		t->doc = comment_text(&lx->idl->arena, doc, doc_end);
}

static void bad(struct lexer *lx, struct token *t, const char *end, const char *what)
{
	t->kind = TOK_BAD;
	idl_fail(lx->idl, &t->loc, "%s", what);
	advance(lx, end);
}

static void lex_name(struct lexer *lx, struct token *t)
{
	const char *p = lx->pos;

	while (p < lx->end && (is_alpha(*p) || is_digit(*p)))
		p++;
	t->kind = TOK_NAME;
	t->n = (uint32_t)(p - lx->pos);
	for (unsigned k = 0; k < KW_NONE; k++) {
		if (keywords[k].n == t->n && memcmp(keywords[k].name, lx->pos, t->n) == 0) {
			t->kind = TOK_KEYWORD;
			t->keyword = (uint8_t)k;
			break;
		}
	}
	lx->pos = p;
}

/* End of a floating-point literal that starts at p, or NULL if none does. */
static const char *float_end(const struct lexer *lx, const char *p)
{
	const char *q = p, *exp;
	bool has_point = false, has_digits = false;

	for (; q < lx->end && (is_digit(*q) || (*q == '.' && !has_point)); q++) {
		has_point |= *q == '.';
		has_digits |= is_digit(*q);
	}
	if (!has_digits)
		return NULL;
	exp = q;
	if (exp < lx->end && (*exp == 'e' || *exp == 'E')) {
		exp++;
		if (exp < lx->end && (*exp == '+' || *exp == '-'))
			exp++;
		if (exp < lx->end && is_digit(*exp)) {
			while (exp < lx->end && is_digit(*exp))
				exp++;
			q = exp;
			has_point = true;
		}
	}
	if (!has_point)
		return NULL;
	return q < lx->end && (*q == 'f' || *q == 'F') ? q + 1 : q;
}

static void lex_float(struct lexer *lx, struct token *t, const char *end)
{
	char digits[64];
	size_t n = (size_t)(end - t->start);

	t->kind = TOK_FLOAT;
	if (n >= sizeof(digits)) {
		bad(lx, t, end, "this number is too long; expected at most 63 characters");
		return;
	}
	memcpy(digits, t->start, n);
	digits[n] = '\0';
	t->f = strtod(digits, NULL);
	if (!isfinite(t->f))
		bad(lx, t, end, "this number is too large for a double; expected at most 1.7e308");
	else if (!t->f && strcspn(digits, "123456789") < strcspn(digits, "eE"))
		bad(lx, t, end, "this number is too small for a double; expected 0 or at least "
		    "4.9e-324");
	lx->pos = end;
}

static void lex_int(struct lexer *lx, struct token *t, const char *digits)
{
	bool negative = *t->start == '-';
	uint64_t v = 0, limit = negative ? (uint64_t)1 << 63 : INT64_MAX;
	unsigned base = 10;
	const char *p = digits;

	if (*p == '0' && lx->end - p > 2 && p[1] == 'x' && hex_digit(p[2]) >= 0) {
		base = 16;
		p += 2;
	} else if (*p == '0' && lx->end - p > 1 && is_digit(p[1])) {
		base = 8;
	}
	t->kind = TOK_INT;
	for (; p < lx->end; p++) {
		int d = base == 16 ? hex_digit(*p) : is_digit(*p) ? *p - '0' : -1;

		if (d < 0)
			break;
		if ((unsigned)d >= base) {
			bad(lx, t, p + 1,
			    "a number that starts with 0 is octal and has no digits 8 "
			    "and 9; write it without the 0");
			return;
		}
		if (v > (limit - (unsigned)d) / base) {
			while (p < lx->end && hex_digit(*p) >= 0)
				p++;
			bad(lx, t, p, "this number does not fit into 64 bits; expected "
			    "-9223372036854775808 to 9223372036854775807");
			return;
		}
		v = v * base + (unsigned)d;
	}
	t->i = (int64_t)(negative ? 0 - v : v);
	lx->pos = p;
}

static bool lex_number(struct lexer *lx, struct token *t)
{
	const char *p = lx->pos, *end;

	if ((*p == '+' || *p == '-') && lx->end - p > 1)
		p++;
	end = float_end(lx, p);
	if (end) {
		lex_float(lx, t, end);
		return true;
	}
	if (!is_digit(*p))
		return false;
	lex_int(lx, t, p);
	return true;
}

/* Reads the escape behind a backslash at *p; negative if it is not one. */
static int lex_escape(const struct lexer *lx, const char **p)
{
	static const char names[] = "nrtvfab?\\\"'", values[] = "\n\r\t\v\f\a\b?\\\"'";
	const char *q = *p, *hit;
	int v = 0;

	if (q == lx->end)
		return -1;
	hit = memchr(names, *q, sizeof(names) - 1);
	if (hit) {
		*p = q + 1;
		return values[hit - names];
	}
	if (*q == 'x') {
		for (q++; q < lx->end && hex_digit(*q) >= 0; q++)
			v = (v * 16 + hex_digit(*q)) & 0xff;
	} else {
		for (int k = 0; k < 3 && q < lx->end && *q >= '0' && *q <= (k ? '7' : '3'); k++)
			v = v * 8 + (*q++ - '0');
	}
	*p = q;
	return v ? v : -1;
}

static void lex_string(struct lexer *lx, struct token *t)
{
	struct buf b = BUF_INIT;
	const char *p = lx->pos + 1;

	t->kind = TOK_STRING;
	for (; p < lx->end && *p != '"' && *p != '\n'; ) {
		const char *at = p;
		int c = (unsigned char)*p++;

		if (c == '\\')
			c = lex_escape(lx, &p);
		if (c <= 0) {
			struct idl_loc loc = loc_of(lx, at);

			idl_fail(lx->idl, &loc,
				 "a string cannot hold this; expected \\n \\r \\t \\v \\f \\a "
				 "\\b \\? \\\\ \\\" \\' or the octal or \\x code of a byte that "
				 "is not 0");
			p = p > at + 1 || p == lx->end || *p == '\n' ? p : p + 1;
			continue;
		}
		buf_add_u8(&b, (uint8_t)c);
	}
	t->s = arena_memdup(&lx->idl->arena, b.data ? (char *)b.data : "", b.len);
	buf_release(&b);
	if (p == lx->end || *p == '\n')
		bad(lx, t, p,
		    "this string is not closed; expected '\"' before the end of the line");
	else
		lx->pos = p + 1;
}

static void lex_include(struct lexer *lx, struct token *t)
{
	static const char word[] = "#include";
	const char *p = lx->pos, *eol = memchr(p, '\n', (size_t)(lx->end - p)), *close;

	eol = eol ? eol : lx->end;
	if ((size_t)(eol - p) < sizeof(word) - 1 || memcmp(p, word, sizeof(word) - 1) != 0) {
		bad(lx, t, eol, "unknown directive; the only one is #include \"FILE\"");
		return;
	}
	p += sizeof(word) - 1;
	while (p < eol && (*p == ' ' || *p == '\t'))
		p++;
	close = p < eol && *p == '"' ? memchr(p + 1, '"', (size_t)(eol - p - 1)) : NULL;
	if (!close || memchr(p, '\0', (size_t)(close - p))) {
		bad(lx, t, eol, "expected a file name in double quotes behind #include");
		return;
	}
	t->kind = TOK_INCLUDE;
	t->s = arena_memdup(&lx->idl->arena, p + 1, (size_t)(close - p - 1));
	lx->pos = close + 1;
}

/* "；" typed for ";": reported, and taken as if it were that. */
static bool lex_fullwidth(struct lexer *lx, struct token *t)
{
	uint32_t c = 0;
	size_t n = utf8_char(lx->pos, lx->end, &c);

	if (c < 0xff01 || c > 0xff5e || !strchr("*,:;<=>()[]{}", (int)(c - 0xfee0)))
		return false;
	t->punct = (char)(c - 0xfee0);
	idl_fail(lx->idl, &t->loc, "'%.*s' cannot stand here; expected '%c'", (int)n, lx->pos,
		 t->punct);
	lx->pos += n;
	return true;
}

static void lex_other(struct lexer *lx, struct token *t)
{
	unsigned char c = (unsigned char)*lx->pos;

	if (c == ':' && peek(lx, 1) == ':') {
		t->kind = TOK_SCOPE;
		lx->pos += 2;
		return;
	}
	t->kind = TOK_PUNCT;
	t->punct = (char)c;
	if (c > 32 && c < 127) {
		lx->pos++;
		return;
	}
	if (lex_fullwidth(lx, t))
		return;
	/* One error for a whole run of them, say a word of Chinese. */
	while (lx->pos < lx->end &&
	       ((unsigned char)*lx->pos < 32 || (unsigned char)*lx->pos > 126) &&
	       !is_space(*lx->pos))
		lx->pos++;
	t->kind = TOK_BAD;
	idl_fail(lx->idl, &t->loc,
		 "byte 0x%02x cannot stand here; only comments and strings take more than ASCII",
		 c);
}

void lexer_next(struct lexer *lx, struct token *t)
{
	*t = (struct token){ .kind = TOK_END, .keyword = KW_NONE };
	skip_blanks(lx, t);
	t->start = lx->pos;
	t->loc = loc_of(lx, lx->pos);
	if (lx->pos < lx->end) {
		char c = *lx->pos;

		if (is_alpha(c))
			lex_name(lx, t);
		else if (c == '"')
			lex_string(lx, t);
		else if (c == '#')
			lex_include(lx, t);
		else if (!lex_number(lx, t))
			lex_other(lx, t);
	}
	t->n = (uint32_t)(lx->pos - t->start);
	lx->token_line = lx->line;
}
