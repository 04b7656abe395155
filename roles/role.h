/*
 * A role: one subcommand of the executable, as a constant row.
 *
 * A service role shares its process' struct tars_app (reactors, servants, proxies) and adds its
 * servants to it in init; `tars up` runs several in one process, so a role has no globals: its
 * state hangs on struct role_run.  A tool role only has main.
 * Thread: the main reactor.  init runs in a coroutine and may wait.
 */
#ifndef ROLES_ROLE_H
#define ROLES_ROLE_H

#include "core/rpc/app.h"
#include "core/sys/conf.h"

/* Where tools look for the registry unless told otherwise. */
#define ROLE_LOCATOR "tars.tarsregistry.QueryObj@tcp -h 127.0.0.1 -p 17890"

/* Exit statuses, for systemd, the node and scripts. */
enum role_exit {
	EXIT_ASKED = 0,         /* done, or stopped because it was told to */
	EXIT_FAILED = 1,        /* a tool's operation was refused or failed */
	EXIT_USAGE = 64,        /* unknown role, option or argument */
	EXIT_DATA = 65,         /* input cannot be read, where 1 means something else */
	EXIT_UNAVAILABLE = 69,  /* a peer (registry, database, service) is not there */
	EXIT_BUG = 70,          /* something in the program is wrong */
	EXIT_RETRY = 75,        /* e.g. the port is in use: may work later */
	EXIT_CONFIG = 78,       /* a configuration file or value is wrong */
};

struct role;
struct role_conf;

struct role_run {
	const struct role *role;
	struct tars_app *app;    /* shared by the roles of this process */
	const void *conf;        /* of role->conf_size, filled by its options; stays to the end */
	void *state;             /* the role's own */
	/* Set by init, for `state`: runs when the loop has ended and no handler is left. */
	void (*free)(void *state);
	char ready[256];         /* by init: what the ready line says, "tcp 127.0.0.1:17890" */
	const char *config_file; /* of --config, or NULL */
	bool is_detached;        /* --detach: the terminal is left once the service is ready */
	bool has_log_file;
	bool is_part;            /* one of the roles of `tars up`: to end it would end all */
	const char *part_secret; /* what its parts know each other by; NULL: it is no part */
	bool is_done;            /* by init: nothing to serve, end with EXIT_ASKED */
	bool keep_services;      /* for stop: the services that we started go on (SIGUSR2) */
};

/* One run of a command of a role. */
struct role_call {
	const struct role *role;
	const struct role_command *command;
	int argc;
	char **argv;             /* behind the command's name */
	const void *conf;        /* filled by the role's options */
	const void *own;         /* filled by the command's */
	const struct role_conf *all; /* the same with where each comes from */
};

/* A command of a tool, as in `tars ctl server list`: a row of role->commands. */
struct role_command {
	const char *name;        /* one word, or noun and verb */
	const char *args, *summary; /* as in struct role */
	const struct opt *opts;  /* its own, all OPT_FLAG_ONLY; may be NULL */
	size_t conf_size;
	int (*run)(const struct role_call *call);
	const void *detail;      /* for run */
	const char *example;     /* for help; may be NULL */
};

struct role {
	const char *name, *summary;
	/* Positional arguments, as in help: "OBJ FUNC [JSON]", "FILE..."; NULL: none.  What stands
	 * in brackets may be left out; the driver checks the number. */
	const char *args;
	const struct opt *opts;  /* ends with { 0 }; may be NULL */
	const char *notes;       /* more for help, behind the options; ends with a newline; or NULL */
	bool is_raw;             /* main reads its options itself: argv is all behind the name */
	size_t conf_size;
	/* Tools: argv holds the positional arguments only.  Returns an enum role_exit. */
	int (*main)(int argc, char **argv, const void *conf);
	/* Instead of main and args, ends with { 0 }; a service may have some beside init. */
	const struct role_command *commands;
	const char *noun;        /* of commands that are named by their verb alone; or NULL */
	/* Services. */
	int (*init)(struct role_run *run, struct err *e);
	/* SIGHUP: take over `conf` (also run->conf afterwards; the old one stays too) or leave all
	 * as it was.  OPT_NORELOAD values never differ.  NULL: nothing can be changed. */
	int (*reload)(struct role_run *run, const void *conf, struct err *e);
	/* End background work, take the objects off the registry; requests are still served, so the
	 * state stays until run->free.  May wait. */
	void (*stop)(struct role_run *run);
};

extern const struct role registry_role, node_role, config_role, stat_role, log_role, patch_role,
	app_role, up_role, down_role, idl_role, call_role, completion_role, ctl_role, db_role,
	decode_role, encode_role, bench_role, tb_role;

/* All roles, NULL-terminated (tars.c). */
extern const struct role *const tars_roles[];

/* ---- the driver (role.c) ---- */

/* Options of every role; services have the second part too. */
struct role_common {
	const char *config, *log_file, *log_level;
	bool help, show_config, version, detach;
	const char *locator;
	int64_t grace_ms;
	int reactors, ready_fd;
};

/* The options of one role, read from everywhere.  `tars up` makes one for each of its roles. */
struct role_conf {
	struct conf conf;
	struct role_common common;
	void *values;            /* of role->conf_size */
	const struct role_command *command; /* NULL: has none, or none is named */
	int n_words;             /* that name it, in front of its arguments */
	void *own;               /* of command->conf_size */
	struct role_conf *older; /* replaced by a reload */
};
int role_conf_load(struct role_conf *rc, const struct role *role, int argc, char **argv,
		   struct err *e);
void role_conf_release(struct role_conf *rc);

/* Runs a role with the arguments behind its name; returns an enum role_exit. */
int role_main(const struct role *role, int argc, char **argv);
/* "tars: registry: text" and a newline, to stderr. */
void role_complain(const struct role *role, const struct err *e);

/* ---- tool.c ---- */
/* The exit status for an error: 0 is EXIT_ASKED, a peer that is away EXIT_UNAVAILABLE ... */
int role_exit_status(int code);
/* The locator that a tool was given, else $TARS_LOCATOR, else ROLE_LOCATOR. */
const char *role_locator(const char *given);
/* The same registry's object `name`, with its endpoints: each serves all of its objects.  TARS_EARG
 * if the locator is none. */
int role_registry_object(const char *given, const char *name, const char **object_r,
			 struct arena *a, struct err *e);
/* TARS_ECONF if it names no endpoint; NULL and "" are fine. */
int role_check_locator(const char *given, struct err *e);
/* Writes the text to stdout: EXIT_ASKED, or EXIT_FAILED after "tars: who: stdout: cause" on stderr. */
int role_print(const char *who, const struct buf *text);

/* ---- command.c ---- */
extern const struct opt role_basic_opts[]; /* of every role; in role.c */
extern const struct opt role_service_opts[]; /* of every service, too */
/* The command that a line names. */
struct role_pick {
	const struct role_command *command; /* NULL: none is named, or there is none of this name */
	const char *word;        /* the first one; NULL: no command is named */
	const char *noun;        /* the word, if it is one and a verb is missing or wrong */
	int n_words;             /* that name the command */
};
/* Options may stand in between.  A name that is none: *e says which there are. */
struct role_pick role_command_pick(const struct role *role, int argc, char **argv, struct err *e);
/* Parts of help: the list of a role's commands, and one of them. */
void role_print_commands(struct buf *b, const struct role *role);
void role_print_command(struct buf *b, const struct role *role, const struct role_command *c);

/* ---- home.c ---- */
/* The directory of everything: the absolute path given, else /usr/local/app/tars for root and
 * ~/.tars for others. */
int role_data_path(const char *given, struct arena *a, const char **path_r, struct err *e);

/* Runs a service until it is told to stop (service.c). */
int service_main(const struct role *role, struct role_conf *rc, int argc, char **argv);

#endif
