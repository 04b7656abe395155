/* Removes old files, but none that is open anywhere. */
#include "roles/node/clean.h"

#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/arena.h"

enum { MAX_FILES = 100000 };

/* ---- kinds ---- */

bool clean_is_log(int dir, const char *name)
{
	const char *at = strstr(name, ".log");

	(void)dir;
	return at && (!at[4] || at[4] == '.');
}

static int open_quietly(int dir, const char *name)
{
	/* O_NONBLOCK: what was a file a moment ago may be a pipe now. */
	return openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

bool clean_is_core(int dir, const char *name)
{
	Elf64_Ehdr head;   /* the first members are those of 32 bits, too */
	size_t want = offsetof(Elf64_Ehdr, e_machine);
	bool is_core = false;
	int fd = strstr(name, "core") ? open_quietly(dir, name) : -1;

	if (fd >= 0) {
		is_core = read(fd, &head, want) == (ssize_t)want &&
			  !memcmp(head.e_ident, ELFMAG, SELFMAG) && head.e_type == ET_CORE;
		close(fd);
	}
	return is_core;
}

/* ---- what is there ---- */

struct file {
	const char *name;
	ino_t ino;
	int64_t bytes;
	time_t changed;
};

struct files {
	struct arena arena;
	struct file *v;
	size_t n;
	int64_t bytes;
};

static int oldest_first(const void *x, const void *y)
{
	const struct file *a = x, *b = y;

	return a->changed < b->changed ? -1 : a->changed > b->changed;
}

static void find_files(DIR *dir, const struct clean_dir *c, struct files *f)
{
	struct dirent *d;
	struct stat st;
	size_t room = 0;

	while ((d = readdir(dir)) && f->n < MAX_FILES) {
		if (fstatat(dirfd(dir), d->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
		    !S_ISREG(st.st_mode) || (c->keep && !strcmp(d->d_name, c->keep)) ||
		    !c->is_kind(dirfd(dir), d->d_name))
			continue;
		if (f->n == room) {
			room = room ? 2 * room : 64;
			f->v = xrealloc(f->v, room * sizeof(*f->v));
		}
		f->v[f->n++] = (struct file){ arena_strdup(&f->arena, d->d_name), st.st_ino,
					      (int64_t)st.st_blocks * 512, st.st_mtime };
		f->bytes += (int64_t)st.st_blocks * 512;
	}
	if (f->n)
		qsort(f->v, f->n, sizeof(*f->v), oldest_first);
}

/* ---- removing ---- */

/*
 * A write lease is granted only while nobody else has the file open, and whoever opens it then
 * waits for its end: so nobody has it when it goes.
 */
static int lease(int fd)
{
	/* Somebody who opens it must not end us: SIGIO would. */
	if (fcntl(fd, F_SETSIG, SIGURG) < 0)
		return -1;
	return fcntl(fd, F_SETLEASE, F_WRLCK);
}

/* 1: it is gone; 0: it is open somewhere, or another file by now. */
static int remove_closed(int dir, const struct file *f, struct err *e)
{
	struct stat st;
	int fd = open_quietly(dir, f->name), rc = 0;

	if (fd < 0)
		return errno == ENOENT || errno == ELOOP ? 0 :
			err_set(e, TARS_ESYS, "open %s: %s", f->name, strerror(errno));
	if (lease(fd) < 0)
		rc = errno == EAGAIN || errno == EBUSY ? 0 :
			err_set(e, TARS_ESYS, "it stays, as nobody can tell whether %s is open: %s",
				f->name, strerror(errno));
	else if (fstatat(dir, f->name, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_ino == f->ino &&
		 st.st_mtime == f->changed)
		rc = unlinkat(dir, f->name, 0) == 0 ? 1 :
			err_set(e, TARS_ESYS, "remove %s: %s", f->name, strerror(errno));
	close(fd);
	return rc;
}

static bool is_due(const struct clean_dir *c, const struct files *f, const struct file *file,
		   time_t now)
{
	const struct clean_rule *r = &c->rule;

	if (now - file->changed < CLEAN_QUIET_S)
		return false;
	return (r->age_s && now - file->changed > r->age_s) || (r->bytes && f->bytes > r->bytes) ||
	       (r->files && f->n - c->removed > (size_t)r->files);
}

void clean_dir(struct clean_dir *c, time_t now)
{
	int fd = open(c->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct files f = { 0 };
	struct err e = { 0 };

	if (!dir)
		return;
	arena_init(&f.arena, NULL, 0);
	find_files(dir, c, &f);
	for (size_t i = 0; i < f.n; i++) {
		int rc = is_due(c, &f, &f.v[i], now) ? remove_closed(fd, &f.v[i], &e) : 0;

		if (rc > 0) {
			c->removed++;
			c->removed_bytes += f.v[i].bytes;
			f.bytes -= f.v[i].bytes;
		} else if (rc < 0 && !c->err.code) {
			c->err = e;
		}
	}
	closedir(dir);
	arena_clear(&f.arena);
	free(f.v);
}
