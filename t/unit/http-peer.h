/*
 * For tests of HTTP: a server whose handlers wait, fail and answer late as asked, and a client.
 *
 * work(what, number) gives number, after it has done `what`.
 */
#ifndef T_UNIT_HTTP_PEER_H
#define T_UNIT_HTTP_PEER_H

#include "t/unit/rpc-test.h"

#include <poll.h>

#include "core/rpc/http.h"

static struct gate {
	sem_t entered, go;
} gate;

static inline int echo(struct tars_req *rq, const struct T_Rpc_echo_in *in,
		       struct T_Rpc_echo_out *out)
{
	out->ret = (int32_t)in->text.n;
	out->back = tars_strf(rq, "<%s>", in->text.p);
	return TARS_OK;
}

static inline void *reply_from_thread(void *arg)
{
	struct tars_req *rq = arg;
	struct T_Rpc_work_out out = { .result = 77 };

	tars_reply(rq, &out);
	tars_release(rq);
	return NULL;
}

static inline int late(struct tars_req *rq)
{
	pthread_t thread;

	tars_hold(rq);
	assert_int_equal(pthread_create(&thread, NULL, reply_from_thread, rq), 0);
	pthread_detach(thread);
	return TARS_LATER;
}

static inline int work(struct tars_req *rq, const struct T_Rpc_work_in *in,
		       struct T_Rpc_work_out *out)
{
	const char *what = in->what.p;

	out->result = in->number;
	if (!strcmp(what, "wait")) {
		sem_post(&gate.entered);
		sem_wait(&gate.go);
	} else if (!strcmp(what, "go")) {
		sem_post(&gate.go);
	} else if (!strcmp(what, "fail")) {
		return tars_fail(rq, in->number, "code %d was wanted", in->number);
	} else if (!strcmp(what, "late")) {
		return late(rq);
	} else if (!strcmp(what, "forget")) {
		return TARS_LATER;
	} else if (!strcmp(what, "time")) {
		out->result = (int32_t)tars_time_left_ms(rq);
	} else if (!strcmp(what, "context")) {
		tars_set_reply_context(rq, "seen", tars_context(rq, "key") ?: "none");
		tars_set_reply_context(rq, "trace", tars_context(rq, "traceparent") ?: "none");
	}
	return TARS_OK;
}

static const struct T_Rpc impl = { .echo = echo, .work = work };

static inline struct rpc_server *server_new(void)
{
	static const struct tars_servant rows[] = {
		{ "T.S.PoolObj", &T_Rpc_iface, &impl, TARS_RUN_POOL, NULL },
		{ "T.S.CoroObj", &T_Rpc_iface, &impl, TARS_RUN_CORO, NULL },
		{ "T.S.InlineObj", &T_Rpc_iface, &impl, TARS_RUN_INLINE, NULL },
	};
	struct rpc_server *s = calloc(1, sizeof(*s));

	memcpy(s->servants, rows, sizeof(rows));
	s->adapter.threads = 4;
	sem_init(&gate.entered, 0, 0);
	sem_init(&gate.go, 0, 0);
	return s;
}

static inline struct rpc_server *server_start(void)
{
	struct rpc_server *s = server_new();

	rpc_server_start(s);
	return s;
}

static inline void server_free(struct rpc_server *s)
{
	rpc_server_stop(s, 5000);
	sem_destroy(&gate.entered);
	sem_destroy(&gate.go);
	free(s);
}

/* ---- a client ---- */

static inline void send_text(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

static inline void put_call(struct buf *b, const char *path, const char *headers, const char *body)
{
	buf_addf(b, "POST %s HTTP/1.1\r\nHost: t\r\n%sContent-Length: %zu\r\n\r\n%s", path, headers,
		 strlen(body), body);
}

static inline void put_work(struct buf *b, const char *what, int number)
{
	char body[100];

	snprintf(body, sizeof(body), "{\"what\":\"%s\",\"number\":%d}", what, number);
	put_call(b, "/v1/call/T.S.PoolObj/work", "", body);
}

static inline void send_work(int fd, const char *what, int number)
{
	struct buf b = BUF_INIT;

	put_work(&b, what, number);
	raw_send(fd, &b);
	buf_release(&b);
}

/* One response without its date; "" at the end of the connection. */
static inline const char *response(int fd)
{
	static char text[8192];
	size_t n = 0, length = 0;
	char *end = NULL, *field;

	while (!end) {
		assert_true(n < sizeof(text) - 1);
		if (recv(fd, text + n, 1, 0) != 1)
			break;
		text[++n] = '\0';
		end = n >= 4 && !memcmp(text + n - 4, "\r\n\r\n", 4) ? text + n : NULL;
	}
	if (!end)
		return n ? "cut" : "";
	field = strstr(text, "content-length: ");
	if (field)
		length = strtoul(field + 16, NULL, 10);
	assert_true(n + length < sizeof(text));
	if (length && recv(fd, text + n, length, MSG_WAITALL) != (ssize_t)length)
		return "cut";
	text[n + length] = '\0';
	field = strstr(text, "date: ");
	if (field)
		memmove(field, strchr(field, '\n') + 1, strlen(strchr(field, '\n')));
	return text;
}

static inline void assert_starts(const char *text, const char *with)
{
	if (strncmp(text, with, strlen(with)))
		fail_msg("'%s' does not start with '%s'", text, with);
}

static inline void assert_has(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("'%s' is not in '%s'", part, text);
}

static inline bool is_silent(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, 0) == 0;
}

#endif
