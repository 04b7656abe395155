/* The hello service: answers TestApp.HelloServer.HelloObj. */
#include "Hello.h"

/* in: valid until the reply is sent.  out: filled with the defaults; give it memory of rq. */
static int greet(struct tars_req *rq, const struct TestApp_Hello_greet_in *in,
		 struct TestApp_Hello_greet_out *out)
{
	if (!in->name.n)
		return tars_fail(rq, 1, "the name is empty");
	out->text = tars_strf(rq, "hello %s", in->name.p);
	return TARS_OK;
}

static const struct TestApp_Hello hello = { .greet = greet };

static const struct tars_servant servants[] = {
	{ .name = "TestApp.HelloServer.HelloObj", .iface = &TestApp_Hello_iface, .impl = &hello,
	  .run = TARS_RUN_POOL },
	{ 0 }
};

/* For `tars app`, which loads the service as a shared object. */
TARS_API extern const struct tars_service tars_service;
const struct tars_service tars_service = { .servants = servants };

int main(int argc, char **argv)
{
	return tars_main(argc, argv, &tars_service);
}
