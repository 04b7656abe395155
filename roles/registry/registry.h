/*
 * The registry: its model of the platform in memory, kept up to date from the database.
 *
 * Look-ups are answered from the model and never wait; commands change the database, and its
 * notification brings the change into the model of every registry.  State reports of nodes are the
 * exception: they count in the model at once, also while the database is away.
 * Thread: the app's main reactor; one coroutine at a time between two waits.
 */
#ifndef ROLES_REGISTRY_REGISTRY_H
#define ROLES_REGISTRY_REGISTRY_H

#include "core/io/reactor.h"
#include "core/io/wait.h"
#include "core/rpc/app.h"
#include "core/sys/pg.h"
#include "roles/platform.h"
#include "roles/registry/route.h"

/* Names of one server instance, NUL-terminated as all decoded strings are. */
struct server_ref {
	struct tars_str app, server, node;
};

/* Rows as they were read, and what is built from them.  Replaced as a whole. */
struct model {
	struct arena arena;
	struct Routes_Rows rows;
	struct route_table *table;
	struct index servers;           /* server_key() -> first struct Routes_Row of the server */
	struct index nodes;             /* node_name -> struct Routes_NodeRow */
};

struct registry_conf {
	struct platform_conf common;
	const char *data;
	int64_t node_timeout_ms, check_ms, platform_timeout_ms, command_timeout_ms;
	int recover_protect;            /* percent of the nodes */
};

struct registry {
	const struct registry_conf *conf;
	struct tars_app *app;
	struct pg *pg;
	struct pg_listener *listener;
	struct platform *platform;
	struct model *model;                 /* never NULL */
	struct reports *reports;             /* states that the database may not know yet */
	struct heartbeats *heartbeats;       /* of nodes, until they are written */
	char *snapshot_path;                 /* NULL: no snapshot is kept */
	int64_t db_up_since_us;              /* 0: the database is away */
	uint64_t load_seq;                   /* loads begun */
	uint64_t adopted_seq;                /* the one that the model is from */
	bool loading, load_again, rebuild_queued, saving, save_again, stopping;
	struct err away_because;             /* as it was logged; code 0: the database is there */
	unsigned busy;                       /* coroutines that use this struct */
	struct wait *drained;                /* wakes registry_stop when none is left */
	struct reload_waiter *waiters;
	struct task rebuild_task;
	struct timer retry_timer, save_timer, check_timer, beat_timer, version_timer;
};

/* ---- load.c: database -> model ---- */
/* pg_query and pg_begin; an error while the registry stops. */
int registry_sql(struct registry *reg, const struct sql *sql, const char *const *params,
		 const struct tars_type *row, void *rows, struct arena *a, struct err *e);
int registry_begin(struct registry *reg, struct pg_tx **tx, struct err *e);
/* Reads everything again, in the background; at most one more is remembered while one runs. */
void registry_reload(struct registry *reg);
/* The same, and waits until a load that began after this call is in the model, or has failed. */
void registry_reload_wait(struct registry *reg);
/* One load, in this coroutine; negative: the database is away or wrong. */
int registry_load_now(struct registry *reg, struct err *e);
/* From now on changes come in by themselves. */
void registry_listen(struct registry *reg);
/* fn(rq, reg) in a coroutine of its own that registry_stop waits for. */
void registry_spawn(struct registry *reg, void (*fn)(struct tars_req *rq, void *arg));

/* ---- model.c ---- */
struct model *model_new(void);
void model_free(struct model *m);
/* Takes over m: applies pending reports, adds our own objects, builds the table, swaps. */
void registry_adopt(struct registry *reg, struct model *m, uint64_t load_seq);
/* Builds the table again at the end of this turn. */
void registry_rebuild_later(struct registry *reg);
/* Our own objects, before the index and the table are built. */
void registry_add_own(const struct registry *reg, struct model *m);
struct tars_str server_key(struct arena *a, struct tars_str app, struct tars_str server,
			   struct tars_str node);
const struct Routes_NodeRow *model_node(const struct model *m, struct tars_str name);
/* TARS_ENOTFOUND, and what can be done. */
int server_unknown(const struct server_ref *ref, struct err *e);

/* ---- report.c: states that nodes report ---- */
enum { REPORT_MAX_AGE_S = 300 };
struct reports *reports_new(void);
void reports_free(struct reports *r);
/* 0; TARS_ENOTFOUND: no such server; TARS_EDB..: remembered here, but the node has to try again. */
int registry_report_state(struct registry *reg, struct arena *a, const struct server_ref *ref,
			  const char *state, int pid, struct err *e);
/* Puts the reports that this load cannot have seen into m's rows, and forgets the others. */
void reports_apply(struct reports *r, struct model *m, uint64_t load_seq);
/* "active" for 2 and so on; NULL: not a state. */
const char *state_name(int32_t server_state);

/* ---- alive.c: heartbeats, and who has none ---- */
struct heartbeats *heartbeats_new(void);
void heartbeats_free(struct heartbeats *h);
void registry_heartbeat(struct registry *reg, struct tars_str node, float avg1, float avg5,
			float avg15);
void registry_start_checks(struct registry *reg);

/* ---- snapshot.c ---- */
/* Reads the file into m; TARS_ENOTFOUND: there is none. */
int snapshot_load(const char *path, struct model *m, struct err *e);
/* Writes the present rows in a moment, in the background. */
void registry_save_later(struct registry *reg);

/* ---- the servants' tables ---- */
struct tars_QueryF;
extern const struct tars_QueryF registry_query;
struct tars_Registry;
extern const struct tars_Registry registry_nodes;
struct tars_AdminReg;
extern const struct tars_AdminReg registry_admin;
struct tars_Ctl;
extern const struct tars_Ctl registry_ctl;

#endif
