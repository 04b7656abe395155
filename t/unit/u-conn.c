/* Connections: partial, many and large frames, peers that go, water marks, closing. */
#include "t/unit/conn-side.h"

#include <stdlib.h>

/* ---- frames ---- */

static void talk_in_pieces(struct peer *p, int fd)
{
	enum { N = 700 };
	uint8_t frame[N], back[N];

	(void)p;
	put_frame(frame, N, 7);
	for (size_t cut = 1; cut < N; cut += cut < 10 ? 1 : 97) {
		send_all(fd, frame, cut);
		send_all(fd, frame + cut, N - cut);
		receive_all(fd, back, N);
		BUG_ON(memcmp(frame, back, N));
	}
}

static void test_frames_in_pieces(void **state)
{
	struct peer p = { 0 };

	(void)state;
	serve_peer(&p, talk_in_pieces);
	assert_int_equal(p.side.why.code, 0);
	assert_int_equal(p.side.frame_bytes, 700 * p.side.frames);
	assert_int_equal(p.side.ups, 0);
}

enum { PIPELINED = 20000, PIPELINED_SIZE = 37 };

static void *send_pipelined(void *arg)
{
	uint8_t *all = malloc((size_t)PIPELINED * PIPELINED_SIZE);

	for (int i = 0; i < PIPELINED; i++)
		put_frame(all + (size_t)i * PIPELINED_SIZE, PIPELINED_SIZE, (uint8_t)i);
	send_all(((struct peer *)arg)->fd, all, (size_t)PIPELINED * PIPELINED_SIZE);
	free(all);
	return NULL;
}

static void talk_pipelined(struct peer *p, int fd)
{
	uint8_t back[PIPELINED_SIZE];
	pthread_t sender;

	BUG_ON(pthread_create(&sender, NULL, send_pipelined, p));
	for (int i = 0; i < PIPELINED; i++) {
		receive_all(fd, back, sizeof(back));
		BUG_ON(back[4] != (uint8_t)i);
	}
	pthread_join(sender, NULL);
}

static void test_many_frames_at_once(void **state)
{
	struct peer p = { 0 };

	(void)state;
	serve_peer(&p, talk_pipelined);
	assert_int_equal(p.side.frames, PIPELINED);
	assert_int_equal(p.side.why.code, 0);
}

static void talk_large(struct peer *p, int fd)
{
	enum { N = 5 << 20 };
	uint8_t *frame = malloc(N), *back = malloc(N);

	(void)p;
	put_frame(frame, N, 9);
	for (int i = 0; i < 2; i++) {
		send_all(fd, frame, N);
		receive_all(fd, back, N);
		BUG_ON(memcmp(frame, back, N));
	}
	free(frame);
	free(back);
}

static void test_large_frames(void **state)
{
	struct peer p = { 0 };

	(void)state;
	serve_peer(&p, talk_large);
	assert_int_equal(p.side.frames, 2);
	assert_int_equal(p.side.why.code, 0);
}

static void talk_length_only(struct peer *p, int fd)
{
	uint8_t start[100] = { 0, 0x70, 0, 0 };   /* of a packet of 7 MB */

	(void)p;
	send_all(fd, start, sizeof(start));
}

static void test_length_alone_costs_no_memory(void **state)
{
	struct peer p = { 0 };

	(void)state;
	serve_peer(&p, talk_length_only);
	assert_int_equal(p.side.why.code, TARS_EPROTO);
	assert_true(p.side.in_cap > 0 && p.side.in_cap <= 64 * 1024);
}

/* ---- the peer goes ---- */

enum { HASTY = 4 * CONN_FRAMES_PER_TURN };

static void talk_and_go(struct peer *p, int fd)
{
	uint8_t frames[HASTY * 20];

	(void)p;
	for (size_t i = 0; i < HASTY; i++)
		put_frame(frames + 20 * i, 20, 1);
	send_all(fd, frames, sizeof(frames));
}

static void test_requests_of_a_gone_peer_are_served(void **state)
{
	struct peer quiet = { .hasty = true, .side.quiet = true }, p = { .hasty = true };

	(void)state;
	serve_peer(&quiet, talk_and_go);
	assert_int_equal(quiet.side.frames, HASTY);
	assert_int_equal(quiet.side.why.code, 0);
	/* The first turn's answers meet a reset: the other turns' requests are executed even so. */
	serve_peer(&p, talk_and_go);
	assert_int_equal(p.side.frames, HASTY);
	assert_int_equal(p.side.why.code, TARS_ESEND);
	assert_non_null(strstr(p.side.why.text, p.side.peer_text));
}

static void talk_one_and_go(struct peer *p, int fd)
{
	uint8_t frame[64];

	(void)p;
	put_frame(frame, sizeof(frame), 1);
	send_all(fd, frame, sizeof(frame));
}

static void test_request_and_close(void **state)
{
	(void)state;
	for (int i = 0; i < 50; i++) {
		struct peer p = { 0 };

		serve_peer(&p, talk_one_and_go);
		assert_int_equal(p.side.frames, 1);
	}
}

static void talk_half_close(struct peer *p, int fd)
{
	uint8_t frame[50];

	put_frame(frame, sizeof(frame), 1);
	for (int i = 0; i < 3; i++)
		send_all(fd, frame, sizeof(frame));
	shutdown(fd, SHUT_WR);
	BUG_ON(!receive_end(p, fd));
}

static void test_half_close_gets_its_answers(void **state)
{
	/* More than the water mark and the socket hold. */
	struct peer p = { .side.answer_size = 4 << 20 };
	/* Below the water mark, but more than the socket takes at once. */
	struct peer q = { .side.answer_size = 80 << 10, .side.narrow = true };

	(void)state;
	serve_peer(&p, talk_half_close);
	assert_int_equal(p.side.frames, 3);
	assert_int_equal(p.got, 3 * (4 << 20));
	assert_int_equal(p.side.why.code, 0);
	serve_peer(&q, talk_half_close);
	assert_int_equal(q.got, 3 * (80 << 10));
	assert_int_equal(q.side.why.code, 0);
}

static void talk_partial(struct peer *p, int fd)
{
	uint8_t frame[100];

	(void)p;
	put_frame(frame, sizeof(frame), 1);
	send_all(fd, frame, 12);
}

static void test_end_in_a_packet(void **state)
{
	struct peer p = { 0 };

	(void)state;
	serve_peer(&p, talk_partial);
	assert_int_equal(p.side.frames, 0);
	assert_int_equal(p.side.why.code, TARS_EPROTO);
	assert_non_null(strstr(p.side.why.text, "in the middle of a packet (12 bytes came)"));
}

/* ---- we end it ---- */

static void talk_too_long(struct peer *p, int fd)
{
	static const uint8_t length[4] = { 0, 0x90, 0, 0 };

	send_all(fd, length, sizeof(length));
	BUG_ON(!receive_end(p, fd));
}

static void test_packet_over_the_limit(void **state)
{
	struct peer p = { 0 };

	(void)state;
	serve_peer(&p, talk_too_long);
	assert_int_equal(p.side.why.code, TARS_EPROTO);
	assert_non_null(strstr(p.side.why.text, p.side.peer_text));
	assert_int_equal(p.side.frames, 0);
}

static void talk_three(struct peer *p, int fd)
{
	uint8_t frame[3 * 50];

	for (int i = 0; i < 3; i++)
		put_frame(frame + 50 * i, 50, 1);
	send_all(fd, frame, sizeof(frame));
	receive_end(p, fd);
}

static void test_frame_callback_closes(void **state)
{
	struct peer p = { .side.close_at = 2 }, q = { .side.fail_at = 2 };

	(void)state;
	serve_peer(&p, talk_three);
	assert_int_equal(p.side.frames, 2);
	assert_int_equal(p.side.why.code, 0);
	serve_peer(&q, talk_three);
	assert_int_equal(q.side.frames, 2);
	assert_int_equal(q.side.why.code, TARS_EPROTO);
	assert_string_equal(q.side.why.text, "frame 2 is refused");
}

static int frame_answers_and_ends(struct conn *c, uint8_t *data, size_t n, struct err *e)
{
	int rc = on_frame(c, data, n, e);

	conn_close_after_flush(c);
	return rc;
}

static const struct conn_class ending_class = {
	.frame = frame_answers_and_ends, .down = on_down, .release = on_release,
};

static void on_accepted_ending(struct listener *l, int fd, const struct sockaddr_any *peer)
{
	(void)peer;
	conn_open(&container_of(l, struct side, listener)->conn, &ending_class, fd);
}

static void test_close_after_flush(void **state)
{
	struct peer p = { .side.answer_size = 6 << 20, .accepted = on_accepted_ending };

	(void)state;
	serve_peer(&p, talk_three);
	assert_int_equal(p.side.frames, 1);
	assert_int_equal(p.got, 6 << 20);
	assert_int_equal(p.side.why.code, 0);
}

/* ---- a peer that does not read ---- */

static void talk_flood(struct peer *p, int fd)
{
	enum { FRAMES = 400, SIZE = 50 };
	uint8_t frames[FRAMES * SIZE];

	for (int i = 0; i < FRAMES; i++)
		put_frame(frames + SIZE * i, SIZE, 1);
	send_all(fd, frames, sizeof(frames));
	shutdown(fd, SHUT_WR);
	BUG_ON(!receive_end(p, fd));
}

static void test_high_water_stops_serving(void **state)
{
	enum { ANSWER = 100 * 1024, HIGH = 256 * 1024 };
	struct peer p = { .side.answer_size = ANSWER };

	(void)state;
	serve_peer(&p, talk_flood);
	assert_int_equal(p.side.frames, 400);
	assert_int_equal(p.got, 400 * ANSWER);
	assert_true(p.side.most_out <= HIGH + ANSWER);
	assert_true(p.side.low_waters > 10);
	assert_int_equal(p.side.why.code, 0);
}

/* ---- how often the socket is called: what the peer sent is all there before the first read ---- */

struct local {
	struct side side;
	const struct conn_class *class;
	const uint8_t *sent;
	size_t n, first;         /* first: bytes that are there when it opens; 0: all */
	int peer;                /* the other end */
};

static void serve_local_coro(void *arg)
{
	struct local *l = arg;
	size_t first = l->first ? l->first : l->n;
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	l->peer = fds[1];
	assert_int_equal(send(fds[1], l->sent, first, 0), (ssize_t)first);
	l->side.waiter = coro_self();
	conn_open(&l->side.conn, l->class, fds[0]);
	while (!l->side.turns)
		coro_sleep_ms(1);
	if (first < l->n)
		assert_int_equal(send(fds[1], l->sent + first, l->n - first, 0),
				 (ssize_t)(l->n - first));
	shutdown(fds[1], SHUT_WR);
	coro_park();
	close(fds[1]);
}

static void serve_local(struct local *l, const uint8_t *sent, size_t n)
{
	l->sent = sent;
	l->n = n;
	io_run(serve_local_coro, l);
	assert_int_equal(l->side.why.code, 0);
	assert_int_equal(l->side.releases, 1);
}

static void test_rest_of_a_frame_and_more_in_one_read(void **state)
{
	enum { FRAMES = 6, SIZE = 20000 };   /* the fourth is cut in two */
	struct local l = { .class = &side_class, .side.quiet = true, .first = SIZE * 7 / 2 };
	static uint8_t frames[FRAMES * SIZE];

	(void)state;
	for (int i = 0; i < FRAMES; i++)
		put_frame(frames + SIZE * i, SIZE, (uint8_t)i);
	serve_local(&l, frames, sizeof(frames));
	assert_int_equal(l.side.frames, FRAMES);
	assert_int_equal(l.side.turns, 2);
}

static void test_much_output_leaves_at_once(void **state)
{
	struct local l = { .class = &side_class, .side.answer_size = 32 * 1024 };
	struct local small = { .class = &side_class, .side.answer_size = 1024 };
	uint8_t frame[20];

	(void)state;
	put_frame(frame, sizeof(frame), 1);
	serve_local(&l, frame, sizeof(frame));
	assert_int_equal(l.side.out_left, 0);
	serve_local(&small, frame, sizeof(frame));
	assert_int_equal(small.side.out_left, 1024);
}

enum { VAGUE_SIZE = 3000, VAGUE_START = 100 };

static struct local *vague;

/* Knows the size of a packet only when it is whole, and that one byte more is wanted before. */
static enum frame_result next_vague(struct conn *c, const uint8_t *data, size_t n, size_t *size,
				    struct err *e)
{
	static const uint8_t rest[2 * VAGUE_SIZE - VAGUE_START];

	(void)c;
	(void)data;
	(void)e;
	*size = n < VAGUE_SIZE ? n + 1 : VAGUE_SIZE;
	if (n == VAGUE_START)
		send_all(vague->peer, rest, sizeof(rest));
	return n < VAGUE_SIZE ? FRAME_NEED : FRAME_OK;
}

static void test_cutter_that_asks_for_too_little(void **state)
{
	struct conn_class class = side_class;
	struct local l = { .class = &class, .side.quiet = true };
	static const uint8_t start[VAGUE_START];

	(void)state;
	class.next = next_vague;
	vague = &l;
	serve_local(&l, start, sizeof(start));
	assert_int_equal(l.side.frames, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_frames_in_pieces),
		cmocka_unit_test(test_many_frames_at_once),
		cmocka_unit_test(test_large_frames),
		cmocka_unit_test(test_length_alone_costs_no_memory),
		cmocka_unit_test(test_requests_of_a_gone_peer_are_served),
		cmocka_unit_test(test_request_and_close),
		cmocka_unit_test(test_half_close_gets_its_answers),
		cmocka_unit_test(test_end_in_a_packet),
		cmocka_unit_test(test_packet_over_the_limit),
		cmocka_unit_test(test_frame_callback_closes),
		cmocka_unit_test(test_close_after_flush),
		cmocka_unit_test(test_high_water_stops_serving),
		cmocka_unit_test(test_rest_of_a_frame_and_more_in_one_read),
		cmocka_unit_test(test_much_output_leaves_at_once),
		cmocka_unit_test(test_cutter_that_asks_for_too_little),
	};

	alarm(120);   /* a lost wake shows as a hang */
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("conn", tests, NULL, NULL);
}
