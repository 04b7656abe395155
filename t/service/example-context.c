/*
 * What callers and services tell each other beside arguments and results; two servants on one port.
 *
 *	example-context --listen 127.0.0.1:18600      the service
 *	example-context call OBJECT                   a client of one of its servants
 */
#include <stdio.h>
#include <string.h>

#include "Stock.h"

/* ---- the service ---- */

static int left(struct tars_req *rq, const struct T_Stock_left_in *in,
		struct T_Stock_left_out *out)
{
	const char *shop = tars_context(rq, "shop"), *test = tars_status(rq, "TEST");

	/* Which of the two objects was called is in the data of its row. */
	tars_set_reply_context(rq, "stock", tars_data(rq));
	if (test)
		tars_set_reply_status(rq, "TEST", "seen");
	if (!shop)
		return tars_fail(rq, 1, "which shop? the context has none");
	out->ret = (int)in->item.n;
	return TARS_OK;
}

static const struct T_Stock stock = { .left = left };

/* Whatever port the service listens on has both: who calls says the object. */
static const struct tars_servant servants[] = {
	{ "T.StockServer.FreshObj", &T_Stock_iface, &stock, TARS_RUN_POOL, "fresh" },
	{ "T.StockServer.FrozenObj", &T_Stock_iface, &stock, TARS_RUN_POOL, "frozen" },
	{ 0 }
};

/* ---- the client ---- */

static void print_map(const char *what, const struct tars_string_string_map *m)
{
	for (uint32_t i = 0; i < m->n; i++)
		printf("%s: %s=%s\n", what, m->v[i].key.p, m->v[i].val.p);
}

static int call(struct tars_app *app, const char *object)
{
	struct tars_req *rq = tars_begin(app);
	struct tars_string_string_map context = { 0 }, status = { 0 };
	struct tars_call_info info;
	struct tars_call c = {
		.to = tars_proxy(app, object), .rq = rq, .timeout_ms = 2000,
		.context = &context, .status = &status, .info = &info,
		/* As scripts and gateways call; without it as C++, Go and Java do. */
		.wire = TARS_WIRE_TUP,
	};
	struct T_Stock_left_in in = { .item = TARS_STR("apples") };
	struct T_Stock_left_out out;
	int rc;

	*TARS_PUSH(rq, &context) = (struct tars_string_string_pair){ TARS_STR("shop"),
								     TARS_STR("north") };
	*TARS_PUSH(rq, &status) = (struct tars_string_string_pair){ TARS_STR("TEST"),
								    TARS_STR("yes") };
	rc = T_Stock_left(&c, &in, &out);
	if (rc)
		printf("code %d: %s\n", rc, c.error);
	else
		printf("%d left, says %s\n", out.ret, info.endpoint);
	print_map("context", &c.reply_context);
	print_map("status", &info.reply_status);
	tars_end(rq);
	return rc ? 1 : 0;
}

int main(int argc, char **argv)
{
	char error[256];
	struct tars_app *app;
	int status;

	if (argc != 3 || strcmp(argv[1], "call"))
		return tars_main(argc, argv, &(struct tars_service){ .servants = servants });
	app = tars_start(NULL, error, sizeof(error));
	if (!app) {
		fprintf(stderr, "%s\n", error);
		return 64;
	}
	status = call(app, argv[2]);
	tars_stop(app);
	return status;
}
