/*
 * OddServer: servants with protocols of their own, which do what they are told.  LineObj: lines,
 * answers in order; IdObj: length and id of 4 bytes each in front of the text.  Text:
 *
 *	echo X      X
 *	sleep N     its own text, after N ms
 *	later N     the same from another thread
 *	none        no answer
 *	never       puts the answer off and forgets it
 *	fail N      fails with N
 *	quit        "bye", and the end of the connection
 *	push X      X to this connection, again and again: "push N X" N times, and then "done"
 *	big N       N bytes of 'x'
 *	ask X|Y     what the LineObj X answers to Y
 *
 * "size N" makes frame() say N, "at N" leaves N in *at.  ODD_RUN: POOL, CORO or INLINE;
 * ODD_SERVANT: the servant that --listen serves.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "odd.h"

enum { MAX_SIZE = 1 << 20 };

/* ---- protocols ---- */

static int64_t odd(const uint8_t *p, size_t n, size_t *at)
{
	char text[32] = "";
	long long number = 0;

	memcpy(text, p, n < sizeof(text) - 1 ? n : sizeof(text) - 1);
	if (sscanf(text, "size %lld", &number) == 1 && strchr(text, '\n'))
		return number;
	if (sscanf(text, "at %lld", &number) == 1)
		*at = (size_t)number;
	return 0;
}

static int64_t line_end(const uint8_t *p, size_t n, size_t *at)
{
	const uint8_t *end;
	int64_t size = *p == 's' || *p == 'a' ? odd(p, n, at) : 0;

	if (size)
		return size;
	if (!*p)
		return -1;
	end = memchr(p, '\n', n);
	return end ? end - p + 1 : 0;
}

static bool has_ids(struct tars_req *rq)
{
	return tars_data(rq) != NULL;
}

static struct tars_bytes wrap(struct tars_req *rq, uint32_t id, const char *text, size_t n)
{
	size_t head = has_ids(rq) ? HEAD : 0, tail = head ? 0 : 1;
	uint8_t *p = tars_alloc(rq, head + n + tail);

	if (head) {
		put32(p, (uint32_t)(HEAD + n));
		put32(p + 4, id);
	} else {
		p[n] = '\n';
	}
	memcpy(p + head, text, n);
	return (struct tars_bytes){ p, (uint32_t)(head + n + tail) };
}

static uint32_t id_of(struct tars_req *rq, const struct tars_bytes *m)
{
	return has_ids(rq) ? get32(m->p + 4) : 0;
}

static void refuse(struct tars_req *rq, const struct tars_bytes *request, int code,
		   const char *text, struct tars_bytes *answer)
{
	struct tars_str s = tars_strf(rq, "ERROR %d %s", code, text);

	*answer = wrap(rq, id_of(rq, request), s.p, s.n);
}

static const struct tars_protocol lines = { .frame = line_end, .max_size = MAX_SIZE,
					    .refuse = refuse };
/* This one closes instead. */
static const struct tars_protocol rude = { .frame = line_end };
static const struct tars_protocol ids = { .frame = length_end, .max_size = MAX_SIZE,
					  .get_id = get_id, .put_id = put_id, .refuse = refuse };

/* ---- handlers ---- */

struct late {
	struct tars_req *rq;
	struct tars_bytes answer;
	int ms;
};

static void *answer_late(void *arg)
{
	struct late *l = arg;

	usleep((useconds_t)l->ms * 1000);
	tars_reply(l->rq, &l->answer);
	tars_release(l->rq);
	return NULL;
}

static int be_late(struct tars_req *rq, int ms, struct tars_bytes answer)
{
	struct late *l = tars_alloc(rq, sizeof(*l));
	pthread_t thread;

	*l = (struct late){ rq, answer, ms };
	tars_hold(rq);
	if (pthread_create(&thread, NULL, answer_late, l))
		abort();
	pthread_detach(thread);
	return TARS_LATER;
}

static int push(struct tars_req *rq, int times, const char *text)
{
	struct tars_client *c = tars_client_ref(rq);
	struct tars_bytes message = wrap(rq, 0, text, strlen(text));
	int rc = c ? 0 : TARS_EARG;

	for (int i = 0; i < times && !rc; i++)
		rc = tars_client_send(c, &message);
	tars_client_unref(c);
	return rc;
}

static int ask(struct tars_req *rq, const char *object, struct tars_bytes *answer)
{
	const char *bar = strchr(object, '|');
	struct tars_str name = tars_strndup(rq, object, bar ? (size_t)(bar - object) : 0);
	struct tars_str line = tars_strf(rq, "%s\n", bar ? bar + 1 : "");
	struct tars_bytes request = { (const uint8_t *)line.p, line.n };
	struct tars_call c = {
		.to = tars_proxy_conf(tars_app_of(rq), name.p, &(struct tars_proxy_conf){
			.protocol = &lines }),
		.rq = rq, .kind = "asked",
	};
	int rc = tars_message(&c, &request, answer);

	return rc ? tars_fail(rq, rc, "%s", c.error) : 0;
}

static int on_message(struct tars_req *rq, const struct tars_bytes *request,
		      struct tars_bytes *answer)
{
	size_t head = has_ids(rq) ? HEAD : 0;
	size_t n = request->n - head - (head ? 0 : 1);
	struct tars_str text = tars_strndup(rq, (const char *)request->p + head, n);
	uint32_t id = id_of(rq, request);
	int number = 0, rest = 0;

	*answer = wrap(rq, id, text.p, text.n);
	if (!strncmp(text.p, "echo ", 5))
		*answer = wrap(rq, id, text.p + 5, text.n - 5);
	else if (sscanf(text.p, "sleep %d", &number) == 1)
		return tars_sleep(number);
	else if (sscanf(text.p, "later %d", &number) == 1)
		return be_late(rq, number, *answer);
	else if (!strcmp(text.p, "none"))
		*answer = (struct tars_bytes){ 0 };
	else if (!strcmp(text.p, "never"))
		return TARS_LATER;
	else if (sscanf(text.p, "fail %d", &number) == 1)
		return tars_fail(rq, number, "as told");
	else if (!strncmp(text.p, "ask ", 4))
		return ask(rq, text.p + 4, answer);
	else if (!strcmp(text.p, "quit"))
		tars_hang_up(rq);
	else if (sscanf(text.p, "push %d %n", &number, &rest) == 1)
		return push(rq, number, text.p + rest);
	else if (sscanf(text.p, "big %d", &number) == 1)
		*answer = wrap(rq, id, memset(tars_alloc(rq, (size_t)number), 'x', (size_t)number),
			       (size_t)number);
	return 0;
}

int main(int argc, char **argv)
{
	static struct tars_servant servants[] = {
		{ .name = "T.OddServer.LineObj", .protocol = &lines, .message = on_message },
		{ .name = "T.OddServer.RudeObj", .protocol = &rude, .message = on_message },
		{ .name = "T.OddServer.IdObj", .protocol = &ids, .message = on_message,
		  .data = servants },
		{ 0 }
	};
	const char *run = getenv("ODD_RUN"), *first = getenv("ODD_SERVANT");

	for (struct tars_servant *s = servants; s->name; s++) {
		struct tars_servant swap = *s;

		s->run = !run || *run == 'P' ? TARS_RUN_POOL : *run == 'C' ? TARS_RUN_CORO :
									   TARS_RUN_INLINE;
		if (first && !strcmp(strrchr(s->name, '.') + 1, first)) {
			swap = *s;
			*s = servants[0];
			servants[0] = swap;
		}
	}
	return tars_main(argc, argv, &(struct tars_service){ .servants = servants });
}
