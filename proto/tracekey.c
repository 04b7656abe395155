/* Trace keys of TARS and W3C: parsing, printing, and from one to the other. */
#include "proto/tracekey.h"

#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>

#include "proto/text.h"

/* ---- TARS ---- */

static bool is_part(struct tars_str s, size_t max)
{
	if (!s.n || s.n > max)
		return false;
	for (uint32_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] > '~' || s.p[i] == '|')
			return false;
	return true;
}

/* Up to the next '|'; false if there is none any more. */
static bool next_part(const char **p, const char *end, struct tars_str *part)
{
	const char *bar;

	if (!*p)
		return false;
	bar = memchr(*p, '|', (size_t)(end - *p));
	*part = (struct tars_str){ *p, (uint32_t)((bar ? bar : end) - *p) };
	*p = bar ? bar + 1 : NULL;
	return true;
}

/* "f" and "f.2" in front of a '-'; anything else means: no data. */
static void read_flags(struct trace_key *k)
{
	const char *p = k->trace.p, *end = k->id.p - 1;
	unsigned data = 0, kb = 0;

	for (; p < end && text_hex_digit(*p) >= 0 && data <= TRACE_DATA_ALL; p++)
		data = data * 16 + (unsigned)text_hex_digit(*p);
	if (p == k->trace.p || data > TRACE_DATA_ALL)
		return;
	if (p < end && *p == '.')
		for (p++; p < end && *p >= '0' && *p <= '9'; p++)
			kb = kb < TRACE_MAX_KB ? kb * 10 + (unsigned)(*p - '0') : TRACE_MAX_KB;
	if (p != end)
		return;
	k->data = data;
	k->max_kb = kb < TRACE_MAX_KB ? kb : TRACE_MAX_KB;
}

int trace_key_parse(const char *text, size_t n, struct trace_key *k, struct err *e)
{
	const char *p = text, *end = text + n, *dash;
	struct tars_str part;
	unsigned parts = 0;

	*k = (struct trace_key){ 0 };
	while (next_part(&p, end, &part)) {
		if (!is_part(part, parts ? TRACE_SPAN_MAX : TRACE_ID_MAX))
			return err_set(e, TARS_EPROTO, "trace key: part %u is empty, too long or "
				       "not printable", parts + 1);
		if (parts == 0)
			k->trace = part;
		else if (parts == 1)
			k->span = part;
		parts++;
	}
	if (parts != 2 && parts != 3)
		return err_set(e, TARS_EPROTO, "trace key: %u parts, not 2 or 3", parts);
	k->id = k->trace;
	dash = memchr(k->trace.p, '-', k->trace.n);
	if (dash && dash + 1 < k->trace.p + k->trace.n) {
		k->id.p = dash + 1;
		k->id.n = (uint32_t)(k->trace.p + k->trace.n - k->id.p);
		read_flags(k);
	}
	return TARS_OK;
}

/* ---- W3C ---- */

/* Lower-case hex digits, not all of them 0 if it is an id. */
static bool take_hex(char *to, const char *from, size_t n, bool id)
{
	bool zero = true;

	for (size_t i = 0; i < n; i++) {
		if (text_hex_digit(from[i]) < 0 || (from[i] >= 'A' && from[i] <= 'F'))
			return false;
		zero = zero && from[i] == '0';
		to[i] = from[i];
	}
	to[n] = '\0';
	return !id || !zero;
}

static int bad_traceparent(struct err *e, const char *why)
{
	return err_set(e, TARS_EPROTO, "traceparent: %s", why);
}

int traceparent_parse(const char *text, size_t n, struct traceparent *t, struct err *e)
{
	char version[3], flags[3];

	if (n < TRACEPARENT_SIZE - 1)
		return bad_traceparent(e, "too short");
	if (!take_hex(version, text, 2, false) || !strcmp(version, "ff"))
		return bad_traceparent(e, "no such version");
	if (n > TRACEPARENT_SIZE - 1 &&
	    (!strcmp(version, "00") || text[TRACEPARENT_SIZE - 1] != '-'))
		return bad_traceparent(e, "too long");
	if (text[2] != '-' || text[35] != '-' || text[52] != '-')
		return bad_traceparent(e, "its parts have wrong lengths");
	if (!take_hex(t->id, text + 3, W3C_ID_SIZE - 1, true))
		return bad_traceparent(e, "the trace-id is not 32 lower-case hex digits, or 0");
	if (!take_hex(t->span, text + 36, W3C_SPAN_SIZE - 1, true))
		return bad_traceparent(e, "the parent-id is not 16 lower-case hex digits, or 0");
	if (!take_hex(flags, text + 53, 2, false))
		return bad_traceparent(e, "the flags are not 2 lower-case hex digits");
	t->flags = (uint8_t)(text_hex_digit(flags[0]) << 4 | text_hex_digit(flags[1]));
	return TARS_OK;
}

void traceparent_print(char text[TRACEPARENT_SIZE], const struct traceparent *t)
{
	snprintf(text, TRACEPARENT_SIZE, "00-%.32s-%.16s-%02x", t->id, t->span, t->flags);
}

bool tracestate_is_ok(const char *text, size_t n)
{
	if (!n || n > TRACESTATE_MAX)
		return false;
	for (size_t i = 0; i < n; i++)
		if (text[i] < ' ' || text[i] > '~')
			return false;
	return true;
}

void trace_hex(char *text, const uint8_t *p, size_t n)
{
	text_put_hex(text, p, n);
	text[2 * n] = '\0';
}

void trace_id_to_w3c(const struct tars_str *id, char w3c[W3C_ID_SIZE])
{
	uint8_t digest[SHA256_DIGEST_LENGTH];

	if (id->n == W3C_ID_SIZE - 1 && take_hex(w3c, id->p, id->n, true))
		return;
	SHA256((const uint8_t *)id->p, id->n, digest);
	trace_hex(w3c, digest, (W3C_ID_SIZE - 1) / 2);
}

/* ---- lines ---- */

static void put_base64(struct buf *b, const struct tars_bytes *data)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	char *to = (char *)buf_reserve(b, ((size_t)data->n + 2) / 3 * 4);

	b->len += ((size_t)data->n + 2) / 3 * 4;
	for (uint32_t i = 0; i < data->n; i += 3) {
		uint32_t left = data->n - i, v = (uint32_t)data->p[i] << 16;

		if (left > 1)
			v |= (uint32_t)data->p[i + 1] << 8;
		if (left > 2)
			v |= data->p[i + 2];
		*to++ = digits[v >> 18];
		*to++ = digits[v >> 12 & 63];
		*to++ = left > 1 ? digits[v >> 6 & 63] : '=';
		*to++ = left > 2 ? digits[v & 63] : '=';
	}
}

void trace_line_put(struct buf *b, const struct trace_line *l)
{
	buf_addf(b, "%.*s|%s|%s|%s|%s|%s|%s|%lld|%d|", (int)l->trace.n, l->trace.p, l->span,
		 l->parent, l->annotation, l->client, l->server, l->func, (long long)l->time_ms,
		 l->ret);
	put_base64(b, &l->data);
	buf_add_u8(b, '|');
}
