/* Reads log files: opening them without being led astray, and lines through a list of steps. */
#include "roles/node/logs.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/io/reactor.h"
#include "roles/node/paths.h"

/* ---- opening ---- */

static int failed(struct err *e, const char *what, const char *name)
{
	return err_set(e, errno == ENOENT ? TARS_ENOTFOUND : TARS_ESYS, "%s %.256s: %s", what, name,
		       errno == ELOOP ? "it is a symbolic link, which is not followed"
				      : strerror(errno));
}

/* The service's directory; the root may be a link, it is the administrator's. */
static int open_dir(const char *root, const char *app, const char *server, struct err *e)
{
	const char *const parts[] = { app, server };
	int dir;

	for (int i = 0; i < 2; i++)
		if (!name_is_safe(parts[i]))
			return err_set(e, TARS_EARG, "logs of '%.64s.%.64s': its names may have "
				       "letters, digits, '_' and '-' only", app, server);
	dir = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return failed(e, "open", root);
	for (int i = 0; i < 2; i++) {
		int below = openat(dir, parts[i], O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

		if (below < 0)
			failed(e, "logs of the service: directory", parts[i]);
		close(dir);
		if (below < 0)
			return e->code;
		dir = below;
	}
	return dir;
}

static bool is_compressed(const char *name)
{
	static const char *const ends[] = { ".gz", ".bz2", ".xz", ".zst", ".lz4", ".zip" };
	size_t n = strlen(name);

	for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++) {
		size_t m = strlen(ends[i]);

		if (n >= m && !strcasecmp(name + n - m, ends[i]))
			return true;
	}
	return false;
}

static int check_file_name(const char *name, struct err *e)
{
	if (!*name || strchr(name, '/') || !strcmp(name, ".") || !strcmp(name, "..") ||
	    strlen(name) > 255)
		return err_set(e, TARS_EARG, "log file '%.64s': it must be the name of a file in "
			       "the service's log directory, without a path", name);
	if (is_compressed(name))
		return err_set(e, TARS_EARG, "log file '%.64s' is compressed: it is listed, but not "
			       "read", name);
	return 0;
}

static int open_file(struct log_read *r)
{
	struct err *e = &r->err;
	struct stat st;
	int dir, fd = check_file_name(r->file, e);

	if (fd < 0)
		return fd;
	dir = open_dir(r->root, r->app, r->server, e);
	if (dir < 0)
		return dir;
	/* O_NONBLOCK: a pipe of this name must not hold us up until it is known to be one. */
	fd = openat(dir, r->file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		failed(e, "log file", r->file);
	close(dir);
	if (fd < 0)
		return e->code;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_nlink > 1) {
		close(fd);
		return err_set(e, TARS_EARG, "log file '%.64s' is no regular file, or has other "
			       "names too", r->file);
	}
	r->size = st.st_size;
	return fd;
}

/* ---- listing ---- */

static int newest_first(const void *x, const void *y)
{
	const struct log_file *a = x, *b = y;

	if (a->changed != b->changed)
		return a->changed < b->changed ? 1 : -1;
	return strcmp(a->name, b->name);
}

void log_list(void *arg)
{
	struct log_list *l = arg;
	int fd = open_dir(l->root, l->app, l->server, &l->err);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *d;
	struct stat st;

	l->n = 0;
	l->rc = fd < 0 && fd != TARS_ENOTFOUND ? fd : 0;
	if (!dir)
		return;
	l->v = arena_alloc(l->arena, LOG_FILES * sizeof(*l->v));
	while ((d = readdir(dir)) && !l->is_cut) {
		if (fstatat(fd, d->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode))
			continue;
		l->is_cut = l->n == LOG_FILES;
		if (!l->is_cut)
			l->v[l->n++] = (struct log_file){ arena_strdup(l->arena, d->d_name),
							  st.st_size, st.st_mtime,
							  is_compressed(d->d_name) };
	}
	closedir(dir);
	qsort(l->v, l->n, sizeof(*l->v), newest_first);
}

/* ---- steps ---- */

struct step_state {
	int64_t lines;      /* of its input */
	struct buf kept;    /* the last lines: LOG_TAIL; LOG_GREP: they are before a match, maybe */
	int64_t n_kept;
	int64_t after;      /* LOG_GREP: so many lines more, as they follow a match */
	bool is_short;      /* it had to forget lines that were asked for */
};

struct run {
	struct log_read *r;
	struct step_state state[LOG_STEPS];
	char lower[LOG_LINE];
	bool is_full;   /* the answer is */
	bool is_done;   /* nothing that follows can get into the answer */
};

static void to_lower(char *to, const char *from, size_t n)
{
	for (size_t i = 0; i < n; i++)
		to[i] = (char)tolower((unsigned char)from[i]);
}

static bool has_text(struct run *run, const struct log_step *s, const char *line, size_t n)
{
	char text[LOG_TEXT];
	size_t text_n = strlen(s->text);

	if (!s->ignore_case)
		return memmem(line, n, s->text, text_n) != NULL;
	to_lower(run->lower, line, n);
	to_lower(text, s->text, text_n);
	return memmem(run->lower, n, text, text_n) != NULL;
}

static void forget_oldest(struct step_state *st)
{
	const uint8_t *head = buf_head(&st->kept);
	const uint8_t *end = memchr(head, '\n', buf_size(&st->kept));

	buf_consume(&st->kept, end ? (size_t)(end - head) + 1 : buf_size(&st->kept));
	st->n_kept--;
}

static void keep(struct run *run, int64_t lines, struct step_state *st, const char *line, size_t n)
{
	buf_add(&st->kept, line, n);
	st->n_kept++;
	while (st->n_kept > lines)
		forget_oldest(st);
	while (buf_size(&st->kept) > run->r->max && st->n_kept > 1) {
		forget_oldest(st);
		st->is_short = true;
	}
}

static void put(struct run *run, const char *line, size_t n)
{
	struct log_read *r = run->r;

	/* The first one always: with a small max the caller would come no further. */
	if (!buf_size(&r->data) && n > r->max) {
		buf_add(&r->data, line, r->max);
		return;
	}
	run->is_full = buf_size(&r->data) + n > r->max;
	if (!run->is_full)
		buf_add(&r->data, line, n);
}

static void pass(struct run *run, unsigned i, const char *line, size_t n);

/* What a step kept goes on to those behind it. */
static void pass_kept(struct run *run, unsigned i)
{
	struct step_state *st = &run->state[i];

	while (buf_size(&st->kept) && !run->is_done && !run->is_full) {
		const char *line = (const char *)buf_head(&st->kept);
		const char *end = memchr(line, '\n', buf_size(&st->kept));
		size_t n = end ? (size_t)(end - line) + 1 : buf_size(&st->kept);

		pass(run, i + 1, line, n);
		buf_consume(&st->kept, n);
		st->n_kept--;
	}
}

/* Whether a line gets through: it has the text, or is near one that has. */
static bool grep(struct run *run, unsigned i, const char *line, size_t n)
{
	const struct log_step *s = &run->r->steps.v[i];
	struct step_state *st = &run->state[i];

	if (has_text(run, s, line, n) != s->invert) {
		pass_kept(run, i);
		st->after = s->after;
		return !run->is_done && !run->is_full;
	}
	if (st->after > 0) {
		st->after--;
		return true;
	}
	if (s->before)
		keep(run, s->before, st, line, n);
	return false;
}

/* A line, with its newline, goes through the steps from i on. */
static void pass(struct run *run, unsigned i, const char *line, size_t n)
{
	for (; i < run->r->steps.n; i++) {
		const struct log_step *s = &run->r->steps.v[i];
		struct step_state *st = &run->state[i];

		st->lines++;
		if (s->op == LOG_GREP && !grep(run, i, line, n))
			return;
		if (s->op == LOG_FROM && st->lines < s->n)
			return;
		if (s->op == LOG_HEAD && st->lines >= s->n)
			run->is_done = true;
		if (s->op == LOG_HEAD && st->lines > s->n)
			return;
		if (s->op == LOG_TAIL) {
			keep(run, s->n, st, line, n);
			return;
		}
	}
	put(run, line, n);
}

/* What the tails kept goes on, the first of them first. */
static void flush(struct run *run)
{
	for (unsigned i = 0; i < run->r->steps.n; i++) {
		struct step_state *st = &run->state[i];

		/* A later tail takes what an earlier head let through, and then all is over. */
		run->is_done = false;
		if (run->r->steps.v[i].op == LOG_TAIL) {
			pass_kept(run, i);
			run->r->is_cut |= st->is_short;
		}
		buf_release(&st->kept);
	}
}

/* ---- reading ---- */

static bool has_tail(const struct log_steps *steps)
{
	for (unsigned i = 0; i < steps->n; i++)
		if (steps->v[i].op == LOG_TAIL)
			return true;
	return false;
}

/* Where the last `lines` lines of from..to begin. */
static int64_t tail_start(int fd, int64_t from, int64_t to, int64_t lines)
{
	char *block = xmalloc(LOG_LINE);
	int64_t at = to, found = 0;

	while (at > from && found < lines) {
		int64_t start = at - from > LOG_LINE ? at - LOG_LINE : from;
		ssize_t n = pread(fd, block, (size_t)(at - start), start);

		at = start;
		for (ssize_t i = n - 1; i >= 0 && found < lines; i--)
			/* The newline at the very end ends the last line, it begins none. */
			if (block[i] == '\n' && start + i + 1 < to && ++found == lines)
				at = start + i + 1;
	}
	free(block);
	return at;
}

/* Lines of r->next..to, until a limit. */
static int read_lines(struct run *run, int fd, int64_t to, bool is_inside)
{
	struct log_read *r = run->r;
	int64_t until_us = reactor_clock() + LOG_MS * 1000;
	int64_t scan_to = to - r->next > LOG_SCAN ? r->next + LOG_SCAN : to;
	char *block = xmalloc(LOG_LINE);
	bool skip = is_inside;   /* the rest of a line whose start was not seen */
	size_t have = 0;

	while (r->next + (int64_t)have < scan_to && !run->is_full && !run->is_done) {
		int64_t at = r->next + (int64_t)have, want = LOG_LINE - (int64_t)have;
		ssize_t got = pread(fd, block + have, (size_t)(want < to - at ? want : to - at), at);
		size_t done = 0;

		if (got < 0) {
			failed(&r->err, "read log file", r->file);
			break;
		}
		have += (size_t)got;
		while (done < have && !run->is_full && !run->is_done) {
			char *line = block + done, *end = memchr(line, '\n', have - done);
			size_t n = end ? (size_t)(end - line) + 1 : have - done;

			/* The start of a line is enough only if there is no room for more. */
			if (!end && got > 0 && r->next + (int64_t)(have - done) < to &&
			    have - done < LOG_LINE)
				break;
			if (!skip) {
				bool is_part = !end && n == LOG_LINE;

				if (is_part)
					line[n - 1] = '\n';
				pass(run, 0, line, n);
			}
			if (run->is_full)
				break;
			skip = !end;
			done += n;
			r->next += (int64_t)n;
		}
		memmove(block, block + done, have - done);
		have -= done;
		if (got == 0 || reactor_clock() > until_us)   /* it shrank; it takes too long */
			break;
	}
	free(block);
	return r->err.code;
}

static int read_bytes(struct log_read *r, int fd, int64_t to)
{
	int64_t left = to - r->next;
	size_t want = left > (int64_t)r->max ? r->max : (size_t)left;
	ssize_t n = pread(fd, buf_reserve(&r->data, want), want, r->next);

	if (n < 0)
		return failed(&r->err, "read log file", r->file);
	r->data.len += (size_t)n;
	r->next += n;
	r->is_cut = r->next < to && n > 0;
	return 0;
}

static int read_steps(struct log_read *r, int fd, int64_t to)
{
	struct run *run = xcalloc(1, sizeof(*run));
	bool is_tail = has_tail(&r->steps), is_inside = false;
	int rc;

	run->r = r;
	/* Of a large file a tail gets the end, everything else the start. */
	if (is_tail && to - r->next > LOG_SCAN) {
		r->next = to - LOG_SCAN;
		is_inside = true;
	}
	if (r->steps.v[0].op == LOG_TAIL) {
		int64_t start = tail_start(fd, r->next, to, r->steps.v[0].n);

		is_inside = is_inside && start == r->next;
		r->next = start;
	}
	r->is_cut = is_inside;
	r->began = r->next;
	rc = read_lines(run, fd, to, is_inside);
	r->is_cut |= run->is_full || (!run->is_done && r->next < to);
	flush(run);
	r->is_cut |= run->is_full;
	free(run);
	return rc;
}

void log_read(void *arg)
{
	struct log_read *r = arg;
	int fd = open_file(r);
	int64_t to;

	r->rc = fd < 0 ? fd : 0;
	if (fd < 0)
		return;
	if (!r->max || r->max > LOG_MAX)
		r->max = LOG_MAX;
	to = r->to > 0 && r->to < r->size ? r->to : r->size;
	r->next = r->from < 0 ? r->size + (r->from < -r->size ? -r->size : r->from) : r->from;
	if (r->next > to)
		r->next = to;
	r->began = r->next;
	r->rc = r->steps.n ? read_steps(r, fd, to) : read_bytes(r, fd, to);
	close(fd);
}
