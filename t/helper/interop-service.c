/* The service that recordings of official SDKs were made with: Interop.EchoServer.EchoObj. */
#include "Interop.h"

#define ECHO(func, ret_value) \
	static int func(struct tars_req *rq, const struct Interop_Echo_##func##_in *in, \
			struct Interop_Echo_##func##_out *out) \
	{ \
		(void)rq; \
		out->ret = ret_value; \
		ECHO_##func \
		return TARS_OK; \
	}

#define ECHO_echoString out->outs = in->ins;
#define ECHO_echoScalars out->outv = in->inv;
#define ECHO_echoOpt out->outv = in->inv;
#define ECHO_echoContainers out->outv = in->inv;
#define ECHO_echoHigh out->outv = in->inv;
#define ECHO_echoBytes out->outv = in->inv;

ECHO(echoString, in->ins)
ECHO(echoScalars, in->inv)
ECHO(echoOpt, 0)
ECHO(echoContainers, 0)
ECHO(echoHigh, 0)
ECHO(echoBytes, in->inv)

static int all(struct tars_req *rq, const struct Interop_Echo_all_in *in,
	       struct Interop_Echo_all_out *out)
{
	(void)rq;
	out->ret = true;
	out->ob = in->b;
	out->oi8 = in->i8;
	out->ou8 = in->u8;
	out->oi16 = in->i16;
	out->ou16 = in->u16;
	out->oi32 = in->i32;
	out->ou32 = in->u32;
	out->oi64 = in->i64;
	out->of = in->f;
	out->od = in->d;
	out->ost = in->s;
	out->oe = in->e;
	out->ov = in->v;
	out->om = in->m;
	out->olf = in->lf;
	return TARS_OK;
}

static int ping(struct tars_req *rq, const struct Interop_Echo_ping_in *in,
		struct Interop_Echo_ping_out *out)
{
	(void)rq;
	(void)in;
	out->ret = 42;
	return TARS_OK;
}

static int nop(struct tars_req *rq, const struct Interop_Echo_nop_in *in,
	       struct Interop_Echo_nop_out *out)
{
	(void)rq;
	(void)in;
	(void)out;
	return TARS_OK;
}

static int delay(struct tars_req *rq, const struct Interop_Echo_delay_in *in,
		 struct Interop_Echo_delay_out *out)
{
	(void)rq;
	out->ret = in->ms;
	return tars_sleep(in->ms);
}

static int fail(struct tars_req *rq, const struct Interop_Echo_fail_in *in,
		struct Interop_Echo_fail_out *out)
{
	(void)out;
	if (!in->code)
		return TARS_OK;
	if (in->code == TARS_EUNKNOWN)
		return tars_fail(rq, TARS_EUNKNOWN, "boom");
	return tars_fail(rq, in->code, "asked");
}

static const struct Interop_Echo echo = {
	.ping = ping, .nop = nop, .echoString = echoString, .echoScalars = echoScalars,
	.echoOpt = echoOpt, .echoContainers = echoContainers, .echoHigh = echoHigh,
	.echoBytes = echoBytes, .all = all, .delay = delay, .fail = fail,
};

static const struct tars_servant servants[] = {
	{ "Interop.EchoServer.EchoObj", &Interop_Echo_iface, &echo, TARS_RUN_CORO, NULL },
	{ 0 }
};

int main(int argc, char **argv)
{
	return tars_main(argc, argv, &(struct tars_service){ .servants = servants });
}
