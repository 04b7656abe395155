/* PostgreSQL client: errors, pool, time-outs, broken connections, LISTEN. */
#include <sys/socket.h>
#include <sys/un.h>

#include "core/io/wait.h"
#include "t/unit/pg-run.h"

static void fails(struct pg *pg, const char *text, int code, const char *part)
{
	struct err e = { 0 };
	int rc = pg_query(pg, SQL(text), NULL, NULL, NULL, NULL, &e);

	if (rc != code)
		fail_msg("%s: expected %d, got %d: %s", text, code, rc, e.text);
	assert_int_equal(e.code, code);
	expect_text(&e, part);
	assert_null(strchr(e.text, '\n'));
}

/* ---- errors ---- */

POOL_TEST(errors)
{
	run(pg, "CREATE TABLE e (k text UNIQUE NOT NULL, n int CHECK (n > 0))");
	assert_int_equal(run(pg, "INSERT INTO e VALUES ('a', 1), ('b', 2)"), 2);
	assert_int_equal(run(pg, "UPDATE e SET n = 3"), 2);
	assert_int_equal(run(pg, "SELECT * FROM e"), 2);
	fails(pg, "INSERT INTO e VALUES ('a', 1)", TARS_EEXISTS,
	      "statement \"test\": duplicate key value violates unique constraint \"e_k_key\": "
	      "Key (k)=(a) already exists. (SQLSTATE 23505)");
	fails(pg, "INSERT INTO e VALUES ('c', 0)", TARS_EARG, "(SQLSTATE 23514)");
	fails(pg, "SELECT 'x'::int", TARS_EARG, "(SQLSTATE 22P02)");
	fails(pg, "SELEC 1", TARS_EDB, "syntax error at or near \"SELEC\" (SQLSTATE 42601)");
	fails(pg, "SELECT 1; SELECT 2", TARS_EDB, "(SQLSTATE 42601)");
	fails(pg, "COPY e TO STDOUT", TARS_EDBUNCERTAIN, "the connection broke");
	run(pg, "DROP TABLE e");
}

/* A prepared statement outlives a change of its table. */
POOL_TEST(stale_statement)
{
	static const struct sql star = { "star", "SELECT * FROM stale" };
	struct pg *one = open_pool(1, 2000);
	struct err e = { 0 };

	run(pg, "CREATE TABLE stale (a int)");
	for (int i = 0; i < 3; i++)
		assert_int_equal(pg_query(one, &star, NULL, NULL, NULL, NULL, &e), 0);
	run(pg, "ALTER TABLE stale ADD b int");
	assert_int_equal(pg_query(one, &star, NULL, NULL, NULL, NULL, &e), TARS_EDB);
	expect_text(&e, "0A000");
	assert_int_equal(pg_query(one, &star, NULL, NULL, NULL, NULL, &e), 0);
	run(pg, "DROP TABLE stale");
	pg_free(one);
}

/* A statement that cannot be prepared must not count as prepared. */
POOL_TEST(failing_prepare)
{
	static const struct sql missing = { "missing", "SELECT * FROM missing_table" };
	struct err e = { 0 };

	for (int i = 0; i < 5; i++)
		assert_int_equal(pg_query(pg, &missing, NULL, NULL, NULL, NULL, &e), TARS_EDB);
	run(pg, "CREATE TABLE missing_table (a int)");
	for (int i = 0; i < 5; i++)
		assert_int_equal(pg_query(pg, &missing, NULL, NULL, NULL, NULL, &e), 0);
	run(pg, "DROP TABLE missing_table");
}

/* ---- the pool ---- */

/* Several coroutines that run the same statement. */
struct crowd {
	struct pg *pg;
	const char *text;
	int left, ok, last_error;
	struct err e;
	struct wait *done;       /* who waits for the last one; NULL: nobody yet */
};

static void crowd_member(void *arg)
{
	struct crowd *c = arg;
	struct err e = { 0 };
	int rc = pg_query(c->pg, SQL(c->text), NULL, NULL, NULL, NULL, &e);

	if (rc < 0) {
		c->last_error = rc;
		c->e = e;
	} else {
		c->ok++;
	}
	if (--c->left == 0 && c->done)
		wait_wake(c->done);
}

struct member {
	struct task task;
	struct crowd *crowd;
};

static void member_start(struct task *t)
{
	coro_start(CORO_STACK_ROLE, crowd_member, container_of(t, struct member, task)->crowd);
}

static void crowd_start(struct crowd *c, struct member *members, int n)
{
	c->left = n;
	for (int i = 0; i < n; i++) {
		members[i] = (struct member){ .task.run = member_start, .crowd = c };
		reactor_defer(&members[i].task);
	}
}

static void crowd_end(struct crowd *c)
{
	struct wait w;

	if (!c->left)
		return;
	wait_init(&w);
	c->done = &w;
	wait_for(&w);
	c->done = NULL;
}

POOL_TEST(many_share_two_connections)
{
	struct crowd c = { .pg = pg, .text = "INSERT INTO pids VALUES (pg_backend_pid())" };
	struct member members[50];

	run(pg, "CREATE TABLE pids (pid int)");
	crowd_start(&c, members, 50);
	crowd_end(&c);
	assert_int_equal(c.ok, 50);
	assert_int_equal(run(pg, "SELECT * FROM pids"), 50);
	assert_in_range(run(pg, "SELECT DISTINCT pid FROM pids"), 1, 2);
	run(pg, "DROP TABLE pids");
}

POOL_TEST(slow_statements_time_out)
{
	struct pg *fast = open_pool(1, 500);
	int64_t start_us = reactor_clock();
	struct pg_tx *tx;
	struct err e = { 0 };

	(void)pg;
	fails(fast, "SELECT pg_sleep(30)", TARS_EDB, "statement timeout (SQLSTATE 57014)");
	assert_true(reactor_clock() - start_us < 25000000);
	run(fast, "SELECT 1");
	/* Waiting for a connection counts too. */
	assert_int_equal(pg_begin(fast, &tx, &e), 0);
	fails(fast, "SELECT 1", TARS_EDB, "none of 1 connections was free within 500 ms");
	assert_int_equal(pg_commit(tx, &e), 0);
	run(fast, "SELECT 1");
	pg_free(fast);
}

POOL_TEST(queue_is_bounded)
{
	struct pg *one = open_pool(1, 20000);
	struct crowd c = { .pg = one, .text = "SELECT pg_sleep(30)" };
	struct member *members = calloc(PG_MAX_QUEUE + 1, sizeof(*members));

	(void)pg;
	run(one, "SELECT 1");
	crowd_start(&c, members, PG_MAX_QUEUE + 1);
	coro_sleep_ms(1);
	fails(one, "SELECT 1", TARS_EOVERLOAD, "1000 statements wait already");
	pg_free(one);
	crowd_end(&c);
	assert_int_equal(c.ok, 0);
	assert_int_equal(c.last_error, TARS_ECANCEL);
	free(members);
}

/* ---- transactions ---- */

POOL_TEST(transactions)
{
	struct pg_tx *tx;
	struct err e = { 0 };

	run(pg, "CREATE TABLE tx (n int UNIQUE)");
	assert_int_equal(pg_begin(pg, &tx, &e), 0);
	assert_int_equal(pg_tx_query(tx, SQL("INSERT INTO tx VALUES ($1)"), PG_PARAMS("1"), NULL,
				     NULL, NULL, &e), 1);
	assert_int_equal(run(pg, "SELECT * FROM tx"), 0); /* on the other connection */
	assert_int_equal(pg_commit(tx, &e), 0);
	assert_int_equal(run(pg, "SELECT * FROM tx"), 1);

	assert_int_equal(pg_begin(pg, &tx, &e), 0);
	assert_int_equal(pg_tx_script(tx, SQL("DELETE FROM tx; SELECT 1"), 1000, &e), 0);
	pg_rollback(tx);
	assert_int_equal(run(pg, "SELECT * FROM tx"), 1);

	assert_int_equal(pg_begin(pg, &tx, &e), 0);
	assert_int_equal(pg_tx_query(tx, SQL("INSERT INTO tx VALUES (1)"), NULL, NULL, NULL, NULL,
				     &e), TARS_EEXISTS);
	assert_int_equal(pg_commit(tx, &e), TARS_EDB);
	expect_text(&e, "rolled back, because a statement of the transaction had failed");
	run(pg, "DROP TABLE tx");
}

/* ---- broken connections ---- */

/* Cuts all connections of this process to the server. */
static void cut_connections(void)
{
	struct sockaddr_un un;

	for (int fd = 3; fd < 1024; fd++) {
		socklen_t n = sizeof(un);

		memset(&un, 0, sizeof(un));
		if (getpeername(fd, (struct sockaddr *)&un, &n) == 0 && un.sun_family == AF_UNIX &&
		    strstr(un.sun_path, ".s.PGSQL."))
			shutdown(fd, SHUT_RDWR);
	}
}

POOL_TEST(lost_statements)
{
	struct crowd c = { .pg = pg };
	struct member members[1];
	struct pg_tx *tx;
	struct err e = { 0 };
	int rc;

	run(pg, "CREATE TABLE lost (n int)");
	c.text = "INSERT INTO lost SELECT 1 FROM pg_sleep(30)";
	crowd_start(&c, members, 1);
	coro_sleep_ms(20);
	cut_connections();
	crowd_end(&c);
	assert_int_equal(c.last_error, TARS_EDBUNCERTAIN);
	expect_text(&c.e, "the connection broke");
	expect_text(&c.e, "it may have been executed");

	/* The pool is back at once. */
	run(pg, "SELECT 1");
	c.text = "SELECT pg_sleep(30)";
	crowd_start(&c, members, 1);
	coro_sleep_ms(20);
	cut_connections();
	crowd_end(&c);
	assert_int_equal(c.last_error, TARS_EDB);

	assert_int_equal(pg_begin(pg, &tx, &e), 0);
	cut_connections();
	assert_int_equal(pg_tx_query(tx, SQL("INSERT INTO lost VALUES (1)"), NULL, NULL, NULL, NULL,
				     &e), TARS_EDB);
	assert_int_equal(pg_commit(tx, &e), TARS_EDB);

	assert_int_equal(pg_begin(pg, &tx, &e), 0);
	run(pg, "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
		"WHERE datname = current_database() AND pid <> pg_backend_pid()");
	/* Whether the commit still left depends on who saw the end first. */
	rc = pg_commit(tx, &e);
	assert_true(rc == TARS_EDB || rc == TARS_EDBUNCERTAIN);
	fails(pg, "SELECT pg_terminate_backend(pg_backend_pid())", TARS_EDB, "57P01");
	run(pg, "DROP TABLE lost");
}

POOL_TEST(pool_may_go_first)
{
	struct pg *one = open_pool(1, 2000);
	struct pg_tx *tx;
	struct err e = { 0 };

	(void)pg;
	assert_int_equal(pg_begin(one, &tx, &e), 0);
	pg_free(one);
	assert_int_equal(pg_tx_query(tx, SQL("SELECT 1"), NULL, NULL, NULL, NULL, &e),
			 TARS_ECANCEL);
	pg_rollback(tx);
}

static void no_server(void *arg)
{
	static const char *const dsns[] = {
		"host=/nonexistent dbname=x password=geheim",
		"host=127.0.0.1 port=1 dbname=x password=geheim",
		"postgresql://me:geheim@127.0.0.1:1,[::1]:1/x",
		"host=no-such-host.invalid password=geheim",
	};

	(void)arg;
	for (unsigned i = 0; i < sizeof(dsns) / sizeof(*dsns); i++) {
		const struct pg_conf conf = { .dsn = dsns[i], .timeout_ms = 120000 };
		struct err e = { 0 };
		struct pg *pg = pg_new(&conf, &e);
		int64_t start_us = reactor_clock();

		assert_non_null(pg);
		fails(pg, "SELECT 1", TARS_EDB, "cannot connect");
		fails(pg, "SELECT 1", TARS_EDB, "start PostgreSQL or correct --db");
		assert_true(reactor_clock() - start_us < 60000000);
		assert_false(pg_is_up(pg));
		assert_int_equal(pg_query(pg, SQL("SELECT 1"), NULL, NULL, NULL, NULL, &e), TARS_EDB);
		assert_null(strstr(e.text, "geheim"));
		pg_free(pg);
	}
}

static void test_no_server(void **state)
{
	(void)state;
	io_run(no_server, NULL);
}

static void one_of_two_hosts(void *arg)
{
	struct err e = { 0 };
	char two[512];
	struct pg_conf conf = { .dsn = two };
	struct pg *pg;

	(void)arg;
	/* The last "host" wins. */
	snprintf(two, sizeof(two), "%s host=/nonexistent,no-such-host.invalid,%s", dsn,
		 getenv("PGHOST"));
	pg = pg_new(&conf, &e);
	run(pg, "SELECT 1");
	assert_true(pg_is_up(pg));
	pg_free(pg);
}

static void test_two_hosts(void **state)
{
	(void)state;
	io_run(one_of_two_hosts, NULL);
}

static void misuse(void *arg)
{
	const struct pg_conf conf = { .dsn = "hots=x" };
	struct err e = { 0 };

	(void)arg;
	assert_null(pg_new(&conf, &e));
	assert_int_equal(e.code, TARS_ECONF);
	expect_text(&e, "--db: not a PostgreSQL connection string: invalid connection option");
}

static void test_misuse(void **state)
{
	(void)state;
	io_run(misuse, NULL);
}

/* ---- LISTEN ---- */

struct ears {
	char heard[256];
	int n_heard, losses;
	struct wait *wait;       /* who waits for the next; NULL: nobody yet */
};

static void heard(void *arg, const char *payload)
{
	struct ears *ears = arg;
	size_t n = strlen(ears->heard);
	struct wait *w = ears->wait;

	snprintf(ears->heard + n, sizeof(ears->heard) - n, "%s;", payload ? payload : "*");
	ears->n_heard++;
	ears->wait = NULL;
	if (w)
		wait_wake(w);
}

static void lost(void *arg, const struct err *why)
{
	struct ears *ears = arg;

	assert_int_equal(why->code, TARS_EDB);
	ears->losses++;
}

/* Waits until n have been heard. */
static void hear(struct ears *ears, int n)
{
	while (ears->n_heard < n) {
		struct wait w;

		wait_init(&w);
		ears->wait = &w;
		wait_for(&w);
	}
}

POOL_TEST(listening)
{
	struct ears ears = { 0 };
	struct pg_listener *l;

	l = pg_listen(pg, "bell_one", heard, lost, &ears);
	hear(&ears, 1);
	run(pg, "NOTIFY bell_one, 'first'");
	hear(&ears, 2);
	run(pg, "NOTIFY bell_two, 'not for us'");
	run(pg, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
		"WHERE query = 'LISTEN bell_one' AND datname = current_database()");
	hear(&ears, 3);
	assert_int_equal(ears.losses, 1);
	run(pg, "NOTIFY bell_one, 'second'");
	hear(&ears, 4);
	assert_string_equal(ears.heard, "*;first;*;second;");
	pg_unlisten(l);
	/* And one that is given up before it is connected. */
	l = pg_listen(pg, "bell_one", heard, lost, &ears);
	pg_unlisten(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_stale_statement),
		cmocka_unit_test(test_failing_prepare),
		cmocka_unit_test(test_many_share_two_connections),
		cmocka_unit_test(test_slow_statements_time_out),
		cmocka_unit_test(test_queue_is_bounded),
		cmocka_unit_test(test_transactions),
		cmocka_unit_test(test_lost_statements),
		cmocka_unit_test(test_pool_may_go_first),
		cmocka_unit_test(test_no_server),
		cmocka_unit_test(test_two_hosts),
		cmocka_unit_test(test_misuse),
		cmocka_unit_test(test_listening),
	};

	return pg_run_tests("pg", tests, sizeof(tests) / sizeof(*tests));
}
