/*
 * For tests of the calling side: endpoints on 127.0.0.1, .2, ... of one port that answer, or
 * misbehave each in its own way, and count what they see.
 *
 * All in one thread of the test; a behaviour may be changed at any time.
 */
#ifndef T_UNIT_FAKE_ENDPOINTS_H
#define T_UNIT_FAKE_ENDPOINTS_H

#include <errno.h>
#include <poll.h>

#include "t/unit/rpc-test.h"

enum fake_how {
	FAKE_ANSWERS,    /* with iRet `ret`, and its number as text if that is 0 */
	FAKE_HANGS,
	FAKE_WAITS,      /* answers one request when fake_answer_waiting says so, the others at once */
	FAKE_CLOSES,     /* the connection, on a request */
	FAKE_VERSION,    /* iVersion 2 */
	FAKE_ID,         /* an id that nobody asked for */
	FAKE_GARBAGE,
	FAKE_EMPTY,      /* iRet 0 and no body */
};

enum { FAKE_MAX = 8, FAKE_MAX_CONNS = 64 };

struct fakes {
	int port;
	int n;
	struct {
		int listener;              /* -1: refuses connects */
		_Atomic int how, ret;
		const char *_Atomic desc;  /* with ret */
		_Atomic int timeout_ms;    /* of the last request */
		_Atomic int calls, conns;  /* that came */
		_Atomic int open;          /* connections at present */
	} at[FAKE_MAX];
	int waiting_fd;                    /* FAKE_WAITS: of the request that waits; 0: none */
	int32_t waiting_id;
	_Atomic bool answer_waiting;
	struct {
		int fd, at;                /* fd -1: free */
	} conns[FAKE_MAX_CONNS];
	int control[2];                    /* a byte in is obeyed and comes back */
	bool listens[FAKE_MAX];            /* as it shall be */
	bool stop;
	pthread_t thread;
};

static inline int fake_listen(int at, int port)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK + (unsigned)at) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (!bind(fd, (struct sockaddr *)&in, sizeof(in)) && !listen(fd, 16))
		return fd;
	close(fd);
	return -1;
}

static inline void fake_close(struct fakes *f, int c)
{
	struct linger now = { .l_onoff = 1 };

	setsockopt(f->conns[c].fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(f->conns[c].fd);
	f->conns[c].fd = -1;
	f->at[f->conns[c].at].open--;
}

static inline void fake_reply(int fd, struct response_packet *r, const char *text)
{
	struct T_Rpc_echo_out out = { .back = str_of(text ? text : "") };
	struct buf b = BUF_INIT;
	size_t mark = packet_begin_response(&b, r);

	if (text)
		codec_put_flat(&b, &echo_out_type, &out, 0);
	packet_end_response(&b, mark, r);
	if (send(fd, buf_head(&b), buf_size(&b), MSG_NOSIGNAL) < 0)
		perror("fake endpoint");
	buf_release(&b);
}

static inline void fake_serve(struct fakes *f, int c)
{
	static const uint8_t garbage[] = { 0, 0, 0, 8, 0xff, 0xff, 0xff, 0xff };
	struct response_packet r = { .version = VERSION_TARS };
	int at = f->conns[c].at, fd = f->conns[c].fd;
	struct request_packet head;
	struct buf in = BUF_INIT;
	struct arena a;
	char name[8];

	if (!raw_receive(fd, &in)) {
		fake_close(f, c);
		return;
	}
	arena_init(&a, NULL, 0);
	assert_int_equal(packet_get_request(buf_head(&in), buf_size(&in), &head, &a, NULL), 0);
	r.request_id = head.request_id;
	f->at[at].timeout_ms = head.timeout_ms;
	f->at[at].calls++;
	snprintf(name, sizeof(name), "%d", at);
	switch ((enum fake_how)f->at[at].how) {
	case FAKE_ANSWERS:
		r.ret = f->at[at].ret;
		r.desc = str_of(f->at[at].desc ? f->at[at].desc : "");
		fake_reply(fd, &r, r.ret ? NULL : name);
		break;
	case FAKE_HANGS:
		break;
	case FAKE_WAITS:
		if (f->waiting_fd) {
			fake_reply(fd, &r, name);
		} else {
			f->waiting_fd = fd;
			f->waiting_id = r.request_id;
		}
		break;
	case FAKE_CLOSES:
		fake_close(f, c);
		break;
	case FAKE_VERSION:
		r.version = 2;
		fake_reply(fd, &r, name);
		break;
	case FAKE_ID:
		r.request_id += 1000000;
		fake_reply(fd, &r, name);
		break;
	case FAKE_GARBAGE:
		send(fd, garbage, sizeof(garbage), MSG_NOSIGNAL);
		break;
	case FAKE_EMPTY:
		fake_reply(fd, &r, NULL);
		break;
	}
	buf_release(&in);
	arena_clear(&a);
}

/* Refusing means: nobody listens, and open connections are gone. */
static inline void fake_set_listening(struct fakes *f, int at)
{
	if (f->listens[at] == (f->at[at].listener >= 0))
		return;
	if (f->listens[at]) {
		f->at[at].listener = fake_listen(at, f->port);
		return;
	}
	close(f->at[at].listener);
	f->at[at].listener = -1;
	for (int c = 0; c < FAKE_MAX_CONNS; c++)
		if (f->conns[c].fd >= 0 && f->conns[c].at == at)
			fake_close(f, c);
}

static inline void fake_accept(struct fakes *f, int at)
{
	int fd = accept(f->at[at].listener, NULL, NULL), c = 0;

	while (f->conns[c].fd >= 0)
		c++;
	f->conns[c].fd = fd;
	f->conns[c].at = at;
	f->at[at].conns++;
	f->at[at].open++;
}

static inline void fake_end_wait(struct fakes *f)
{
	struct response_packet r = { .version = VERSION_TARS, .request_id = f->waiting_id };

	for (int c = 0; c < FAKE_MAX_CONNS; c++)
		if (f->conns[c].fd == f->waiting_fd) {
			char name[8];

			snprintf(name, sizeof(name), "%d", f->conns[c].at);
			fake_reply(f->waiting_fd, &r, name);
		}
	f->waiting_fd = 0;
}

static void *fakes_thread(void *arg)
{
	struct fakes *f = arg;
	struct pollfd p[1 + FAKE_MAX + FAKE_MAX_CONNS];
	bool stop = false;
	char byte;

	while (!stop) {
		p[0] = (struct pollfd){ .fd = f->control[1], .events = POLLIN };
		for (int i = 0; i < FAKE_MAX; i++)
			p[1 + i] = (struct pollfd){ .fd = i < f->n ? f->at[i].listener : -1,
						    .events = POLLIN };
		for (int c = 0; c < FAKE_MAX_CONNS; c++)
			p[1 + FAKE_MAX + c] = (struct pollfd){ .fd = f->conns[c].fd,
							       .events = POLLIN };
		poll(p, 1 + FAKE_MAX + FAKE_MAX_CONNS, -1);
		for (int c = 0; c < FAKE_MAX_CONNS; c++)
			if (p[1 + FAKE_MAX + c].revents && f->conns[c].fd >= 0)
				fake_serve(f, c);
		for (int i = 0; i < f->n; i++)
			if (p[1 + i].revents)
				fake_accept(f, i);
		if (!p[0].revents || read(f->control[1], &byte, 1) != 1)
			continue;
		for (int i = 0; i < f->n; i++)
			fake_set_listening(f, i);
		if (f->answer_waiting)
			fake_end_wait(f);
		f->answer_waiting = false;
		stop = f->stop;
		if (write(f->control[1], &byte, 1) != 1)
			abort();
	}
	return NULL;
}

/* Returns when the change has taken effect. */
static inline void fakes_obey(struct fakes *f)
{
	char byte = 0;

	assert_int_equal(write(f->control[0], &byte, 1), 1);
	assert_int_equal(read(f->control[0], &byte, 1), 1);
}

static inline void fake_refuses(struct fakes *f, int at, bool refuses)
{
	f->listens[at] = !refuses;
	fakes_obey(f);
}

static inline void fake_answer_waiting(struct fakes *f)
{
	f->answer_waiting = true;
	fakes_obey(f);
}

static inline void fakes_await_conns(struct fakes *f, int at, int n)
{
	while (f->at[at].open != n)
		usleep(100);
}

static inline struct fakes *fakes_start(int n)
{
	struct fakes *f = calloc(1, sizeof(*f));
	int listening = 0;

	f->n = n;
	for (int c = 0; c < FAKE_MAX_CONNS; c++)
		f->conns[c].fd = -1;
	/* A port that is free on all of the addresses, below those that the kernel hands out. */
	while (listening < n) {
		f->port = 20000 + rand() % 10000;
		for (listening = 0; listening < n; listening++) {
			f->at[listening].listener = fake_listen(listening, f->port);
			if (f->at[listening].listener < 0)
				break;
			f->listens[listening] = true;
		}
		for (int i = 0; listening < n && i < listening; i++)
			close(f->at[i].listener);
	}
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, f->control), 0);
	assert_int_equal(pthread_create(&f->thread, NULL, fakes_thread, f), 0);
	return f;
}

static inline void fakes_stop(struct fakes *f)
{
	f->stop = true;
	fakes_obey(f);
	pthread_join(f->thread, NULL);
	for (int i = 0; i < f->n; i++)
		if (f->at[i].listener >= 0)
			close(f->at[i].listener);
	for (int c = 0; c < FAKE_MAX_CONNS; c++)
		if (f->conns[c].fd >= 0)
			close(f->conns[c].fd);
	close(f->control[0]);
	close(f->control[1]);
	free(f);
}

/* "T.S.Obj@tcp -h 127.0.0.1 -p PORT:tcp -h 127.0.0.2 ..." of the first n. */
static inline void fakes_object(const struct fakes *f, int n, char *text, size_t size)
{
	size_t used = (size_t)snprintf(text, size, "T.S.Obj@");

	for (int i = 0; i < n; i++)
		used += (size_t)snprintf(text + used, size - used, "%stcp -h 127.0.0.%d -p %d",
					 i ? ":" : "", i + 1, f->port);
}

#endif
