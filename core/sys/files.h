/*
 * File operations: read, write atomically, make and remove trees.
 *
 * They block: call them in a worker (pool_run), never on a reactor.  Errors name the path.
 * Thread: any.
 */
#ifndef CORE_SYS_FILES_H
#define CORE_SYS_FILES_H

#include <stdbool.h>
#include <sys/types.h>

#include "proto/arena.h"
#include "proto/err.h"

/* The whole file, NUL-terminated; TARS_ENOTFOUND if it is not there, TARS_ELIMIT above max. */
int file_read(const char *path, size_t max, struct arena *a, const char **text_r, size_t *n_r,
	      struct err *e);
/* Through a temporary file beside it, so that readers see the old or the new content. */
int file_write(const char *path, const void *data, size_t n, mode_t mode, struct err *e);
/* The same, only if the content differs; the old one goes to `backup` (NULL: nowhere).
 * 1: written, 0: it was equal. */
int file_update(const char *path, const char *backup, const void *data, size_t n, mode_t mode,
		struct err *e);
/* A directory and its parents. */
int dir_make(const char *path, struct err *e);
/* A directory with all that is in it, without following links; no error if it is not there. */
int dir_remove(const char *path, struct err *e);

off_t file_size(const char *path);   /* 0 if it is not there */
bool file_is_program(const char *path);
bool file_is_regular(const char *path);

/* What the file got behind offset `from`, at most the first max bytes; "" if nothing. */
const char *file_part(const char *path, off_t from, size_t max, struct arena *a);
/* At most `lines` last lines that the file got behind offset `from`, joined by " | ". */
const char *file_tail(const char *path, off_t from, unsigned lines, struct arena *a);

#endif
