/* Blocking file operations: whole files, trees, tails. */
#include "core/sys/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_DEPTH = 64, TAIL_BYTES = 4096, TAIL_SHOWN = 300 };

static int failed(struct err *e, const char *doing, const char *path)
{
	return err_set(e, errno == ENOENT ? TARS_ENOTFOUND : TARS_ESYS, "%s %s: %s", doing, path,
		       strerror(errno));
}

/* Reads until n bytes or the end; negative with errno. */
static ssize_t read_all(int fd, char *data, size_t n)
{
	size_t got = 0;
	ssize_t r = 1;

	while (got < n && r > 0) {
		r = read(fd, data + got, n - got);
		if (r < 0 && errno == EINTR)
			r = 1;
		else if (r > 0)
			got += (size_t)r;
	}
	return r < 0 ? -1 : (ssize_t)got;
}

int file_read(const char *path, size_t max, struct arena *a, const char **text_r, size_t *n_r,
	      struct err *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), rc = 0;
	struct stat st;
	ssize_t n = 0;
	char *text;

	if (fd < 0)
		return failed(e, "open", path);
	if (fstat(fd, &st) < 0)
		rc = failed(e, "stat", path);
	else if (!S_ISREG(st.st_mode))
		rc = err_set(e, TARS_EARG, "%s is not a regular file", path);
	else if ((size_t)st.st_size > max)
		rc = err_set(e, TARS_ELIMIT, "%s has %lld bytes; at most %zu are read", path,
			     (long long)st.st_size, max);
	if (rc == 0) {
		text = arena_alloc(a, (size_t)st.st_size + 1);
		n = read_all(fd, text, (size_t)st.st_size);
		if (n < 0) {
			rc = failed(e, "read", path);
		} else {
			*text_r = text;
			*n_r = (size_t)n;
		}
	}
	close(fd);
	return rc;
}

static int write_all(int fd, const char *data, size_t n)
{
	while (n) {
		ssize_t w = write(fd, data, n);

		if (w < 0 && errno != EINTR)
			return -1;
		if (w > 0) {
			data += w;
			n -= (size_t)w;
		}
	}
	return 0;
}

int file_write(const char *path, const void *data, size_t n, mode_t mode, struct err *e)
{
	char temp[PATH_MAX];
	int fd, rc;

	if ((size_t)snprintf(temp, sizeof(temp), "%s.new", path) >= sizeof(temp))
		return err_set(e, TARS_EARG, "path %.64s... is too long", path);
	unlink(temp);
	fd = open(temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
	if (fd < 0)
		return failed(e, "create", temp);
	rc = write_all(fd, data, n);
	/* Executable scripts must be so whatever the umask is. */
	if (rc == 0)
		rc = fchmod(fd, mode);
	if (rc < 0)
		rc = failed(e, "write", temp);
	if (close(fd) < 0 && rc == 0)
		rc = failed(e, "close", temp);
	if (rc == 0 && rename(temp, path) < 0)
		rc = failed(e, "rename to", path);
	if (rc < 0)
		unlink(temp);
	return rc;
}

int file_update(const char *path, const char *backup, const void *data, size_t n, mode_t mode,
		struct err *e)
{
	struct arena a;
	const char *old;
	size_t old_n;
	int rc;

	arena_init(&a, NULL, 0);
	rc = file_read(path, SSIZE_MAX, &a, &old, &old_n, e);
	if (rc == 0 && old_n == n && !memcmp(old, data, n)) {
		arena_clear(&a);
		return 0;
	}
	if (rc == 0 && backup)
		rc = file_write(backup, old, old_n, mode, e);
	else if (rc == TARS_ENOTFOUND)
		rc = 0;
	arena_clear(&a);
	if (rc == 0)
		rc = file_write(path, data, n, mode, e);
	return rc < 0 ? rc : 1;
}

int dir_make(const char *path, struct err *e)
{
	char part[PATH_MAX];
	size_t n = strlen(path);

	if (n >= sizeof(part))
		return err_set(e, TARS_EARG, "path %.64s... is too long", path);
	memcpy(part, path, n + 1);
	for (char *p = part + 1;; p++) {
		if (*p != '/' && *p != '\0')
			continue;
		n = (size_t)(p - part);
		part[n] = '\0';
		if (mkdir(part, 0755) < 0 && errno != EEXIST && errno != EISDIR)
			return failed(e, "make directory", part);
		if (path[n] == '\0' || path[n + 1] == '\0')
			return 0;
		part[n] = '/';
	}
}

static int remove_at(int parent, const char *name, unsigned depth)
{
	int fd, rc = 0;
	DIR *dir;
	struct dirent *d;

	if (unlinkat(parent, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR && errno != EPERM)
		return -1;
	if (depth > MAX_DEPTH) {
		errno = ELOOP;
		return -1;
	}
	fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	dir = fd >= 0 ? fdopendir(fd) : NULL;
	if (!dir) {
		if (fd >= 0)
			close(fd);
		return -1;
	}
	while (rc == 0 && (d = readdir(dir)))
		if (strcmp(d->d_name, ".") && strcmp(d->d_name, ".."))
			rc = remove_at(dirfd(dir), d->d_name, depth + 1);
	closedir(dir);
	return rc < 0 ? rc : unlinkat(parent, name, AT_REMOVEDIR);
}

int dir_remove(const char *path, struct err *e)
{
	return remove_at(AT_FDCWD, path, 0) < 0 ? failed(e, "remove", path) : 0;
}

off_t file_size(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 ? st.st_size : 0;
}

bool file_is_regular(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

bool file_is_program(const char *path)
{
	return file_is_regular(path) && access(path, X_OK) == 0;
}

const char *file_part(const char *path, off_t from, size_t max, struct arena *a)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	off_t size = fd >= 0 ? lseek(fd, 0, SEEK_END) : 0;
	ssize_t n = 0;
	char *text;

	if (size - from < (off_t)max)
		max = size > from ? (size_t)(size - from) : 0;
	text = arena_alloc(a, max + 1);
	if (max && lseek(fd, from, SEEK_SET) >= 0)
		n = read_all(fd, text, max);
	text[n > 0 ? n : 0] = '\0';
	if (fd >= 0)
		close(fd);
	return text;
}

const char *file_tail(const char *path, off_t from, unsigned lines, struct arena *a)
{
	char raw[TAIL_BYTES];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	off_t size = fd >= 0 ? lseek(fd, 0, SEEK_END) : 0;
	ssize_t n = 0, start;
	char *text, *out;

	if (size - from > (off_t)sizeof(raw))
		from = size - (off_t)sizeof(raw);
	if (fd >= 0 && size > from && lseek(fd, from, SEEK_SET) >= 0)
		n = read_all(fd, raw, sizeof(raw));
	if (fd >= 0)
		close(fd);
	while (n > 0 && (raw[n - 1] == '\n' || raw[n - 1] == '\r' || raw[n - 1] == ' '))
		n--;
	if (n <= 0)
		return "";
	for (start = n; start > 0 && n - start < TAIL_SHOWN; start--)
		if (raw[start - 1] == '\n' && --lines == 0)
			break;
	text = out = arena_alloc(a, 3 * (size_t)(n - start) + 1);
	for (; start < n; start++) {
		unsigned char c = (unsigned char)raw[start];

		if (c == '\n') {
			memcpy(out, " | ", 3);
			out += 3;
		} else if (c >= 0x20) {
			*out++ = (char)c;
		}
	}
	return text;
}
