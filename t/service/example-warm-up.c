/* A service that fills its cache before it listens: manuallisten=1 in its configuration. */
#include <pthread.h>
#include <stdio.h>

#include "Probe.h"

static char cache[1000][16];

static int work(struct tars_req *rq, const struct T_Probe_work_in *in, struct T_Probe_work_out *out)
{
	const char *text = cache[(unsigned)in->number % 1000];

	out->text = tars_strf(rq, "%s", text);
	return 0;
}

/* As long as it takes: init() has returned, and the platform knows that we are on our way. */
static void *warm_up(void *app)
{
	char error[256];

	for (int i = 0; i < 1000; i++)
		snprintf(cache[i], sizeof(cache[i]), "number %d", i);
	if (tars_listen(app, NULL, error, sizeof(error)))
		tars_app_log(app, TARS_LOG_ERROR, "%s", error);
	return NULL;
}

static int init(struct tars_app *app)
{
	pthread_t thread;

	return pthread_create(&thread, NULL, warm_up, app) || pthread_detach(thread);
}

int main(int argc, char **argv)
{
	static const struct T_Probe probe = { .work = work };
	static const struct tars_servant servants[] = {
		{ .name = "T.ProbeServer.PoolObj", .iface = &T_Probe_iface, .impl = &probe },
		{ 0 }
	};

	return tars_main(argc, argv, &(struct tars_service){ .servants = servants, .init = init });
}
