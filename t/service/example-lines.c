/* A service that speaks lines of text instead of TARS: SET KEY VALUE, GET KEY, QUIT. */
#include <stdio.h>
#include <string.h>

#include "tars.h"

enum { MAX_KEYS = 100 };

static struct pair {
	char key[64], value[256];
} pairs[MAX_KEYS];

/* A message is a line.  What has been looked at holds no end of it. */
static int64_t line_end(const uint8_t *p, size_t n, size_t *at)
{
	const uint8_t *end = memchr(p + *at, '\n', n - *at);

	*at = n;
	return end ? end - p + 1 : 0;
}

static void refuse(struct tars_req *rq, const struct tars_bytes *request, int code,
		   const char *text, struct tars_bytes *answer)
{
	struct tars_str line = tars_strf(rq, "ERROR %d %s\n", code, text);

	(void)request;
	*answer = (struct tars_bytes){ (const uint8_t *)line.p, line.n };
}

static const struct tars_protocol lines = {
	.frame = line_end, .max_size = 1024, .refuse = refuse,
};

static struct pair *find(const char *key)
{
	for (int i = 0; i < MAX_KEYS; i++)
		if (!*pairs[i].key || !strcmp(pairs[i].key, key))
			return &pairs[i];
	return NULL;
}

static int on_line(struct tars_req *rq, const struct tars_bytes *request, struct tars_bytes *answer)
{
	const char *text = tars_strndup(rq, (const char *)request->p, request->n - 1).p;
	struct tars_str line = TARS_STR("OK\n");
	char key[64], value[256];
	struct pair *p;

	if (sscanf(text, "SET %63s %255s", key, value) == 2) {
		p = find(key);
		if (!p)
			return tars_fail(rq, 1, "no room for %s", key);
		memcpy(p->key, key, sizeof(key));
		memcpy(p->value, value, sizeof(value));
	} else if (sscanf(text, "GET %63s", key) == 1) {
		p = find(key);
		line = tars_strf(rq, "VALUE %s\n", p ? p->value : "");
	} else if (!strcmp(text, "QUIT")) {
		tars_hang_up(rq);
	} else {
		return tars_fail(rq, 2, "what is %.20s", text);
	}
	*answer = (struct tars_bytes){ (const uint8_t *)line.p, line.n };
	return 0;
}

int main(int argc, char **argv)
{
	/* One thread runs all of them, so the table needs no lock. */
	static const struct tars_servant servants[] = {
		{ .name = "Test.LineServer.LineObj", .protocol = &lines, .message = on_line,
		  .run = TARS_RUN_INLINE },
		{ 0 }
	};

	return tars_main(argc, argv, &(struct tars_service){ .servants = servants });
}
