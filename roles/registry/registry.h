/*
 * The registry: its model of the platform in memory, kept up to date from the database.
 *
 * Look-ups are answered from memory and never wait; commands change the database, and its
 * notification brings the change into the memory of every registry.  State reports of nodes are the
 * exception: they count in memory at once, also while the database is away.
 * Thread: the app's main reactor; one coroutine at a time between two waits.
 */
#ifndef ROLES_REGISTRY_REGISTRY_H
#define ROLES_REGISTRY_REGISTRY_H

#include "core/io/reactor.h"
#include "core/io/wait.h"
#include "core/rpc/app.h"
#include "core/sys/pg.h"
#include "roles/platform.h"
#include "roles/registry/mirror.h"
#include "roles/registry/orders.h"
#include "roles/registry/query.h"
#include "roles/registry/route.h"

/* Names of one server instance, NUL-terminated as all decoded strings are. */
struct server_ref {
	struct tars_str app, server, node;
};

/* The rows of t_node_info.  Replaced as a whole. */
struct node_list {
	struct arena arena;
	struct Routes_NodeRow_list rows;
	struct index by_name;           /* node_name -> struct Routes_NodeRow */
};

/* What the base is made of, as it was read: our own objects are not in it. */
struct base_rows {
	struct arena arena;
	struct Routes_Base rows;
};

struct registry_conf {
	struct platform_conf common;
	const char *data;
	int64_t node_timeout_ms, check_ms, platform_timeout_ms, command_timeout_ms;
	int recover_protect;            /* percent of the nodes */
	bool require_token;             /* of nodes */
};

struct registry {
	struct query_source query;           /* the first member: see there */
	const struct registry_conf *conf;
	const struct role_run *run;
	struct tars_app *app;
	struct pg *pg;
	struct pg_listener *listener;
	struct platform *platform;
	struct fleet *fleet;                 /* never NULL */
	struct node_list *nodes;             /* never NULL */
	struct base_rows *base;              /* never NULL */
	struct mirror *mirror;               /* never NULL */
	struct orders *orders;               /* never NULL */
	struct reports *reports;             /* states that the database may not know yet */
	struct heartbeats *heartbeats;       /* of nodes, until they are written */
	char *snapshot_path;                 /* NULL: no snapshot is kept */
	int64_t db_up_since_us;              /* 0: the database is away */
	int64_t forgotten_us;                /* when old metrics and events were removed; 0: never */
	bool was_loaded;                     /* from the database, since the start */
	int64_t version;                     /* the database's, up to which changes are known */
	uint64_t load_seq;                   /* loads begun */
	bool loading, load_again, load_all;  /* load_all: the next load reads everything */
	bool saving, save_again, stopping;
	uint32_t n_bad;                      /* as it was logged */
	struct err away_because;             /* as it was logged; code 0: the database is there */
	unsigned busy;                       /* coroutines that use this struct */
	struct wait *drained;                /* wakes registry_stop when none is left */
	struct reload_waiter *waiters;
	struct timer retry_timer, save_timer, check_timer, beat_timer, version_timer;
};

/* ---- read.c: statements, and rows -> memory ---- */
/* pg_query and pg_begin; an error while the registry stops. */
int registry_sql(struct registry *reg, const struct sql *sql, const char *const *params,
		 const struct tars_type *row, void *rows, struct arena *a, struct err *e);
int registry_begin(struct registry *reg, struct pg_tx **tx, struct err *e);
/* Everything.  Negative: the database is away or wrong; what was read counts, nothing goes. */
int registry_read_all(struct registry *reg, struct err *e);
/* What was noted after reg->version; everything, if notes are missing.  The number of notes:
 * with REGISTRY_MAX_CHANGES or more there may be others. */
enum { REGISTRY_MAX_CHANGES = 4000 };
int registry_read_changes(struct registry *reg, struct err *e);

/* ---- load.c: when it is read ---- */
/* Reads what has changed, in the background; at most one more is remembered while one runs. */
void registry_reload(struct registry *reg);
/* The same, and waits until a load that began after this call is in memory, or has failed. */
void registry_reload_wait(struct registry *reg);
/* Reads everything, in this coroutine; negative: the database is away or wrong. */
int registry_load_now(struct registry *reg, struct err *e);
/* From now on changes come in by themselves. */
void registry_listen(struct registry *reg);
/* fn(rq, reg) in a coroutine of its own that registry_stop waits for. */
void registry_spawn(struct registry *reg, void (*fn)(struct tars_req *rq, void *arg));

/* ---- model.c: what is in memory ---- */
void registry_model_init(struct registry *reg);
void registry_model_free(struct registry *reg);
struct node_list *node_list_new(void);
void node_list_free(struct node_list *l);
struct base_rows *base_rows_new(void);
struct base_rows *base_rows_copy(const struct Routes_Base *rows);
void base_rows_free(struct base_rows *b);
/* Each takes over what it is given. */
void registry_set_nodes(struct registry *reg, struct node_list *nodes);
void registry_set_base(struct registry *reg, struct base_rows *base);
/* With our own objects, which must be found also before and without the database. */
void registry_apply_base(struct registry *reg);
/* NULL: it never registered. */
const struct Routes_NodeRow *registry_node(const struct registry *reg, struct tars_str name);
/* NULL: it is not deployed. */
struct instance *registry_server(const struct registry *reg, const struct server_ref *ref);
/* All servers in the order of their rows, in the arena. */
struct Routes_Server_list registry_servers(const struct registry *reg, struct arena *a);
/* TARS_ENOTFOUND, and what can be done. */
int server_unknown(const struct server_ref *ref, struct err *e);

/* ---- report.c: states that nodes report ---- */
enum { REPORT_MAX_AGE_S = 300 };
struct reports *reports_new(void);
void reports_free(struct reports *r);
/* Somebody who wants to know whether it is stored; on the stack from begin to end. */
struct report_waiter {
	struct report_waiter *next;
	struct wait wait;
	int rc;
	struct err e;
};
struct report_said {
	const char *state;              /* as state_name() has it */
	int pid;
	struct tars_str cause;          /* for people, may be empty; copied, and cut */
	bool is_alarm;                  /* nobody wanted it */
};
/* The report counts; it will be stored, and an event if it is a change or has a cause. */
void registry_report_begin(struct registry *reg, const struct server_ref *ref,
			   const struct report_said *said, struct report_waiter *w);
/* Waits for that.  0; TARS_ENOTFOUND: no such server; TARS_EDB..: the node has to try again. */
int registry_report_end(struct report_waiter *w, struct err *e);
/* Both. */
int registry_report_state(struct registry *reg, const struct server_ref *ref,
			  const struct report_said *said, struct err *e);
/* From now on loads see what was stored before load `load_seq`. */
void reports_load_begins(struct reports *rs, uint64_t load_seq);
/* The state of a server of which `read` was read: what was reported, if that is newer. */
uint8_t reports_state(const struct reports *rs, const struct instance *in, uint8_t read);

/* ---- alive.c: heartbeats, and who has none ---- */
struct heartbeats *heartbeats_new(void);
void heartbeats_free(struct heartbeats *h);
void registry_heartbeat(struct registry *reg, struct tars_str node, float avg1, float avg5,
			float avg15);
void registry_start_checks(struct registry *reg);

/* ---- host_metrics.c: what nodes say of their machines ---- */
struct tars_Registry_reportHost_in;
struct tars_Registry_reportHost_out;
int registry_report_host(struct tars_req *rq, const struct tars_Registry_reportHost_in *in,
			 struct tars_Registry_reportHost_out *out);
/* Removes metrics and events that are too old or too many, if that was not done within the last
 * hour.  Waits. */
void registry_forget_old(struct registry *reg, struct arena *a);

/* ---- probes.c: endpoints that do not serve at present ---- */
struct tars_Registry_reportReadiness_in;
struct tars_Registry_reportReadiness_out;
int registry_report_readiness(struct tars_req *rq,
			      const struct tars_Registry_reportReadiness_in *in,
			      struct tars_Registry_reportReadiness_out *out);

/* ---- join.c: which nodes are let in ---- */
/* The caller's address without its port. */
struct tars_str registry_peer_host(struct tars_req *rq);
/* What a node is answered that is not let in; no failure of the registry, so it is asked again. */
enum { NODE_REFUSED = 1 };
/* 0 if the caller is that node, as far as this registry wants to know; else a text for its log. */
int registry_admit(struct tars_req *rq, struct registry *reg, struct tars_str node, struct err *e);
struct tars_Registry_joinNode_in;
struct tars_Registry_joinNode_out;
int registry_join_node(struct tars_req *rq, const struct tars_Registry_joinNode_in *in,
		       struct tars_Registry_joinNode_out *out);

/* ---- masters.c ---- */
struct tars_QueryF_getLocker_in;
struct tars_QueryF_getLocker_out;
int registry_get_locker(struct tars_req *rq, const struct tars_QueryF_getLocker_in *in,
			struct tars_QueryF_getLocker_out *out);

/* ---- save.c ---- */
/* Fills memory from the file; TARS_ENOTFOUND: there is none. */
int registry_load_snapshot(struct registry *reg, struct err *e);
/* Writes what is in memory in a moment, in the background. */
void registry_save_later(struct registry *reg);

/* ---- the servants' tables ---- */
struct tars_Registry;
extern const struct tars_Registry registry_nodes;
struct tars_AdminReg;
extern const struct tars_AdminReg registry_admin;
struct tars_Ctl;
extern const struct tars_Ctl registry_ctl;

#endif
