/* Official service configuration: which key goes where, defaults, and errors that name the key. */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/rpc/main_conf.h"

static const char full[] =
	"<tars>\n<application>\nenableset=Y\nsetdivision=name.area.1\n"
	"<server>\nnode=tars.tarsnode.ServerObj@tcp -h 10.0.0.5 -p 19386 -t 60000\n"
	"app=Test\nserver=HelloServer\nlocalip=10.0.0.5\nnetthread=3\ncoroutinestack=256K\n"
	"local=tcp -h 127.0.0.1 -p 34567 -t 10000\ndatapath=/data/\ndeactivating-timeout=4000\n"
	"logpath=/logs/\nlogsize=10M\nlognum=7\nlogLevel=WARN\nlog=tars.tarslog.LogObj\n"
	"<Test.HelloServer.HelloObjAdapter>\nallow\nendpoint=tcp -h 10.0.0.5 -p 18600 -t 60000\n"
	"maxconns=200000\nprotocol=tars\nqueuecap=50000\nqueuetimeout=20000\nthreads=5\n"
	"handlegroup=g\nhttp=off\nservant=Test.HelloServer.HelloObj\n</Test.HelloServer.HelloObjAdapter>\n"
	"</server>\n<client>\nlocator=tars.tarsregistry.QueryObj@tcp -h 10.0.0.2 -p 17890\n"
	"sync-invoke-timeout=2000\nasync-invoke-timeout=4000\nrefresh-endpoint-interval=1\n"
	"keep-alive-interval=10\nnosendqueuelimit=7\n"
	"modulename=Test.HelloServer\n</client>\n</application>\n</tars>\n";

struct read {
	struct arena arena;
	struct main_conf c;
	struct err e;
	int rc;
};

/* `edit`: text that replaces `what` in the full configuration. */
static void read_conf(struct read *r, const char *what, const char *edit)
{
	struct buf b = BUF_INIT;
	const char *at = what ? strstr(full, what) : full;
	struct tarsconf *tree;

	*r = (struct read){ 0 };
	assert_non_null(at);
	buf_add(&b, full, (size_t)(at - full));
	buf_add_str(&b, what ? edit : "");
	buf_add_str(&b, at + (what ? strlen(what) : 0));
	arena_init(&r->arena, NULL, 0);
	tree = tarsconf_new(&r->arena);
	assert_int_equal(tarsconf_parse(tree, buf_str(&b), buf_size(&b), &r->e), 0);
	r->rc = main_conf_read(tree, &r->c, &r->arena, &r->e);
	buf_release(&b);
}

static void test_every_key(void **state)
{
	struct read r;

	(void)state;
	read_conf(&r, NULL, NULL);
	assert_int_equal(r.rc, 0);
	assert_string_equal(r.c.name, "Test.HelloServer");
	assert_string_equal(r.c.app.node_name, "10.0.0.5");
	assert_string_equal(r.c.app.set, "name.area.1");
	assert_string_equal(r.c.app.cache_path, "/data//HelloServer.endpoints");
	assert_string_equal(r.c.app.module, "Test.HelloServer");
	assert_int_equal(r.c.app.reactors, 3);
	assert_int_equal(r.c.app.coro_stack, 256 * 1024);
	assert_int_equal(r.c.app.sync_timeout_ms, 2000);
	assert_int_equal(r.c.app.async_timeout_ms, 4000);
	assert_int_equal(r.c.app.refresh_ms, 5000);   /* the least */
	assert_int_equal(r.c.app.keep_alive_ms, 5000);
	assert_int_equal(r.c.app.max_unsent, 1000);
	assert_int_equal(r.c.grace_ms, 2800);
	assert_string_equal(r.c.app.log.app, "Test");
	assert_string_equal(r.c.app.log.server, "HelloServer");
	assert_string_equal(r.c.app.log.dir, "/logs/");
	assert_int_equal(r.c.app.log.max_size, 10 << 20);
	assert_int_equal(r.c.app.log.max_files, 7);
	assert_int_equal(r.c.app.log_level, TARS_LOG_WARN);
	assert_string_equal(r.c.app.log_object, "tars.tarslog.LogObj");
	assert_int_equal(r.c.app.end_ms, 800);
	assert_string_equal(r.c.local.name, "AdminAdapter");
	assert_int_equal(r.c.local.ep.port, 34567);
	assert_true(r.c.local.local);
	assert_int_equal(r.c.n_adapters, 1);
	assert_string_equal(r.c.servants[0], "Test.HelloServer.HelloObj");
	assert_string_equal(r.c.adapters[0].name, "Test.HelloServer.HelloObjAdapter");
	assert_string_equal(r.c.adapters[0].ep.host, "10.0.0.5");
	assert_int_equal(r.c.adapters[0].ep.timeout_ms, 60000);
	assert_int_equal(r.c.adapters[0].threads, 5);
	assert_int_equal(r.c.adapters[0].max_conns, 200000);
	assert_int_equal(r.c.adapters[0].queue_cap, 50000);
	assert_int_equal(r.c.adapters[0].queue_timeout_ms, 20000);
	assert_string_equal(r.c.adapters[0].handle_group, "g");
	assert_true(r.c.adapters[0].tars_only);
	arena_clear(&r.arena);
	read_conf(&r, "http=off\n", "");
	assert_int_equal(r.rc, 0);
	assert_false(r.c.adapters[0].tars_only);
	arena_clear(&r.arena);
	read_conf(&r, "http=off\n", "http=on\n");
	assert_false(r.c.adapters[0].tars_only);
	arena_clear(&r.arena);
}

static void test_server_models(void **state)
{
	static const struct { const char *keys; enum tars_run run; unsigned reactors; } rows[] = {
		{ "netthread=3\n", TARS_RUN_POOL, 3 },
		{ "netthread=3\nopencoroutine=0\n", TARS_RUN_POOL, 3 },
		{ "netthread=3\nopencoroutine=1\n", TARS_RUN_CORO, 5 },
		{ "netthread=7\nopencoroutine=1\n", TARS_RUN_CORO, 7 },
		{ "opencoroutine=2\n", TARS_RUN_INLINE, 1 },
		{ "netthread=3\nopencoroutine=3\n", TARS_RUN_CORO, 3 },
	};
	struct read r;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		read_conf(&r, "netthread=3\n", rows[i].keys);
		assert_int_equal(r.rc, 0);
		assert_int_equal(r.c.app.run, rows[i].run);
		assert_int_equal(r.c.app.reactors, rows[i].reactors);
		arena_clear(&r.arena);
	}
}

static void test_groups_have_the_most_threads(void **state)
{
	struct read r;

	(void)state;
	read_conf(&r, "</server>", "<b>\nendpoint=tcp -h h -p 1\nservant=A.B.C\nthreads=9\n"
		  "handlegroup=g\n</b>\n<c>\nendpoint=tcp -h h -p 2\nservant=A.B.C\n"
		  "threads=11\nqueuemode=1\n</c>\n</server>");
	assert_int_equal(r.rc, 0);
	assert_int_equal(r.c.n_adapters, 3);
	assert_int_equal(r.c.adapters[0].threads, 9);
	assert_int_equal(r.c.adapters[1].threads, 9);
	assert_int_equal(r.c.adapters[2].threads, 11);
	assert_false(r.c.adapters[0].ordered);
	assert_true(r.c.adapters[2].ordered);
	arena_clear(&r.arena);
}

static void test_limits(void **state)
{
	struct read r;

	(void)state;
	read_conf(&r, "netthread=3\n", "netthread=3\nemptyconntimeout=3000\n"
		  "backpacketlimit=2000000\nbackpacketmin=512\n");
	assert_int_equal(r.rc, 0);
	assert_int_equal(r.c.adapters[0].empty_ms, 3000);
	assert_int_equal(r.c.adapters[0].max_frame, 2000000);
	assert_int_equal(r.c.adapters[0].max_out, 2000000);
	assert_int_equal(r.c.adapters[0].min_io, 512);
	assert_int_equal(r.c.adapters[0].peers.allow.n, 0);
	assert_false(r.c.adapters[0].peers.deny_first);
	arena_clear(&r.arena);
	read_conf(&r, "allow\n", "allow=1.1.1.1|2.2.2.*\ndeny=3.3.3.3\norder=Deny ; Allow\n"
		  "connrequests=7\nconnbytes=1M\n");
	assert_int_equal(r.rc, 0);
	assert_int_equal(r.c.adapters[0].peers.allow.n, 2);
	assert_int_equal(r.c.adapters[0].peers.deny.n, 1);
	assert_true(r.c.adapters[0].peers.deny_first);
	assert_int_equal(r.c.adapters[0].conn_requests, 7);
	assert_int_equal(r.c.adapters[0].conn_bytes, 1 << 20);
	arena_clear(&r.arena);
	read_conf(&r, "maxconns=200000\n", "");
	assert_int_equal(r.rc, 0);
	assert_int_equal(r.c.adapters[0].max_conns, 128);
	arena_clear(&r.arena);
	/* Packets end at 100 MB, replies that wait do not. */
	read_conf(&r, "netthread=3\n", "backpacketlimit=200000000\n");
	assert_int_equal(r.rc, 0);
	assert_int_equal(r.c.adapters[0].max_frame, 100 << 20);
	assert_int_equal(r.c.adapters[0].max_out, 200000000);
	arena_clear(&r.arena);
	read_conf(&r, "queuecap=50000", "queuecap=-1");
	assert_int_equal(r.rc, 0);
	assert_int_equal(r.c.adapters[0].queue_cap, UINT_MAX);
	arena_clear(&r.arena);
}

/* More than there is: the most, and a warning, as official services do. */
static void test_capped(void **state)
{
	struct read r;

	(void)state;
	read_conf(&r, "netthread=3\n", "netthread=20\n");
	assert_int_equal(r.rc, 0);
	assert_int_equal(r.c.app.reactors, 15);
	arena_clear(&r.arena);
	read_conf(&r, "modulename", "trace_param_max_len=9999\nmin-timeout=20\nmodulename");
	assert_int_equal(r.rc, 0);
	assert_int_equal(r.c.app.trace_kb, 512);
	assert_int_equal(r.c.app.min_timeout_ms, 20);
	arena_clear(&r.arena);
}

static void test_sizes(void **state)
{
	static const struct { const char *edit; size_t size; } rows[] = {
		{ "=65536\n", 65536 }, { "=64k\n", 65536 }, { "=2M\n", 2 << 20 },
		{ "=256M\n", 256 << 20 }, { "=\n", 0 },
	};
	static const char *const bad[] = { "=0\n", "=x\n", "=1T\n", "=1Kb\n", "=-1\n" };
	struct read r;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		read_conf(&r, "=256K\n", rows[i].edit);
		assert_int_equal(r.rc, 0);
		assert_int_equal(r.c.app.coro_stack, rows[i].size);
		arena_clear(&r.arena);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		read_conf(&r, "=256K\n", bad[i]);
		assert_int_equal(r.rc, TARS_ECONF);
		assert_non_null(strstr(r.e.text, "<coroutinestack>: "));
		arena_clear(&r.arena);
	}
}

static void test_sets(void **state)
{
	static const char *const none[] = {
		"setdivision=name.area", "setdivision=*.area.1", "setdivision=name.*.1",
		"setdivision=NULL", "setdivision=a.b.c.d", "setdivision=..", "setdivision=a..c",
	};
	struct read r;

	(void)state;
	for (size_t i = 0; i < sizeof(none) / sizeof(*none); i++) {
		read_conf(&r, "setdivision=name.area.1", none[i]);
		assert_int_equal(r.rc, 0);
		assert_null(r.c.app.set);
		arena_clear(&r.arena);
	}
	read_conf(&r, "enableset=Y", "enableset=n");
	assert_null(r.c.app.set);
	arena_clear(&r.arena);
	read_conf(&r, "setdivision=name.area.1", "setdivision=name.area.*");
	assert_string_equal(r.c.app.set, "name.area.*");
	arena_clear(&r.arena);
}

static void test_errors_name_the_key(void **state)
{
	static const struct { const char *what, *edit, *text; } rows[] = {
		{ "app=Test\n", "", "/tars/application/server<app> is missing" },
		{ "logsize=10M", "logsize=M", "server<logsize>: 'M' is not a size like " },
		{ "logLevel=WARN", "logLevel=ALL", "server<logLevel>: 'ALL' is none of NONE, ERROR" },
		{ "lognum=7", "lognum=x", "server<lognum>" },
		{ "server=HelloServer\n", "", "/tars/application/server<server> is missing" },
		{ "threads=5", "threads=x", "HelloObjAdapter<threads>" },
		{ "queuecap=50000", "queuecap=99999999999", "HelloObjAdapter<queuecap>" },
		{ "endpoint=tcp -h 10.0.0.5 -p 18600 -t 60000\n", "",
		  "HelloObjAdapter<endpoint> is missing" },
		{ "-p 18600", "-p 99999", "HelloObjAdapter<endpoint>: 'tcp -h 10.0.0.5 -p 99999" },
		{ "servant=Test.HelloServer.HelloObj\n", "", "<servant> is missing" },
		{ "protocol=tars", "protocol=http", "<protocol>: 'http'" },
		{ "local=tcp", "local=tpc", "server<local>" },
		{ "http=off", "http=of", "HelloObjAdapter<http>: 'of' is neither on nor off" },
		{ "netthread=3", "netthread=3x", "server<netthread>" },
		{ "allow\n", "allow=10.0.0.300\n", "HelloObjAdapter<allow>: '10.0.0.300' is not" },
		{ "allow\n", "deny=x,10.0.0.3\n", "HelloObjAdapter<deny>: 'x' is not" },
		{ "allow\n", "order=deny\n", "HelloObjAdapter<order>: 'deny' is neither" },
		{ "threads=5", "threads=5000", "HelloObjAdapter<threads>: 5000 is more than" },
		{ "tars.tarsnode.ServerObj@tcp -h", "tars.tarsnode.ServerObj@tcp",
		  "server<node>: object tars.tarsnode.ServerObj: endpoint 1" },
		{ "log=tars.tarslog.LogObj", "log=a log", "server<log>: object 'a log'" },
		{ "logsize=10M", "config=@", "server<config>: object ''" },
		{ "logsize=10M", "notify=a..b", "server<notify>: object 'a..b'" },
		{ "QueryObj@tcp", "QueryObj@http", "client<locator>: object" },
		{ "modulename", "stat=x@\nmodulename", "client<stat>: object x: no endpoint" },
		{ "modulename", "property=x y\nmodulename", "client<property>: object" },
		{ "coroutinestack=256K", "coroutinestack=2G", "server<coroutinememsize>: " },
		{ "modulename", "min-timeout=x\nmodulename", "client<min-timeout>" },
	};
	struct read r;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		read_conf(&r, rows[i].what, rows[i].edit);
		if (r.rc != TARS_ECONF || r.e.code != TARS_ECONF || !strstr(r.e.text, rows[i].text))
			fail_msg("'%s': %d, %s", rows[i].text, r.rc, r.e.text);
		arena_clear(&r.arena);
	}
}

static void test_direct(void **state)
{
	static const char *const bad[] = { "", "1", "host:", ":1", "h:99999", "h:1x", "h:-1" };
	struct main_conf c;
	struct arena a;
	struct err e;

	(void)state;
	arena_init(&a, NULL, 0);
	assert_int_equal(main_conf_direct("[::1]:70", "A.B.CObj", &c, &a, &e), 0);
	assert_string_equal(c.name, "A.B");
	assert_string_equal(c.application, "A");
	assert_string_equal(c.server, "B");
	assert_string_equal(c.adapters[0].ep.host, "::1");
	assert_int_equal(c.adapters[0].ep.port, 70);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(main_conf_direct(bad[i], "A.B.CObj", &c, &a, &e), TARS_EARG);
	assert_int_equal(main_conf_direct("h:1", "AB", &c, &a, &e), TARS_EARG);
	arena_clear(&a);
}

static void test_tls_keys(void **state)
{
	struct read r;

	(void)state;
	read_conf(&r, NULL, NULL);
	assert_null(r.c.adapters[0].tls.cert);
	assert_int_equal(r.c.n_security, 0);
	arena_clear(&r.arena);
	read_conf(&r, "local=", "cert=c\nkey=k\nca=a\nverifyclient=1\nlocal=");
	assert_string_equal(r.c.adapters[0].tls.cert, "c");
	assert_string_equal(r.c.adapters[0].tls.key, "k");
	assert_string_equal(r.c.adapters[0].tls.ca, "a");
	assert_true(r.c.adapters[0].tls.verify_client);
	arena_clear(&r.arena);
	read_conf(&r, "allow\n", "cert=own\nverifyclient=0\nciphers=x\n");
	assert_string_equal(r.c.adapters[0].tls.cert, "own");
	assert_string_equal(r.c.adapters[0].tls.ciphers, "x");
	assert_false(r.c.adapters[0].tls.verify_client);
	arena_clear(&r.arena);
	read_conf(&r, "allow\n", "verifyclient=y\n");
	assert_int_equal(r.rc, TARS_ECONF);
	assert_non_null(strstr(r.e.text, "HelloObjAdapter<verifyclient>: 'y' is neither 0 nor 1"));
	arena_clear(&r.arena);
	read_conf(&r, "modulename", "ca=all\n<A.B.C>\ncert=c\nkey=k\n</A.B.C>\n<A.B.D>\n"
		  "ca=own\n</A.B.D>\nmodulename");
	assert_int_equal(r.c.n_security, 3);
	assert_null(r.c.security[0].object);
	assert_string_equal(r.c.security[0].ca, "all");
	assert_string_equal(r.c.security[1].object, "A.B.C");
	assert_string_equal(r.c.security[1].ca, "all");
	assert_string_equal(r.c.security[1].cert, "c");
	assert_string_equal(r.c.security[2].ca, "own");
	assert_null(r.c.security[2].cert);
	arena_clear(&r.arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_key),
		cmocka_unit_test(test_server_models),
		cmocka_unit_test(test_groups_have_the_most_threads),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_capped),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_sets),
		cmocka_unit_test(test_errors_name_the_key),
		cmocka_unit_test(test_direct),
		cmocka_unit_test(test_tls_keys),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
