/*
 * For tests of core/rpc: an interface with its descriptors, and a server app in a thread.
 *
 *	module T { interface Rpc {
 *		int echo(string text, out string back);
 *		int work(string what, int number, out int result);
 *	}; };
 */
#ifndef T_UNIT_RPC_TEST_H
#define T_UNIT_RPC_TEST_H

#include <arpa/inet.h>
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/rpc/app_int.h"
#include "core/rpc/server.h"
#include "core/tars.h"
#include "proto/packet.h"

/* ---- the interface ---- */

struct T_Rpc_echo_in { struct tars_str text; };
struct T_Rpc_echo_out { int32_t ret; struct tars_str back; };
struct T_Rpc_work_in { struct tars_str what; int32_t number; };
struct T_Rpc_work_out { int32_t ret; int32_t result; };

struct T_Rpc {
	int (*echo)(struct tars_req *rq, const struct T_Rpc_echo_in *in,
		    struct T_Rpc_echo_out *out);
	int (*work)(struct tars_req *rq, const struct T_Rpc_work_in *in,
		    struct T_Rpc_work_out *out);
};

#define IN_FIELD(s, member, n, t) \
	{ .name = #member, .tag = n, .flags = TARS_REQUIRED, .offset = offsetof(struct s, member), \
	  .type = t }
#define OUT_FIELD(s, member, label, n, t) \
	{ .name = label, .tag = n, .flags = TARS_REQUIRED | TARS_OUT, \
	  .offset = offsetof(struct s, member), .type = t }
#define FLAT(s, list) \
	{ .name = #s, .kind = TARS_STRUCT, .n_fields = sizeof(list) / sizeof(*(list)), \
	  .size = sizeof(struct s), .fields = list }

static const struct tars_field echo_in_fields[] = {
	IN_FIELD(T_Rpc_echo_in, text, 1, &tars_type_string),
};
static const struct tars_field echo_out_fields[] = {
	OUT_FIELD(T_Rpc_echo_out, ret, "", 0, &tars_type_int),
	OUT_FIELD(T_Rpc_echo_out, back, "back", 2, &tars_type_string),
};
static const struct tars_field work_in_fields[] = {
	IN_FIELD(T_Rpc_work_in, what, 1, &tars_type_string),
	IN_FIELD(T_Rpc_work_in, number, 2, &tars_type_int),
};
static const struct tars_field work_out_fields[] = {
	OUT_FIELD(T_Rpc_work_out, ret, "", 0, &tars_type_int),
	OUT_FIELD(T_Rpc_work_out, result, "result", 3, &tars_type_int),
};
static const struct tars_type echo_in_type = FLAT(T_Rpc_echo_in, echo_in_fields);
static const struct tars_type echo_out_type = FLAT(T_Rpc_echo_out, echo_out_fields);
static const struct tars_type work_in_type = FLAT(T_Rpc_work_in, work_in_fields);
static const struct tars_type work_out_type = FLAT(T_Rpc_work_out, work_out_fields);

enum { F_ECHO, F_WORK };
static const struct tars_func rpc_funcs[] = {
	{ "echo", &echo_in_type, &echo_out_type },
	{ "work", &work_in_type, &work_out_type },
};

static int rpc_dispatch(struct tars_req *rq, const void *impl, int func, const void *in, void *out)
{
	const struct T_Rpc *h = impl;

	if (func == F_ECHO)
		return h->echo ? h->echo(rq, in, out) : TARS_ENOFUNC;
	return h->work ? h->work(rq, in, out) : TARS_ENOFUNC;
}

static const struct tars_iface T_Rpc_iface = {
	.name = "T::Rpc", .funcs = rpc_funcs, .n_funcs = 2, .dispatch = rpc_dispatch,
};

/* ---- calls ---- */

static inline struct tars_str str_of(const char *s)
{
	return (struct tars_str){ s, (uint32_t)strlen(s) };
}

static inline int call_echo(struct tars_call *c, const char *text, struct T_Rpc_echo_out *out)
{
	struct T_Rpc_echo_in in = { .text = str_of(text) };

	return tars_invoke(c, &T_Rpc_iface, F_ECHO, &in, out);
}

static inline int call_work(struct tars_call *c, const char *what, int number, int *result)
{
	struct T_Rpc_work_in in = { .what = str_of(what), .number = number };
	struct T_Rpc_work_out out = { 0 };
	int rc = tars_invoke(c, &T_Rpc_iface, F_WORK, &in, &out);

	*result = out.result;
	return rc;
}

/* ---- a server in a thread ---- */

struct rpc_server {
	struct app_conf conf;
	struct adapter_conf adapter;        /* name and endpoint are filled in */
	struct tars_servant servants[8];    /* ends with { 0 } */
	bool secure;                        /* an ssl endpoint, by adapter.tls */
	bool guarded;                       /* one with -e 1, by adapter.access_key */
	struct tars_app *app;
	int port;
	pthread_t thread;
	sem_t ready;
};

static void rpc_server_started(void *arg)
{
	struct rpc_server *s = arg;
	struct err e;

	s->adapter.name = "T.S.Adapter";
	strcpy(s->adapter.ep.host, "127.0.0.1");
	s->adapter.ep.port = s->port;
	s->adapter.ep.type = s->secure ? ENDPOINT_SSL : ENDPOINT_TCP;
	s->adapter.ep.auth = s->guarded;
	if (!s->adapter.idle_ms)
		s->adapter.idle_ms = 60000;
	if (app_listen(s->app, &s->adapter, &s->port, &e)) {
		fprintf(stderr, "%s\n", e.text);
		abort();
	}
	sem_post(&s->ready);
}

static void *rpc_server_thread(void *arg)
{
	struct rpc_server *s = arg;

	app_run(s->app, rpc_server_started, s);
	return NULL;
}

static inline void rpc_server_start(struct rpc_server *s)
{
	struct err e;

	s->app = app_new(&s->conf, &e);
	assert_non_null(s->app);
	for (struct tars_servant *row = s->servants; row->name; row++)
		assert_int_equal(app_add_servant(s->app, row, &e), 0);
	sem_init(&s->ready, 0, 0);
	assert_int_equal(pthread_create(&s->thread, NULL, rpc_server_thread, s), 0);
	sem_wait(&s->ready);
}

static inline void rpc_server_stop(struct rpc_server *s, int64_t grace_ms)
{
	app_stop(s->app, grace_ms);
	pthread_join(s->thread, NULL);
	app_free(s->app);
	sem_destroy(&s->ready);
}

static inline struct tars_proxy *rpc_proxy(struct tars_app *client, const char *object, int port)
{
	char text[128];

	snprintf(text, sizeof(text), "%s@tcp -h 127.0.0.1 -p %d", object, port);
	return tars_proxy(client, text);
}

static inline struct tars_app *rpc_client(void)
{
	char error[256] = "";
	struct tars_app *app = tars_start(NULL, error, sizeof(error));

	assert_string_equal(error, "");
	assert_non_null(app);
	return app;
}

/* ---- raw sockets ---- */

static inline int raw_connect(int port)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct timeval limit = { .tv_sec = 10 };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	return fd;
}

static inline void raw_send(int fd, const struct buf *b)
{
	assert_int_equal(send(fd, buf_head(b), buf_size(b), MSG_NOSIGNAL), (ssize_t)buf_size(b));
}

/* One whole packet into b; false at the end of the connection. */
static inline bool raw_receive(int fd, struct buf *b)
{
	uint8_t head[4];
	uint32_t n;
	ssize_t got = recv(fd, head, 4, MSG_WAITALL);

	if (got != 4)
		return false;
	memcpy(&n, head, 4);
	n = ntohl(n) - 4;
	buf_clear(b);
	assert_int_equal(recv(fd, buf_reserve(b, n), n, MSG_WAITALL), (ssize_t)n);
	b->len += n;
	return true;
}

#endif
