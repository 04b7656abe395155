/*
 * The generated start and stop scripts of a managed server (contract 4.7).
 *
 * script_start looks at the server's directory (missing program, package.json), so it blocks a
 * little: call it in a worker.  Every value that comes from outside is quoted.  Thread: any.
 */
#ifndef ROLES_NODE_SCRIPT_H
#define ROLES_NODE_SCRIPT_H

#include "proto/buf.h"
#include "roles/node/render.h"

struct script_in {
	const char *id;                   /* "App.Server", for messages */
	const struct node_paths *node;
	const struct server_paths *paths;
	const struct service_conf *conf;
	const char *const *env, *const *args; /* run_options.h; NULL: none */
};

/* Text of tars_start.sh.  The error says what is missing and where to put it. */
int script_start(const struct script_in *in, struct buf *text, struct err *e);
/* Text of tars_stop.sh of a PHP service. */
int script_stop(const struct script_in *in, struct buf *text, struct err *e);

/* One word of a shell command, quoted if it must be. */
void script_word(struct buf *b, const char *word);
/* export lines for the items of a template's `env`, separated by ';' or '|'. */
int script_env(struct buf *b, const char *env, struct err *e);

#endif
