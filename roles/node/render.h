/*
 * The configuration file of a managed server: template with macros and adapters in, text out
 * (contract 4.3; byte-compatible with the official node).
 *
 * Bytes and memory only; results live in the arena.  Thread: any.
 */
#ifndef ROLES_NODE_RENDER_H
#define ROLES_NODE_RENDER_H

#include "proto/endpoint.h"
#include "roles/node/paths.h"

struct render_in {
	const struct tars_ServerDescriptor *server;
	const struct server_paths *paths;
	const char *node_name;
	const char *host;       /* of this machine, as services should see it: ${localip} */
	const char *node_ep;    /* endpoint of our ServerObj for services */
	const char *log_path;   /* ends with a slash */
	const char *locator;    /* "tars.tarsregistry.QueryObj@tcp ..." */
	int local_port;         /* of the server's AdminObj */
};

/* What the node itself reads from the finished configuration. */
struct service_conf {
	bool has_local;
	struct endpoint local;      /* of its AdminObj */
	const char *local_text;
	int64_t activating_ms, deactivating_ms, hearttimeout_s;
	int64_t log_keep_days, log_keep_mb;   /* -1: as the node's options say; 0: all */
	const char *log_path;
	const char *java, *classpath, *jvmparams, *mainclass, *package_format, *php, *entrance;
	const char *env, *redirect_path;
};

/* *text_r is NUL-terminated.  The error names the server and the place in its template. */
int render_config(const struct render_in *in, struct arena *a, const char **text_r,
		  struct service_conf *conf, struct err *e);
/* Port of the AdminObj in an existing configuration; 0 if there is none. */
int render_local_port(const char *text, size_t n);

/* A script of the service, as it is run: lines trimmed, macros replaced, and at the end a line that
 * prints "end-<name>", unless it has one. */
void render_script(const struct render_in *in, const char *name, const char *text,
		   struct arena *a, struct buf *b);

struct macro {
	const char *name, *value;
};
/* Appends text with its ${names} replaced; unknown ones stay. */
void macros_expand(struct buf *b, const char *text, size_t n, const struct macro *macros,
		   size_t n_macros);

#endif
