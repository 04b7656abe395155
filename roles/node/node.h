/*
 * The node role's state: its options, its managed servers, its link to the registry.
 *
 * Everything runs on the main reactor: servants and the link are coroutines, so nothing is locked;
 * what must not interleave (files and launch of one server) takes server_lock().  A server is
 * owned by its node's list until it is destroyed; whoever keeps one over a wait holds a reference.
 * Thread: the main reactor.
 */
#ifndef ROLES_NODE_NODE_H
#define ROLES_NODE_NODE_H

#include "core/io/reactor.h"
#include "core/sys/log.h"
#include "core/sys/proc.h"
#include "roles/node/fsm.h"
#include "roles/node/host.h"
#include "roles/node/limit.h"
#include "roles/node/signal.h"
#include "roles/node/spec.h"
#include "roles/role.h"

struct node_conf {
	const char *listen, *advertise, *locator, *name, *path, *user, *fsm;
	bool stop_services;
	int64_t monitor_ms, heartbeat_ms, sync_ms, retry_ms, core_ms;
	int heart_timeout_s;    /* for services whose template says hearttimeout <= 0 */
	struct limits limits;
};

struct server {
	struct server *next;
	struct node *node;
	char *app, *name, *id;              /* id: "App.Server" */
	struct log_subject log;
	unsigned refs;
	bool is_locked;                     /* server_lock */
	struct signal changed;

	struct spec *spec;                  /* NULL: no usable description yet */
	bool is_enabled;                    /* setting_state is active */
	bool is_misdescribed;               /* the newest description is of no use: see trouble */
	char trouble[512];                  /* why there is none, or why it does not run; "" */

	enum server_state state;
	int64_t since_us;                   /* in this state */
	struct proc_id proc;                /* pid 0: none known */
	struct proc_watch watch;            /* of proc */
	struct proc_id other;               /* another live process that reports for it */
	bool is_watching, is_launching;
	bool is_stopped;                    /* by command: no automatic start */
	bool is_searched;                   /* processes of an earlier node were looked for */
	off_t output_from, died_from;       /* where the output of this and the last start begins */
	unsigned deaths;
	int64_t launched_us;
	struct timer deadline, restart;
	struct limiter limiter;
	char version[64];
	char last_exit[128];                /* how the last process ended; "" while it serves */

	int reported_state;                 /* what the registry knows; -1: nothing */
	pid_t reported_pid;
	int64_t report_again_us;            /* the registry did not take it; 0: it did */
	bool is_version_due;
};

struct node {
	struct role_run *run;
	const struct node_conf *conf;
	struct tars_app *app;
	struct log_subject log;
	struct arena arena;          /* texts for the life of the role */
	const char *name, *host, *object, *service_ep;
	const char *locator;         /* "tars.tarsregistry.QueryObj@tcp ..." of all registries */
	int port;
	struct node_paths paths;
	const char *cache_path;
	struct server *servers;
	size_t n_servers;
	struct timer monitor;
	struct signal report;        /* a server's state differs from what the registry knows */
	struct signal link;          /* ends the link's pauses */
	struct signal stepped;       /* the link has tried once more */
	struct signal idle;          /* a coroutine of ours ended */
	unsigned coroutines;
	int64_t last_alive_us, last_sync_us;
	bool is_sync_due;            /* the cache lacks a server */
	int64_t last_beat;           /* of any server, seconds since 1970 */
	struct cpu_sample cpu;
	bool is_registered, is_stopping, is_cache_tried;
	bool is_heard;               /* a registry takes reports, even if it cannot store us */
};

/* Runs fn in a coroutine that the role's stop waits for. */
void node_spawn(struct node *n, void (*fn)(struct tars_req *rq, void *arg), void *arg);
/* Once, when it is known: the option, the registry's view, or the cache. */
void node_set_name(struct node *n, const char *name);

/* ---- server.c: the object, its events ---- */
struct server *server_find(const struct node *n, const char *app, const char *name);
/* Creates it, or takes over what changed; writes its configuration.  Waits.  After an error the
 * server exists all the same, with the text in s->trouble. */
int server_load(struct node *n, const struct tars_ServerDescriptor *d, struct err *e);
/* The error names state and event if there is no row for them. */
int server_event(struct server *s, enum server_event event, struct err *e);
void server_hold(struct server *s);
void server_release(struct server *s);
void server_lock(struct server *s);
void server_unlock(struct server *s);
void server_quiesce(struct server *s); /* no timer and no watch refers to it any more */
void servers_free(struct node *n);
__attribute__((format(printf, 2, 3)))
void server_trouble(struct server *s, const char *fmt, ...);

/* ---- launch.c, stop.c: processes ---- */
/* Starts the server if it should run and may be started now. */
void server_start_if_due(struct server *s);
/* Why it does not run, with the last lines of its output.  Waits. */
const char *server_why(struct server *s, struct arena *a);
/* Runs a script of the user's with the server's id as argument; -1 in *pid_r if it said no pid=. */
int script_run(struct server *s, const char *script, int64_t timeout_ms, pid_t *pid_r,
	       struct err *e);

/* ---- watch.c: heartbeats, deadlines, exits ---- */
void server_beat(struct server *s, const char *adapter, pid_t pid, bool is_activating);
/* Makes this the server's process; false if it is gone already. */
bool server_take_process(struct server *s, const struct proc_id *id);
void node_monitor(struct timer *t);

/* ---- nodeobj.c ---- */
/* Stops all at once and waits for them; -1 if some did not stop, and which. */
int servers_stop(struct node *n, struct tars_req *rq, struct tars_str *result);

/* ---- adopt.c: processes of an earlier node ---- */
void server_search(struct tars_req *rq, void *server);

/* ---- link.c, report.c: the registry ---- */
void link_run(struct tars_req *rq, void *node);
void report_run(struct tars_req *rq, void *node);
/* All servers in one call. */
int report_all(struct node *n, struct tars_req *rq, struct err *e);
/* Each server's state is reported once more. */
void report_again(struct node *n);
/* Reads one server's description again; TARS_ENOTFOUND if the registry has none. */
int link_load(struct node *n, struct tars_req *rq, const char *app, const char *server,
	      struct err *e);
void notify(struct server *s, bool is_alarm, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

struct tars_ServerF;
struct tars_Node;
extern const struct tars_ServerF node_server_servant;
extern const struct tars_Node node_node_servant;

#endif
