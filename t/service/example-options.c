/* A client with options: where to look, who gets which call, when an endpoint rests, what to repeat. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "Stock.h"

/* An endpoint rests when half of at least ten calls within 5 s failed, or five in a row. */
static const struct tars_check patient = {
	.min_failures = 10, .ratio = 0.5, .consecutive = 5, .retry_ms = 1000,
};

/* What was refused goes to another endpoint; what takes long is asked of two. */
static const struct tars_retry retries[] = {
	{ .func = "left", .attempts = 3, .backup_ms = 50 },
	{ .func = "take", .attempts = 2 },
};

/* The same item always goes to the same endpoint, as with all official clients. */
static int take(struct tars_call *c, const char *item, int n)
{
	struct T_Stock_take_in in = { .item = { item, (uint32_t)strlen(item) }, .n = n };
	struct T_Stock_take_out out;
	int rc;

	c->hash_mode = TARS_HASH_CONSISTENT;
	c->hash = tars_hash_new(item, strlen(item));
	rc = T_Stock_take(c, &in, &out);
	if (rc)
		printf("code %d: %s\n", rc, c->error);
	else
		printf("%d of %s are left\n", out.ret, item);
	return rc;
}

/* For endpoints with "-e 1". */
static int use_key(struct tars_app *app, char **words)
{
	struct tars_security security = {
		.object = "T.StockServer.StockObj", .access_key = words[0], .secret_key = words[1],
	};
	char error[256];
	int rc = tars_secure(app, &security, error, sizeof(error));

	if (rc)
		fprintf(stderr, "%s\n", error);
	return rc;
}

/* usage: example-options OBJECT ITEM NUMBER [ACCESS-KEY SECRET-KEY] */
int main(int argc, char **argv)
{
	struct tars_start_conf conf = {
		.locator = getenv("LOCATOR"),        /* for objects that are known by name */
		.cache_path = "example.endpoints",   /* where they were, for when it is away */
		.sync_timeout_ms = 2000,
	};
	struct tars_proxy_conf options = {
		.check = &patient, .retries = retries, .n_retries = 2, .retry_percent = 20,
		.set = getenv("SET"),                /* "name.area.group"; NULL: our own */
	};
	struct tars_call c = { 0 };
	struct tars_app *app;
	char error[256];
	int rc;

	if (argc != 4 && argc != 6)
		return 64;
	app = tars_start_with(&conf, error, sizeof(error));
	if (!app) {
		fprintf(stderr, "%s\n", error);
		return 1;
	}
	rc = argc == 6 ? use_key(app, argv + 4) : 0;
	c.to = tars_proxy_conf(app, argv[1], &options);
	c.rq = tars_begin(app);
	if (!rc)
		rc = take(&c, argv[2], atoi(argv[3]));
	tars_end(c.rq);
	tars_stop(app);
	return rc != 0;
}
