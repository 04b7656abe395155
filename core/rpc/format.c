/* How arguments and replies look in packets: TARS, TUP and JSON bodies. */
#include "core/rpc/format.h"

#include <stdio.h>
#include <string.h>

#include "core/rpc/app.h"
#include "core/rpc/req.h"
#include "proto/json.h"
#include "proto/tup.h"

static struct response_packet response_head(const struct tars_req *rq, int code, const char *text)
{
	return (struct response_packet){
		.version = rq->head.version,
		.request_id = rq->head.request_id,
		.message_type = rq->head.message_type,
		.ret = err_wire_code(code),
		.desc = { .p = text, .n = (uint32_t)strlen(text) },
		.context = rq->reply_context,
		.status = rq->reply_status,
	};
}

static void put_out(struct buf *b, const struct tars_req *rq, const struct tars_type *type,
		    const void *out)
{
	if (rq->encoded.p)
		buf_add(b, rq->encoded.p, rq->encoded.n);
	else
		codec_put_flat(b, type, out, 0);
}

static void put_tars_reply(struct buf *b, struct tars_req *rq, int code, const char *text,
			   const void *out)
{
	const struct tars_type *type = code || !rq->func ? NULL : rq->func->out;
	size_t expected = !type ? 0 : rq->encoded.p ? rq->encoded.n : codec_guess(type, out), mark;
	struct response_packet head;

	if (type && !rq->reply_context.n && !rq->reply_status.n) {
		mark = packet_begin_ok(b, &rq->head, expected);
		put_out(b, rq, type, out);
		packet_end_ok(b, mark);
		return;
	}
	head = response_head(rq, code, text);
	head.body.n = (uint32_t)expected;
	mark = packet_begin_response(b, &head);
	if (type)
		put_out(b, rq, type, out);
	packet_end_response(b, mark, &head);
}

/* A value that JSON cannot express (text that is not UTF-8) makes the reply an error. */
static void put_json_reply(struct buf *b, struct tars_req *rq, int code, const char *text,
			   const void *out)
{
	struct response_packet head = response_head(rq, code, text);
	size_t mark = packet_begin_response(b, &head);
	struct err e;

	if (!code && rq->func && json_put(b, rq->func->out, out, JSON_COMPACT, &e) < 0) {
		b->len = b->pos + mark;
		rq->result = TARS_EENCODE;
		head = response_head(rq, TARS_EENCODE, e.text);
		mark = packet_begin_response(b, &head);
	}
	packet_end_response(b, mark, &head);
}

/* TUP answers with the layout of a request; code and text travel in the status (contract 1.5). */
static void put_tup_reply(struct buf *b, struct tars_req *rq, int code, const char *text,
			  const void *out)
{
	static const struct tars_type nothing = { .name = "", .kind = TARS_STRUCT };
	uint32_t n_given = rq->reply_status.n;
	struct tars_string_string_pair own[2], *status = own;
	struct request_packet head = {
		.version = rq->head.version,
		.request_id = rq->head.request_id,
		.message_type = rq->head.message_type,
		.servant = rq->head.servant,
		.func = rq->head.func,
		.context = rq->reply_context,
		.status.n = n_given,
	};
	char number[16];
	size_t mark;

	if (n_given) {
		status = tars_alloc(rq, (n_given + 2) * sizeof(*status));
		memcpy(status, rq->reply_status.v, n_given * sizeof(*status));
	}
	head.status.v = status;
	if (code) {
		int n = snprintf(number, sizeof(number), "%d", err_wire_code(code));

		status[head.status.n].key = TARS_STR("STATUS_RESULT_CODE");
		status[head.status.n++].val = (struct tars_str){ number, (uint32_t)n };
	}
	if (*text) {
		status[head.status.n].key = TARS_STR("STATUS_RESULT_DESC");
		status[head.status.n++].val = (struct tars_str){ text, (uint32_t)strlen(text) };
	}
	mark = packet_begin_request(b, &head);
	if (!code && rq->func)
		tup_put(b, rq->func->out, out, true);
	else
		tup_put(b, &nothing, NULL, false);
	packet_end_request(b, mark, &head);
}

/* ---- arguments ---- */

static int get_tars_args(struct tars_req *rq, void *in, struct err *e)
{
	const struct tars_bytes *body = &rq->head.body;
	int rc = rq->keeps_body ? codec_get_kept((uint8_t *)body->p, body->n, rq->func->in, in,
						 &rq->arena, e) :
				  codec_get_flat(body->p, body->n, rq->func->in, in, &rq->arena, e);

	return rc ? TARS_EDECODE : TARS_OK;
}

/* Official servers see an exception, not an error of decoding. */
static int get_json_args(struct tars_req *rq, void *in, struct err *e)
{
	int rc = json_get_params((const char *)rq->head.body.p, rq->head.body.n, rq->func->in, in,
				 &rq->arena, e);

	return rc ? TARS_EUNKNOWN : TARS_OK;
}

/* So they do when a parameter is missing. */
static int get_tup_args(struct tars_req *rq, void *in, struct err *e)
{
	int rc = tup_get(rq->head.body.p, rq->head.body.n, rq->func->in, in, &rq->arena, e);

	return rc == TARS_ENOTFOUND ? TARS_EUNKNOWN : rc ? TARS_EDECODE : TARS_OK;
}

/* ---- rows ---- */

static const struct call_format tars_format = { get_tars_args, put_tars_reply };
static const struct call_format tup_format = { get_tup_args, put_tup_reply };
static const struct call_format json_format = { get_json_args, put_json_reply };

/* A call that is traced says what its results are. */
bool req_is_plain(const struct tars_req *rq)
{
	return rq->format == &tars_format && rq->func && !rq->travel;
}

void req_encode(const struct tars_req *rq, const void *out, struct buf *to)
{
	codec_put_flat(to, rq->func->out, out, 0);
}

void req_set_encoded(struct tars_req *rq, struct tars_bytes encoded)
{
	rq->encoded = encoded;
}

const struct call_format *packet_format(int16_t version)
{
	if (version == VERSION_TUP)
		return &tup_format;
	return version == VERSION_JSON ? &json_format : &tars_format;
}
