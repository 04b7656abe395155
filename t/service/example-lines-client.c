/* Calls of an object that speaks lines of text: example-lines-client OBJECT LINE... */
#include <stdio.h>
#include <string.h>

#include "tars.h"

static int64_t line_end(const uint8_t *p, size_t n, size_t *at)
{
	const uint8_t *end = memchr(p + *at, '\n', n - *at);

	*at = n;
	return end ? end - p + 1 : 0;
}

/* Without ids: the first answer is that of the first request. */
static const struct tars_protocol lines = { .frame = line_end };

static int ask(struct tars_proxy *to, struct tars_req *rq, const char *text)
{
	struct tars_str line = tars_strf(rq, "%s\n", text);
	struct tars_bytes request = { (const uint8_t *)line.p, line.n }, answer;
	struct tars_call c = { .to = to, .rq = rq, .kind = "line" };
	int rc = tars_message(&c, &request, &answer);

	if (rc)
		printf("%d %s\n", rc, c.error);
	else
		printf("%.*s", (int)answer.n, (const char *)answer.p);
	return rc;
}

int main(int argc, char **argv)
{
	char error[256];
	struct tars_app *app = tars_start(NULL, error, sizeof(error));
	struct tars_proxy *to;
	struct tars_req *rq;
	int rc = 0;

	if (!app || argc < 2)
		return 1;
	to = tars_proxy_conf(app, argv[1], &(struct tars_proxy_conf){ .protocol = &lines });
	rq = tars_begin(app);
	for (int i = 2; i < argc && !rc; i++)
		rc = ask(to, rq, argv[i]);
	tars_end(rq);
	tars_stop(app);
	return rc != 0;
}
