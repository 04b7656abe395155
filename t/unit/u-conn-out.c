/* Connection: output that is put together from many pieces, and the memory for it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/io/conn.h"
#include "t/unit/io-run.h"

enum { PIECES = 40, TURNS = 3, SPARE_LIMIT = 1 << 20 };

struct writer {
	struct conn conn;
	struct coro *waiter;
	int fd;                /* the peer's end */
	size_t sent, got;
	bool is_right;
};

/* The byte at any place of the stream. */
static uint8_t byte_at(size_t i)
{
	return (uint8_t)(i * 7 + i / 251);
}

static void on_down(struct conn *c, const struct err *why)
{
	(void)c;
	assert_int_equal(why->code, 0);
}

static void on_release(struct conn *c)
{
	coro_wake(container_of(c, struct writer, conn)->waiter);
}

static int on_frame(struct conn *c, uint8_t *data, size_t n, struct err *e)
{
	(void)c;
	(void)data;
	(void)n;
	(void)e;
	fail_msg("the peer sends nothing");
	return 0;
}

static const struct conn_class class = {
	.frame = on_frame, .down = on_down, .release = on_release,
};

static void *read_all(void *arg)
{
	struct writer *w = arg;
	uint8_t data[4096];
	ssize_t n;

	w->is_right = true;
	while ((n = read(w->fd, data, sizeof(data))) > 0)
		for (ssize_t i = 0; i < n; i++)
			w->is_right &= data[i] == byte_at(w->got++);
	close(w->fd);
	return NULL;
}

static void fill(struct writer *w, struct buf *b, size_t n)
{
	uint8_t *p = buf_reserve(b, n);

	for (size_t i = 0; i < n; i++)
		p[i] = byte_at(w->sent++);
	b->len += n;
}

/* Small and large ones, appended and written in place. */
static void write_pieces(struct writer *w)
{
	struct buf piece = BUF_INIT;

	for (unsigned i = 0; i < PIECES; i++) {
		size_t n = i % 5 ? 1 + i * 37 : 3000 * i + 1;

		if (i % 3) {
			fill(w, &piece, n);
			conn_append(&w->conn, &piece);
			assert_int_equal(buf_size(&piece), 0);
		} else {
			fill(w, conn_out(&w->conn), n);
			conn_written(&w->conn);
		}
	}
	buf_release(&piece);
}

static void send_pieces(void *arg)
{
	struct writer *w = arg;
	int ends[2];
	pthread_t reader;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), 0);
	w->fd = ends[1];
	assert_int_equal(fcntl(w->fd, F_SETFL, 0), 0);
	w->waiter = coro_self();
	conn_open(&w->conn, &class, ends[0]);
	w->conn.high_water = w->conn.max_out = SIZE_MAX;
	for (unsigned i = 0; i < TURNS; i++)
		write_pieces(w);
	assert_int_equal(pthread_create(&reader, NULL, read_all, w), 0);
	conn_close_after_flush(&w->conn);
	coro_park();
	assert_int_equal(pthread_join(reader, NULL), 0);
}

static void test_pieces_arrive_in_order(void **state)
{
	struct writer w = { 0 };

	(void)state;
	io_run(send_pieces, &w);
	assert_true(w.is_right);
	assert_int_equal(w.got, w.sent);
}

static void lend_and_give_back(void *arg)
{
	struct buf b, other;
	const uint8_t *memory;

	(void)arg;
	reactor_lend(&b);
	assert_int_equal(b.cap, 0);   /* nothing was given back yet */
	buf_reserve(&b, 100000);
	b.len = 5;
	memory = b.data;
	reactor_give_back(&b);
	assert_true(!b.data && !b.cap && !b.len);

	/* It is lent once, and empty. */
	reactor_lend(&b);
	assert_ptr_equal(b.data, memory);
	assert_int_equal(buf_size(&b), 0);
	reactor_lend(&other);
	assert_int_equal(other.cap, 0);

	/* The larger one is kept. */
	buf_reserve(&other, 10);
	reactor_give_back(&other);
	reactor_give_back(&b);
	reactor_lend(&b);
	assert_ptr_equal(b.data, memory);
	reactor_give_back(&b);

	/* And none that is too large. */
	buf_reserve(&other, SPARE_LIMIT + 1);
	reactor_give_back(&other);
	assert_int_equal(other.cap, 0);
	reactor_lend(&b);
	assert_ptr_equal(b.data, memory);
	buf_release(&b);
}

static void test_one_buffer_is_passed_on(void **state)
{
	(void)state;
	io_run(lend_and_give_back, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pieces_arrive_in_order),
		cmocka_unit_test(test_one_buffer_is_passed_on),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
