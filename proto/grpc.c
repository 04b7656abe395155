/* gRPC as far as unary calls need it: messages in their frames, deadlines, statuses. */
#include "proto/grpc.h"

#include <stdio.h>
#include <string.h>

#include "proto/text.h"

enum grpc_coding grpc_coding_of(const struct tars_str *type)
{
	static const char prefix[] = "application/grpc";
	const char *rest;
	size_t n;

	if (!type || strncmp(type->p, prefix, sizeof(prefix) - 1))
		return GRPC_NONE;
	rest = type->p + sizeof(prefix) - 1;
	n = strcspn(rest, "; ");
	if (!n || (n == 6 && !memcmp(rest, "+proto", 6)))
		return GRPC_PROTO;
	return n == 5 && !memcmp(rest, "+json", 5) ? GRPC_JSON : GRPC_NONE;
}

int grpc_get_message(const struct buf *body, struct tars_bytes *message, struct err *e)
{
	const uint8_t *p = buf_head(body);
	size_t n = buf_size(body), length;

	if (n < GRPC_FRAME_HEAD)
		return err_set(e, TARS_EDECODE, "the body has no message: it is a unary call");
	if (p[0])
		return err_set(e, TARS_ENOFUNC, "compressed messages are not supported: use "
			       "identity");
	length = (size_t)p[1] << 24 | (size_t)p[2] << 16 | (size_t)p[3] << 8 | p[4];
	if (length != n - GRPC_FRAME_HEAD)
		return err_set(e, TARS_EDECODE, "a message of %zu bytes in a body of %zu: it must "
			       "be one message", length, n - GRPC_FRAME_HEAD);
	*message = (struct tars_bytes){ p + GRPC_FRAME_HEAD, (uint32_t)length };
	return 0;
}

size_t grpc_begin_message(struct buf *b)
{
	memset(buf_reserve(b, GRPC_FRAME_HEAD), 0, GRPC_FRAME_HEAD);
	b->len += GRPC_FRAME_HEAD;
	return buf_size(b);
}

void grpc_end_message(struct buf *b, size_t mark)
{
	size_t n = buf_size(b) - mark;
	uint8_t *p = buf_head(b) + mark - 4;

	p[0] = (uint8_t)(n >> 24);
	p[1] = (uint8_t)(n >> 16);
	p[2] = (uint8_t)(n >> 8);
	p[3] = (uint8_t)n;
}

int grpc_get_timeout(const struct tars_str *text, int32_t *ms, struct err *e)
{
	static const struct { char unit; int64_t us; } units[] = {
		{ 'H', INT64_C(3600000000) }, { 'M', 60000000 }, { 'S', 1000000 }, { 'm', 1000 },
		{ 'u', 1 }, { 'n', 0 },
	};
	int64_t n, us;

	for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++) {
		if (!text->n || text->p[text->n - 1] != units[i].unit ||
		    !text_int(text->p, text->n - 1, 0, 99999999, &n))
			continue;
		us = units[i].us ? n * units[i].us : (n + 999) / 1000;
		us = (us + 999) / 1000;
		*ms = us < 1 ? 1 : us > INT32_MAX ? INT32_MAX : (int32_t)us;
		return 0;
	}
	return err_set(e, TARS_EDECODE, "grpc-timeout: '%.20s' is not a number and one of HMSmun",
		       text->p);
}

void grpc_put_status(struct http_headers *trailers, struct arena *a, int code, const char *text)
{
	char number[16];
	int n = snprintf(number, sizeof(number), "%d", err_grpc_status(code));

	http_put_header(trailers, a, "grpc-status", number, (size_t)n);
	if (!code)
		return;
	http_put_header(trailers, a, "grpc-message", text, strlen(text));
	n = snprintf(number, sizeof(number), "%d", err_wire_code(code));
	http_put_header(trailers, a, "tars-code", number, (size_t)n);
}
