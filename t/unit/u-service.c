/* A managed service: what its node hears, and what AdminObj answers. */
#include "t/unit/rpc-test.h"

#include "core/rpc/service.h"
#include "if/AdminF.h"
#include "if/NodeF.h"

/* ---- a node that writes down what it hears ---- */

static struct notes {
	pthread_mutex_t lock;
	char text[4096];
	sem_t beat;
} notes = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void note(const char *fmt, ...)
{
	size_t n;
	va_list ap;

	pthread_mutex_lock(&notes.lock);
	n = strlen(notes.text);
	va_start(ap, fmt);
	vsnprintf(notes.text + n, sizeof(notes.text) - n, fmt, ap);
	va_end(ap);
	pthread_mutex_unlock(&notes.lock);
	sem_post(&notes.beat);
}

static int keep_alive(struct tars_req *rq, const struct tars_ServerF_keepAlive_in *in,
		      struct tars_ServerF_keepAlive_out *out)
{
	(void)rq;
	(void)out;
	assert_int_equal(in->serverInfo.pid, getpid());
	note("alive %s.%s '%s'\n", in->serverInfo.application.p, in->serverInfo.serverName.p,
	     in->serverInfo.adapter.p);
	return TARS_OK;
}

static int keep_activing(struct tars_req *rq, const struct tars_ServerF_keepActiving_in *in,
			 struct tars_ServerF_keepActiving_out *out)
{
	(void)rq;
	(void)out;
	note("activing %s.%s\n", in->serverInfo.application.p, in->serverInfo.serverName.p);
	return TARS_OK;
}

static int report_version(struct tars_req *rq, const struct tars_ServerF_reportVersion_in *in,
			  struct tars_ServerF_reportVersion_out *out)
{
	(void)rq;
	(void)out;
	note("version %s.%s %s\n", in->app.p, in->serverName.p, in->version.p);
	return TARS_OK;
}

static const struct tars_ServerF node_impl = {
	.keepAlive = keep_alive, .keepActiving = keep_activing, .reportVersion = report_version,
};

/* ---- the service under test ---- */

static int echo(struct tars_req *rq, const struct T_Rpc_echo_in *in, struct T_Rpc_echo_out *out)
{
	(void)rq;
	out->back = in->text;
	return TARS_OK;
}

static const struct T_Rpc impl = { .echo = echo };

struct managed {
	struct rpc_server s, node;
	struct nodelink *link;
	int admin_port;
	sem_t done;
	char node_object[128];
};

static void start_managed(struct tars_req *rq, void *arg)
{
	struct managed *m = arg;
	struct adapter_conf local = { .name = "AdminAdapter", .local = true,
				      .ep = { .host = "127.0.0.1", .type = ENDPOINT_TCP,
					      .timeout_ms = 60000 } };
	struct err e;

	(void)rq;
	assert_int_equal(app_listen(m->s.app, &local, &m->admin_port, &e), 0);
	m->link = nodelink_start(m->s.app, &(struct nodelink_conf){
		.node = m->node_object, .application = "T", .server = "S", .version = "9.9" });
	sem_post(&m->done);
}

static void make_ready(struct tars_req *rq, void *arg)
{
	struct managed *m = arg;

	(void)rq;
	nodelink_ready(m->link);
}

static void stop_link(struct tars_req *rq, void *arg)
{
	struct managed *m = arg;

	(void)rq;
	nodelink_stop(m->link);
	sem_post(&m->done);
}

static void managed_start_with(struct managed *m, unsigned reactors)
{
	memset(m, 0, sizeof(*m));
	m->s.conf.reactors = reactors;
	sem_init(&m->done, 0, 0);
	sem_init(&notes.beat, 0, 0);
	notes.text[0] = '\0';
	m->node.servants[0] = (struct tars_servant){
		"tars.tarsnode.ServerObj", &tars_ServerF_iface, &node_impl, TARS_RUN_INLINE, NULL };
	rpc_server_start(&m->node);
	snprintf(m->node_object, sizeof(m->node_object),
		 "tars.tarsnode.ServerObj@tcp -h 127.0.0.1 -p %d", m->node.port);
	m->s.servants[0] = (struct tars_servant){ "T.S.Obj", &T_Rpc_iface, &impl, TARS_RUN_INLINE,
						  NULL };
	rpc_server_start(&m->s);
	admin_init(m->s.app);
	app_spawn(m->s.app, start_managed, m);
	sem_wait(&m->done);
}

static void managed_start(struct managed *m)
{
	managed_start_with(m, 1);
}

static void managed_stop(struct managed *m)
{
	app_spawn(m->s.app, stop_link, m);
	sem_wait(&m->done);
	rpc_server_stop(&m->s, 1000);
	rpc_server_stop(&m->node, 1000);
	sem_destroy(&m->done);
	sem_destroy(&notes.beat);
}

/* ---- tests ---- */

static void test_heartbeats(void **state)
{
	struct managed m;

	(void)state;
	managed_start(&m);
	sem_wait(&notes.beat);
	app_spawn(m.s.app, make_ready, &m);
	for (int i = 0; i < 4; i++)
		sem_wait(&notes.beat);
	managed_stop(&m);
	assert_string_equal(notes.text, "activing T.S\n"
			    "version T.S 9.9\n"
			    "alive T.S ''\n"
			    "alive T.S 'T.S.Adapter'\n"
			    "alive T.S 'AdminAdapter'\n");
}

static void notify(struct tars_call *c, const char *command, const char *want)
{
	struct tars_AdminF_notify_in in = { .command = str_of(command) };
	struct tars_AdminF_notify_out out;

	assert_int_equal(tars_AdminF_notify(c, &in, &out), 0);
	assert_string_equal(out.ret.p, want);
}

static void test_admin_object(void **state)
{
	struct tars_app *client = rpc_client();
	struct tars_req *rq = tars_begin(client);
	struct tars_call c = { .rq = rq };
	struct tars_AdminF_getPid_in in = { 0 };
	struct tars_AdminF_getPid_out out;
	struct T_Rpc_echo_out echo_out;
	struct managed m;

	(void)state;
	managed_start(&m);
	c.to = rpc_proxy(client, "AdminObj", m.admin_port);
	notify(&c, "tars.viewversion", "[notify prefix object num:1]\n[1]:$" TARS_VERSION "$\n");
	notify(&c, "  tars.setloglevel  none ", "[notify prefix object num:1]\n"
	       "[1]:set log level [none] ok\n");
	notify(&c, "no.such", "");
	notify(&c, "", "");
	assert_int_equal(tars_AdminF_getPid(&c, &in, &out), 0);
	assert_int_equal(out.ret, getpid());
	/* The local adapter serves AdminObj and nothing else. */
	c.to = rpc_proxy(client, "T.S.Obj", m.admin_port);
	assert_int_equal(call_echo(&c, "x", &echo_out), TARS_ENOSERVANT);
	c.to = rpc_proxy(client, "AdminObj", m.s.port);
	assert_int_equal(tars_AdminF_getPid(&c, &in, &out), TARS_ENOSERVANT);
	managed_stop(&m);
	tars_end(rq);
	tars_stop(client);
}

static void test_shutdown_by_admin(void **state)
{
	struct tars_app *client = rpc_client();
	struct tars_req *rq = tars_begin(client);
	struct tars_AdminF_shutdown_in in = { 0 };
	struct tars_AdminF_shutdown_out out;
	struct tars_call c = { .rq = rq };
	struct managed m;

	(void)state;
	managed_start(&m);
	app_spawn(m.s.app, stop_link, &m);
	sem_wait(&m.done);
	c.to = rpc_proxy(client, "AdminObj", m.admin_port);
	assert_int_equal(tars_AdminF_shutdown(&c, &in, &out), 0);
	pthread_join(m.s.thread, NULL);   /* app_run has returned */
	app_free(m.s.app);
	rpc_server_stop(&m.node, 1000);
	tars_end(rq);
	tars_stop(client);
}

static struct managed *shut_down_by_hook;

static void on_shutdown(struct tars_app *app)
{
	assert_ptr_equal(loop_self(), &app->loops[0]);
	nodelink_stop(shut_down_by_hook->link);
	app_stop(app, 1000);
}

/* The second connection belongs to another loop than the node link and its timer. */
static void test_shutdown_from_another_loop(void **state)
{
	struct tars_app *clients[2] = { rpc_client(), rpc_client() };
	struct tars_AdminF_shutdown_in in = { 0 };
	struct tars_AdminF_shutdown_out out;
	struct tars_req *rqs[2];
	struct managed m;

	(void)state;
	managed_start_with(&m, 2);
	shut_down_by_hook = &m;
	m.s.app->on_shutdown = on_shutdown;
	for (int i = 0; i < 2; i++) {
		struct tars_call c = { .rq = rqs[i] = tars_begin(clients[i]) };

		c.to = rpc_proxy(clients[i], "AdminObj", m.admin_port);
		notify(&c, "no.such", "");
		if (i)
			assert_int_equal(tars_AdminF_shutdown(&c, &in, &out), 0);
	}
	pthread_join(m.s.thread, NULL);
	app_free(m.s.app);
	rpc_server_stop(&m.node, 1000);
	for (int i = 0; i < 2; i++) {
		tars_end(rqs[i]);
		tars_stop(clients[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_heartbeats),
		cmocka_unit_test(test_admin_object),
		cmocka_unit_test(test_shutdown_by_admin),
		cmocka_unit_test(test_shutdown_from_another_loop),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
