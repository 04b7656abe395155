/* For tests of the PostgreSQL client: a pool on the database that TARS_T_DSN names. */
#ifndef T_UNIT_PG_RUN_H
#define T_UNIT_PG_RUN_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/sys/pg.h"
#include "t/unit/io-run.h"

/* An empty database of a superuser; t/t3300-pg-client.sh provides it. */
static const char *dsn;

#define SQL(text_) (&(const struct sql){ .name = "test", .text = (text_), .once = true })

static inline struct pg *open_pool(unsigned connections, int64_t timeout_ms)
{
	const struct pg_conf conf = { .dsn = dsn, .name = "u-pg", .connections = connections,
				      .timeout_ms = timeout_ms };
	struct err e = { 0 };
	struct pg *pg = pg_new(&conf, &e);

	if (!pg)
		fail_msg("%s", e.text);
	return pg;
}

/* Must succeed; returns the number of rows. */
static inline int run(struct pg *pg, const char *text)
{
	struct err e = { 0 };
	int n = pg_query(pg, SQL(text), NULL, NULL, NULL, NULL, &e);

	if (n < 0)
		fail_msg("%s: %s", text, e.text);
	return n;
}

static inline void expect_text(const struct err *e, const char *part)
{
	if (!strstr(e->text, part))
		fail_msg("expected '%s' in '%s'", part, e->text);
}

/* Each test runs fn in a coroutine with a pool of two connections. */
static inline void with_pool(void *arg)
{
	void (*const *fn)(struct pg *) = arg;
	struct pg *pg = open_pool(2, 2000);

	(*fn)(pg);
	pg_free(pg);
}

#define POOL_TEST(name) \
	static void name(struct pg *pg); \
	static void test_##name(void **state) \
	{ \
		void (*fn)(struct pg *) = name; \
		(void)state; \
		io_run(with_pool, &fn); \
	} \
	static void name(struct pg *pg)

static inline int pg_run_tests(const char *name, const struct CMUnitTest *tests, size_t n)
{
	cmocka_set_message_output(CM_OUTPUT_TAP);
	dsn = getenv("TARS_T_DSN");
	if (!dsn) {
		puts("1..0 # SKIP TARS_T_DSN is not set; run t/t3300-pg-client.sh");
		return 0;
	}
	return _cmocka_run_group_tests(name, tests, n, NULL, NULL);
}

#endif
