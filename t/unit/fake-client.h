/* A client of fake endpoints, with one object and one request for all of its calls. */
#ifndef T_UNIT_FAKE_CLIENT_H
#define T_UNIT_FAKE_CLIENT_H

#include "core/rpc/proxy.h"
#include "t/unit/fake-endpoints.h"

enum { FAILED = -1 };

/* Longer than any test: what is shielded stays shielded. */
static const struct tars_check for_ever = { .retry_ms = 3600 * 1000 };

struct client {
	struct tars_app *app;
	struct tars_req *rq;
	struct tars_call c;
};

static void client_open(struct client *c, const char *locator, const char *object,
			const struct tars_check *check)
{
	char error[256] = "";

	*c = (struct client){ .app = tars_start(locator, error, sizeof(error)) };
	assert_string_equal(error, "");
	c->rq = tars_begin(c->app);
	c->c = (struct tars_call){ .rq = c->rq, .timeout_ms = 10000 };
	c->c.to = tars_proxy_conf(c->app, object, &(struct tars_proxy_conf){ .check = check });
}

static void client_close(struct client *c)
{
	tars_end(c->rq);
	tars_stop(c->app);
}

/* The number of the endpoint that answered, or FAILED. */
static int call(struct client *c)
{
	struct T_Rpc_echo_out out;

	return call_echo(&c->c, "", &out) ? FAILED : atoi(out.back.p);
}

#endif
