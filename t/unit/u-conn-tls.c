/* Connections with TLS: frames, slow and broken handshakes, half-close, water marks, both sides. */
#include <signal.h>
#include <stdlib.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "core/io/tls.h"
#include "t/unit/certs.h"
#include "t/unit/conn-side.h"

static struct certs certs;
static struct tls_ctx *server_ctx, *client_ctx;
static int64_t handshake_ms = 10000;

static void accept_secure(struct listener *l, int fd, const struct sockaddr_any *peer)
{
	struct side *s = container_of(l, struct side, listener);

	on_accepted(l, fd, peer);
	conn_secure(&s->conn, tls_new(server_ctx, NULL, NULL), handshake_ms);
	assert_false(conn_is_open(&s->conn));
}

static struct peer *serve_secure(struct peer *p, void (*talk)(struct peer *, int))
{
	p->accepted = accept_secure;
	return serve_peer(p, talk);
}

/* ---- the peer: the library with blocking calls ---- */

struct client {
	SSL_CTX *ctx;
	SSL *ssl;
};

static void client_begin(struct client *c, int fd)
{
	c->ctx = SSL_CTX_new(TLS_client_method());
	c->ssl = SSL_new(c->ctx);
	SSL_set_fd(c->ssl, fd);
	BUG_ON(SSL_connect(c->ssl) != 1);
}

static void client_end(struct client *c)
{
	SSL_free(c->ssl);
	SSL_CTX_free(c->ctx);
}

static void client_send(struct client *c, const void *data, size_t n)
{
	BUG_ON(SSL_write(c->ssl, data, (int)n) != (int)n);
}

static void client_receive(struct client *c, uint8_t *data, size_t n)
{
	while (n) {
		int k = SSL_read(c->ssl, data, (int)n);

		BUG_ON(k <= 0);
		data += k;
		n -= (size_t)k;
	}
}

/* Reads to the end; true if the server ended TLS in order. */
static bool client_receive_end(struct client *c, size_t *got)
{
	uint8_t data[4096];
	int k;

	while ((k = SSL_read(c->ssl, data, sizeof(data))) > 0)
		*got += (size_t)k;
	k = SSL_get_error(c->ssl, k);
	ERR_clear_error();
	return k == SSL_ERROR_ZERO_RETURN;
}

/* ---- frames ---- */

static void talk_sizes(struct peer *p, int fd)
{
	static const size_t sizes[] = { 5, 6, 700, 16383, 16384, 16385, 65536, 200000, 5 << 20 };
	struct client c;

	client_begin(&c, fd);
	for (size_t i = 0; i < (p->side.narrow ? 6 : sizeof(sizes) / sizeof(*sizes)); i++) {
		uint8_t *frame = malloc(sizes[i]), *back = malloc(sizes[i]);

		put_frame(frame, sizes[i], (uint8_t)i);
		client_send(&c, frame, sizes[i]);
		client_receive(&c, back, sizes[i]);
		BUG_ON(memcmp(frame, back, sizes[i]));
		free(frame);
		free(back);
	}
	SSL_shutdown(c.ssl);
	p->got = client_receive_end(&c, &p->got);
	client_end(&c);
}

static void test_frames(void **state)
{
	struct peer p = { 0 };

	(void)state;
	serve_secure(&p, talk_sizes);
	assert_int_equal(p.side.frames, 9);
	assert_int_equal(p.side.ups, 1);
	assert_int_equal(p.side.why.code, 0);
	assert_int_equal(p.got, 1);
}

static void test_frames_with_narrow_buffers(void **state)
{
	struct peer p = { .side.narrow = true };

	(void)state;
	serve_secure(&p, talk_sizes);
	assert_int_equal(p.side.frames, 6);
	assert_int_equal(p.side.why.code, 0);
}

enum { PIPELINED = 5000, PIPELINED_SIZE = 37 };

static void talk_pipelined(struct peer *p, int fd)
{
	uint8_t *all = malloc((size_t)PIPELINED * PIPELINED_SIZE), back[PIPELINED_SIZE];
	struct client c;

	(void)p;
	for (int i = 0; i < PIPELINED; i++)
		put_frame(all + (size_t)i * PIPELINED_SIZE, PIPELINED_SIZE, (uint8_t)i);
	client_begin(&c, fd);
	client_send(&c, all, (size_t)PIPELINED * PIPELINED_SIZE);
	for (int i = 0; i < PIPELINED; i++) {
		client_receive(&c, back, sizeof(back));
		BUG_ON(back[4] != (uint8_t)i);
	}
	client_end(&c);
	free(all);
}

static void test_many_frames_at_once(void **state)
{
	struct peer p = { 0 };

	(void)state;
	serve_secure(&p, talk_pipelined);
	assert_int_equal(p.side.frames, PIPELINED);
	/* Many answers left together. */
	assert_true(p.side.turns < PIPELINED / 4);
}

/* ---- handshakes ---- */

/* A BIO between the library and the socket that sends byte by byte. */
static int drip(BIO *b, const char *data, int n)
{
	(void)n;
	send_all((int)(intptr_t)BIO_get_data(b), data, 1);
	return 1;
}

static long drip_ctrl(BIO *b, int command, long n, void *p)
{
	(void)b;
	(void)n;
	(void)p;
	return command == BIO_CTRL_FLUSH;
}

static void talk_byte_by_byte(struct peer *p, int fd)
{
	BIO_METHOD *m = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "drip");
	struct client c;
	uint8_t frame[100], back[100];
	BIO *out;

	(void)p;
	BIO_meth_set_write(m, drip);
	BIO_meth_set_ctrl(m, drip_ctrl);
	out = BIO_new(m);
	BIO_set_data(out, (void *)(intptr_t)fd);
	BIO_set_init(out, 1);
	put_frame(frame, sizeof(frame), 3);
	c.ctx = SSL_CTX_new(TLS_client_method());
	c.ssl = SSL_new(c.ctx);
	SSL_set_bio(c.ssl, BIO_new_socket(fd, BIO_NOCLOSE), out);
	BUG_ON(SSL_connect(c.ssl) != 1);
	client_send(&c, frame, sizeof(frame));
	client_receive(&c, back, sizeof(back));
	BUG_ON(memcmp(frame, back, sizeof(frame)));
	client_end(&c);
	BIO_meth_free(m);
}

static void test_byte_by_byte(void **state)
{
	struct peer p = { 0 };

	(void)state;
	serve_secure(&p, talk_byte_by_byte);
	assert_int_equal(p.side.frames, 1);
	assert_int_equal(p.side.why.code, 0);   /* the end without a word is that of TCP */
}

static const uint8_t hello_start[] = { 22, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3, 9, 9, 9, 9, 9 };

/* Says a little now and then, and nothing that is whole. */
static void talk_slowly(struct peer *p, int fd)
{
	struct timeval pause = { .tv_usec = 10000 };
	char c;

	send_all(fd, hello_start, sizeof(hello_start));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &pause, sizeof(pause));
	while (recv(fd, &c, 1, 0) != 0)
		if (send(fd, "\x09", 1, MSG_NOSIGNAL) > 0)
			p->got++;
}

static void test_handshake_without_end(void **state)
{
	struct peer p = { 0 };

	(void)state;
	handshake_ms = 100;
	serve_secure(&p, talk_slowly);
	handshake_ms = 10000;
	assert_int_equal(p.side.frames, 0);
	assert_int_equal(p.side.why.code, TARS_ECONNECT);
	assert_non_null(strstr(p.side.why.text, "the handshake was not done within 100 ms"));
	assert_non_null(strstr(p.side.why.text, p.side.peer_text));
}

static void talk_nothing(struct peer *p, int fd)
{
	(void)p;
	(void)fd;
}

static void talk_half_a_hello(struct peer *p, int fd)
{
	(void)p;
	send_all(fd, hello_start, sizeof(hello_start));
}

static void talk_plain(struct peer *p, int fd)
{
	uint8_t frame[64];

	put_frame(frame, sizeof(frame), 1);
	send_all(fd, frame, sizeof(frame));
	receive_end(p, fd);
}

static void test_broken_handshakes(void **state)
{
	struct peer nothing = { 0 }, half = { 0 }, plain = { 0 };

	(void)state;
	serve_secure(&nothing, talk_nothing);
	assert_int_equal(nothing.side.why.code, 0);   /* a health check */
	serve_secure(&half, talk_half_a_hello);
	assert_int_equal(half.side.why.code, TARS_ECONNECT);
	assert_non_null(strstr(half.side.why.text, "closed during the handshake"));
	serve_secure(&plain, talk_plain);
	assert_int_equal(plain.side.why.code, TARS_ECONNECT);
	assert_non_null(strstr(plain.side.why.text, "does not speak TLS"));
	assert_true(plain.got < 20);   /* an alert */
	assert_int_equal(plain.side.frames, 0);
}

/* ---- ends ---- */

static void talk_half_close(struct peer *p, int fd)
{
	struct client c;
	uint8_t frame[50];

	put_frame(frame, sizeof(frame), 1);
	client_begin(&c, fd);
	for (int i = 0; i < 3; i++)
		client_send(&c, frame, sizeof(frame));
	SSL_shutdown(c.ssl);
	shutdown(fd, SHUT_WR);
	BUG_ON(!client_receive_end(&c, &p->got));
	client_end(&c);
}

static void test_half_close_gets_its_answers(void **state)
{
	struct peer p = { .side.answer_size = 4 << 20 };
	struct peer q = { .side.answer_size = 80 << 10, .side.narrow = true };

	(void)state;
	serve_secure(&p, talk_half_close);
	assert_int_equal(p.side.frames, 3);
	assert_int_equal(p.got, 3 * (4 << 20));
	assert_int_equal(p.side.why.code, 0);
	serve_secure(&q, talk_half_close);
	assert_int_equal(q.got, 3 * (80 << 10));
}

/* Reads when the server has said all, or cannot say more. */
static void talk_and_wait(struct peer *p, int fd)
{
	uint8_t frame[5];
	struct client c;

	put_frame(frame, sizeof(frame), 1);
	client_begin(&c, fd);
	client_send(&c, frame, sizeof(frame));
	for (int i = 0; i < 100 && !p->side.is_down; i++)
		usleep(2000);
	p->got = 0;
	p->late = !p->side.is_down;
	BUG_ON(!client_receive_end(&c, &p->got));
	client_end(&c);
}

/* When the kernel has no room behind the last byte, the end of TLS waits for it all the same. */
static void test_last_answer_fills_the_socket(void **state)
{
	size_t size = 2048;
	bool had_to_wait;

	(void)state;
	do {
		struct peer p = { .side = { .answer_size = size, .last_answer = true,
					    .narrow = true } };

		serve_secure(&p, talk_and_wait);
		assert_int_equal(p.got, size);
		assert_int_equal(p.side.why.code, 0);
		had_to_wait = p.late;
		size += 512;
	} while (!had_to_wait);
}

/* TCP ends and TLS did not: frames have lengths, so nobody can be deceived. */
static void talk_and_cut(struct peer *p, int fd)
{
	struct client c;
	uint8_t frame[50];

	put_frame(frame, sizeof(frame), 1);
	client_begin(&c, fd);
	client_send(&c, frame, sizeof(frame));
	client_send(&c, frame, p->side.fail_at ? 20 : sizeof(frame));
	shutdown(fd, SHUT_WR);
	BUG_ON(client_receive_end(&c, &p->got) != !p->side.fail_at);
	client_end(&c);
}

static void test_end_of_tcp(void **state)
{
	struct peer whole = { 0 }, cut = { .side.fail_at = 99 };

	(void)state;
	serve_secure(&whole, talk_and_cut);
	assert_int_equal(whole.side.frames, 2);
	assert_int_equal(whole.got, 100);
	assert_int_equal(whole.side.why.code, 0);
	serve_secure(&cut, talk_and_cut);
	assert_int_equal(cut.side.frames, 1);
	assert_int_equal(cut.side.why.code, TARS_EPROTO);
	assert_non_null(strstr(cut.side.why.text, "in the middle of a packet"));
}

static void talk_damaged(struct peer *p, int fd)
{
	struct client c;
	uint8_t record[40] = { 23, 3, 3, 0, 35 };

	client_begin(&c, fd);
	send_all(fd, record, sizeof(record));
	receive_end(p, fd);
	client_end(&c);
}

static void test_damaged_record(void **state)
{
	struct peer p = { 0 };

	(void)state;
	serve_secure(&p, talk_damaged);
	assert_int_equal(p.side.frames, 0);
	assert_non_null(strstr(p.side.why.text, "TLS: "));
	assert_non_null(strstr(p.side.why.text, p.side.peer_text));
}

/* Asks for much, reads late. */
static void talk_slow_reader(struct peer *p, int fd)
{
	enum { N = 400 };
	uint8_t frame[1000];
	struct client c;

	put_frame(frame, sizeof(frame), 1);
	client_begin(&c, fd);
	for (int i = 0; i < N; i++)
		client_send(&c, frame, sizeof(frame));
	SSL_shutdown(c.ssl);
	BUG_ON(!client_receive_end(&c, &p->got));
	client_end(&c);
}

static void test_slow_reader(void **state)
{
	struct peer p = { .side.answer_size = 100000 };

	(void)state;
	serve_secure(&p, talk_slow_reader);
	assert_int_equal(p.side.frames, 400);
	assert_int_equal(p.got, 400 * 100000);
	assert_true(p.side.most_out <= 256 * 1024 + 100000);
}

/* ---- both sides ours ---- */

struct both {
	struct side client, server;
	bool plain_server;
};

static void accept_both(struct listener *l, int fd, const struct sockaddr_any *peer)
{
	struct side *s = container_of(l, struct side, listener);
	struct both *b = container_of(s, struct both, server);

	(void)peer;
	conn_open(&s->conn, &side_class, fd);
	if (!b->plain_server)
		conn_secure(&s->conn, tls_new(server_ctx, NULL, NULL), handshake_ms);
}

static void run_both(void *arg)
{
	struct both *b = arg;
	struct sockaddr_any a;
	uint8_t frame[30];
	struct err e;

	b->client.waiter = coro_self();
	b->client.quiet = true;
	b->client.close_at = 2;
	assert_int_equal(listener_open(&b->server.listener, "127.0.0.1", 0, 0, accept_both, &e),
			 0);
	sockaddr_from_ip(&a, "127.0.0.1", listener_port(&b->server.listener));
	assert_int_equal(conn_connect(&b->client.conn, &side_class, &a, 10000, &e), 0);
	conn_secure(&b->client.conn, tls_new(client_ctx, "localhost", &e), 0);
	for (int i = 0; i < 2; i++) {
		put_frame(frame, sizeof(frame), 1);
		buf_add(conn_out(&b->client.conn), frame, sizeof(frame));
		conn_written(&b->client.conn);   /* waits for the connection */
	}
	coro_park();
	while (!b->server.releases)
		coro_sleep_ms(1);
	listener_close(&b->server.listener);
}

static void test_both_sides(void **state)
{
	struct both b = { 0 };

	(void)state;
	io_run(run_both, &b);
	assert_int_equal(b.client.ups, 1);
	assert_int_equal(b.client.frames, 2);
	assert_int_equal(b.server.frames, 2);
	assert_int_equal(b.client.why.code, 0);
	assert_int_equal(b.server.why.code, 0);
}

static void test_server_is_plain(void **state)
{
	struct both b = { .plain_server = true };

	(void)state;
	io_run(run_both, &b);
	assert_int_equal(b.client.ups, 0);
	assert_int_equal(b.client.why.code, TARS_ECONNECT);
	assert_non_null(strstr(b.client.why.text, "(is its endpoint ssl?)"));
	assert_int_equal(b.server.frames, 0);
	assert_int_equal(b.server.why.code, TARS_EPROTO);
}

/* ---- closing ours ---- */

static int silent_fd = -1;

static void accept_and_be_silent(struct listener *l, int fd, const struct sockaddr_any *peer)
{
	(void)l;
	(void)peer;
	silent_fd = fd;
}

static void close_in_handshake(void *arg)
{
	struct side *client = arg;
	struct listener l;
	struct sockaddr_any a;
	struct err e;

	client->waiter = coro_self();
	assert_int_equal(listener_open(&l, "127.0.0.1", 0, 0, accept_and_be_silent, &e), 0);
	sockaddr_from_ip(&a, "127.0.0.1", listener_port(&l));
	assert_int_equal(conn_connect(&client->conn, &side_class, &a, 10000, &e), 0);
	conn_secure(&client->conn, tls_new(client_ctx, NULL, &e), 0);
	while (!client->conn.handshaking || silent_fd < 0)
		coro_sleep_ms(1);
	conn_close_after_flush(&client->conn);
	assert_int_equal(client->downs, 1);
	coro_park();
	close(silent_fd);
	listener_close(&l);
}

static void test_close_in_handshake(void **state)
{
	struct side client = { 0 };

	(void)state;
	io_run(close_in_handshake, &client);
	assert_int_equal(client.ups, 0);
	assert_int_equal(client.why.code, 0);
	assert_int_equal(client.releases, 1);
}

static int begin(void **state)
{
	struct err e = { 0 };

	(void)state;
	certs_begin(&certs);
	certs_make(&certs, "server", "DNS:localhost", 1);
	server_ctx = tls_ctx_new(TLS_SERVER, &(struct tls_conf){
		.cert = certs_path(&certs, "server.pem"),
		.key = certs_path(&certs, "server.key") }, &e);
	client_ctx = tls_ctx_new(TLS_CLIENT, &(struct tls_conf){
		.ca = certs_path(&certs, "ca.pem") }, &e);
	return e.code;
}

static int end(void **state)
{
	(void)state;
	tls_ctx_unref(server_ctx);
	tls_ctx_unref(client_ctx);
	certs_end(&certs);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_frames),
		cmocka_unit_test(test_frames_with_narrow_buffers),
		cmocka_unit_test(test_many_frames_at_once),
		cmocka_unit_test(test_byte_by_byte),
		cmocka_unit_test(test_handshake_without_end),
		cmocka_unit_test(test_broken_handshakes),
		cmocka_unit_test(test_half_close_gets_its_answers),
		cmocka_unit_test(test_last_answer_fills_the_socket),
		cmocka_unit_test(test_end_of_tcp),
		cmocka_unit_test(test_damaged_record),
		cmocka_unit_test(test_slow_reader),
		cmocka_unit_test(test_both_sides),
		cmocka_unit_test(test_server_is_plain),
		cmocka_unit_test(test_close_in_handshake),
	};

	signal(SIGPIPE, SIG_IGN);   /* the library's own sockets do not ask for silence */
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("conn-tls", tests, begin, end);
}
