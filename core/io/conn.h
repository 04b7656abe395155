/*
 * Connection: a stream socket with an input buffer cut into frames and an output buffer that is
 * flushed once per turn.
 *
 *   socket --recv--> reactor_scratch() --whole frames--> class->frame()
 *                          | the beginning of one: kept in c->in until it is whole
 *   class->frame(), anyone --append--> c->out --one send per turn, or per read--> socket
 *
 * With conn_secure, TLS sits between the socket and these two; all else is the same.
 *
 * Embedded in its owner's struct (server connection, client connection); belongs to one reactor.
 * Thread: its reactor.  conn_close() is idempotent and calls `down` once, before it returns;
 * `release` comes at the end of a turn, when nothing refers to it any more: the owner frees its
 * struct there and nowhere else.
 */
#ifndef CORE_IO_CONN_H
#define CORE_IO_CONN_H

#include <sys/types.h>

#include "core/io/address.h"
#include "core/io/reactor.h"
#include "proto/buf.h"
#include "proto/frame.h"

struct conn;
struct tls;

struct conn_class {
	/* A client's connect succeeded, or the TLS handshake of an accepted one.  May be NULL. */
	void (*up)(struct conn *c);
	/* One whole packet, length field included; data is valid during the call and may be changed.
	 * A negative return closes the connection, with e as the reason. */
	int (*frame)(struct conn *c, uint8_t *data, size_t n, struct err *e);
	/* Output fell below low water after it had been above high water.  May be NULL. */
	void (*low_water)(struct conn *c);
	/* All whole packets that the peer sent before it closed came to frame() first. */
	void (*down)(struct conn *c, const struct err *why); /* why->code 0: orderly close */
	void (*release)(struct conn *c);
	/* Cuts frames; NULL: frame_next (TARS length). */
	enum frame_result (*next)(struct conn *c, const uint8_t *data, size_t n, size_t *size,
				  struct err *e);
	/* Instead of frame and next, for protocols that are no sequence of whole frames: gives how
	 * many of the bytes it took; fewer than n only after conn_pause, and then those come again. */
	ssize_t (*stream)(struct conn *c, uint8_t *data, size_t n, struct err *e);
	/* Instead of the flush at the end of the turn: c->out goes out now, or is lost (datagrams). */
	void (*written)(struct conn *c);
	/* The class of the first bytes of a connection, which is c's from then on; NULL: more are
	 * needed.  A class without it is final. */
	const struct conn_class *(*detect)(struct conn *c, const uint8_t *data, size_t n);
};

struct conn {
	const struct conn_class *class;
	struct reactor *reactor;
	struct watch watch;
	struct tls *tls;        /* NULL: bytes travel as they are */
	struct buf in, out;
	size_t in_need;         /* bytes of the packet that begins in `in`; 0: not known yet */
	struct task flush, again, gone;
	struct timer connect_timer;
	int64_t connect_timeout_ms;
	/* The owner may change these after conn_open or conn_connect. */
	size_t max_frame;       /* larger packets close the connection */
	size_t high_water;      /* bytes of output that stop reading; low water is a quarter */
	size_t max_out;         /* bytes of output that close the connection */
	unsigned max_owed;      /* answers owed, and bytes of what they answer, that stop reading */
	size_t max_owed_bytes;
	int64_t last_io_us;     /* for idle time-outs */
	uint64_t received, sent;   /* bytes */
	struct sockaddr_any peer;
	char peer_text[64];     /* "10.0.0.1:5312", "[::1]:80", "unix:/path" */
	const char *doing;      /* for messages: "connecting", "reading a frame" */
	int events;             /* what `watch` waits for */
	unsigned owed;          /* answers to come: the peer may have ended its input meanwhile */
	size_t owed_bytes;
	int write_errno;        /* the peer takes no more output; its input is still served */
	uint64_t n_taken;       /* bytes of output that may have reached the peer */
	unsigned connecting : 1, handshaking : 1, heard : 1, closed : 1, flush_queued : 1,
		again_queued : 1, above_water : 1, write_blocked : 1, close_after_flush : 1,
		eof : 1, paused : 1, full : 1, finishing : 1;
	/* The owner may set it after conn_connect: what has not been sent stays in `out` after a
	 * write error, until `down` has seen it. */
	unsigned keep_unsent : 1;
};

enum { CONN_DEFAULT_HIGH_WATER = 8 << 20, CONN_FRAMES_PER_TURN = 256, CONN_LINGER_MS = 2000 };

/* An accepted or connected socket (non-blocking, close-on-exec), which c owns from now on.
 * Initialises all of c. */
void conn_open(struct conn *c, const struct conn_class *class, int fd);
/* Without a socket: only for a class that has `written`, and never closed. */
void conn_open_loose(struct conn *c, const struct conn_class *class,
		     const struct sockaddr_any *peer);
/* Starts to connect; `up` or `down` follows, never before this returns.  On failure neither
 * follows, and no `release`.  Output may be written at once. */
int conn_connect(struct conn *c, const struct conn_class *class, const struct sockaddr_any *to,
		 int64_t timeout_ms, struct err *e);
/*
 * TLS from the first byte on, at once after conn_open or conn_connect; c owns t from now on.  An
 * accepted connection is `connecting` until the handshake is done, which may take timeout_ms; of a
 * connecting one the handshake is a part, within the time that it has already.
 */
void conn_secure(struct conn *c, struct tls *t, int64_t timeout_ms);
/* why: NULL for an orderly close.  Unsent output is lost. */
void conn_close(struct conn *c, const struct err *why);
/* Closes when the output is written; reads no more. */
void conn_close_after_flush(struct conn *c);
/*
 * The same for peers that may be sending still, who would lose the last answer to a reset: writes
 * the output, ends it, and drops what comes until the peer ends too, for CONN_LINGER_MS at most.
 */
void conn_finish(struct conn *c);
/* Reads and serves no more until conn_resume; idempotent. */
void conn_pause(struct conn *c);
void conn_resume(struct conn *c);

/* Output: append to conn_out(c), then conn_written(c); it leaves at the end of the turn, or when the
 * frames of a read have made much of it.  What is written to a closed connection is dropped. */
static inline struct buf *conn_out(struct conn *c)
{
	if (__builtin_expect(!c->out.cap, 0))
		reactor_lend(&c->out);
	return &c->out;
}
void conn_written(struct conn *c);
/* Both at once, with what `from` has; it is empty then, and its memory may be another's. */
void conn_append(struct conn *c, struct buf *from);
static inline size_t conn_unsent(const struct conn *c)
{
	return buf_size(&c->out);
}
/*
 * A peer may end its input and wait for the answers: between conn_owe and conn_paid, one of each
 * per answer, the end of input does not close.  n: bytes that the request keeps until then.  When
 * too much is owed, the connection reads and serves no more until half of it is paid.  conn_paid
 * is right after the close and the release too, as long as the struct is there.
 */
void conn_is_full(struct conn *c);
static inline void conn_owe(struct conn *c, size_t n)
{
	c->owed++;
	c->owed_bytes += n;
	if (__builtin_expect(c->owed >= c->max_owed || c->owed_bytes >= c->max_owed_bytes, 0))
		conn_is_full(c);
}
void conn_paid(struct conn *c, size_t n);
static inline bool conn_is_open(const struct conn *c)
{
	return !c->closed && !c->connecting;
}

#endif
