/*
 * The private PostgreSQL of `tars up`: a cluster below the data directory, unix socket only.
 *
 *	<dir>/data       the cluster            <dir>/log          what the server says
 *	<dir>/initdb.log                        <dir>/.s.PGSQL...  its socket (or a short path, when
 *	                                                           dir is too long for one)
 * When we are root it belongs to the account "postgres", else "nobody", because PostgreSQL refuses
 * to run as root; otherwise to ours.  Only that account and root may enter dir, so connections need
 * no password.  The server outlives us if we crash; the next start takes it over.  If it ends
 * unasked it is started again.
 * Owner: whoever started it.  Thread: a coroutine of one reactor.
 */
#ifndef ROLES_PGPRIVATE_H
#define ROLES_PGPRIVATE_H

#include "proto/err.h"

struct pgprivate;

/* Creates what is missing (the directory's parent must be there), starts the server unless it runs,
 * waits until it answers and creates the database "tars". */
int pgprivate_start(struct pgprivate **p, const char *dir, struct err *e);
/* Connection string of the database; lives as long as p. */
const char *pgprivate_dsn(const struct pgprivate *p);
/* Stops the server (fast: open transactions are rolled back) and frees p.  NULL is fine. */
void pgprivate_stop(struct pgprivate *p);

#endif
