/*
 * What every platform role needs to be found: its listening endpoints, its servants on them, and
 * rows in t_registry_info that say so, refreshed while the role lives.
 *
 * The rows are written in the background and again after the database was away; a role works
 * without them for everyone who knows its endpoint.  Thread: the app's main reactor.
 */
#ifndef ROLES_PLATFORM_H
#define ROLES_PLATFORM_H

#include "core/sys/pg.h"
#include "roles/role.h"

/* The context of calls in which a node shows the credential that it got when it joined. */
#define PLATFORM_NODE_SECRET "tars_node_secret"

/* Options that every platform role has; member `common` of its conf. */
struct platform_conf {
	const char *listen;      /* endpoint texts joined by ':', or "host:port" */
	const char *advertise;   /* host that others reach us by; NULL or "": from listen */
	const char *db;          /* libpq connection string */
};

#define PLATFORM_OPT_ADVERTISE(conf) \
	OPT("advertise", conf, common.advertise, NULL, OPT_NORELOAD, \
	    "host that others reach us by (default: the listening one, or this machine's address)")
#define PLATFORM_OPT_DB(conf) \
	OPT("db", conf, common.db, NULL, OPT_NORELOAD | OPT_REQUIRED | OPT_SECRET, \
	    "connection string of the PostgreSQL database, postgresql://user@host/name")
#define PLATFORM_OPT_LISTEN(conf, def) \
	OPT("listen", conf, common.listen, def, OPT_NORELOAD, \
	    "endpoints to serve on, joined by ':'; host:port is enough for one")

/* Conf and options of a role that has no others. */
struct platform_role_conf {
	struct platform_conf common;
};
#define PLATFORM_ROLE_OPTS(listen) \
	PLATFORM_OPT_ADVERTISE(struct platform_role_conf), \
	PLATFORM_OPT_DB(struct platform_role_conf), \
	PLATFORM_OPT_LISTEN(struct platform_role_conf, listen), \
	{ 0 }

/* One servant; rows end with { 0 }. */
struct platform_object {
	const char *name;        /* "tars.tarsconfig.ConfigObj" */
	const struct tars_iface *iface;
	const void *impl;
	enum tars_run run;
	unsigned endpoint;       /* index of the one it is known by; the last if there are less */
};

struct platform;

/*
 * Listens, serves the objects with `data` and fills run->ready.  Nothing may be called before that
 * returns 0.  pg and objs must outlive the platform.
 */
int platform_start(struct role_run *run, struct pg *pg, const struct platform_conf *conf,
		   const struct platform_object *objs, void *data, struct platform **p_r,
		   struct err *e);
/* Marks the rows inactive, if the database can be asked, and frees p.  May wait.  NULL: nothing. */
void platform_stop(struct platform *p);

/* The objects, and as which endpoint others see them: "tcp -h 10.0.0.1 -p 17890 -t 60000". */
unsigned platform_count(const struct platform *p);
struct tars_str platform_object_name(const struct platform *p, unsigned i);
struct tars_str platform_endpoint(const struct platform *p, unsigned i);

/* Splits the listen option.  Also used by roles that register differently (node). */
int platform_parse_listen(const char *text, struct endpoint_list *list, struct arena *a,
			  struct err *e);
/* The host that others reach a listening host by. */
const char *platform_public_host(const char *host, const char *advertise, struct arena *a);

/* init and stop of a role that has only servants; its conf is struct platform_role_conf. */
int platform_role_init(struct role_run *run, const struct platform_object *objs, struct err *e);
void platform_role_stop(struct role_run *run);

#endif
