/* Calls the hello service over TLS: tars_secure, before the first call. */
#include <stdio.h>

#include "Hello.h"

static int greet(struct tars_app *app, const char *object)
{
	struct tars_req *rq = tars_begin(app);
	struct tars_call c = { .to = tars_proxy(app, object), .rq = rq };
	struct TestApp_Hello_greet_in in = { .name = TARS_STR("secure world") };
	struct TestApp_Hello_greet_out out;
	int rc = TestApp_Hello_greet(&c, &in, &out);

	printf("%s\n", rc ? c.error : out.text.p);
	tars_end(rq);
	return rc;
}

int main(int argc, char **argv)
{
	struct tars_security security = {
		.object = "TestApp.HelloServer.HelloObj",
		.ca = argc > 2 ? argv[2] : NULL,     /* who signs the certificates of servers */
		.cert = argc > 4 ? argv[3] : NULL,   /* ours, if they ask for it */
		.key = argc > 4 ? argv[4] : NULL,
	};
	char error[512];
	struct tars_app *app;
	int rc;

	if (argc < 3) {
		fprintf(stderr, "usage: %s OBJECT CA [CERT KEY]\n"
			"  %s 'TestApp.HelloServer.HelloObj@ssl -h localhost -p 18600' ca.pem\n",
			argv[0], argv[0]);
		return 64;
	}
	app = tars_start(NULL, error, sizeof(error));
	rc = app ? tars_secure(app, &security, error, sizeof(error)) : 1;
	if (rc)
		fprintf(stderr, "%s\n", error);
	else
		rc = greet(app, argv[1]);
	tars_stop(app);
	return rc != 0;
}
