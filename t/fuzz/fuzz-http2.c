/*
 * HTTP/2: any bytes behind the preface leave a server that still serves, and a connection that ends.
 *
 * The first byte of an input says how the rest is meant.  Even: it goes out as it is.  Odd: it is a
 * row of frames, { type, flags, stream, size, that many bytes }, which get proper heads: so most of
 * what is tried comes through nghttp2 and reaches streams and calls.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/rpc/app_int.h"
#include "core/rpc/server.h"
#include "proto/buf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum { MAX_ANSWER = 200000, PATIENCE_S = 120 };

/* ---- the servant: T.S.InlineObj and T.S.CoroObj ---- */

struct work_in {
	struct tars_str text;
	int32_t n;
};
struct work_out {
	int32_t ret;
	struct tars_str text;
};

static const struct tars_field in_fields[] = {
	{ .name = "text", .tag = 1, .flags = TARS_REQUIRED, .offset = offsetof(struct work_in, text),
	  .type = &tars_type_string },
	{ .name = "n", .tag = 2, .flags = TARS_REQUIRED, .offset = offsetof(struct work_in, n),
	  .type = &tars_type_int },
};
static const struct tars_field out_fields[] = {
	{ .name = "tars_ret", .tag = 0, .flags = TARS_REQUIRED,
	  .offset = offsetof(struct work_out, ret), .type = &tars_type_int },
	{ .name = "text", .tag = 3, .flags = TARS_REQUIRED,
	  .offset = offsetof(struct work_out, text), .type = &tars_type_string },
};
static const struct tars_type in_type = { .name = "in", .kind = TARS_STRUCT, .n_fields = 2,
					  .size = sizeof(struct work_in), .fields = in_fields };
static const struct tars_type out_type = { .name = "out", .kind = TARS_STRUCT, .n_fields = 2,
					   .size = sizeof(struct work_out), .fields = out_fields };
static const struct tars_func funcs[] = { { .name = "work", .in = &in_type, .out = &out_type } };

static void answer_late(struct tars_req *own, void *arg)
{
	struct tars_req *rq = arg;

	(void)own;
	tars_reply(rq, &(struct work_out){ .text = TARS_STR("late") });
	tars_release(rq);
}

/* A code, a late answer, or the text n times. */
static int work(struct tars_req *rq, const void *impl, int func, const void *p, void *q)
{
	const struct work_in *in = p;
	struct work_out *out = q;
	size_t size = (size_t)in->text.n * (size_t)(in->n > 0 ? in->n : 0);
	char *text;

	(void)impl;
	(void)func;
	if (in->n < 0)
		return tars_fail(rq, in->n % 100, "%s", in->text.p);
	if (in->n == 7) {
		tars_hold(rq);
		app_spawn(tars_app_of(rq), answer_late, rq);
		return TARS_LATER;
	}
	size = size < MAX_ANSWER ? size : MAX_ANSWER;
	text = tars_alloc(rq, size + 1);
	for (size_t i = 0; i < size; i++)
		text[i] = in->text.p[i % in->text.n];
	out->text = (struct tars_str){ text, (uint32_t)size };
	return TARS_OK;
}

static const struct tars_iface iface = {
	.name = "T::Fuzz", .funcs = funcs, .n_funcs = 1, .dispatch = work,
};

/* ---- the server, for all inputs ---- */

static struct tars_app *app;
static sem_t is_ready;

/* Nobody connects to the port: its adapter is what connections need. */
static void started(void *arg)
{
	struct adapter_conf adapter = { .name = "T.S.Adapter", .idle_ms = 60000,
					.ep = { .host = "127.0.0.1", .type = ENDPOINT_TCP } };

	(void)arg;
	BUG_ON(app_listen(app, &adapter, NULL, NULL));
	sem_post(&is_ready);
}

static void *run_server(void *arg)
{
	app_run(app, started, arg);
	return NULL;
}

static void start_server(void)
{
	static const struct tars_servant servants[] = {
		{ .name = "T.S.InlineObj", .iface = &iface, .impl = &iface,
		  .run = TARS_RUN_INLINE },
		{ .name = "T.S.CoroObj", .iface = &iface, .impl = &iface,
		  .run = TARS_RUN_CORO },
	};
	pthread_t thread;
	struct err e;

	app = app_new(&(struct app_conf){ 0 }, &e);
	BUG_ON(!app);
	for (size_t i = 0; i < sizeof(servants) / sizeof(*servants); i++)
		BUG_ON(app_add_servant(app, &servants[i], &e));
	sem_init(&is_ready, 0, 0);
	BUG_ON(pthread_create(&thread, NULL, run_server, NULL));
	pthread_detach(thread);
	sem_wait(&is_ready);
}

/* ---- one input ---- */

struct accepting {
	struct task task;
	int fd;
};

static void accept_posted(struct task *t)
{
	static const struct sockaddr_any peer = { .un.sun_family = AF_UNIX,
						  .len = sizeof(sa_family_t) };
	struct accepting *a = container_of(t, struct accepting, task);

	server_accept(adapter_next(app, NULL), &app->loops[0], a->fd, &peer);
}

static size_t put_frame(struct buf *b, const uint8_t *p, size_t n)
{
	size_t size = n - 4 < p[3] ? n - 4 : p[3];
	uint8_t head[9] = { 0, 0, (uint8_t)size, p[0], p[1], 0, 0, 0, p[2] };

	buf_add(b, head, sizeof(head));
	buf_add(b, p + 4, size);
	return 4 + size;
}

static void put_input(struct buf *b, const uint8_t *data, size_t n)
{
	static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0";

	buf_add(b, preface, sizeof(preface));   /* with the last 0 of an empty SETTINGS */
	if (data[0] % 2 == 0) {
		buf_add(b, data + 1, n - 1);
		return;
	}
	for (size_t at = 1; n - at >= 4;)
		at += put_frame(b, data + at, n - at);
}

/* Sends all, ends its side, and reads to the end. */
static void talk(int fd, const struct buf *b)
{
	struct timeval patience = { .tv_sec = PATIENCE_S };
	char room[65536];
	ssize_t k;

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	/* It may be closed on what came first. */
	send(fd, buf_head(b), buf_size(b), MSG_NOSIGNAL);
	shutdown(fd, SHUT_WR);
	do
		k = recv(fd, room, sizeof(room), 0);
	while (k > 0 || (k < 0 && errno == EINTR));
	BUG_ON(k < 0 && errno != ECONNRESET);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct accepting a = { .task.run = accept_posted };
	struct buf b = BUF_INIT;
	int fds[2];

	if (!app)
		start_server();
	if (!n || n > 65536)
		return 0;
	put_input(&b, data, n);
	BUG_ON(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds));
	BUG_ON(fcntl(fds[1], F_SETFL, O_NONBLOCK));
	a.fd = fds[1];
	reactor_post(app_reactor(app), &a.task);
	talk(fds[0], &b);
	close(fds[0]);
	buf_release(&b);
	return 0;
}
