/*
 * Rows that operators and plugins write through the registry: configuration files, plugins and
 * releases.  The functions are the operations themselves, without anything of a request.
 *
 * 0 or a negative code with a text; ids and the like through *_r.  Thread: a coroutine of the
 * registry's reactor.
 */
#ifndef ROLES_REGISTRY_STORE_H
#define ROLES_REGISTRY_STORE_H

#include "roles/registry/registry.h"

/* Which configuration file; host: of level 3 only. */
struct config_ref {
	struct tars_str server, file, host;
	int level;                          /* 1 application, 2 server, 3 node */
};

/* Without replace one that exists is TARS_EEXISTS. */
int store_config_file(struct registry *reg, const struct config_ref *ref, struct tars_str content,
		      bool replace, struct arena *a, struct err *e);
/* TARS_ENOTFOUND: there is none. */
int store_config_id(struct registry *reg, const struct config_ref *ref, int64_t *id_r,
		    struct arena *a, struct err *e);
/* A version of it, for its history. */
int store_config_history(struct registry *reg, int64_t id, struct tars_str reason,
			 struct tars_str content, struct arena *a, struct err *e);

struct tars_PluginConf;
int store_plugin(struct registry *reg, const struct tars_PluginConf *plugin, struct arena *a,
		 struct err *e);

/* The oldest release of the server that is, or is not, a default one; TARS_ENOTFOUND. */
int store_package(struct registry *reg, struct tars_str app, struct tars_str server,
		  int default_version, struct Routes_Package *package_r, struct arena *a,
		  struct err *e);

#endif
