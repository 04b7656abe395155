/* Reports of a client without a service: usage: example-reports OBJECT STAT PROPERTY. */
#include <stdio.h>

#include "Observe.h"
#include "tars.h"

/* How long the answers were: shown as average, extremes and distribution over time. */
static struct tars_property *lengths_of(struct tars_app *app)
{
	static const int ranges[] = { 10, 100, 1000 };

	return tars_property(app, "answer.length", TARS_PROPERTY_AVG | TARS_PROPERTY_MAX |
			     TARS_PROPERTY_DISTR, ranges, 3);
}

int main(int argc, char **argv)
{
	struct tars_start_conf conf = {
		.module = "Shop.Batch",      /* who calls, for the statistics */
		.stat = argc > 2 ? argv[2] : NULL,
		.property = argc > 3 ? argv[3] : NULL,
	};
	struct T_Observe_work_in in = { .what = TARS_STR("ok"), .n = 42 };
	struct T_Observe_work_out out;
	struct tars_property *lengths;
	struct tars_call call;
	struct tars_app *app;
	char error[256];
	int rc = 0;

	app = tars_start_with(&conf, error, sizeof(error));
	if (!app) {
		fprintf(stderr, "%s\n", error);
		return 1;
	}
	lengths = lengths_of(app);
	call = (struct tars_call){ .to = tars_proxy(app, argc > 1 ? argv[1] : "T.Observed.PoolObj"),
				   .rq = tars_begin(app) };
	for (int i = 0; i < 5 && !rc; i++) {
		rc = T_Observe_work(&call, &in, &out);
		tars_property_report(lengths, out.ret);
	}
	if (rc)
		fprintf(stderr, "%s\n", call.error);
	tars_end(call.rq);
	tars_stop(app);   /* what has not been reported yet is reported now */
	return rc != 0;
}
