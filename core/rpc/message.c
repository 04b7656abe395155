/* Messages of a user's own protocol, server's side: bytes to dispatch, and the answer back. */
#include "core/rpc/message.h"

#include <string.h>

#include "core/rpc/app_int.h"
#include "core/rpc/format.h"
#include "core/rpc/req.h"
#include "core/rpc/server.h"

/* ---- a message as a value ---- */

static const struct tars_field message_field = {
	.name = "message", .flags = TARS_REQUIRED, .type = &tars_type_bytes,
};
const struct tars_type message_type = {
	.name = "message", .kind = TARS_STRUCT, .n_fields = 1, .size = sizeof(struct tars_bytes),
	.fields = &message_field,
};
static const struct tars_func message_func = { "message", &message_type, &message_type, 0, 0 };

static int handle(struct tars_req *rq, const void *impl, int func, const void *in, void *out)
{
	const struct tars_servant *row = impl;

	(void)func;
	return row->message(rq, in, out);
}

const struct tars_iface message_iface = { "message", &message_func, 1, handle };

/* ---- where it ends ---- */

size_t message_limit(const struct tars_protocol *p, size_t max)
{
	return p->max_size && p->max_size < max ? p->max_size : max;
}

enum frame_result message_cut(const struct tars_protocol *p, const uint8_t *data, size_t n,
			      size_t max, size_t *at, size_t *size, struct err *e)
{
	int64_t end = p->frame(data, n, at);

	if (end < 0) {
		err_set(e, TARS_EPROTO, "these bytes are no message of its protocol (%lld)",
			(long long)end);
		return FRAME_BAD;
	}
	if ((uint64_t)end > max) {
		err_set(e, TARS_ELIMIT, "a message of %lld bytes is larger than the limit of %zu",
			(long long)end, max);
		return FRAME_BAD;
	}
	*size = (size_t)end;
	if (!end || *size > n)
		return FRAME_NEED;
	*at = 0;
	return FRAME_OK;
}

/* ---- requests ---- */

static struct server_conn *conn_of(struct conn *c)
{
	return container_of(c, struct server_conn, conn);
}

static const struct tars_protocol *protocol_of(const struct server_conn *sc)
{
	return sc->adapter->speaks->row.protocol;
}

static enum frame_result next_message(struct conn *c, const uint8_t *data, size_t n, size_t *size,
				      struct err *e)
{
	struct server_conn *sc = conn_of(c);

	return message_cut(protocol_of(sc), data, n, c->max_frame, &sc->message_at, size, e);
}

static const struct call_format message_format;

static int take_message(struct conn *c, uint8_t *data, size_t n, struct err *e)
{
	struct server_conn *sc = conn_of(c);
	const struct servant *s = sc->adapter->speaks;
	struct tars_req *rq = req_get(sc->loop);
	uint32_t id = 0;

	(void)e;
	rq->format = &message_format;
	rq->cost = (uint32_t)n;
	rq->head.version = VERSION_TARS;
	rq->head.servant = (struct tars_str){ s->row.name, (uint32_t)s->name_len };
	rq->head.func = (struct tars_str){ message_func.name, (uint32_t)strlen(message_func.name) };
	rq->head.body.p = (const uint8_t *)arena_memdup(&rq->arena, data, n);
	rq->head.body.n = (uint32_t)n;
	if (protocol_of(sc)->get_id && protocol_of(sc)->get_id(data, n, &id))
		rq->head.request_id = (int32_t)id;
	server_submit(sc, rq);
	return 0;
}

const struct conn_class message_server_class = {
	.next = next_message, .frame = take_message, .down = server_conn_down,
	.release = server_conn_release,
};

void message_opened(struct server_conn *sc)
{
	sc->conn.max_frame = message_limit(protocol_of(sc), sc->conn.max_frame);
	/* Answers that have no id come in the order of the requests, refusals too: so one request
	 * is at work, and what follows stays with its sender. */
	if (!protocol_of(sc)->get_id)
		sc->conn.max_owed = 1;
	/* Where all its requests go. */
	sc->last = sc->adapter->speaks;
}

/* ---- answers ---- */

static int get_message(struct tars_req *rq, void *in, struct err *e)
{
	(void)e;
	*(struct tars_bytes *)in = rq->head.body;
	return TARS_OK;
}

static void put_answer(struct buf *b, struct tars_req *rq, int code, const char *text,
		       const void *out)
{
	const struct tars_protocol *p = protocol_of(rq->conn);
	struct tars_bytes answer = { 0 };

	if (!code)
		answer = *(const struct tars_bytes *)out;
	else if (p->refuse)
		p->refuse(rq, &rq->head.body, code, text, &answer);
	else
		rq->hang_up = true;
	buf_add(b, answer.p, answer.n);
}

/* Nothing comes behind the answer with which a connection ends. */
static void send_answer(struct tars_req *rq)
{
	struct conn *c = &rq->conn->conn;

	if (!conn_is_open(c) || c->finishing)
		return;
	if (buf_size(&rq->reply))
		conn_append(c, &rq->reply);
	if (rq->hang_up)
		conn_finish(c);
}

static const struct call_format message_format = {
	get_message, put_answer, send_answer, .keeps_input = true,
};

void tars_hang_up(struct tars_req *rq)
{
	rq->hang_up = true;
}

/* ---- servants and adapters ---- */

void message_servant(struct servant *s)
{
	s->row.iface = &message_iface;
	s->row.impl = &s->row;
	/* No TARS packet must reach it through other adapters. */
	atomic_init(&s->guarded, true);
}

int message_adapter(struct adapter *a, struct err *e)
{
	const struct adapter_conf *c = &a->conf;
	const struct servant *s = c->servant ? servant_find(a->app, c->servant, strlen(c->servant)) :
					       NULL;
	bool speaks = s && s->row.protocol;

	if (c->not_tars && !speaks)
		return err_set(e, TARS_ECONF, "protocol=not_tars, but its servant %s speaks TARS",
			       c->servant ? c->servant : "(all)");
	if (speaks && !c->not_tars)
		return err_set(e, TARS_ECONF, "its servant %s speaks a protocol of its own: say "
			       "protocol=not_tars", c->servant);
	if (speaks && (c->ep.auth || c->ep.type == ENDPOINT_UDP))
		return err_set(e, TARS_ECONF, "with protocol=not_tars its endpoint cannot be %s",
			       c->ep.auth ? "-e 1" : "udp");
	a->speaks = speaks ? s : NULL;
	return TARS_OK;
}
