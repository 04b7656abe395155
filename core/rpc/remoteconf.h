/*
 * Files of the configuration centre, kept in the service's base path (contract 8.2).
 *
 * A file that differs from the local one replaces it at once, never leaving a moment without any;
 * the old ones become <file>.1.bak (newest) to .5.bak.  Where the centre gives nothing, the local
 * file stays in use.  Where waiting is possible: coroutine or worker.
 */
#ifndef CORE_RPC_REMOTECONF_H
#define CORE_RPC_REMOTECONF_H

#include <stdbool.h>

#include "core/tars.h"
#include "proto/err.h"

struct remoteconf {
	struct tars_proxy *center;    /* NULL: none */
	const char *app, *server;     /* server "": the application's file */
	const char *set;              /* "name.area.group" or NULL */
	const char *base_path;
};

enum remoteconf_result { REMOTECONF_FETCHED, REMOTECONF_LOCAL };

/*
 * A result, or a code < 0: there is no file.  e says why the centre gave none, for REMOTECONF_LOCAL
 * too.  TARS_EARG: `file` is no plain file name.
 */
int remoteconf_load(const struct remoteconf *rc, struct tars_req *rq, const char *file,
		    struct err *e);

#endif
