/* Listening on socket files: stale ones go, all others stay, and two at once cannot both win. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/io/listen_int.h"
#include "proto/arena.h"

enum { LOCK_TRIES = 100, LOCK_PAUSE_MS = 10 };

static int file_error(struct err *e, const char *path, const char *what, int error)
{
	return err_set(e, TARS_ESYS, "cannot listen on unix:%s: %s: %s", path, what,
		       strerror(error));
}

/* ---- one at a time ---- */

/* The folder's lock is held while a stale file is told from a live one and replaced.  It needs no
 * file of its own, and ends with its holder. */
static int lock_folder(const char *path, struct err *e)
{
	const struct timespec pause = { .tv_nsec = LOCK_PAUSE_MS * 1000000L };
	const char *slash = strrchr(path, '/');
	char *folder = slash == path ? xstrdup("/") : strndup(path, (size_t)(slash - path));
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC), error = errno;

	free(folder);
	if (fd < 0) {
		file_error(e, path, "its folder", error);
		return -1;
	}
	for (int i = 0; i < LOCK_TRIES; i++) {
		if (!flock(fd, LOCK_EX | LOCK_NB))
			return fd;
		nanosleep(&pause, NULL);
	}
	close(fd);
	err_set(e, TARS_ESYS, "cannot listen on unix:%s: its folder is locked by another process",
		path);
	return -1;
}

/* ---- what is there already ---- */

/* 0: nobody listens; else why it is not to be touched. */
static int probe(const struct sockaddr_any *a)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), error = 0;

	if (fd < 0)
		return errno;
	if (!connect(fd, &a->sa, a->len) || errno == EAGAIN || errno == EINPROGRESS)
		error = EADDRINUSE;
	else if (errno != ECONNREFUSED)
		error = errno;
	close(fd);
	return error;
}

static int remove_stale(const char *path, const struct sockaddr_any *a, struct err *e)
{
	struct stat st;
	int error;

	if (lstat(path, &st))
		return errno == ENOENT ? 0 : file_error(e, path, "what is there", errno);
	if (!S_ISSOCK(st.st_mode))
		return err_set(e, TARS_ESYS, "cannot listen on unix:%s: a file that is no socket is "
			       "there already: choose another path, or remove it", path);
	error = probe(a);
	if (error == EADDRINUSE)
		return err_set(e, TARS_ESYS, "cannot listen on unix:%s: it is in use (ss -lxp "
			       "shows by whom)", path);
	if (error == ENOENT)
		return 0;
	if (error)
		return file_error(e, path, "whether it is in use cannot be told", error);
	if (unlink(path) && errno != ENOENT)
		return file_error(e, path, "the stale one cannot be removed", errno);
	return 0;
}

/* ---- opening ---- */

/* The mode is that of the socket before it has a name, so nobody can slip in while it is wider. */
static int bind_file(const struct sockaddr_any *a, unsigned mode, int backlog)
{
	const char *path = a->un.sun_path;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), error;

	if (fd < 0)
		return -1;
	if ((!mode || !fchmod(fd, mode)) && !bind(fd, &a->sa, a->len)) {
		if ((!mode || !chmod(path, mode)) &&
		    !listen(fd, backlog > 0 ? backlog : LISTEN_BACKLOG))
			return fd;
		error = errno;
		unlink(path);
		errno = error;
	}
	error = errno;
	close(fd);
	errno = error;
	return -1;
}

static int open_locked(struct listener *l, const struct sockaddr_any *a, unsigned mode,
		       int backlog, void (*accepted)(struct listener *, int,
						     const struct sockaddr_any *), struct err *e)
{
	const char *path = a->un.sun_path;
	struct stat st;
	int fd, rc = remove_stale(path, a, e);

	if (rc)
		return rc;
	fd = bind_file(a, mode, backlog);
	if (fd < 0)
		return file_error(e, path, "the socket", errno);
	listener_start(l, fd, accepted);
	l->file = xstrdup(path);
	if (!lstat(path, &st)) {
		l->file_dev = st.st_dev;
		l->file_ino = st.st_ino;
	}
	return 0;
}

int listener_open_file(struct listener *l, const char *path, unsigned mode, int backlog,
		       void (*accepted)(struct listener *, int fd, const struct sockaddr_any *peer),
		       struct err *e)
{
	struct sockaddr_any a;
	int lock, rc;

	if (*path != '/' || sockaddr_from_path(&a, path))
		return err_set(e, TARS_EARG, "cannot listen on unix:%s: a socket file has a path "
			       "from / on of at most %d bytes", path, (int)SOCKET_PATH_MAX);
	lock = lock_folder(path, e);
	if (lock < 0)
		return TARS_ESYS;
	rc = open_locked(l, &a, mode, backlog, accepted, e);
	close(lock);
	return rc;
}

/* ---- the end ---- */

/* Somebody may have removed ours, and another may be serving there by now. */
void listener_remove_file(struct listener *l)
{
	struct stat st;

	if (!lstat(l->file, &st) && st.st_dev == l->file_dev && st.st_ino == l->file_ino)
		unlink(l->file);
	free(l->file);
	l->file = NULL;
}
