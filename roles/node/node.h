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
#include "roles/node/mirror.h"
#include "roles/node/oom.h"
#include "roles/node/signal.h"
#include "roles/node/spec.h"
#include "roles/role.h"

struct node_conf {
	const char *listen, *advertise, *name, *path, *user, *fsm;
	bool stop_services, mirror;
	int64_t monitor_ms, heartbeat_ms, sync_ms, retry_ms, core_ms;
	int64_t metrics_ms;
	int64_t clean_ms, log_age_ms, log_size, core_age_ms;   /* limits: 0 is none */
	int core_files;
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
	bool are_files_due;                 /* of the configuration centre, before the next start */
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
	char last_exit[256];                /* how the last process ended; "" while it serves */
	char exit_text[512];                /* the last one of all, with its time; "": not known */
	char ending[512];                   /* why we end its process; "": we do not */
	bool is_kill_sent;                  /* SIGKILL, by us */
	struct buf threads;                 /* what they did then; empty: not known */
	struct oom_mark oom;                /* when its process was taken */
	struct probe *probes;
	char unhealthy[512];                /* why a probe had it restarted last; "": none had */
	char cause[256];                    /* of a state that is not reported yet; "" */
	bool is_cause_alarm;                /* nobody wanted it */

	int reported_state;                 /* what the registry knows; -1: nothing */
	pid_t reported_pid;
	int64_t report_again_us;            /* the registry did not take it; 0: it did */
	int64_t readiness_due_us;           /* when the registry shall hear of it; 0: it knows it */
	bool is_version_due;
};

struct node {
	struct role_run *run;
	const struct node_conf *conf;       /* options, or tuned */
	const struct node_conf *options;
	struct node_conf tuned;             /* template and options together */
	char *template;                     /* of the node in the registry; NULL: not known */
	struct tars_app *app;
	struct log_subject log;
	struct arena arena;          /* texts for the life of the role */
	const char *name, *host, *object, *service_ep;
	const struct tars_string_string_map *credential; /* what calls to registries show; or NULL */
	const char *locator;         /* "tars.tarsregistry.QueryObj@tcp ..." of all registries */
	const char *service_locator; /* the same for services: first of all, ourselves */
	struct node_mirror *mirror;  /* NULL: option mirror is off */
	int port;
	struct node_paths paths;
	const char *cache_path;
	struct server *servers;
	size_t n_servers;
	struct timer monitor, clean;
	struct signal report;        /* a server's state differs from what the registry knows */
	struct signal link;          /* ends the link's pauses */
	struct signal stepped;       /* the link has tried once more */
	struct signal idle;          /* a coroutine of ours ended */
	struct admin *admins;        /* orders.c */
	struct signal admin_lost;    /* a connection to one of them ended */
	unsigned orders_under_way;
	unsigned coroutines;
	unsigned log_reads;          /* under way */
	unsigned probes_under_way;
	int64_t last_alive_us, last_sync_us;
	bool is_sync_due;            /* the cache lacks a server, or orders came while it was read */
	uint64_t orders;             /* that loaded or removed a server: older lists are out of date */
	int64_t last_beat;           /* of any server, seconds since 1970 */
	struct cpu_sample cpu, metrics_cpu;
	int64_t last_metrics_us, clock_diff_ms;
	bool is_clock_known;         /* clock_diff_ms was measured */
	bool is_host_unwanted;       /* this registry does not take metrics */
	bool is_registered, is_stopping, is_cache_tried;
	bool is_heard;               /* a registry takes reports, even if it cannot store us */
};

/* Runs fn in a coroutine that the role's stop waits for. */
void node_spawn(struct node *n, void (*fn)(struct tars_req *rq, void *arg), void *arg);
/* Once, when it is known: the option, the registry's view, or the cache. */
void node_set_name(struct node *n, const char *name);
/* Where the registries are, "": not known yet. */
void node_set_locator(struct node *n, const char *locator);

/* The program that we are, as it can be started again. */
const char *node_executable(struct arena *a);

/* ---- install.c: tars node install ---- */
extern const struct role_command node_commands[];

/* ---- server.c: the object, its events ---- */
struct server *server_find(const struct node *n, const char *app, const char *name);
/* Creates it, or takes over what changed; writes its configuration.  Waits.  After an error the
 * server exists all the same, with the text in s->trouble; but for TARS_ECANCEL: there have been
 * orders since *orders (NULL: no matter), so d may be out of date. */
int server_load(struct node *n, const struct tars_ServerDescriptor *d, const uint64_t *orders,
		struct err *e);
/* The error names state and event if there is no row for them. */
int server_event(struct server *s, enum server_event event, struct err *e);
void server_hold(struct server *s);
void server_release(struct server *s);
void server_lock(struct server *s);
void server_unlock(struct server *s);
/* Below it are <App>/<Server> with the logs, also of a server that the node does not know. */
const char *node_log_root(const struct node *n, const char *app, const char *name);
/* Its AdminObj.  The spec is there and has one (conf.has_local). */
struct tars_proxy *server_admin(const struct server *s, struct tars_req *rq);
void server_quiesce(struct server *s); /* no timer and no watch refers to it any more */
void servers_free(struct node *n);
__attribute__((format(printf, 2, 3)))
void server_trouble(struct server *s, const char *fmt, ...);

/* ---- center.c: the configuration centre ---- */
/* Scripts and other files that it has for the service, to its bin.  Locked; waits. */
void server_fetch_files(struct server *s);

/* ---- launch.c, stop.c: processes ---- */
/* The account that its processes run as when we are root; NULL or "": ours. */
const char *server_user(const struct node *n, const struct spec *spec);
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

/* ---- orders.c: orders over our own connections to AdminReg ---- */
void node_orders_run(struct tars_req *rq, void *node);
/* No coroutine is left. */
void node_orders_free(struct node *n);

/* ---- nodeobj.c ---- */
/* Stops all at once and waits for them; -1 if some did not stop, and which. */
int servers_stop(struct node *n, struct tars_req *rq, struct tars_str *result);

/* ---- tidy.c: old files ---- */
void node_tidy(struct timer *t);

/* ---- adopt.c: processes of an earlier node ---- */
void server_search(struct tars_req *rq, void *server);

/* ---- template.c: the node's own template ---- */
/* Reads it from the registry and follows it.  Waits. */
void node_fetch_template(struct node *n, struct tars_req *rq);
/* The options are others: template and options together again. */
void node_tune(struct node *n);

/* ---- link.c, report.c: the registry ---- */
void link_run(struct tars_req *rq, void *node);
/* A call to RegistryObj that says which node asks. */
struct tars_call link_call(const struct node *n, struct tars_req *rq, int timeout_ms);
void report_run(struct tars_req *rq, void *node);
/* All servers in one call. */
int report_all(struct node *n, struct tars_req *rq, struct err *e);
/* metrics.c: tells the registry of this machine, if that is due.  Waits; failures do no harm. */
void node_report_host(struct node *n, struct tars_req *rq);
/* Each server's state is reported once more. */
void report_again(struct node *n);
/* Reads one server's description again; TARS_ENOTFOUND if the registry has none. */
int link_load(struct node *n, struct tars_req *rq, const char *app, const char *server,
	      struct err *e);
void notify(struct server *s, bool is_alarm, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Why the state that is reported next is what it is, on one line; alarm: nobody wanted it. */
void report_cause(struct server *s, bool is_alarm, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

struct tars_ServerF;
struct tars_Node;
extern const struct tars_ServerF node_server_servant;
extern const struct tars_Node node_node_servant;

#endif
