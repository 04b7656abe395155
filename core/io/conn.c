/* Connection: reading and cutting frames, flushing output, closing. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/io/conn_int.h"
#include "core/io/tls.h"

enum {
	MUCH_MEMORY = 256 * 1024,  /* of one packet, or of the output of one connection */
	KEEP = 16 * 1024,       /* larger buffers are given back when empty */
	MIN_ROOM = 16 * 1024,   /* least room for one recv behind a partial frame */
	FLUSH_FRAMES = 16,      /* served: their answers do not wait for those of the next */
	FLUSH_EARLY = 16 * 1024, /* so much output does not wait for the end of the turn */
	SEAL_AT_ONCE = 64 * 1024, /* plain bytes that go through TLS before they are sent */
};

static void on_socket(struct watch *w, int events);

void conn_set_events(struct conn *c)
{
	bool reading = !c->eof && !c->close_after_flush &&
		       (c->finishing || (!c->above_water && !c->paused && !c->full));
	int events = (reading ? WATCH_READ : 0) | (c->write_blocked ? WATCH_WRITE : 0);

	if (events == c->events || c->connecting)
		return;
	c->events = events;
	watch_set(&c->watch, c->watch.fd, events, on_socket);
}

static void buf_trim(struct buf *b)
{
	if (b->cap > KEEP && !buf_size(b))
		reactor_give_back(b);
}

/* Output that has not left: plain, and what TLS has sealed. */
static size_t unsent(const struct conn *c)
{
	return buf_size(&c->out) + (c->tls ? buf_size(tls_out(c->tls)) : 0);
}

ssize_t conn_send(struct conn *c, struct buf *b)
{
	ssize_t n = buf_size(b) ? send(c->watch.fd, buf_head(b), buf_size(b), MSG_NOSIGNAL) : 0;

	if (n > 0) {
		if (b == &c->out)
			c->n_taken += (size_t)n;
		buf_consume(b, (size_t)n);
		buf_trim(b);
		c->sent += (size_t)n;
		c->last_io_us = reactor_now();
	}
	return n;
}

/* TLS wants an end in order, so that nobody can cut a conversation short unseen. */
static void end_tls(struct conn *c)
{
	tls_finish(c->tls);
	conn_send(c, tls_out(c->tls));
}

/* ---- closing ---- */

static void on_gone(struct task *t)
{
	struct conn *c = container_of(t, struct conn, gone);

	if (c->flush_queued || c->again_queued) {
		reactor_defer(t);   /* they sit in a list of the reactor still */
		return;
	}
	reactor_give_back(&c->in);
	reactor_give_back(&c->out);
	tls_free(c->tls);
	c->class->release(c);
}

void conn_close(struct conn *c, const struct err *why)
{
	static const struct err orderly;

	if (c->closed)
		return;
	c->closed = 1;
	if (c->tls && (!why || !why->code))
		end_tls(c);
	timer_stop(&c->connect_timer);
	watch_stop(&c->watch);
	close(c->watch.fd);
	c->gone.run = on_gone;
	reactor_defer(&c->gone);
	c->class->down(c, why ? why : &orderly);
}

void conn_close_errno(struct conn *c, int code, const char *what, int error)
{
	struct err e;

	err_set(&e, code, "%s %s: %s", what, c->peer_text, strerror(error));
	conn_close(c, &e);
}

/* The peer closed and all its whole packets are served. */
static void close_after_eof(struct conn *c)
{
	struct err e;

	if (c->write_errno) {
		conn_close_errno(c, TARS_ESEND, "writing to", c->write_errno);
	} else if (buf_size(&c->in)) {
		err_set(&e, TARS_EPROTO, "%s closed in the middle of a packet (%zu bytes came)",
			c->peer_text, buf_size(&c->in));
		conn_close(c, &e);
	} else if (unsent(c) || c->tls) {
		conn_close_after_flush(c);   /* the end of TLS may have to wait for room */
	} else {
		conn_close(c, NULL);
	}
}

/* ---- output ---- */

static void on_again(struct task *t);

void conn_queue_again(struct conn *c)
{
	if (c->again_queued)
		return;
	c->again_queued = 1;
	c->again.run = on_again;
	reactor_defer(&c->again);
}

static void on_write_error(struct conn *c, int error)
{
	/* The peer went without reading our answers.  Its requests that are still on their way in
	 * must be executed all the same, so only the output is given up: recv will end it. */
	if ((error == EPIPE || error == ECONNRESET) && !c->eof && !c->close_after_flush &&
	    !c->finishing) {
		c->write_errno = error;
		if (!c->keep_unsent)
			buf_clear(&c->out);
		if (c->tls)
			buf_clear(tls_out(c->tls));
		return;
	}
	conn_close_errno(c, TARS_ESEND, "writing to", error);
}

static void on_linger_over(struct timer *t)
{
	conn_close(container_of(t, struct conn, connect_timer), NULL);
}

/* All output of a connection that ends is written; that of TLS ends with a message of its own, and
 * the kernel may have room for it only later. */
static void end_output(struct conn *c)
{
	if (c->tls)
		end_tls(c);
	if (unsent(c)) {
		c->write_blocked = 1;
		conn_set_events(c);
		return;
	}
	if (c->eof || c->close_after_flush) {
		conn_close(c, NULL);
		return;
	}
	shutdown(c->watch.fd, SHUT_WR);
	if (!timer_is_running(&c->connect_timer))
		timer_start(&c->connect_timer, CONN_LINGER_MS, on_linger_over);
}

/* Through TLS, piece by piece, so that little is kept twice.  -1 with errno, or 0. */
static ssize_t send_sealed(struct conn *c)
{
	struct buf *sealed = tls_out(c->tls);
	struct err e;

	for (;;) {
		size_t n = buf_size(&c->out) < SEAL_AT_ONCE ? buf_size(&c->out) : SEAL_AT_ONCE;

		if (!buf_size(sealed) && n) {
			if (tls_write(c->tls, buf_head(&c->out), n, &e)) {
				conn_close(c, &e);
				return 0;
			}
			c->n_taken += n;
			buf_consume(&c->out, n);
			buf_trim(&c->out);
		}
		if (!buf_size(sealed))
			return 0;
		if (conn_send(c, sealed) < 0)
			return -1;
	}
}

void conn_flush(struct conn *c)
{
	ssize_t n = c->write_errno ? 0 : c->tls ? send_sealed(c) : conn_send(c, &c->out);
	bool low = false;
	size_t size;

	if (n < 0 && errno != EAGAIN && errno != EINTR)
		on_write_error(c, errno);
	if (c->closed)
		return;
	/* After an error nothing is left to wait for but the end of the input. */
	size = c->write_errno ? 0 : unsent(c);
	c->write_blocked = size > 0;
	if (c->above_water && size <= c->high_water / 4) {
		c->above_water = 0;
		low = true;
		if (buf_size(&c->in) || c->eof)
			conn_queue_again(c);
	}
	conn_set_events(c);
	if (low && c->class->low_water)
		c->class->low_water(c);
	if (!c->closed && !unsent(c) && (c->close_after_flush || c->finishing))
		end_output(c);
}

static void on_flush(struct task *t)
{
	struct conn *c = container_of(t, struct conn, flush);

	c->flush_queued = 0;
	if (conn_is_open(c) && !c->write_blocked)
		conn_flush(c);
}

void conn_queue_flush(struct conn *c)
{
	if (c->flush_queued)
		return;
	c->flush_queued = 1;
	c->flush.run = on_flush;
	reactor_at_flush(&c->flush);
}

/* For n more bytes: into memory that has been lent, if that is enough. */
static void grow_out(struct conn *c, size_t n)
{
	struct buf lent;

	reactor_lend(&lent);
	if (lent.cap >= buf_size(&c->out) + n) {
		struct buf small = c->out;

		buf_add(&lent, buf_head(&small), buf_size(&small));
		c->out = lent;
		lent = small;
	}
	reactor_give_back(&lent);
}

void conn_append(struct conn *c, struct buf *from)
{
	if (buf_size(&c->out) && c->out.cap - c->out.len < buf_size(from))
		grow_out(c, buf_size(from));
	buf_append(&c->out, from);
	conn_written(c);
}

void conn_written(struct conn *c)
{
	if (c->closed || c->write_errno) {
		if (!c->keep_unsent)
			buf_clear(&c->out);
		return;
	}
	if (__builtin_expect(c->class->written != NULL, 0)) {
		c->class->written(c);
		return;
	}
	conn_queue_flush(c);
	if (buf_size(&c->out) > MUCH_MEMORY)
		reactor_used_much_memory();
	if (buf_size(&c->out) > c->high_water)
		conn_much_output(c);
}

void conn_close_after_flush(struct conn *c)
{
	if (c->closed)
		return;
	if (c->connecting && !buf_size(&c->out)) {
		conn_close(c, NULL);
		return;
	}
	c->close_after_flush = 1;
	conn_set_events(c);
	conn_queue_flush(c);
}

void conn_finish(struct conn *c)
{
	if (c->closed || c->finishing)
		return;
	c->finishing = 1;
	conn_set_events(c);
	conn_queue_flush(c);
}

/* ---- input ---- */

static void close_unbounded(struct conn *c)
{
	struct err e;

	err_set(&e, TARS_ELIMIT, "%s: a packet does not end within the limit of %zu bytes",
		c->peer_text, c->max_frame);
	conn_close(c, &e);
}

static bool may_serve(const struct conn *c)
{
	return !c->closed && !c->above_water && !c->full && !c->close_after_flush && !c->finishing;
}

static enum frame_result next_frame(struct conn *c, const uint8_t *data, size_t n, size_t *size,
				    struct err *e)
{
	return c->class->next ? c->class->next(c, data, n, size, e) :
				frame_next(data, n, c->max_frame, size, e);
}

/* The peer works on the first answers while we serve the next requests.  Pipelined calls take less
 * time for that, and fewer wake-ups pay for the additional sends (t/perf/p0001-echo.sh). */
static void flush_some(struct conn *c)
{
	if (!c->closed && !c->write_blocked && buf_size(&c->out))
		conn_flush(c);
}

/* Serves whole frames and returns the bytes they took.  Stops early when the connection closes,
 * when its output is above high water, and after so many that others must have their turn. */
static size_t serve_frames(struct conn *c, uint8_t *data, size_t n)
{
	size_t used = 0, size = 0;
	int budget = CONN_FRAMES_PER_TURN;
	struct err e;

	e.code = 0;
	e.text[0] = '\0';
	c->in_need = 0;
	while (used < n && may_serve(c)) {
		if (!budget--) {
			conn_queue_again(c);
			break;
		}
		switch (next_frame(c, data + used, n - used, &size, &e)) {
		case FRAME_OK:
			break;
		case FRAME_NEED:
			c->in_need = size;
			if (n - used >= c->max_frame)
				close_unbounded(c);
			return used;
		case FRAME_BAD:
			err_wrap(&e, "%s", c->peer_text);
			conn_close(c, &e);
			return used;
		}
		if (size > MUCH_MEMORY)
			reactor_used_much_memory();
		if (c->class->frame(c, data + used, size, &e) < 0) {
			conn_close(c, &e);
			return used;
		}
		used += size;
		if (budget % FLUSH_FRAMES == 0 && used < n)
			flush_some(c);
	}
	return used;
}

static size_t serve_stream(struct conn *c, uint8_t *data, size_t n)
{
	struct err e;
	ssize_t used;

	c->in_need = 0;
	if (!may_serve(c) || c->paused)
		return 0;
	used = c->class->stream(c, data, n, &e);
	if (used < 0) {
		conn_close(c, &e);
		return n;
	}
	/* It paused, and was resumed before it returned. */
	if ((size_t)used < n && !c->paused)
		conn_queue_again(c);
	return (size_t)used;
}

static size_t serve(struct conn *c, uint8_t *data, size_t n)
{
	if (c->class->detect) {
		const struct conn_class *found = c->class->detect(c, data, n);

		c->in_need = 0;
		if (!found)
			return 0;
		c->class = found;
	}
	if (c->class->stream)
		return serve_stream(c, data, n);
	return serve_frames(c, data, n);
}

static void serve_in(struct conn *c)
{
	buf_consume(&c->in, serve(c, buf_head(&c->in), buf_size(&c->in)));
	buf_trim(&c->in);
}

static void end_if_over(struct conn *c)
{
	if (!c->eof || c->closed)
		return;
	if (c->finishing) {
		if (!unsent(c))
			conn_close(c, NULL);
		return;
	}
	if (c->owed && !c->write_errno)
		return;
	if (!c->again_queued && !c->paused && may_serve(c))
		close_after_eof(c);
}

static void on_again(struct task *t)
{
	struct conn *c = container_of(t, struct conn, again);

	c->again_queued = 0;
	if (c->closed)
		return;
	serve_in(c);
	end_if_over(c);
}

/* Where to read to: the rest of a partial frame into c->in, all else into the scratch buffer.  No
 * more than the peer has paid for with bytes: a length field alone must not cost memory. */
static int rooms(struct conn *c, struct iovec *room)
{
	size_t have = buf_size(&c->in), rest = c->in_need > have ? c->in_need - have : 0;
	size_t paid = have > MIN_ROOM ? have : MIN_ROOM;
	int n = 0;

	if (have) {
		room[n].iov_len = rest && rest < paid ? rest : paid;
		room[n].iov_base = buf_reserve(&c->in, room[n].iov_len);
		n++;
	}
	/* Bytes behind the frame are only expected when the frame ends in this read. */
	if (!have || (rest && rest <= paid)) {
		room[n].iov_base = reactor_scratch();
		room[n].iov_len = REACTOR_SCRATCH_SIZE;
		n++;
	}
	return n;
}

void conn_serve(struct conn *c, uint8_t *data, size_t n)
{
	size_t used;

	if (buf_size(&c->in)) {
		/* That comes first.  It was thought to end before these, but did not, or it has to
		 * wait. */
		buf_add(&c->in, data, n);
		if (!c->again_queued)
			serve_in(c);
		return;
	}
	used = serve(c, data, n);
	if (used < n && !c->closed)
		buf_add(&c->in, data + used, n - used);
}

/* n bytes came into the rooms, the first of them behind what c->in has. */
static void serve_read(struct conn *c, size_t n, size_t into_in)
{
	if (into_in) {
		c->in.len += n < into_in ? n : into_in;
		n = n < into_in ? 0 : n - into_in;
		serve_in(c);
	}
	if (n && !c->closed)
		conn_serve(c, reactor_scratch(), n);
}

void conn_end_input(struct conn *c)
{
	c->eof = 1;
	conn_set_events(c);
	end_if_over(c);
}

/* What a finishing connection still gets. */
static void drop_input(struct conn *c)
{
	ssize_t n = recv(c->watch.fd, reactor_scratch(), REACTOR_SCRATCH_SIZE, 0);

	if (n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR)))
		return;
	c->eof = 1;
	conn_set_events(c);
	end_if_over(c);
}

ssize_t conn_receive(struct conn *c, struct iovec *room, int n_rooms)
{
	ssize_t n = n_rooms == 1 ? recv(c->watch.fd, room[0].iov_base, room[0].iov_len, 0) :
				   readv(c->watch.fd, room, n_rooms);

	if (n > 0) {
		c->last_io_us = reactor_now();
		c->received += (size_t)n;
	} else if (n == 0) {
		conn_end_input(c);
	} else if (errno != EAGAIN && errno != EINTR) {
		conn_close_errno(c, TARS_ESYS, "reading from", errno);
	}
	return n;
}

static void on_readable(struct conn *c)
{
	struct iovec room[2];
	int n_rooms = rooms(c, room);
	size_t into_in = buf_size(&c->in) ? room[0].iov_len : 0;
	ssize_t n = conn_receive(c, room, n_rooms);

	if (n > 0)
		serve_read(c, (size_t)n, into_in);
}

static void on_socket(struct watch *w, int events)
{
	struct conn *c = container_of(w, struct conn, watch);

	if (events & WATCH_WRITE && c->write_blocked)
		conn_flush(c);
	if (!(events & c->events & WATCH_READ) || c->closed)
		return;
	if (c->finishing)
		drop_input(c);
	else if (c->again_queued)
		return;   /* frames that wait for their turn come before new bytes */
	else if (c->tls)
		conn_read_sealed(c);
	else
		on_readable(c);
	/* Later connections of this turn find the memory and the caches free again. */
	if (!c->closed && !c->write_blocked && buf_size(&c->out) >= FLUSH_EARLY)
		conn_flush(c);
}
