/* One application log on disk: appending, rolling, and what happens when the disk is full. */
#include "core/sys/logfile.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "core/sys/files.h"
#include "core/sys/log.h"
#include "proto/arena.h"

enum { MAX_IOV = 256, RECHECK_S = 1, STUCK_MS = 1000, COMPLAIN_MS = 10000, MODE = 0644 };

struct logfile {
	struct logfile_conf conf;
	char *base;
	int fd;                      /* -1: not open */
	dev_t dev;
	ino_t ino;
	off_t size;                  /* of the file, without what is added */
	time_t checked_s;            /* when its name was looked up */
	char stamp[LOG_STAMP_SIZE];  /* by_time: of the open file */
	int64_t stamp_minute;        /* for which `stamp` was computed */
	bool torn;                   /* it ends inside a line */

	struct iovec iov[MAX_IOV];   /* added lines */
	unsigned n_iov;
	size_t added;                /* their bytes */
	uint64_t lost, told;         /* lines, ever; those that the log has told of */
	int lost_errno;
};

/* ---- names ---- */

static void path_of(const struct logfile *f, unsigned number, char path[PATH_MAX])
{
	if (f->conf.by_time)
		snprintf(path, PATH_MAX, "%s_%s.log", f->base, f->stamp);
	else if (number)
		snprintf(path, PATH_MAX, "%s%u.log", f->base, number);
	else
		snprintf(path, PATH_MAX, "%s.log", f->base);
}

static void local_time(int64_t time_s, struct tm *tm)
{
	time_t t = (time_t)time_s;

	localtime_r(&t, tm);
}

/* ---- losses ---- */

static void lose(struct logfile *f, unsigned n, int why, const char *path)
{
	f->lost += n;
	f->lost_errno = why;
	log_every(COMPLAIN_MS, LOG_LEVEL_ERROR, NULL, "application log %s: cannot be written: %s; "
		  "%llu lines are lost", path, strerror(why), (unsigned long long)f->lost);
}

/* What comes in front of the lines that can be written again. */
static size_t describe_loss(const struct logfile *f, char *text, size_t size)
{
	char time_text[LOG_TIME_SIZE];
	struct tm tm;

	if (f->lost == f->told)
		return (size_t)snprintf(text, size, "%s", f->torn ? "\n" : "");
	local_time((int64_t)time(NULL), &tm);
	logname_time(time_text, &tm);
	return (size_t)snprintf(text, size, "%s%s|%s%llu lines are missing here: %s\n",
				f->torn ? "\n" : "", time_text, f->conf.by_time ? "" : "0|ERROR|",
				(unsigned long long)(f->lost - f->told), strerror(f->lost_errno));
}

/* ---- opening and closing ---- */

static void close_file(struct logfile *f)
{
	if (f->fd >= 0 && f->base)
		close(f->fd);
	f->fd = -1;
}

static int open_with_dirs(const char *path)
{
	int flags = O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
	int fd = open(path, flags, MODE);
	char dir[PATH_MAX], *slash;

	if (fd >= 0 || errno != ENOENT)
		return fd;
	snprintf(dir, sizeof(dir), "%s", path);
	slash = strrchr(dir, '/');
	if (!slash)
		return fd;
	*slash = '\0';
	if (dir_make(dir, NULL) < 0)
		return -1;
	return open(path, flags, MODE);
}

static bool open_file(struct logfile *f, const char *path)
{
	struct stat st;
	int fd = open_with_dirs(path);

	if (fd < 0)
		return false;
	if (fstat(fd, &st) < 0) {
		close(fd);
		return false;
	}
	f->fd = fd;
	f->dev = st.st_dev;
	f->ino = st.st_ino;
	f->size = st.st_size;
	f->torn = false;
	return true;
}

static bool is_still_there(const struct logfile *f, const char *path)
{
	struct stat st;

	return !stat(path, &st) && st.st_dev == f->dev && st.st_ino == f->ino;
}

static time_t uptime_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return now.tv_sec;
}

/* What is written into a removed file is gone with it; one that was moved is looked for from time to
 * time. */
static bool is_left(struct logfile *f, const char *path, time_t now)
{
	struct stat st;

	if (fstat(f->fd, &st) < 0 || !st.st_nlink)
		return true;
	f->size = st.st_size;
	if (now - f->checked_s < RECHECK_S)
		return false;
	f->checked_s = now;
	return !is_still_there(f, path);
}

/* The right file is open now; else errno says why not. */
static bool ready_file(struct logfile *f, char path[PATH_MAX])
{
	time_t now = uptime_s();

	if (!f->base)
		return true;
	path_of(f, 0, path);
	if (f->fd >= 0 && is_left(f, path, now))
		close_file(f);
	if (f->fd >= 0)
		return true;
	f->checked_s = now;
	return open_file(f, path);
}

/* ---- rolling by size ---- */

static void shift_files(const struct logfile *f)
{
	char from[PATH_MAX], to[PATH_MAX];

	if (f->conf.max_files <= 1) {
		path_of(f, 0, from);
		if (unlink(from) < 0 && errno != ENOENT)
			log_every(COMPLAIN_MS, LOG_LEVEL_ERROR, NULL, "application log %s: cannot "
				  "begin anew: %s", from, strerror(errno));
		return;
	}
	for (unsigned i = f->conf.max_files - 1; i-- > 0;) {
		path_of(f, i, from);
		path_of(f, i + 1, to);
		if (rename(from, to) < 0 && errno != ENOENT)
			log_every(COMPLAIN_MS, LOG_LEVEL_ERROR, NULL, "application log %s: cannot "
				  "be renamed to %s: %s", from, to, strerror(errno));
	}
}

/* Whoever holds the lock of the file rolls it; the others find another one under its name. */
static void roll(struct logfile *f, const char *path)
{
	if (!flock(f->fd, LOCK_EX | LOCK_NB) && is_still_there(f, path))
		shift_files(f);
	close_file(f);
}

static bool must_roll(const struct logfile *f, size_t n)
{
	off_t size = f->size + (off_t)f->added;

	return f->base && !f->conf.by_time && size && size + (off_t)n > f->conf.max_size;
}

/* ---- writing ---- */

/* Cuts the part of a line off that was still written, so that the file ends with a whole one. */
static void cut_torn_line(struct logfile *f, size_t part)
{
	off_t end = lseek(f->fd, 0, SEEK_CUR);
	struct stat st;

	if (!part)
		return;
	f->torn = end < 0 || fstat(f->fd, &st) < 0 || st.st_size != end ||
		  ftruncate(f->fd, end - (off_t)part) < 0;
	if (!f->torn)
		f->size -= (off_t)part;
}

/* stderr may be a pipe that others made non-blocking. */
static bool wait_for_room(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };

	if (poll(&p, 1, STUCK_MS) == 1)
		return true;
	errno = EAGAIN;
	return false;
}

/* Writes iov[from..]; gives how many of them are whole in the file, and what is in it of the next. */
static unsigned write_lines(struct logfile *f, unsigned from, size_t *part)
{
	unsigned i = from;
	size_t done = 0;

	while (i < f->n_iov) {
		struct iovec whole = f->iov[i];
		ssize_t w;

		f->iov[i].iov_base = (char *)whole.iov_base + done;
		f->iov[i].iov_len = whole.iov_len - done;
		w = writev(f->fd, f->iov + i, (int)(f->n_iov - i));
		f->iov[i] = whole;
		if (w < 0 && (errno == EINTR || (errno == EAGAIN && wait_for_room(f->fd))))
			continue;
		if (w < 0)
			break;
		f->size += w;
		for (done += (size_t)w; i < f->n_iov && done >= f->iov[i].iov_len; i++)
			done -= f->iov[i].iov_len;
	}
	*part = done;
	return i;
}

/* iov[0] is kept for the note about lost lines. */
static void write_added(struct logfile *f, const char *path)
{
	char note[256];
	size_t part, n_note = describe_loss(f, note, sizeof(note));
	unsigned first = n_note ? 0 : 1, done;

	f->iov[0] = (struct iovec){ note, n_note };
	done = write_lines(f, first, &part);
	if (done > 0 && n_note) {
		f->told = f->lost;
		f->torn = false;
	}
	if (done < f->n_iov) {
		int why = errno;

		cut_torn_line(f, part);
		lose(f, f->n_iov - (done ? done : 1), why, path);
	}
}

void logfile_flush(struct logfile *f)
{
	char path[PATH_MAX] = "stderr";

	if (f->n_iov <= 1)
		return;
	if (ready_file(f, path))
		write_added(f, path);
	else
		lose(f, f->n_iov - 1, errno, path);
	f->n_iov = 1;
	f->added = 0;
}

/* ---- adding ---- */

/* By time: a line goes to the file of its own time, even if it is written later. */
static void choose_stamp(struct logfile *f, int64_t time_s)
{
	char stamp[LOG_STAMP_SIZE];
	struct tm tm;

	if (f->stamp_minute == time_s / 60)
		return;
	f->stamp_minute = time_s / 60;
	local_time(time_s, &tm);
	logname_stamp(stamp, &tm, f->conf.period, f->conf.every);
	if (!strcmp(stamp, f->stamp))
		return;
	logfile_flush(f);
	close_file(f);
	memcpy(f->stamp, stamp, sizeof(stamp));
}

static void make_room(struct logfile *f, size_t n)
{
	char path[PATH_MAX];

	if (f->n_iov == 1 && f->base && !f->conf.by_time && !ready_file(f, path))
		return;  /* logfile_flush will find that, too, and tell */
	if (!must_roll(f, n))
		return;
	logfile_flush(f);
	if (!ready_file(f, path) || !must_roll(f, n))
		return;
	roll(f, path);
	/* The size of what is there under this name now. */
	ready_file(f, path);
}

void logfile_add(struct logfile *f, const char *text, size_t n, int64_t time_s)
{
	if (f->conf.by_time && f->base)
		choose_stamp(f, time_s);
	else
		make_room(f, n);
	if (f->n_iov == MAX_IOV)
		logfile_flush(f);
	f->iov[f->n_iov++] = (struct iovec){ (void *)(uintptr_t)text, n };
	f->added += n;
}

/* ---- life ---- */

struct logfile *logfile_new(const struct logfile_conf *conf)
{
	struct logfile *f = xcalloc(1, sizeof(*f));

	f->conf = *conf;
	f->base = conf->base ? xstrdup(conf->base) : NULL;
	f->fd = f->base ? -1 : STDERR_FILENO;
	f->stamp_minute = INT64_MIN;
	f->n_iov = 1;
	return f;
}

void logfile_free(struct logfile *f)
{
	if (!f)
		return;
	logfile_flush(f);
	close_file(f);
	free(f->base);
	free(f);
}

uint64_t logfile_lost(const struct logfile *f)
{
	return f->lost;
}
