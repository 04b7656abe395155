/* Calls in TUP and JSON: their arguments and replies, on the calling side. */
#include "core/rpc/wireform.h"

#include "proto/json.h"
#include "proto/text.h"
#include "proto/tup.h"

int wire_put_args(struct buf *b, int wire, const struct tars_type *t, const void *in,
		  struct err *e)
{
	if (wire == TARS_WIRE_TUP) {
		tup_put(b, t, in, false);
		return TARS_OK;
	}
	if (wire != TARS_WIRE_JSON)
		return err_set(e, TARS_EARG, "not sent: %d is no enum tars_wire", wire);
	if (!json_put(b, t, in, JSON_COMPACT, e))
		return TARS_OK;
	e->code = TARS_EENCODE;
	return err_wrap(e, "not sent");
}

int wire_get_result(int wire, const struct tars_bytes *body, const struct tars_type *t, void *out,
		    struct arena *a, struct err *e)
{
	if (wire == TARS_WIRE_TUP)
		return tup_get(body->p, body->n, t, out, a, e);
	/* Some servers send the in parameters back as well. */
	return json_get_params((const char *)body->p, body->n, t, out, a, e);
}

int wire_get_tup_response(const uint8_t *frame, size_t n, struct response_packet *r,
			  struct arena *a, struct err *e)
{
	const struct tars_str *code, *text;
	struct request_packet p;
	int rc = packet_get_request(frame, n, &p, a, e);
	int64_t ret = 0;

	if (rc)
		return rc;
	code = packet_map_find(&p.status, "STATUS_RESULT_CODE");
	text = packet_map_find(&p.status, "STATUS_RESULT_DESC");
	if (code && !text_int(code->p, code->n, INT32_MIN, INT32_MAX, &ret))
		return err_set(e, TARS_EPROTO, "TUP reply with STATUS_RESULT_CODE '%.20s'",
			       code->p);
	*r = (struct response_packet){
		.version = p.version, .packet_type = p.packet_type, .request_id = p.request_id,
		.message_type = p.message_type, .ret = (int32_t)ret, .body = p.body,
		.status = p.status, .context = p.context,
	};
	if (text)
		r->desc = *text;
	return TARS_OK;
}
