/* INI files: an own line reader around inih, which counts lines and refuses what would be cut. */
#include "core/sys/inifile.h"

#include <errno.h>
#include <fcntl.h>
#include <ini.h>
#include <string.h>
#include <unistd.h>

#include "proto/buf.h"
#include "proto/text.h"

/* Settings of the packaged library that builds from its own sources do not have; without them the
 * library holds lines of INI_MAX_LINE - 3 bytes, and longer ones are an error. */
#pragma weak ini_use_stack
#pragma weak ini_allow_realloc
#pragma weak ini_max_line
#pragma weak ini_allow_multiline
#pragma weak ini_allow_inline_comments
#pragma weak ini_stop_on_first_error

struct reader {
	const char *name;
	const char *p, *end;
	size_t max_line;
	int line;               /* of the text given last; 0: none yet */
	bool in_line;           /* its rest is still to be given */
	struct inifile *file;
	uint32_t cap;
	struct arena *arena;
	struct err *e;
	int rc;
};

static void settings(struct reader *r)
{
	r->max_line = INI_MAX_LINE - 3;
	if (&ini_max_line && &ini_use_stack && &ini_allow_realloc) {
		ini_use_stack = false;
		ini_allow_realloc = true;
		ini_max_line = INIFILE_MAX_LINE + 3;
		r->max_line = INIFILE_MAX_LINE;
	}
	if (&ini_allow_multiline)
		ini_allow_multiline = false;
	if (&ini_allow_inline_comments)
		ini_allow_inline_comments = false;
	if (&ini_stop_on_first_error)
		ini_stop_on_first_error = true;
}

static void add_row(struct reader *r, const char *section, const char *name, const char *value)
{
	struct inifile *f = r->file;

	if (f->n == r->cap) {
		struct inifile_row *grown;

		r->cap = r->cap ? 2 * r->cap : 32;
		grown = arena_alloc(r->arena, r->cap * sizeof(*grown));
		if (f->n)
			memcpy(grown, f->v, f->n * sizeof(*grown));
		f->v = grown;
	}
	f->v[f->n++] = (struct inifile_row){ section, name, value, r->line };
}

/* The library tells nothing about a section without keys and cuts long names, so the section lines
 * are read here too. */
static int check_line(struct reader *r, const char *p, size_t n)
{
	const char *end;

	if (n > r->max_line)
		return err_set(r->e, TARS_ECONF,
			       "%s:%d: the line has %zu bytes, at most %zu are read", r->name,
			       r->line, n, r->max_line);
	text_trim(&p, &n);
	if (!n || *p != '[')
		return 0;
	end = memchr(p, ']', n);
	if (!end)
		return 0; /* an error that the library finds */
	n = (size_t)(end - p) - 1;
	if (n > INIFILE_MAX_SECTION)
		return err_set(r->e, TARS_ECONF,
			       "%s:%d: the section name has %zu bytes, at most %d are read",
			       r->name, r->line, n, INIFILE_MAX_SECTION);
	add_row(r, arena_memdup(r->arena, p + 1, n), NULL, NULL);
	return 0;
}

/* fgets() over the text in memory: a line may be fetched in several pieces. */
static char *read_piece(char *out, int cap, void *arg)
{
	struct reader *r = arg;
	const char *newline;
	size_t n;

	if (r->p == r->end || r->rc)
		return NULL;
	newline = memchr(r->p, '\n', (size_t)(r->end - r->p));
	n = (size_t)((newline ? newline + 1 : r->end) - r->p);
	if (!r->in_line) {
		r->line++;
		r->rc = check_line(r, r->p, n);
		if (r->rc)
			return NULL;
	}
	r->in_line = n > (size_t)cap - 1;
	if (r->in_line)
		n = (size_t)cap - 1;
	memcpy(out, r->p, n);
	out[n] = '\0';
	r->p += n;
	return out;
}

static int take_row(void *arg, const char *section, const char *name, const char *value)
{
	struct reader *r = arg;

	if (r->rc)
		return 0;
	add_row(r, arena_strdup(r->arena, section), arena_strdup(r->arena, name),
		arena_strdup(r->arena, value));
	return 1;
}

int inifile_parse(struct inifile *f, const char *name, const char *text, size_t n, struct arena *a,
		  struct err *e)
{
	struct inifile out = { 0 };
	struct reader r = {
		.name = name, .p = text, .end = text + n, .file = &out, .arena = a, .e = e,
	};
	int line;

	if (n > INIFILE_MAX_SIZE)
		return err_set(e, TARS_ECONF, "%s: larger than %d bytes", name, INIFILE_MAX_SIZE);
	if (memchr(text, '\0', n))
		return err_set(e, TARS_ECONF, "%s: contains a NUL byte: not a text file", name);
	if (n >= 3 && !memcmp(text, "\xef\xbb\xbf", 3))
		r.p += 3;
	settings(&r);
	line = ini_parse_stream(read_piece, &r, take_row, &r);
	if (r.rc)
		return r.rc;
	if (line < 0)
		return err_set(e, TARS_ECONF, "%s: out of memory", name);
	if (line)
		return err_set(e, TARS_ECONF,
			       "%s:%d: neither [section] nor key = value nor # comment", name,
			       &ini_stop_on_first_error ? r.line : line);
	*f = out;
	return 0;
}

int inifile_load(struct inifile *f, const char *path, struct arena *a, struct err *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), rc;
	struct buf text = BUF_INIT;
	ssize_t n;

	if (fd < 0)
		return err_set(e, TARS_ECONF, "%s: cannot be opened: %s", path, strerror(errno));
	do {
		n = read(fd, buf_reserve(&text, 16 << 10), 16 << 10);
		if (n > 0)
			text.len += (size_t)n;
	} while ((n > 0 && buf_size(&text) <= INIFILE_MAX_SIZE) || (n < 0 && errno == EINTR));
	if (n < 0)
		rc = err_set(e, TARS_ECONF, "%s: cannot be read: %s", path, strerror(errno));
	else
		rc = inifile_parse(f, path, buf_str(&text), buf_size(&text), a, e);
	close(fd);
	buf_release(&text);
	return rc;
}
