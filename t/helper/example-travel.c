/* What travels with a call: a client begins a chain of calls with a cookie and a trace. */
#include <stdio.h>

#include "Chain.h"

int main(int argc, char **argv)
{
	char error[256];
	struct tars_app *app = tars_start(NULL, error, sizeof(error));
	struct tars_req *rq;
	struct T_Chain_pass_in in = { .user = TARS_STR("7"), .text = TARS_STR("hello") };
	struct T_Chain_pass_out out;
	int rc;

	if (!app || argc != 2) {
		fprintf(stderr, "%s\n", app ? "usage: example-travel OBJECT" : error);
		return 64;
	}
	rq = tars_begin(app);
	/* Every service that is reached from here finds it with tars_cookie(rq, "colour"). */
	tars_set_cookie(rq, "colour", "green");
	/* And all that they log in _t_trace_ has this id. */
	tars_trace_start(rq, TARS_TRACE_CS | TARS_TRACE_SR, 2);
	tars_log(rq, TARS_LOG_INFO, "trace %s begins", tars_trace_id(rq));

	rc = T_Chain_pass(&(struct tars_call){ .to = tars_proxy(app, argv[1]), .rq = rq }, &in, &out);
	if (!rc)
		printf("%s saw colour %s in trace %s\n", out.hops.v[0].who.p,
		       out.hops.v[0].cookie.p, out.hops.v[0].trace.p);
	tars_end(rq);
	tars_stop(app);
	return rc ? 1 : 0;
}
