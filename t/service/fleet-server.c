/* FleetServer: one of several servers that tests call, known by FLEET_NAME or by its node. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "Fleet.h"

enum { MAX_COUNTERS = 64 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static struct counter {
	char key[32];
	int value;
} counters[MAX_COUNTERS];

static int count(const char *key, int n)
{
	struct counter *c = counters;
	int value;

	pthread_mutex_lock(&lock);
	while (*c->key && strcmp(c->key, key))
		if (++c == counters + MAX_COUNTERS)
			abort();
	snprintf(c->key, sizeof(c->key), "%s", key);
	value = c->value += n;
	pthread_mutex_unlock(&lock);
	return value;
}

static int name(struct tars_req *rq, const struct T_Fleet_name_in *in, struct T_Fleet_name_out *out)
{
	(void)in;
	out->ret = tars_strf(rq, "%s", getenv("FLEET_NAME") ?:
			     tars_config(tars_app_of(rq), "/tars/application/server<nodename>", ""));
	return TARS_OK;
}

static int through(struct tars_req *rq, const struct T_Fleet_through_in *in,
		   struct T_Fleet_through_out *out)
{
	struct T_Fleet_through_in next = { .spend_ms = in->spend_ms };
	struct T_Fleet_through_out rest = { 0 };
	struct tars_call c = { .rq = rq };
	int left = (int)tars_time_left_ms(rq), rc;

	count("through", 1);
	tars_sleep(in->spend_ms);
	if (in->way.n) {
		c.to = tars_proxy(tars_app_of(rq), in->way.v[0].p);
		next.way.v = in->way.v + 1;
		next.way.n = in->way.n - 1;
		rc = T_Fleet_through(&c, &next, &rest);
		if (rc)
			return rc;
	}
	*TARS_PUSH(rq, &out->left_ms) = left;
	for (uint32_t i = 0; i < rest.left_ms.n; i++)
		*TARS_PUSH(rq, &out->left_ms) = rest.left_ms.v[i];
	return TARS_OK;
}

static int add(struct tars_req *rq, const struct T_Fleet_add_in *in, struct T_Fleet_add_out *out)
{
	(void)rq;
	out->ret = count(in->counter.p, in->n);
	return TARS_OK;
}

static int get(struct tars_req *rq, const struct T_Fleet_get_in *in, struct T_Fleet_get_out *out)
{
	(void)rq;
	out->ret = count(in->counter.p, 0);
	return TARS_OK;
}

static int wait_until(struct tars_req *rq, const struct T_Fleet_wait_in *in,
		      struct T_Fleet_wait_out *out)
{
	(void)rq;
	(void)out;
	while (count(in->counter.p, 0) < in->n)
		tars_sleep(2);
	return TARS_OK;
}

static const struct T_Fleet fleet = { .name = name, .through = through, .add = add, .get = get,
				      .wait = wait_until };

static const struct tars_servant servants[] = {
	{ "T.FleetServer.FleetObj", &T_Fleet_iface, &fleet, TARS_RUN_POOL, NULL },
	{ "T.FleetServer.CoroObj", &T_Fleet_iface, &fleet, TARS_RUN_CORO, NULL },
	/* For what must be heard while all workers wait. */
	{ "T.FleetServer.InlineObj", &T_Fleet_iface, &fleet, TARS_RUN_INLINE, NULL },
	{ 0 }
};

int main(int argc, char **argv)
{
	return tars_main(argc, argv, &(struct tars_service){ .servants = servants });
}
