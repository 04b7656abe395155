/* What tools read: an argument that may be a file, and batches of lines. */
#include "roles/input.h"

#include <errno.h>
#include <unistd.h>

#include "roles/role.h"

enum { CHUNK = 65536 };

int input_file(FILE *f, const char *name, struct buf *b, struct err *e)
{
	size_t n;

	while ((n = fread(buf_reserve(b, CHUNK), 1, CHUNK, f)) > 0) {
		b->len += n;
		if (buf_size(b) > INPUT_MAX)
			return err_set(e, TARS_ELIMIT, "%s is longer than %d MB", name,
				       INPUT_MAX >> 20);
	}
	return ferror(f) ? err_set(e, TARS_ESYS, "cannot read %s: %m", name) : 0;
}

int input_argument(const char *arg, struct buf *b, struct err *e)
{
	FILE *f;
	int rc;

	if (!strcmp(arg, "-"))
		return input_file(stdin, "stdin", b, e);
	if (*arg != '@') {
		buf_add_str(b, arg);
		return 0;
	}
	f = fopen(arg + 1, "rb");
	if (!f)
		return err_set(e, TARS_EARG, "cannot read %s: %m", arg + 1);
	rc = input_file(f, arg + 1, b, e);
	fclose(f);
	return rc;
}

/* ---- batches ---- */

struct batch {
	int (*answer)(void *ctx, const char *value, size_t n, struct buf *result, struct err *e);
	void *ctx;
	struct buf in, out;
	size_t scanned;      /* bytes of `in` without a newline */
	bool skips;          /* the rest of a line that was too long */
	bool has_error;
};

static int flush(struct batch *b)
{
	int status = role_print("batch", &b->out);

	buf_clear(&b->out);
	return status;
}

/* Texts of errors quote input, which may hold anything. */
static void put_reason(struct buf *b, const char *text)
{
	for (; *text; text++)
		buf_add_u8(b, (unsigned char)*text < ' ' ? '?' : (uint8_t)*text);
}

static void answer_line(struct batch *b, const char *line, size_t n)
{
	const char *tab = memchr(line, '\t', n);
	size_t name = tab ? (size_t)(tab - line) : n, start;
	struct err e = { 0 };
	int rc;

	buf_add(&b->out, line, name);
	start = buf_size(&b->out);
	buf_add_str(&b->out, "\tok\t");
	if (!tab)
		rc = err_set(&e, TARS_EARG, "the line is not a name, a tab and a value");
	else if (n > INPUT_MAX_LINE)
		rc = err_set(&e, TARS_ELIMIT, "the line is longer than %d MB", INPUT_MAX_LINE >> 20);
	else
		rc = b->answer(b->ctx, tab + 1, n - name - 1, &b->out, &e);
	if (rc) {
		b->has_error = true;
		b->out.len = b->out.pos + start;
		buf_add_str(&b->out, "\terror\t");
		put_reason(&b->out, e.text);
	}
	buf_add_u8(&b->out, '\n');
}

/* Takes the first n bytes of the input off: a line, or the beginning of one that is too long. */
static void take(struct batch *b, size_t n, bool is_whole)
{
	if (!b->skips)
		answer_line(b, (const char *)buf_head(&b->in), n);
	b->skips = !is_whole;
	b->scanned = 0;
	buf_consume(&b->in, n + is_whole);
}

static int take_lines(struct batch *b)
{
	for (;;) {
		const char *head = (const char *)buf_head(&b->in), *end = NULL;
		size_t n = buf_size(&b->in);

		if (n > b->scanned)
			end = memchr(head + b->scanned, '\n', n - b->scanned);
		if (end) {
			take(b, (size_t)(end - head), true);
		} else if (n > INPUT_MAX_LINE) {
			take(b, n, false);
		} else {
			b->scanned = n;
			return 0;
		}
		if (buf_size(&b->out) > CHUNK && flush(b))
			return EXIT_FAILED;
	}
}

static int read_chunk(struct batch *b)
{
	ssize_t n;

	do {
		n = read(STDIN_FILENO, buf_reserve(&b->in, CHUNK), CHUNK);
	} while (n < 0 && errno == EINTR);
	b->in.len += n > 0 ? (size_t)n : 0;
	return (int)n;
}

int input_batch(int (*answer)(void *ctx, const char *value, size_t n, struct buf *result,
			      struct err *e), void *ctx)
{
	struct batch b = { .answer = answer, .ctx = ctx };
	int n, rc = 0;

	while (!rc && (n = read_chunk(&b)) > 0) {
		rc = take_lines(&b);
		if (!rc)
			rc = flush(&b);
	}
	if (!rc && n < 0) {
		fprintf(stderr, "tars: cannot read stdin: %m\n");
		b.has_error = true;
	}
	if (!rc && buf_size(&b.in)) { /* a last line without a newline */
		take(&b, buf_size(&b.in), false);
		rc = flush(&b);
	}
	buf_release(&b.in);
	buf_release(&b.out);
	return rc || b.has_error ? EXIT_FAILED : EXIT_ASKED;
}
