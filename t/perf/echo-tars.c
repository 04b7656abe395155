/* The echo service of the benchmarks: `echo-tars inline|coro|pool --listen HOST:PORT`. */
#include <stdio.h>
#include <string.h>

#include "Echo.h"

static int echo(struct tars_req *rq, const struct Perf_Echo_echo_in *in,
		struct Perf_Echo_echo_out *out)
{
	(void)rq;
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
	fputs("usage: echo-tars inline|coro|pool --listen HOST:PORT\n"
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

	if (!strcmp(mode, "inline")) {
		servants[0].run = TARS_RUN_INLINE;
	} else if (!strcmp(mode, "coro")) {
		servants[0].run = TARS_RUN_CORO;
	} else if (!strcmp(mode, "pool")) {
		servants[0].run = TARS_RUN_POOL;
	} else {
		return strcmp(mode, "--help") ? usage(stderr, 64) : usage(stdout, 0);
	}
	argv[1] = argv[0];
	return tars_main(argc - 1, argv + 1, &(struct tars_service){ .servants = servants });
}
