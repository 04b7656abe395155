/* A client that calls now and then: its connections stay in between, and nothing piles up. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "Fleet.h"

/* n calls at once; shows how many have failed, and how the last of these did. */
static void call(struct tars_call *c, int n)
{
	struct tars_pending **calls = calloc((size_t)n, sizeof(struct tars_pending *));
	struct T_Fleet_name_out out;
	int failed = 0;

	if (!calls)
		abort();
	for (int i = 0; i < n; i++)
		calls[i] = T_Fleet_name_begin(c, &(struct T_Fleet_name_in){ 0 });
	for (int i = 0; i < n; i++)
		failed += T_Fleet_name_end(calls[i], &out) != TARS_OK;
	free(calls);
	if (failed)
		printf("%d of %d failed: %s\n", failed, n, tars_error(c->rq));
	else
		printf("%.*s has answered\n", (int)out.ret.n, out.ret.p);
	fflush(stdout);
}

/* usage: example-idle OBJECT [KEEP-ALIVE-MS [MAX-UNSENT]]; reads how many calls to make, a line
 * for each time. */
int main(int argc, char **argv)
{
	struct tars_start_conf conf = {
		.keep_alive_ms = argc > 2 ? atoi(argv[2]) : 30000,
		.max_unsent = argc > 3 ? (unsigned)atoi(argv[3]) : 0,
	};
	char error[256], line[32];
	struct tars_app *app = tars_start_with(&conf, error, sizeof(error));
	struct tars_call c = { .timeout_ms = 20000 };

	if (!app || argc < 2) {
		fprintf(stderr, "%s\n", app ? "usage: example-idle OBJECT" : error);
		return 64;
	}
	c.to = tars_proxy(app, argv[1]);
	while (fgets(line, sizeof(line), stdin)) {
		c.rq = tars_begin(app);
		call(&c, atoi(line));
		tars_end(c.rq);
	}
	tars_stop(app);
	return 0;
}
