/*
 * Where a managed server lives on disk, and what its type is (contract 4.2).
 *
 * Names that come from the registry are checked here, before they become part of a path or of a
 * script.  Pure text: nothing is created.  Everything lives in the arena given.  Thread: any.
 */
#ifndef ROLES_NODE_PATHS_H
#define ROLES_NODE_PATHS_H

#include "proto/arena.h"
#include "proto/err.h"

#include <stdbool.h>

struct tars_ServerDescriptor;

enum server_type {
	TYPE_NATIVE,     /* tars_cpp, tars_go and unknown ones: the program itself */
	TYPE_C,          /* tars_c: a program, or a shared object that `tars app` runs */
	TYPE_JAVA, TYPE_NODEJS, TYPE_PHP,
	TYPE_NOT_TARS,   /* scripts only */
};

/* The node's own directories. */
struct node_paths {
	const char *root;   /* TarsPath */
	const char *data;   /* <root>/tarsnode/data */
	const char *log;    /* <root>/app_log/ */
	const char *self;   /* our own executable */
};

struct server_paths {
	enum server_type type;
	const char *dir;           /* <data>/<App>.<Server>, or the base path */
	const char *bin;           /* <dir>/bin */
	const char *conf_dir, *conf, *conf_bak;
	const char *data;          /* with a slash at the end: ${datapath} */
	const char *exe;
	bool exe_is_given;         /* not the default <bin>/<Server> */
	const char *base;          /* directory of exe, with a slash at the end: ${basepath} */
	const char *start, *stop;  /* generated scripts: beside exe if that is in dir, else in bin */
	const char *script_pid;    /* pid that the start script writes */
	const char *pid;           /* pid and start time that the node writes */
	const char *exit;          /* how its last process ended */
	const char *log_dir, *output;
	const char *start_script, *stop_script, *monitor_script; /* the user's own; NULL: none */
	const char *installed_conf; /* of a platform service beside the node; NULL: none */
};

/* Letters, digits, '_' and '-', not at the start a '-'; at most 64. */
bool name_is_safe(const char *name);
/* Error: TARS_EARG that names the field and the server. */
int paths_make(const struct node_paths *node, const struct tars_ServerDescriptor *d,
	       struct arena *a, struct server_paths *p, struct err *e);
/* Where it logs, when its finished configuration says so: root is its logpath.  One that is no
 * absolute path changes nothing.  Error: TARS_EARG as above. */
int paths_log(const struct tars_ServerDescriptor *d, const char *root, struct arena *a,
	      struct server_paths *p, struct err *e);

#endif
