/* Calls the hello service in every way: sync, async, fan-out, one-way, and with errors. */
#include <semaphore.h>
#include <stdio.h>
#include <string.h>

#include "Hello.h"

struct answer {
	struct tars_req *rq;
	sem_t arrived;
};

static void greeted(void *ctx, int rc, const struct TestApp_Hello_greet_out *out)
{
	struct answer *answer = ctx;

	printf("async: %s\n", rc ? tars_error(answer->rq) : out->text.p);
	sem_post(&answer->arrived);
}

/* One call that waits for its result.  What it returns lives as long as rq. */
static int say(struct tars_proxy *hello, struct tars_req *rq, const char *name)
{
	struct tars_call c = { .to = hello, .rq = rq };
	struct TestApp_Hello_greet_in in = { .name = { name, (uint32_t)strlen(name) } };
	struct TestApp_Hello_greet_out out;
	int rc = TestApp_Hello_greet(&c, &in, &out);

	if (rc)
		printf("sync: code %d: %s\n", rc, c.error);
	else
		printf("sync: %s\n", out.text.p);
	return rc;
}

/* Many calls under way at once; each begin wants its end. */
static int say_to_all(struct tars_proxy *hello, struct tars_req *rq)
{
	static const struct tars_str names[] = { { "ann", 3 }, { "bob", 3 }, { "eve", 3 } };
	struct tars_pending *calls[3];
	struct TestApp_Hello_greet_out out;
	int failed = 0;

	for (int i = 0; i < 3; i++) {
		struct tars_call c = { .to = hello, .rq = rq };

		calls[i] = TestApp_Hello_greet_begin(
			&c, &(struct TestApp_Hello_greet_in){ .name = names[i] });
	}
	for (int i = 0; i < 3; i++) {
		int rc = TestApp_Hello_greet_end(calls[i], &out);

		printf("fan-out: %s\n", rc ? tars_error(rq) : out.text.p);
		failed |= rc;
	}
	return failed;
}

static int talk(struct tars_proxy *hello, struct tars_req *rq)
{
	struct tars_call c = { .to = hello, .rq = rq, .timeout_ms = 500 };
	struct TestApp_Hello_greet_in in = { .name = TARS_STR("async") };
	struct answer answer = { .rq = rq };

	if (say(hello, rq, "world"))
		return 1;
	if (say(hello, rq, "") != 1)   /* the handler refuses: its code and text arrive here */
		return 1;
	if (say_to_all(hello, rq))
		return 1;
	if (TestApp_Hello_greet_oneway(&c, &in))
		return 1;
	sem_init(&answer.arrived, 0, 0);
	if (TestApp_Hello_greet_async(&c, &in, greeted, &answer))
		return 1;
	sem_wait(&answer.arrived);
	return 0;
}

int main(int argc, char **argv)
{
	char error[256];
	struct tars_app *app;
	struct tars_req *rq;
	int rc;

	if (argc < 2 || argc > 3) {
		fprintf(stderr, "usage: %s OBJECT [LOCATOR]\n"
			"  %s 'TestApp.HelloServer.HelloObj@tcp -h 127.0.0.1 -p 18600'\n"
			"  %s TestApp.HelloServer.HelloObj "
			"'tars.tarsregistry.QueryObj@tcp -h 127.0.0.1 -p 17890'\n",
			argv[0], argv[0], argv[0]);
		return 64;
	}
	app = tars_start(argc > 2 ? argv[2] : NULL, error, sizeof(error));
	if (!app) {
		fprintf(stderr, "%s\n", error);
		return 1;
	}
	rq = tars_begin(app);
	rc = talk(tars_proxy(app, argv[1]), rq);
	tars_end(rq);
	tars_stop(app);
	return rc;
}
