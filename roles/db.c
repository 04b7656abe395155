/* tars db: creates the database and brings its schema up to date. */
#include <stdio.h>
#include <string.h>

#include "core/io/coro.h"
#include "core/sys/migrate.h"
#include "roles/role.h"

struct db_conf {
	const char *db;
};

static const struct opt db_opts[] = {
	OPT("db", struct db_conf, db, NULL, OPT_REQUIRED | OPT_SECRET,
	    "PostgreSQL connection string or URI, e.g. \"host=/run/postgresql dbname=tars\""),
	{ 0 }
};

/* One run of the command in a coroutine. */
struct db_run {
	const char *dsn;
	const struct db_command *command;
	struct reactor *reactor;
	struct task start;
	int status;
};

struct db_command {
	const char *name;
	int (*run)(struct db_run *run, struct err *e);
};

static void say_applied(const char *name)
{
	printf("applied %s\n", name);
}

static struct pg *open_pg(const struct db_run *run, struct err *e)
{
	const struct pg_conf conf = { .dsn = run->dsn, .name = "tars db", .connections = 1 };

	return pg_new(&conf, e);
}

static int db_migrate(struct db_run *run, struct err *e)
{
	struct pg *pg = open_pg(run, e);
	int n;

	if (!pg)
		return e->code;
	n = migrate_run(pg, migrations, say_applied, e);
	pg_free(pg);
	if (n < 0)
		return n;
	if (!n)
		printf("the database is up to date\n");
	return 0;
}

static int db_init(struct db_run *run, struct err *e)
{
	int rc = migrate_create_database(run->dsn, e);

	if (rc < 0)
		return rc;
	if (rc > 0)
		printf("created the database\n");
	return db_migrate(run, e);
}

static int db_check(struct db_run *run, struct err *e)
{
	struct pg *pg = open_pg(run, e);
	int missing;

	if (!pg)
		return e->code;
	missing = migrate_check(pg, migrations, e);
	pg_free(pg);
	if (missing < 0)
		return missing;
	if (missing) {
		printf("%d migration%s missing; run: tars db migrate\n", missing,
		       missing == 1 ? " is" : "s are");
		run->status = EXIT_FAILED;
	} else {
		printf("the database is up to date\n");
	}
	return 0;
}

static const struct db_command commands[] = {
	{ "init", db_init },
	{ "migrate", db_migrate },
	{ "check", db_check },
	{ 0 }
};

static void run_command(void *arg)
{
	struct db_run *run = arg;
	struct err e = { 0 };
	int rc = run->command->run(run, &e);

	if (rc < 0) {
		role_complain(&db_role, &e);
		run->status = role_exit_status(rc);
	}
	reactor_stop(run->reactor);
}

static void start_command(struct task *t)
{
	coro_start(CORO_STACK_ROLE, run_command, container_of(t, struct db_run, start));
}

static int db_main(int argc, char **argv, const void *conf_)
{
	const struct db_conf *conf = conf_;
	struct db_run run = { .dsn = conf->db, .command = commands, .start.run = start_command };
	struct err e;

	(void)argc;
	while (run.command->name && strcmp(run.command->name, argv[0]) != 0)
		run.command++;
	if (!run.command->name) {
		err_set(&e, TARS_EARG, "unknown command '%s': init, migrate or check", argv[0]);
		role_complain(&db_role, &e);
		return EXIT_USAGE;
	}
	run.reactor = reactor_new(&e);
	if (!run.reactor) {
		role_complain(&db_role, &e);
		return EXIT_RETRY;
	}
	reactor_post(run.reactor, &run.start);
	reactor_run(run.reactor);
	reactor_free(run.reactor);
	return run.status;
}

const struct role db_role = {
	.name = "db",
	.summary = "creates the database (init) or missing tables (migrate), or looks (check)",
	.args = "init|migrate|check",
	.opts = db_opts,
	.conf_size = sizeof(struct db_conf),
	.main = db_main,
};
