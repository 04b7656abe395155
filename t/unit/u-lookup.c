/* Look-ups: in a group, set or station; lists that change under calls; the disk for a registry that
 * is away. */
#include "t/unit/fake-endpoints.h"

#include "core/rpc/proxy.h"
#include "if/QueryF.h"

/* ---- a registry whose answers the test sets ---- */

struct listed {
	char host[64];
	int port, weight, weight_type, type;
};

struct registry {
	struct rpc_server *s;
	pthread_mutex_t lock;
	struct listed active[8], inactive[8]; /* to the first without a host */
	int ret;
	int in_group, in_set, in_station;
	char asked[128];                      /* set or station of the last */
	char locator[128];
};

static void put(struct tars_req *rq, struct tars_EndpointF_list *to, const struct listed *from)
{
	for (; *from->host; from++) {
		struct tars_EndpointF *ep = TARS_PUSH(rq, to);

		ep->host = tars_strf(rq, "%s", from->host);
		ep->port = from->port;
		ep->istcp = from->type ? from->type : ENDPOINT_TCP;
		ep->timeout = 3000;
		ep->weight = from->weight;
		ep->weightType = from->weight_type;
	}
}

static int answer(struct tars_req *rq, int *count, const char *asked, int32_t *ret,
		  struct tars_EndpointF_list *active, struct tars_EndpointF_list *inactive)
{
	struct registry *r = tars_data(rq);

	pthread_mutex_lock(&r->lock);
	(*count)++;
	snprintf(r->asked, sizeof(r->asked), "%s", asked);
	put(rq, active, r->active);
	put(rq, inactive, r->inactive);
	*ret = r->ret;
	pthread_mutex_unlock(&r->lock);
	return TARS_OK;
}

static int in_group(struct tars_req *rq, const struct tars_QueryF_findObjectByIdInSameGroup_in *in,
		    struct tars_QueryF_findObjectByIdInSameGroup_out *out)
{
	struct registry *r = tars_data(rq);

	(void)in;
	return answer(rq, &r->in_group, "", &out->ret, &out->activeEp, &out->inactiveEp);
}

static int in_set(struct tars_req *rq, const struct tars_QueryF_findObjectByIdInSameSet_in *in,
		  struct tars_QueryF_findObjectByIdInSameSet_out *out)
{
	struct registry *r = tars_data(rq);

	return answer(rq, &r->in_set, in->setId.p, &out->ret, &out->activeEp, &out->inactiveEp);
}

static int in_station(struct tars_req *rq,
		      const struct tars_QueryF_findObjectByIdInSameStation_in *in,
		      struct tars_QueryF_findObjectByIdInSameStation_out *out)
{
	struct registry *r = tars_data(rq);

	return answer(rq, &r->in_station, in->sStation.p, &out->ret, &out->activeEp,
		      &out->inactiveEp);
}

static const struct tars_QueryF query_impl = {
	.findObjectByIdInSameGroup = in_group, .findObjectByIdInSameSet = in_set,
	.findObjectByIdInSameStation = in_station,
};

static void registry_open(struct registry *r, int port)
{
	r->s = calloc(1, sizeof(*r->s));
	r->s->port = port;
	r->s->servants[0] = (struct tars_servant){ "tars.tarsregistry.QueryObj", &tars_QueryF_iface,
						   &query_impl, TARS_RUN_CORO, r };
	rpc_server_start(r->s);
	snprintf(r->locator, sizeof(r->locator),
		 "tars.tarsregistry.QueryObj@tcp -h 127.0.0.1 -p %d", r->s->port);
}

static void registry_close(struct registry *r)
{
	rpc_server_stop(r->s, 0);
	free(r->s);
	r->s = NULL;
}

static struct registry *registry_new(void)
{
	struct registry *r = calloc(1, sizeof(*r));

	pthread_mutex_init(&r->lock, NULL);
	registry_open(r, 0);
	return r;
}

static void registry_free(struct registry *r)
{
	if (r->s)
		registry_close(r);
	pthread_mutex_destroy(&r->lock);
	free(r);
}

/* The first n endpoints of f, in this order: "201". */
static void list(struct registry *r, const struct fakes *f, const char *order, const char *inactive)
{
	struct listed *to[] = { r->active, r->inactive };
	const char *orders[] = { order, inactive };

	pthread_mutex_lock(&r->lock);
	for (int k = 0; k < 2; k++) {
		size_t n = strlen(orders[k]);

		memset(to[k], 0, sizeof(r->active));
		for (size_t i = 0; i < n; i++) {
			snprintf(to[k][i].host, sizeof(to[k][i].host), "127.0.0.%d",
				 orders[k][i] - '0' + 1);
			to[k][i].port = f->port;
		}
	}
	pthread_mutex_unlock(&r->lock);
}

/* ---- clients ---- */

struct client {
	struct rpc_server s;         /* only its app and thread are used */
	struct tars_req *rq;
	struct tars_call c;
};

static struct client *client_open(const struct app_conf *conf, const struct tars_proxy_conf *pc)
{
	static const struct tars_proxy_conf none;
	struct client *c = calloc(1, sizeof(*c));

	c->s.conf = *conf;
	rpc_server_start(&c->s);
	c->rq = tars_begin(c->s.app);
	c->c = (struct tars_call){ .rq = c->rq, .timeout_ms = 20000 };
	c->c.to = tars_proxy_conf(c->s.app, "T.S.Obj", pc ? pc : &none);
	return c;
}

static void client_close(struct client *c)
{
	tars_end(c->rq);
	rpc_server_stop(&c->s, 0);
	free(c);
}

/* The number of the endpoint that answered, or -1. */
static int call(struct client *c)
{
	struct T_Rpc_echo_out out;

	return call_echo(&c->c, "", &out) ? -1 : atoi(out.back.p);
}

/* Calls until the list that is in force is that of the registry's next answer. */
static void call_until_asked(struct client *c, struct registry *r)
{
	int asked, now;

	pthread_mutex_lock(&r->lock);
	asked = r->in_group;
	pthread_mutex_unlock(&r->lock);
	do {
		assert_int_not_equal(call(c), -1);
		pthread_mutex_lock(&r->lock);
		now = r->in_group;
		pthread_mutex_unlock(&r->lock);
	} while (now < asked + 2);
}

static const struct app_conf often = { .refresh_ms = 20, .reactors = 2 };

/* ---- which question ---- */

static void test_group_set_or_station(void **state)
{
	struct fakes *f = fakes_start(1);
	struct registry *r = registry_new();
	struct app_conf plain = { .locator = r->locator };
	struct app_conf in_a_set = { .locator = r->locator, .set = "mall.sz.1" };
	struct tars_proxy_conf other_set = { .set = "mall.bj.*" }, no_set = { .set = "" };
	struct tars_proxy_conf station = { .station = "south" };
	struct client *c;

	(void)state;
	list(r, f, "0", "");
	c = client_open(&plain, NULL);
	assert_int_equal(call(c), 0);
	assert_int_equal(r->in_group, 1);
	/* One app, four proxies of one object. */
	c->c.to = tars_proxy_conf(c->s.app, "T.S.Obj", &other_set);
	assert_int_equal(call(c), 0);
	assert_int_equal(r->in_set, 1);
	assert_string_equal(r->asked, "mall.bj.*");
	c->c.to = tars_proxy_conf(c->s.app, "T.S.Obj", &station);
	assert_int_equal(call(c), 0);
	assert_int_equal(r->in_station, 1);
	assert_string_equal(r->asked, "south");
	c->c.to = tars_proxy_conf(c->s.app, "T.S.Obj", &no_set);
	assert_ptr_equal(c->c.to, tars_proxy(c->s.app, "T.S.Obj"));
	client_close(c);
	c = client_open(&in_a_set, NULL);
	assert_int_equal(call(c), 0);
	assert_int_equal(r->in_set, 2);
	assert_string_equal(r->asked, "mall.sz.1");
	c->c.to = tars_proxy_conf(c->s.app, "T.S.Obj", &no_set);
	assert_int_equal(call(c), 0);
	assert_int_equal(r->in_group, 2);
	client_close(c);
	registry_free(r);
	fakes_stop(f);
}

static void test_nothing_in_the_set(void **state)
{
	struct registry *r = registry_new();
	struct app_conf conf = { .locator = r->locator };
	struct client *c = client_open(&conf, &(struct tars_proxy_conf){ .set = "a.b.c" });

	(void)state;
	r->ret = -1;
	assert_int_equal(call(c), -1);
	assert_non_null(strstr(c->c.error, "answered -1 in the set a.b.c"));
	client_close(c);
	c = client_open(&conf, &(struct tars_proxy_conf){ .set = "a.b" });
	assert_int_equal(call(c), -1);
	assert_non_null(strstr(c->c.error, "T.S.Obj: the set 'a.b' is not NAME.AREA.GROUP"));
	c->c.to = tars_proxy_conf(c->s.app, "T.S.Obj",
				  &(struct tars_proxy_conf){ .set = "a.b.c", .station = "s" });
	assert_int_equal(call(c), -1);
	assert_non_null(strstr(c->c.error, "give a set or a station, not both"));
	client_close(c);
	registry_free(r);
}

static void test_timeout_of_the_proxy(void **state)
{
	struct fakes *f = fakes_start(1);
	struct client *c = client_open(&(struct app_conf){ 0 }, NULL);
	char object[256];

	(void)state;
	fakes_object(f, 1, object, sizeof(object));
	f->at[0].how = FAKE_HANGS;
	c->c.timeout_ms = 0;
	c->c.to = tars_proxy_conf(c->s.app, object, &(struct tars_proxy_conf){ .timeout_ms = 30 });
	assert_int_equal(call(c), -1);
	assert_non_null(strstr(c->c.error, "no reply within 30 ms"));
	client_close(c);
	fakes_stop(f);
}

/* ---- lists that change ---- */

/* Another order, or an endpoint twice, is no change; connections stay. */
static void test_order_does_not_matter(void **state)
{
	static const char *const orders[] = { "012", "210", "102", "0121", "2011200" };
	struct fakes *f = fakes_start(3);
	struct registry *r = registry_new();
	struct app_conf conf = often;
	struct client *c;
	int conns = 0;

	(void)state;
	conf.locator = r->locator;
	list(r, f, "012", "");
	c = client_open(&conf, NULL);
	for (size_t i = 0; i < sizeof(orders) / sizeof(*orders); i++) {
		list(r, f, orders[i], "");
		call_until_asked(c, r);
	}
	for (int i = 0; i < 3; i++)
		conns += f->at[i].conns;
	assert_int_equal(conns, 3);
	client_close(c);
	registry_free(r);
	fakes_stop(f);
}

/* What an endpoint was asked before it left the list, it still answers. */
static void test_calls_survive_the_list(void **state)
{
	struct fakes *f = fakes_start(2);
	struct registry *r = registry_new();
	struct T_Rpc_echo_in in = { .text = TARS_STR("") };
	struct app_conf conf = often;
	struct T_Rpc_echo_out out;
	struct tars_pending *p;
	struct client *c;

	(void)state;
	conf.locator = r->locator;
	list(r, f, "0", "");
	c = client_open(&conf, NULL);
	assert_int_equal(call(c), 0);
	f->at[0].how = FAKE_WAITS;
	p = tars_invoke_begin(&c->c, &T_Rpc_iface, F_ECHO, &in);
	while (f->at[0].calls < 2)
		usleep(100);
	list(r, f, "1", "0");
	call_until_asked(c, r);
	while (call(c) != 1)
		;
	for (int i = 0; i < 10; i++)
		assert_int_equal(call(c), 1);
	fake_answer_waiting(f);
	assert_int_equal(tars_invoke_end(p, &out), 0);
	assert_string_equal(out.back.p, "0");
	/* The connections of the loops that used it close then. */
	fakes_await_conns(f, 0, 0);
	client_close(c);
	registry_free(r);
	fakes_stop(f);
}

static void test_changed_weights_take_effect(void **state)
{
	struct fakes *f = fakes_start(2);
	struct registry *r = registry_new();
	struct app_conf conf = often;
	struct client *c;
	int seen[2] = { 0 };

	(void)state;
	conf.locator = r->locator;
	list(r, f, "01", "");
	c = client_open(&conf, NULL);
	call_until_asked(c, r);
	pthread_mutex_lock(&r->lock);
	for (int i = 0; i < 2; i++) {
		r->active[i].weight_type = 1;
		r->active[i].weight = i ? 90 : 10;
	}
	pthread_mutex_unlock(&r->lock);
	call_until_asked(c, r);
	for (int i = 0; i < 100; i++)
		seen[call(c)]++;
	assert_in_range(seen[0], 8, 12);
	/* Weight 0: no calls at all. */
	pthread_mutex_lock(&r->lock);
	r->active[0].weight = 0;
	pthread_mutex_unlock(&r->lock);
	call_until_asked(c, r);
	for (int i = 0; i < 100; i++)
		assert_int_equal(call(c), 1);
	client_close(c);
	registry_free(r);
	fakes_stop(f);
}

/* What is shielded stays so when others come and go. */
static void test_health_survives_the_list(void **state)
{
	static const struct tars_check for_ever = { .retry_ms = 3600 * 1000 };
	struct fakes *f = fakes_start(3);
	struct registry *r = registry_new();
	struct app_conf conf = often;
	struct client *c;

	(void)state;
	conf.locator = r->locator;
	list(r, f, "01", "");
	c = client_open(&conf, &(struct tars_proxy_conf){ .check = &for_ever });
	f->at[0].ret = -1;
	while (call(c) != -1)
		;
	list(r, f, "012", "");
	while (call(c) != 2)
		;
	for (int i = 0; i < 20; i++)
		assert_in_range(call(c), 1, 2);
	list(r, f, "02", "");
	while (call(c) != 2)
		;
	call_until_asked(c, r);
	for (int i = 0; i < 20; i++)
		assert_int_equal(call(c), 2);
	client_close(c);
	registry_free(r);
	fakes_stop(f);
}

/* What cannot be an endpoint is left out; the rest is used. */
static void test_rubbish_in_the_list(void **state)
{
	struct fakes *f = fakes_start(1);
	struct registry *r = registry_new();
	struct app_conf conf = { .locator = r->locator };
	struct client *c;

	(void)state;
	list(r, f, "000000", "");
	strcpy(r->active[0].host, "a b");
	r->active[1].port = 65536;
	r->active[2].type = 7;
	r->active[3].port = -1;
	strcpy(r->active[4].host, "\n");
	c = client_open(&conf, NULL);
	for (int i = 0; i < 10; i++)
		assert_int_equal(call(c), 0);
	client_close(c);
	registry_free(r);
	fakes_stop(f);
}

/* ---- the disk ---- */

struct cached {
	char path[32];
	struct fakes *f;
	struct registry *r;
	struct app_conf conf;
};

static void cached_open(struct cached *k)
{
	strcpy(k->path, "/tmp/u-lookup-XXXXXX");
	close(mkstemp(k->path));
	k->f = fakes_start(3);
	k->r = registry_new();
	k->conf = (struct app_conf){ .locator = k->r->locator, .cache_path = k->path };
}

static void cached_close(struct cached *k)
{
	registry_free(k->r);
	fakes_stop(k->f);
	unlink(k->path);
}

/* Weights, also 0, and inactive ones are kept; each set has its own list. */
static void test_cache_keeps_it_all(void **state)
{
	struct tars_proxy_conf set = { .set = "a.b.c" };
	struct cached k;
	struct client *c;

	(void)state;
	cached_open(&k);
	list(k.r, k.f, "01", "2");
	k.r->active[0].weight_type = k.r->active[1].weight_type = 1;
	k.r->active[1].weight = 50;
	c = client_open(&k.conf, NULL);
	assert_int_equal(call(c), 1);
	client_close(c);
	list(k.r, k.f, "2", "");
	c = client_open(&k.conf, &set);
	assert_int_equal(call(c), 2);
	client_close(c);
	registry_close(k.r);
	c = client_open(&k.conf, NULL);
	for (int i = 0; i < 10; i++)
		assert_int_equal(call(c), 1);
	c->c.to = tars_proxy_conf(c->s.app, "T.S.Obj", &set);
	for (int i = 0; i < 10; i++)
		assert_int_equal(call(c), 2);
	c->c.to = tars_proxy_conf(c->s.app, "T.S.Obj", &(struct tars_proxy_conf){ .set = "x.y.z" });
	assert_int_equal(call(c), -1);
	assert_non_null(strstr(c->c.error, "no endpoint: tars.tarsregistry.QueryObj."));
	client_close(c);
	cached_close(&k);
}

/* A start from the disk goes over to the registry as soon as that is back. */
static void test_registry_comes_back(void **state)
{
	struct cached k;
	struct client *c;
	int port;

	(void)state;
	cached_open(&k);
	list(k.r, k.f, "0", "");
	c = client_open(&k.conf, NULL);
	assert_int_equal(call(c), 0);
	client_close(c);
	port = k.r->s->port;
	registry_close(k.r);
	c = client_open(&k.conf, NULL);
	assert_int_equal(call(c), 0);
	list(k.r, k.f, "1", "");
	registry_open(k.r, port);
	while (call(c) != 1)
		usleep(1000);
	client_close(c);
	cached_close(&k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_group_set_or_station),
		cmocka_unit_test(test_nothing_in_the_set),
		cmocka_unit_test(test_timeout_of_the_proxy),
		cmocka_unit_test(test_order_does_not_matter),
		cmocka_unit_test(test_calls_survive_the_list),
		cmocka_unit_test(test_changed_weights_take_effect),
		cmocka_unit_test(test_health_survives_the_list),
		cmocka_unit_test(test_rubbish_in_the_list),
		cmocka_unit_test(test_cache_keeps_it_all),
		cmocka_unit_test(test_registry_comes_back),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
