/* The echo service of the benchmarks: `echo-tars inline|coro|pool [next=PORT] --listen HOST:PORT`.
 * With next= it calls the one that listens there for each answer. */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "Echo.h"

static char next_object[96];
static struct tars_proxy *next;

static int init(struct tars_app *app)
{
	if (*next_object)
		next = tars_proxy(app, next_object);
	return 0;
}

static int echo(struct tars_req *rq, const struct Perf_Echo_echo_in *in,
		struct Perf_Echo_echo_out *out)
{
	struct tars_call c = { .to = next, .rq = rq };

	if (next)
		return Perf_Echo_echo(&c, in, out);
	out->ret = in->text;
	return TARS_OK;
}

static int nap(struct tars_req *rq, const struct Perf_Echo_nap_in *in,
	       struct Perf_Echo_nap_out *out)
{
	(void)rq;
	(void)out;
	return tars_sleep(in->ms);
}

static const struct Perf_Echo impl = { .echo = echo, .nap = nap };

static int usage(FILE *f, int status)
{
	fputs("usage: echo-tars inline|coro|pool [next=PORT] --listen HOST:PORT\n"
	      "       (and the other options of services: echo-tars inline --help)\n", f);
	return status;
}

int main(int argc, char **argv)
{
	struct tars_servant servants[] = {
		{ "Perf.EchoServer.EchoObj", &Perf_Echo_iface, &impl, TARS_RUN_INLINE, NULL },
		{ 0 }
	};
	const char *mode = argc > 1 ? argv[1] : "";
	bool has_next;

	if (!strcmp(mode, "inline")) {
		servants[0].run = TARS_RUN_INLINE;
	} else if (!strcmp(mode, "coro")) {
		servants[0].run = TARS_RUN_CORO;
	} else if (!strcmp(mode, "pool")) {
		servants[0].run = TARS_RUN_POOL;
	} else {
		return strcmp(mode, "--help") ? usage(stderr, 64) : usage(stdout, 0);
	}
	has_next = argc > 2 && !strncmp(argv[2], "next=", 5);
	if (has_next)
		snprintf(next_object, sizeof(next_object),
			 "Perf.EchoServer.EchoObj@tcp -h 127.0.0.1 -p %.5s", argv[2] + 5);
	argv[1 + has_next] = argv[0];
	return tars_main(argc - 1 - has_next, argv + 1 + has_next,
			 &(struct tars_service){ .servants = servants, .init = init });
}
