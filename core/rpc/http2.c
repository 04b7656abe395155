/* HTTP/2 on server connections, over nghttp2: streams as exchanges, flow control, floods, GOAWAY. */
#include <nghttp2/nghttp2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/rpc/app_int.h"
#include "core/rpc/http.h"
#include "proto/text.h"

/* What one connection may cost; http2_begin and http2_body refuse what is above. */
enum {
	MAX_STREAMS = 128,
	MAX_EXCHANGES = 2 * MAX_STREAMS,  /* with those that were reset while their call runs */
	STREAM_WINDOW = 1 << 20, CONN_WINDOW = 4 << 20,
	MAX_UNSENT = 8 << 20,             /* bytes of responses; above it no more requests */
	RESET_BURST = 1000, RESET_RATE = 33, /* by the peer; then so many per second */
	MAX_CONTINUATIONS = 8, MAX_ACKS = 100,
};

struct http2 {
	nghttp2_session *session;
	struct list open;               /* exchanges whose stream is open */
	size_t unread, unsent;          /* bytes of requests that are not whole; of responses */
	bool busy;                      /* pump() comes later */
};

static struct http2 *http2_of(struct server_conn *sc)
{
	return sc->proto_state;
}

static struct http_exchange *exchange_of(struct http2 *h, int32_t stream)
{
	return nghttp2_session_get_stream_user_data(h->session, stream);
}

/* ---- output ---- */

/* What the session has to say, as far as the connection takes it. */
static void pump(struct server_conn *sc)
{
	struct http2 *h = http2_of(sc);
	struct conn *c = &sc->conn;
	const uint8_t *p;
	ssize_t n = 0;

	if (h->busy || !conn_is_open(c) || c->finishing)
		return;
	while (conn_unsent(c) <= c->high_water &&
	       (n = nghttp2_session_mem_send(h->session, &p)) > 0)
		buf_add(conn_out(c), p, (size_t)n);
	conn_written(c);
	if (n < 0 || (!nghttp2_session_want_read(h->session) &&
		      !nghttp2_session_want_write(h->session)))
		conn_finish(c);
}

static void http2_low_water(struct conn *c)
{
	pump(container_of(c, struct server_conn, conn));
}

static nghttp2_nv pair(const char *name, size_t n_name, const char *value, size_t n_value)
{
	return (nghttp2_nv){ (uint8_t *)(uintptr_t)name, (uint8_t *)(uintptr_t)value, n_name,
			     n_value, NGHTTP2_NV_FLAG_NONE };
}

#define PAIR(name, text) pair(name, strlen(name), text, strlen(text))

static size_t add_pairs(nghttp2_nv *nv, size_t n, const struct http_headers *headers)
{
	for (uint32_t i = 0; i < headers->n; i++) {
		const struct http_header *f = &headers->v[i];

		nv[n++] = pair(f->name.p, f->name.n, f->value.p, f->value.n);
	}
	return n;
}

/* With their own end of the stream, or with the headers if there is no body. */
static void submit_trailers(struct http_exchange *x)
{
	const struct http_headers *t = &x->response.trailers;
	nghttp2_nv *nv = arena_alloc(&x->request.arena, t->n * sizeof(*nv));

	nghttp2_submit_trailer(http2_of(x->sc)->session, x->stream, nv, add_pairs(nv, 0, t));
}

static ssize_t read_body(nghttp2_session *session, int32_t stream, uint8_t *room, size_t size,
			 uint32_t *flags, nghttp2_data_source *source, void *arg)
{
	struct http_exchange *x = source->ptr;
	struct buf *body = &x->response.body;
	size_t n = buf_size(body) < size ? buf_size(body) : size;

	(void)session;
	(void)stream;
	if (n)
		memcpy(room, buf_head(body), n);
	buf_consume(body, n);
	http2_of(arg)->unsent -= n;
	x->moved_us = reactor_now();
	if (buf_size(body))
		return (ssize_t)n;
	*flags |= NGHTTP2_DATA_FLAG_EOF;
	if (x->response.trailers.n) {
		*flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
		submit_trailers(x);
	}
	return (ssize_t)n;
}

static void submit(struct http_exchange *x)
{
	struct http2 *h = http2_of(x->sc);
	const struct http_response *r = &x->response;
	bool has_body = buf_size(&r->body) && x->request.method != METHOD_HEAD;
	nghttp2_data_provider body = { .source.ptr = x, .read_callback = read_body };
	nghttp2_nv *nv = arena_alloc(&x->request.arena,
				     (4 + r->headers.n + r->trailers.n) * sizeof(*nv));
	char status[8], length[24];
	size_t n = 0;

	snprintf(status, sizeof(status), "%d", r->status);
	snprintf(length, sizeof(length), "%zu", buf_size(&r->body));
	nv[n++] = PAIR(":status", status);
	nv[n++] = PAIR("date", http_date());
	if (r->type)
		nv[n++] = PAIR("content-type", r->type);
	if (r->type && !r->trailers.n)
		nv[n++] = PAIR("content-length", length);
	n = add_pairs(nv, n, &r->headers);
	if (has_body)
		h->unsent += buf_size(&r->body);
	else
		n = add_pairs(nv, n, &r->trailers);
	if (!has_body)
		buf_clear(&x->response.body);
	x->moved_us = reactor_now();
	nghttp2_submit_response(h->session, x->stream, nv, n, has_body ? &body : NULL);
}

static void on_answer(struct http_exchange *x)
{
	if (!x->stream || !conn_is_open(&x->sc->conn))
		return;
	submit(x);
	pump(x->sc);
}

/* ---- input ---- */

/* Not begun, so the peer may try it again elsewhere. */
static int refuse_stream(struct http2 *h, int32_t stream)
{
	nghttp2_submit_rst_stream(h->session, NGHTTP2_FLAG_NONE, stream, NGHTTP2_REFUSED_STREAM);
	return 0;
}

static int on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
	struct server_conn *sc = arg;
	struct http2 *h = http2_of(sc);
	struct http_exchange *x;

	if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST)
		return 0;
	if (sc->n_exchanges >= MAX_EXCHANGES || h->unsent > MAX_UNSENT)
		return refuse_stream(h, frame->hd.stream_id);
	x = http_exchange_new(sc, on_answer);
	x->stream = frame->hd.stream_id;
	x->request.is_http2 = true;
	list_append(&h->open, &x->node);
	nghttp2_session_set_stream_user_data(session, x->stream, x);
	return 0;
}

static int add_field(struct http_exchange *x, const char *name, size_t n_name, const char *value,
		     size_t n, struct err *e)
{
	struct http_request *rq = &x->request;
	int status = http_count_head(rq, n_name + n, e);

	if (status)
		return status;
	if (!strcmp(name, ":method"))
		return http_set_method(rq, value, n);
	if (!strcmp(name, ":path"))
		return http_set_target(rq, value, n, e);
	if (!strcmp(name, ":authority"))
		return http_add_header(rq, "host", 4, value, n, e);
	if (*name == ':')
		return 0;
	return http_add_header(rq, name, n_name, value, n, e);
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
		     size_t n_name, const uint8_t *value, size_t n, uint8_t flags, void *arg)
{
	struct server_conn *sc = arg;
	struct http_exchange *x = exchange_of(http2_of(sc), frame->hd.stream_id);
	struct err e;

	(void)session;
	(void)flags;
	/* Trailers say nothing here. */
	if (!x || x->has_head || x->refusal)
		return 0;
	x->refusal = add_field(x, (const char *)name, n_name, (const char *)value, n, &e);
	if (x->refusal)
		x->refusal_text = arena_strdup(&x->request.arena, e.text);
	return 0;
}

/* A body that is said to be too large beforehand. */
static void check_length(struct http_exchange *x)
{
	const struct tars_str *length = http_header(&x->request, "content-length");
	struct err e;
	int64_t n;

	if (x->refusal || !length || !text_int(length->p, length->n, 0, INT64_MAX, &n))
		return;
	x->refusal = http_check_length(&x->request, (uint64_t)n, &e);
	if (x->refusal)
		x->refusal_text = arena_strdup(&x->request.arena, e.text);
}

static void on_head(struct http_exchange *x, bool is_whole)
{
	const struct tars_str *expect = http_header(&x->request, "expect");
	nghttp2_nv go_on = PAIR(":status", "100");

	x->has_head = true;
	check_length(x);
	if (x->refusal)
		http_refuse(x, x->refusal, x->refusal_text);
	else if (http_head(x) && !is_whole && expect && !strcmp(expect->p, "100-continue"))
		nghttp2_submit_headers(http2_of(x->sc)->session, NGHTTP2_FLAG_NONE, x->stream, NULL,
				       &go_on, 1, NULL);
}

static void end_of_request(struct http_exchange *x)
{
	struct http2 *h = http2_of(x->sc);

	h->unread -= buf_size(&x->request.body);
	if (h->unsent <= MAX_UNSENT || x->answered) {
		http_whole(x);
		return;
	}
	x->whole = true;
	refuse_stream(h, x->stream);
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
	bool is_end = frame->hd.flags & NGHTTP2_FLAG_END_STREAM;
	struct http_exchange *x;

	(void)session;
	if (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA)
		return 0;
	x = exchange_of(http2_of(arg), frame->hd.stream_id);
	if (!x)
		return 0;
	if (frame->hd.type == NGHTTP2_HEADERS && !x->has_head)
		on_head(x, is_end);
	if (is_end && !x->whole)
		end_of_request(x);
	return 0;
}

/* A body is taken while all that are not whole yet are together within the limit of one. */
static int on_data(nghttp2_session *session, uint8_t flags, int32_t stream, const uint8_t *data,
		   size_t n, void *arg)
{
	struct server_conn *sc = arg;
	struct http2 *h = http2_of(sc);
	struct http_exchange *x = exchange_of(h, stream);
	struct err e;
	int status;

	(void)session;
	(void)flags;
	/* What still comes of a request that is refused is forgotten, until http2_tick() has had
	 * enough: some clients lose the answer if their stream is reset while they send. */
	if (!x || x->answered)
		return 0;
	if (h->unread + n > x->request.max_body && h->unread > buf_size(&x->request.body)) {
		http_refuse(x, 503, "the requests on this connection are too large together");
		return 0;
	}
	status = http_add_body(&x->request, data, n, &e);
	if (status)
		http_refuse(x, status, e.text);
	else
		h->unread += n;
	return 0;
}

static void forget(struct http2 *h, struct http_exchange *x)
{
	if (!x->whole)
		h->unread -= buf_size(&x->request.body);
	if (x->answered)
		h->unsent -= buf_size(&x->response.body);
	x->stream = 0;
	list_remove(&x->node);
	http_exchange_unref(x);
}

static int on_stream_close(nghttp2_session *session, int32_t stream, uint32_t error, void *arg)
{
	struct http2 *h = http2_of(arg);
	struct http_exchange *x = exchange_of(h, stream);

	(void)session;
	(void)error;
	if (x)
		forget(h, x);
	return 0;
}

/* The session cannot go on.  Which streams were served is not known. */
static void give_up(struct conn *c)
{
	static const uint8_t goaway[] = {
		0, 0, 8, NGHTTP2_GOAWAY, 0, 0, 0, 0, 0,
		0x7f, 0xff, 0xff, 0xff, 0, 0, 0, NGHTTP2_ENHANCE_YOUR_CALM,
	};

	buf_add(conn_out(c), goaway, sizeof(goaway));
	conn_written(c);
	conn_finish(c);
}

static ssize_t http2_stream(struct conn *c, uint8_t *data, size_t n, struct err *e)
{
	struct server_conn *sc = container_of(c, struct server_conn, conn);
	struct http2 *h = http2_of(sc);
	ssize_t used;

	(void)e;
	/* Its callbacks must not come back to the session. */
	h->busy = true;
	used = nghttp2_session_mem_recv(h->session, data, n);
	h->busy = false;
	if (used < 0)
		give_up(c);
	else
		pump(sc);
	return (ssize_t)n;
}

/* ---- the connection ---- */

static nghttp2_session_callbacks *callbacks_new(void)
{
	nghttp2_session_callbacks *cb;

	BUG_ON(nghttp2_session_callbacks_new(&cb));
	nghttp2_session_callbacks_set_on_begin_headers_callback(cb, on_begin_headers);
	nghttp2_session_callbacks_set_on_header_callback(cb, on_header);
	nghttp2_session_callbacks_set_on_frame_recv_callback(cb, on_frame);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(cb, on_data);
	nghttp2_session_callbacks_set_on_stream_close_callback(cb, on_stream_close);
	return cb;
}

static nghttp2_option *options_new(void)
{
	nghttp2_option *o;

	BUG_ON(nghttp2_option_new(&o));
	nghttp2_option_set_no_closed_streams(o, 1);
	nghttp2_option_set_max_outbound_ack(o, MAX_ACKS);
	nghttp2_option_set_max_continuations(o, MAX_CONTINUATIONS);
	nghttp2_option_set_stream_reset_rate_limit(o, RESET_BURST, RESET_RATE);
	return o;
}

static void http2_open(struct server_conn *sc)
{
	static const nghttp2_settings_entry settings[] = {
		{ NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, MAX_STREAMS },
		{ NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, STREAM_WINDOW },
		{ NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, HTTP_MAX_HEAD },
		{ NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1 },
	};
	nghttp2_session_callbacks *callbacks = callbacks_new();
	nghttp2_option *options = options_new();
	struct http2 *h = xcalloc(1, sizeof(*h));

	list_init(&h->open);
	sc->proto_state = h;
	/* Fails for want of memory alone. */
	BUG_ON(nghttp2_session_server_new2(&h->session, callbacks, sc, options));
	nghttp2_session_callbacks_del(callbacks);
	nghttp2_option_del(options);
	nghttp2_submit_settings(h->session, NGHTTP2_FLAG_NONE, settings,
				sizeof(settings) / sizeof(*settings));
	nghttp2_session_set_local_window_size(h->session, NGHTTP2_FLAG_NONE, 0, CONN_WINDOW);
}

/* A response that the peer's window does not let out. */
static bool is_stuck(const struct http_exchange *x, int64_t now_us)
{
	return x->answered && now_us - x->moved_us > x->sc->adapter->conf.idle_ms * 1000;
}

static void http2_tick(struct server_conn *sc, int64_t now_us)
{
	struct http2 *h = http2_of(sc);

	/* Streams close, and leave the list, in pump() only. */
	h->busy = true;
	for (struct list *node = h->open.next; node != &h->open; node = node->next) {
		struct http_exchange *x = container_of(node, struct http_exchange, node);
		bool is_late = !x->whole && http_is_overdue(x, now_us);

		if (is_late && !x->has_head)
			nghttp2_session_terminate_session(h->session, NGHTTP2_ENHANCE_YOUR_CALM);
		else if (is_late && !x->answered)
			http_refuse(x, 408, "the request came too slowly");
		else if (is_late || is_stuck(x, now_us))
			nghttp2_submit_rst_stream(h->session, NGHTTP2_FLAG_NONE, x->stream,
						  NGHTTP2_CANCEL);
	}
	h->busy = false;
	pump(sc);
}

static void http2_drain(struct server_conn *sc)
{
	struct http2 *h = http2_of(sc);

	nghttp2_submit_goaway(h->session, NGHTTP2_FLAG_NONE,
			      nghttp2_session_get_last_proc_stream_id(h->session),
			      NGHTTP2_NO_ERROR, NULL, 0);
	pump(sc);
}

static void http2_down(struct server_conn *sc)
{
	struct http2 *h = http2_of(sc);

	while (!list_is_empty(&h->open))
		forget(h, container_of(h->open.next, struct http_exchange, node));
}

static void http2_free(struct server_conn *sc)
{
	struct http2 *h = http2_of(sc);

	nghttp2_session_del(h->session);
	free(h);
}

const struct server_proto http2_proto = {
	.class = { .stream = http2_stream, .low_water = http2_low_water,
		   .down = server_conn_down, .release = server_conn_release },
	.open = http2_open, .tick = http2_tick, .drain = http2_drain, .down = http2_down,
	.free = http2_free,
};
