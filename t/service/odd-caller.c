/*
 * Calls of t/service/odd-server.c, all under way at once: odd-caller OBJECT line|id MS TEXT...
 * Prints "N RC ANSWER" of each in their order; "push TEXT" for what came without having been asked
 * for.  TEXT "oneway X" wants no answer; "quick X" has 300 ms; "wait" waits for those so far;
 * "pushes N" for N pushes.
 */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "odd.h"

enum { MAX_CALLS = 100000 };

static int64_t line_end(const uint8_t *p, size_t n, size_t *at)
{
	const uint8_t *end = memchr(p + *at, '\n', n - *at);

	*at = n;
	return end ? end - p + 1 : 0;
}

static const struct tars_protocol lines = { .frame = line_end };
static const struct tars_protocol ids = { .frame = length_end, .get_id = get_id,
					  .put_id = put_id, .max_size = 1 << 20 };

static bool with_ids;
static atomic_int n_pushes;
static struct tars_pending *calls[MAX_CALLS];
static int n_calls, n_ended;

static struct tars_bytes wrap(struct tars_req *rq, const char *text)
{
	size_t n = strlen(text);
	char *p = tars_alloc(rq, HEAD + n + 1);

	if (!with_ids) {
		memcpy(p, text, n);
		p[n] = '\n';
		return (struct tars_bytes){ (const uint8_t *)p, (uint32_t)n + 1 };
	}
	put32((uint8_t *)p, (uint32_t)(HEAD + n));
	memcpy(p + HEAD, text, n);
	return (struct tars_bytes){ (const uint8_t *)p, (uint32_t)(HEAD + n) };
}

static void print(const char *what, int number, int rc, const struct tars_bytes *m)
{
	uint32_t head = with_ids ? HEAD : 0, tail = with_ids ? 0 : 1;
	int n = (int)(m->n - head - tail);

	printf("%s%d %d %.*s\n", what, number, rc, n > 200 ? 200 : n, (const char *)m->p + head);
}

static void on_push(const void *handlers, void *ctx, int func, const void *out)
{
	(void)handlers;
	(void)ctx;
	print("push ", func, 0, out);
	n_pushes++;
}

static void end_all(struct tars_req *rq)
{
	for (; n_ended < n_calls; n_ended++) {
		struct tars_bytes answer;
		int rc = tars_invoke_end(calls[n_ended], &answer);

		if (rc)
			printf("%d %d %s\n", n_ended, rc, tars_error(rq));
		else
			print("", n_ended, rc, &answer);
	}
}

static void act(struct tars_call *c, const char *text)
{
	struct tars_call quick = *c;
	struct tars_bytes request;
	int rc;

	quick.timeout_ms = 300;
	if (!strncmp(text, "quick ", 6)) {
		act(&quick, text + 6);
	} else if (!strcmp(text, "wait")) {
		end_all(c->rq);
	} else if (!strncmp(text, "pushes ", 7)) {
		while (n_pushes < atoi(text + 7))
			tars_sleep(5);
	} else if (!strncmp(text, "oneway ", 7)) {
		request = wrap(c->rq, text + 7);
		rc = tars_message_oneway(c, &request);
		printf("oneway %d\n", rc);
	} else if (n_calls < MAX_CALLS) {
		request = wrap(c->rq, text);
		calls[n_calls++] = tars_message_begin(c, &request);
	}
}

int main(int argc, char **argv)
{
	char error[256];
	struct tars_app *app = tars_start(NULL, error, sizeof(error));
	struct tars_call c = { .kind = "odd" };

	if (!app || argc < 4)
		return 1;
	with_ids = !strcmp(argv[2], "id");
	c.to = tars_proxy_conf(app, argv[1], &(struct tars_proxy_conf){
		.protocol = with_ids ? &ids : &lines });
	c.rq = tars_begin(app);
	c.timeout_ms = atoi(argv[3]);
	if (with_ids)
		tars_set_push(c.to, &(struct tars_push){ .pushed = on_push });
	for (int i = 4; i < argc; i++)
		act(&c, argv[i]);
	end_all(c.rq);
	tars_end(c.rq);
	tars_stop(app);
	return 0;
}
