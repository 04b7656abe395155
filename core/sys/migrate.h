/*
 * Migrations: append-only SQL files, each in one transaction under an advisory lock, with their
 * checksums in table tars_migration.
 *
 * Thread: a coroutine of pg's reactor.
 */
#ifndef CORE_SYS_MIGRATE_H
#define CORE_SYS_MIGRATE_H

#include "core/sys/pg.h"

struct migration {
	const char *name;    /* "0001-base" */
	const char *text;
};

/* All of the executable, in order; ends with { 0 } (generated from roles/sql). */
extern const struct migration migrations[];

/* Applies what is missing; returns how many were applied.  applied(name) after each; may be NULL.
 * A changed or unknown newer migration is an error that names it. */
int migrate_run(struct pg *pg, const struct migration *list, void (*applied)(const char *name),
		struct err *e);
/* 0: up to date; > 0: so many are missing; negative: as above.  Nothing is changed. */
int migrate_check(struct pg *pg, const struct migration *list, struct err *e);

/* Creates the database that dsn names, through the server's database "postgres", if it is missing.
 * Returns 1 if it did, 0 if it was there. */
int migrate_create_database(const char *dsn, struct err *e);

#endif
