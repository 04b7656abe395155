/* Logs: lines of the rolling log, and a log by time with a file for each hour. */
#include <stdio.h>
#include <unistd.h>

#include "tars.h"

/* The same in a handler: tars_log(rq, ...), tars_daylog(rq, ...). */
static void sell(struct tars_app *app, int user, int item)
{
	if (item < 0) {
		tars_app_log(app, TARS_LOG_ERROR, "user %d: no item %d", user, item);
		return;
	}
	tars_app_log(app, TARS_LOG_DEBUG, "user %d buys %d", user, item);
	tars_app_daylog(app, "sales", "%d|%d", user, item);
}

/* Without a configuration, as here, logs go to stderr. */
int main(void)
{
	char error[256];
	struct tars_app *app = tars_start(NULL, error, sizeof(error));

	if (!app) {
		fprintf(stderr, "%s\n", error);
		return 1;
	}
	tars_daylog_period(app, "sales", TARS_LOG_BY_HOUR, 1);
	sell(app, 7, 42);
	sell(app, 7, -1);
	tars_stop(app);
	return 0;
}
