/* Our own diagnostics: levels, lines, rate limits, stderr or a file. */
#include "core/sys/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { LINE_SIZE = 2048 };

static _Atomic int log_level = LOG_LEVEL_WARN;
/* The file keeps its number when it is opened anew, so that other threads need not know. */
static _Atomic int log_fd = STDERR_FILENO;

static const struct {
	const char *name, *colour;
} levels[] = {
	[LOG_LEVEL_ERROR] = { "error", "\033[31m" },
	[LOG_LEVEL_WARN] = { "warn", "\033[33m" },
	[LOG_LEVEL_INFO] = { "info", "" },
	[LOG_LEVEL_DEBUG] = { "debug", "\033[2m" },
};
static const char colour_end[] = "\033[0m";

bool log_is_on(enum log_level level)
{
	return (int)level <= log_level;
}

void log_set_level(enum log_level level)
{
	log_level = level;
}

int log_level_parse(const char *text, enum log_level *level, struct err *e)
{
	for (int i = LOG_LEVEL_ERROR; i <= LOG_LEVEL_DEBUG; i++) {
		if (!strcmp(text, levels[i].name)) {
			*level = (enum log_level)i;
			return 0;
		}
	}
	return err_set(e, TARS_ECONF, "log level '%s': not one of error, warn, info, debug", text);
}

int log_open(const char *path, struct err *e)
{
	int fd, old = log_fd;

	if (!path || !*path) {
		/* Another thread may be about to write to that number: it must stay a log. */
		if (old != STDERR_FILENO && dup3(STDERR_FILENO, old, O_CLOEXEC) < 0)
			return err_set(e, TARS_ESYS, "log to stderr: dup3: %s", strerror(errno));
		return 0;
	}
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
	if (fd < 0)
		return err_set(e, TARS_ECONF, "log file %s: cannot be opened: %s", path,
			       strerror(errno));
	if (old == STDERR_FILENO) {
		log_fd = fd;
		return 0;
	}
	if (dup3(fd, old, O_CLOEXEC) < 0) {
		int why = errno;

		close(fd);
		return err_set(e, TARS_ESYS, "log file %s: dup3: %s", path, strerror(why));
	}
	close(fd);
	return 0;
}

/* ---- lines ---- */

int log_descriptor(void)
{
	return log_fd;
}

struct line {
	char text[LINE_SIZE];
	size_t n;
	bool cut;
};

/* The end of a line always fits. */
enum { TEXT_SIZE = LINE_SIZE - sizeof(colour_end) - sizeof("...\n") };

/* What does not fit is cut and shown as "...". */
static void add(struct line *l, const char *s)
{
	for (; *s && !l->cut; s++) {
		unsigned char c = (unsigned char)*s;
		char visible[5] = { (char)c };
		size_t n = 1;

		if (c == '\n' || c == '\t' || c == '\r')
			n = (size_t)snprintf(visible, sizeof(visible), "\\%c",
					     c == '\n' ? 'n' : c == '\t' ? 't' : 'r');
		else if (c < 0x20 || c == 0x7f)
			n = (size_t)snprintf(visible, sizeof(visible), "\\x%02x", c);
		l->cut = l->n + n > TEXT_SIZE;
		if (l->cut) {
			n = 3;
			memcpy(visible, "...", n);
		}
		memcpy(l->text + l->n, visible, n);
		l->n += n;
	}
}

static void add_raw(struct line *l, const char *s)
{
	size_t n = strlen(s);

	memcpy(l->text + l->n, s, n);
	l->n += n;
}

static void add_head(struct line *l, enum log_level level, bool colour)
{
	struct timespec now;
	struct tm tm;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	if (colour)
		add_raw(l, levels[level].colour);
	l->n += strftime(l->text + l->n, 32, "%Y-%m-%dT%H:%M:%S", &tm);
	l->n += (size_t)snprintf(l->text + l->n, 32, ".%03ldZ %s ", now.tv_nsec / 1000000,
				 levels[level].name);
}

static void put(const struct line *l)
{
	int fd = log_fd;
	ssize_t n;

	do {
		n = write(fd, l->text, l->n);
	} while (n < 0 && errno == EINTR);
	/* A full disk must not take the news away; if stderr fails too, there is nobody to tell. */
	if (n < 0 && fd != STDERR_FILENO)
		n = write(STDERR_FILENO, l->text, l->n);
	(void)n;
}

static void log_line(enum log_level level, const struct log_subject *subject, uint32_t left_out,
		     const char *fmt, va_list ap)
{
	bool colour = *levels[level].colour && isatty(log_fd);
	char text[LINE_SIZE];
	struct line l = { .n = 0 };
	int saved = errno;

	vsnprintf(text, sizeof(text), fmt, ap);
	add_head(&l, level, colour);
	if (subject && subject->prefix) {
		add(&l, subject->prefix);
		add(&l, ": ");
	}
	add(&l, text);
	if (subject && subject->doing) {
		add(&l, " (");
		add(&l, subject->doing);
		add(&l, ")");
	}
	if (left_out) {
		snprintf(text, sizeof(text), " [%u more like this were left out]", left_out);
		add(&l, text);
	}
	if (colour)
		add_raw(&l, colour_end);
	add_raw(&l, "\n");
	put(&l);
	errno = saved;
}

void log_at(enum log_level level, const struct log_subject *subject, const char *fmt, ...)
{
	va_list ap;

	if (!log_is_on(level))
		return;
	va_start(ap, fmt);
	log_line(level, subject, 0, fmt, ap);
	va_end(ap);
}

/* ---- rate limit ---- */

bool log_gate_opens(struct log_gate *gate, int64_t ms, enum log_level level)
{
	int64_t opens = gate->opens_ms, now_ms;
	struct timespec now;

	if (!log_is_on(level))
		return false;
	clock_gettime(CLOCK_MONOTONIC, &now);
	now_ms = now.tv_sec * 1000 + now.tv_nsec / 1000000;
	if (now_ms >= opens && atomic_compare_exchange_strong(&gate->opens_ms, &opens, now_ms + ms))
		return true;
	gate->left_out++;
	return false;
}

void log_through(struct log_gate *gate, enum log_level level, const struct log_subject *subject,
		 const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_line(level, subject, atomic_exchange(&gate->left_out, 0), fmt, ap);
	va_end(ap);
}
