/*
 * Where a private PostgreSQL is: its programs, account, folders and socket.
 *
 * Texts live in the arena given to pgplace_find.  Thread: a coroutine.
 */
#ifndef ROLES_PGPLACE_H
#define ROLES_PGPLACE_H

#include <stdbool.h>
#include <sys/types.h>

#include "proto/arena.h"
#include "proto/err.h"

struct pgplace {
	const char *initdb, *postgres;  /* programs */
	const char *account;   /* NULL: ours */
	uid_t uid;             /* of the account */
	gid_t gid;
	const char *dir, *data, *new_data, *log, *initdb_log;
	const char *socket_dir, *socket_setting;
	const char *dsn;
};

/* Finds and creates everything except the cluster itself. */
int pgplace_find(struct pgplace *p, const char *dir, struct arena *a, struct err *e);
bool pgplace_has_cluster(const struct pgplace *p);
/* Removes what an interrupted initdb has left. */
int pgplace_remove_new_data(const struct pgplace *p, struct err *e);
/* Pid of the server that runs in data, or 0. */
pid_t pgplace_running(const struct pgplace *p);
/* The last line of a log file, for messages; "" if there is none. */
void pgplace_last_line(const char *file, char *text, size_t size);

#endif
