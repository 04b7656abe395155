/* Migrations: what a database has, what it lacks, and applying that in order. */
#include "core/sys/migrate.h"

#include <stdlib.h>
#include <string.h>

#include <libpq-fe.h>
#include <openssl/evp.h>

#include "core/io/coro.h"
#include "proto/buf.h"
#include "proto/text.h"

enum {
	/* Building an index on a large table takes its time. */
	SCRIPT_TIMEOUT_MS = 30 * 60 * 1000,
	CHECKSUM_HEX = 64,
};

struct applied {
	struct tars_str name, checksum;
};

static const struct tars_field applied_fields[] = {
	{ .name = "name", .tag = 0, .offset = offsetof(struct applied, name),
	  .type = &tars_type_string },
	{ .name = "checksum", .tag = 1, .offset = offsetof(struct applied, checksum),
	  .type = &tars_type_string },
};
static const struct tars_type applied_type = {
	.name = "applied", .kind = TARS_STRUCT, .n_fields = 2, .size = sizeof(struct applied),
	.fields = applied_fields,
};

struct applied_list {
	struct applied *v;
	uint32_t n;
};

/* The lock's number means nothing else than "migrations of tars"; it ends with the transaction. */
static const struct sql sql_lock = {
	"migrate_lock",
	"SELECT pg_advisory_xact_lock(7217019681);\n"
	"CREATE TABLE IF NOT EXISTS tars_migration (\n"
	"	name text PRIMARY KEY,\n"
	"	checksum text NOT NULL,\n"
	"	applied_at timestamptz NOT NULL DEFAULT now())",
};
static const struct sql sql_exists = {
	"migrate_exists", "SELECT 1 WHERE to_regclass('tars_migration') IS NOT NULL", .once = true
};
static const struct sql sql_list = {
	"migrate_list",
	"SELECT name, checksum FROM tars_migration ORDER BY name COLLATE \"C\"", .once = true
};
static const struct sql sql_add = {
	"migrate_add", "INSERT INTO tars_migration (name, checksum) VALUES ($1, $2)", .once = true
};

static void checksum(char hex[CHECKSUM_HEX + 1], const char *text)
{
	unsigned char md[EVP_MAX_MD_SIZE];
	unsigned n = 0;

	BUG_ON(!EVP_Digest(text, strlen(text), md, &n, EVP_sha256(), NULL));
	BUG_ON(2 * n != CHECKSUM_HEX);
	text_put_hex(hex, md, n);
	hex[CHECKSUM_HEX] = '\0';
}

/* Index of the first migration that is missing; its number if none is.  What the database has must
 * be the beginning of the list, unchanged. */
static int find_missing(const struct applied_list *have, const struct migration *list,
			struct err *e)
{
	char sum[CHECKSUM_HEX + 1];
	uint32_t i;

	for (i = 0; i < have->n; i++) {
		const struct applied *a = &have->v[i];

		if (!list[i].name || strcmp(list[i].name, a->name.p) != 0)
			return err_set(e, TARS_ECONF, "the database has migration '%s', this "
				       "executable has '%s' in its place; use the tars version that "
				       "applied it, or a newer one", a->name.p,
				       list[i].name ? list[i].name : "nothing");
		checksum(sum, list[i].text);
		if (strcmp(sum, a->checksum.p) != 0)
			return err_set(e, TARS_ECONF, "migration '%s' was changed after it had been "
				       "applied to this database (%.12s, now %.12s); restore its text "
				       "and add a new migration instead", list[i].name, a->checksum.p,
				       sum);
	}
	return (int)i;
}

static int apply(struct pg_tx *tx, const struct migration *m, struct err *e)
{
	const struct sql script = { .name = m->name, .text = m->text };
	char sum[CHECKSUM_HEX + 1];
	int rc;

	rc = pg_tx_script(tx, &script, SCRIPT_TIMEOUT_MS, e);
	if (rc < 0)
		return rc;
	checksum(sum, m->text);
	return pg_tx_query(tx, &sql_add, PG_PARAMS(m->name, sum), NULL, NULL, NULL, e);
}

/* One transaction: the next missing migration.  Sets *applied_r to its name, or to NULL. */
static int apply_next(struct pg *pg, const struct migration *list, const char **applied_r,
		      struct arena *a, struct err *e)
{
	struct applied_list have = { 0 };
	struct pg_tx *tx;
	int rc, next;

	*applied_r = NULL;
	rc = pg_begin(pg, &tx, e);
	if (rc < 0)
		return rc;
	rc = pg_tx_script(tx, &sql_lock, SCRIPT_TIMEOUT_MS, e);
	if (rc == 0)
		rc = pg_tx_query(tx, &sql_list, NULL, &applied_type, &have, a, e);
	if (rc < 0)
		goto fail;
	next = find_missing(&have, list, e);
	if (next < 0) {
		rc = next;
		goto fail;
	}
	if (!list[next].name)
		return pg_commit(tx, e);
	rc = apply(tx, &list[next], e);
	if (rc < 0)
		goto fail;
	rc = pg_commit(tx, e);
	if (rc == 0)
		*applied_r = list[next].name;
	return rc;
fail:
	pg_rollback(tx);
	return rc;
}

int migrate_run(struct pg *pg, const struct migration *list, void (*applied)(const char *name),
		struct err *e)
{
	const char *name;
	struct arena a;
	int n = 0, rc;

	arena_init(&a, NULL, 0);
	while ((rc = apply_next(pg, list, &name, &a, e)) == 0 && name) {
		n++;
		if (applied)
			applied(name);
	}
	arena_clear(&a);
	return rc < 0 ? rc : n;
}

int migrate_check(struct pg *pg, const struct migration *list, struct err *e)
{
	struct applied_list have = { 0 };
	struct arena a;
	int rc, missing = 0;

	arena_init(&a, NULL, 0);
	rc = pg_query(pg, &sql_exists, NULL, NULL, NULL, NULL, e);
	if (rc > 0)
		rc = pg_query(pg, &sql_list, NULL, &applied_type, &have, &a, e);
	if (rc >= 0)
		rc = find_missing(&have, list, e);
	for (int i = rc; rc >= 0 && list[i].name; i++)
		missing++;
	arena_clear(&a);
	return rc < 0 ? rc : missing;
}

/* ---- the database itself ---- */

static const struct sql sql_ping = { "ping", "SELECT 1", .once = true };
static const struct sql sql_find = {
	"find_database", "SELECT 1 FROM pg_database WHERE datname = $1", .once = true
};

/* A statement on a pool that only serves it. */
static int query_once(const char *dsn, const struct sql *sql, const char *const *params,
		      struct err *e)
{
	const struct pg_conf conf = { .dsn = dsn, .name = "tars db", .connections = 1,
				      .timeout_ms = 60000 };
	struct pg *pg = pg_new(&conf, e);
	int rc;

	if (!pg)
		return e->code;
	rc = pg_query(pg, sql, params, NULL, NULL, NULL, e);
	pg_free(pg);
	return rc;
}

static void add_quoted(struct buf *b, const char *s, char quote, const char *escaped)
{
	buf_add_u8(b, (uint8_t)quote);
	for (; *s; s++) {
		if (strchr(escaped, *s))
			buf_add_u8(b, *s == '"' ? '"' : '\\');
		buf_add_u8(b, (uint8_t)*s);
	}
	buf_add_u8(b, (uint8_t)quote);
}

/* The DSN with "postgres" in place of its database, whose name goes to *name. */
static int maintenance_dsn(const char *dsn, struct buf *b, struct buf *name, struct err *e)
{
	PQconninfoOption *options = PQconninfoParse(dsn, NULL);
	const char *database = getenv("PGDATABASE");

	if (!options)
		return err_set(e, TARS_ECONF, "--db: not a PostgreSQL connection string");
	for (const PQconninfoOption *o = options; o->keyword; o++) {
		if (!o->val || !strcmp(o->keyword, "dbname")) {
			database = o->val ? o->val : database;
			continue;
		}
		buf_addf(b, "%s=", o->keyword);
		add_quoted(b, o->val, '\'', "'\\");
		buf_add_u8(b, ' ');
	}
	buf_add_str(b, "dbname=postgres");
	buf_add_str(name, database && *database ? database : "");
	PQconninfoFree(options);
	if (!buf_size(name))
		return err_set(e, TARS_ECONF, "--db: names no database; add dbname=tars");
	return 0;
}

static int create_database(const char *dsn, const char *name, struct err *e)
{
	struct buf text = BUF_INIT;
	struct sql create = { .name = "create_database", .once = true };
	int rc;

	rc = query_once(dsn, &sql_find, PG_PARAMS(name), e);
	if (rc == 0) {
		buf_add_str(&text, "CREATE DATABASE ");
		add_quoted(&text, name, '"', "\"");
		create.text = buf_str(&text);
		rc = query_once(dsn, &create, NULL, e);
		rc = rc < 0 ? rc : 1;
	} else if (rc > 0) {
		rc = 0;
	}
	buf_release(&text);
	return rc;
}

/* Somebody else makes it in this very moment: duplicate_database, or its index, or its template. */
static bool is_being_created(const struct err *e)
{
	return strstr(e->text, "42P04") || strstr(e->text, "23505") || strstr(e->text, "55006");
}

static bool answers_soon(const char *dsn)
{
	for (int i = 0; i < 50; i++) {
		if (query_once(dsn, &sql_ping, NULL, NULL) >= 0)
			return true;
		coro_sleep_ms(100);
	}
	return false;
}

int migrate_create_database(const char *dsn, struct err *e)
{
	struct buf other = BUF_INIT, name = BUF_INIT;
	struct err first;
	int rc;

	/* An account that may use the database need not be allowed into "postgres". */
	if (query_once(dsn, &sql_ping, NULL, &first) >= 0)
		return 0;
	rc = maintenance_dsn(dsn, &other, &name, e);
	if (rc == 0) {
		rc = create_database(buf_str(&other), buf_str(&name), e);
		if (rc < 0 && is_being_created(e) && answers_soon(dsn)) {
			rc = 0;
			goto out;
		}
		/* It was not there a moment ago. */
		if (rc == 0 && query_once(dsn, &sql_ping, NULL, &first) >= 0)
			goto out;
		/* It exists, or nothing can be reached: the first error is the one to know. */
		if (rc == 0 || (rc == TARS_EDB && strstr(e->text, "cannot connect"))) {
			*e = first;
			rc = first.code;
		}
	}
out:
	buf_release(&other);
	buf_release(&name);
	return rc;
}
