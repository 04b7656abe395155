/* Connections without frames: detection, streams that pause, and an end that loses no answer. */
#include <stdlib.h>

#include "t/unit/conn-side.h"

enum { SENT = 5000, BEHIND = 8 << 20, ANSWER = 1 << 20 };

static const uint8_t *expected;
static size_t n_taken;

static void accept_as(struct listener *l, int fd, const struct conn_class *class)
{
	conn_open(&container_of(l, struct side, listener)->conn, class, fd);
}

/* ---- streams that pause ---- */

static struct conn *paused;
static struct task wake;

static void resume_later(struct task *t)
{
	(void)t;
	conn_resume(paused);
}

/* Takes seven bytes at a time; is resumed at once, or in the next turn. */
static ssize_t stream_sips(struct conn *c, uint8_t *data, size_t n, struct err *e)
{
	size_t sip = n < 7 ? n : 7;

	(void)e;
	assert_false(c->paused);
	assert_memory_equal(data, expected + n_taken, sip);
	n_taken += sip;
	conn_pause(c);
	paused = c;
	if (side_of(c)->frames++ % 2) {
		conn_resume(c);
	} else {
		wake.run = resume_later;
		reactor_defer(&wake);
	}
	return (ssize_t)sip;
}

static const struct conn_class sips_class = {
	.stream = stream_sips, .down = on_down, .release = on_release,
};

static void accept_sips(struct listener *l, int fd, const struct sockaddr_any *peer)
{
	(void)peer;
	accept_as(l, fd, &sips_class);
}

static void talk_stream(struct peer *p, int fd)
{
	(void)p;
	send_all(fd, expected, SENT);
}

static void test_pauses_lose_nothing(void **state)
{
	struct peer p = { .accepted = accept_sips };
	uint8_t bytes[SENT];

	(void)state;
	for (size_t i = 0; i < SENT; i++)
		bytes[i] = (uint8_t)(i * 7 + i / 256);
	expected = bytes;
	n_taken = 0;
	serve_peer(&p, talk_stream);
	assert_int_equal(n_taken, SENT);
	assert_int_equal(p.side.why.code, 0);
}

/* ---- detection ---- */

static ssize_t stream_echo(struct conn *c, uint8_t *data, size_t n, struct err *e)
{
	if (data[n - 1] == '!')
		return err_set(e, TARS_EPROTO, "refused");
	buf_add(conn_out(c), data, n);
	conn_written(c);
	return (ssize_t)n;
}

static const struct conn_class echo_class = {
	.stream = stream_echo, .down = on_down, .release = on_release,
};

/* Frames begin with 0, the stream with "xy": two bytes are needed to know. */
static const struct conn_class *detect(struct conn *c, const uint8_t *data, size_t n)
{
	__atomic_fetch_add(&side_of(c)->ups, 1, __ATOMIC_RELAXED);
	if (n < 2)
		return NULL;
	return data[0] == 'x' && data[1] == 'y' ? &echo_class : &side_class;
}

static const struct conn_class first_class = {
	.detect = detect, .down = on_down, .release = on_release,
};

static void accept_any(struct listener *l, int fd, const struct sockaddr_any *peer)
{
	(void)peer;
	accept_as(l, fd, &first_class);
}

/* The first byte comes alone, and is seen alone. */
static void talk_detected(struct peer *p, int fd, const void *text, size_t n)
{
	char back[64];

	send_all(fd, text, 1);
	while (!__atomic_load_n(&p->side.ups, __ATOMIC_RELAXED))
		usleep(100);
	send_all(fd, (const char *)text + 1, n - 1);
	receive_all(fd, back, n);
	BUG_ON(memcmp(text, back, n));
}

static void talk_xy(struct peer *p, int fd)
{
	talk_detected(p, fd, "xyz", 3);
	send_all(fd, "\0\0\0\5.!", 6);
	BUG_ON(!receive_end(p, fd));
}

static void talk_frame(struct peer *p, int fd)
{
	talk_detected(p, fd, "\0\0\0\5x", 5);
}

static void talk_one_byte(struct peer *p, int fd)
{
	(void)p;
	send_all(fd, "x", 1);
}

static void test_first_bytes_choose_the_class(void **state)
{
	struct peer x = { .accepted = accept_any }, f = x, one = x;

	(void)state;
	serve_peer(&x, talk_xy);
	assert_int_equal(x.side.ups, 2);
	assert_int_equal(x.side.frames, 0);
	assert_string_equal(x.side.why.text, "refused");
	serve_peer(&f, talk_frame);
	assert_int_equal(f.side.frames, 1);
	serve_peer(&one, talk_one_byte);
	assert_int_equal(one.side.why.code, TARS_EPROTO);
	assert_non_null(strstr(one.side.why.text, "in the middle of a packet (1 bytes came)"));
}

/* ---- finishing ---- */

static ssize_t stream_last_word(struct conn *c, uint8_t *data, size_t n, struct err *e)
{
	(void)data;
	(void)e;
	side_of(c)->frames++;
	memset(buf_reserve(conn_out(c), ANSWER), 'a', ANSWER);
	conn_out(c)->len += ANSWER;
	conn_written(c);
	conn_finish(c);
	return n > 1 ? 1 : (ssize_t)n;
}

static const struct conn_class last_word_class = {
	.stream = stream_last_word, .down = on_down, .release = on_release,
};

static void accept_last_word(struct listener *l, int fd, const struct sockaddr_any *peer)
{
	(void)peer;
	accept_as(l, fd, &last_word_class);
}

/* Sends much that nobody will read before it looks at the answer. */
static void talk_on(struct peer *p, int fd)
{
	uint8_t *much = calloc(1, BEHIND);

	send_all(fd, much, BEHIND);
	BUG_ON(!receive_end(p, fd));
	free(much);
}

static void test_finishing_loses_no_answer(void **state)
{
	struct peer p = { .accepted = accept_last_word };

	(void)state;
	serve_peer(&p, talk_on);
	assert_int_equal(p.side.frames, 1);
	assert_int_equal(p.got, ANSWER);
	assert_int_equal(p.side.why.code, 0);
}

/* Has the answer, and does not go. */
static void talk_for_ever(struct peer *p, int fd)
{
	send_all(fd, "x", 1);
	BUG_ON(!receive_end(p, fd));
	while (send(fd, "x", 1, MSG_NOSIGNAL) == 1)
		usleep(1000);
}

static void test_finishing_has_an_end(void **state)
{
	struct peer p = { .accepted = accept_last_word };

	(void)state;
	serve_peer(&p, talk_for_ever);
	assert_int_equal(p.got, ANSWER);
	assert_int_equal(p.side.frames, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pauses_lose_nothing),
		cmocka_unit_test(test_first_bytes_choose_the_class),
		cmocka_unit_test(test_finishing_loses_no_answer),
		cmocka_unit_test(test_finishing_has_an_end),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("conn-stream", tests, NULL, NULL);
}
