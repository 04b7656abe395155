/* Several calls at once: all answers as they come; then the first one only. */
#include <stdio.h>

#include "Fleet.h"

enum { MAX = 8 };

static void all_answers(struct tars_call *c, struct tars_proxy **servers, int n)
{
	struct tars_pending *calls[MAX];
	int i;

	for (i = 0; i < n; i++) {
		c->to = servers[i];
		calls[i] = T_Fleet_name_begin(c, &(struct T_Fleet_name_in){ 0 });
	}
	while ((i = tars_wait_any(calls, n)) >= 0) {
		struct T_Fleet_name_out out;

		if (T_Fleet_name_end(calls[i], &out))
			printf("%s\n", tars_error(c->rq));
		else
			printf("server %d is %s\n", i, out.ret.p);
		calls[i] = NULL;
	}
}

static void first_answer(struct tars_call *c, struct tars_proxy **servers, int n)
{
	struct tars_pending *calls[MAX];
	struct T_Fleet_name_out out;
	int first;

	for (int i = 0; i < n; i++) {
		c->to = servers[i];
		calls[i] = T_Fleet_name_begin(c, &(struct T_Fleet_name_in){ 0 });
	}
	first = tars_wait_any(calls, n);
	for (int i = 0; i < n; i++) {
		if (i != first)
			tars_cancel(calls[i]);
		/* Every begin wants its end, the cancelled ones too. */
		if (!T_Fleet_name_end(calls[i], &out) && i == first)
			printf("the first is %s\n", out.ret.p);
	}
}

int main(int argc, char **argv)
{
	struct tars_proxy *servers[MAX];
	char error[256];
	struct tars_app *app = tars_start(NULL, error, sizeof(error));
	struct tars_call c = { .timeout_ms = 5000 };
	int n = 0;

	if (!app) {
		fprintf(stderr, "%s\n", error);
		return 1;
	}
	for (; n < argc - 1 && n < MAX; n++)
		servers[n] = tars_proxy(app, argv[n + 1]);
	c.rq = tars_begin(app);
	all_answers(&c, servers, n);
	first_answer(&c, servers, n);
	tars_end(c.rq);
	tars_stop(app);
	return 0;
}
