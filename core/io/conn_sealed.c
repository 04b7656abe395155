/* Connection: what comes out of TLS. */
#include "core/io/conn_int.h"
#include "core/io/tls.h"

/* As many plain bytes as there are and as fit. */
static enum tls_result unseal(struct conn *c, uint8_t *plain, size_t *n, struct err *e)
{
	enum tls_result rc = TLS_OK;

	*n = 0;
	while (rc == TLS_OK && *n + TLS_MAX_PLAIN <= REACTOR_SCRATCH_SIZE) {
		size_t got = 0;

		rc = tls_read(c->tls, plain + *n, REACTOR_SCRATCH_SIZE - *n, &got, e);
		*n += got;
	}
	return rc;
}

void conn_serve_sealed(struct conn *c)
{
	uint8_t *plain = reactor_scratch_plain();
	enum tls_result rc;
	struct err e;
	size_t n;

	do {
		rc = unseal(c, plain, &n, &e);
		if (n)
			conn_serve(c, plain, n);
		if (c->closed)
			return;
	} while (rc == TLS_OK);
	/* Answers and alerts of the protocol itself. */
	conn_send(c, tls_out(c->tls));
	if (rc == TLS_END) {
		conn_end_input(c);
	} else if (rc == TLS_FAILED) {
		err_wrap(&e, "%s", c->peer_text);
		conn_close(c, &e);
	} else if (buf_size(tls_out(c->tls))) {
		conn_queue_flush(c);
	}
}

void conn_read_sealed(struct conn *c)
{
	struct iovec room = { reactor_scratch(), REACTOR_SCRATCH_SIZE };
	ssize_t n = conn_receive(c, &room, 1);

	if (n <= 0)
		return;
	tls_feed(c->tls, reactor_scratch(), (size_t)n);
	conn_serve_sealed(c);
}
