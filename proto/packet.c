/* Heads of RequestPacket and ResponsePacket: straight-line readers and writers. */
#include "proto/packet.h"

#include "proto/wire.h"

enum {
	LENGTH_SIZE = 4,
	/* Room in front of the body, but for names; and behind it, but for what is rarely there. */
	HEAD_MAX = LENGTH_SIZE + 6 * WIRE_INT_MAX + WIRE_BYTES_HEAD_MAX,
	TAIL_MAX = WIRE_INT_MAX + 2 * (WIRE_HEAD_MAX + 1),
};

#define FIELD(S, member, t, how, idl_name, descriptor) \
	{ .name = (idl_name), .tag = (t), .flags = (how), .offset = offsetof(struct S, member), \
	  .type = &(descriptor) }
#define REQUEST(member, t, idl_name, descriptor) \
	FIELD(request_packet, member, t, TARS_REQUIRED, idl_name, descriptor)
#define RESPONSE(member, t, how, idl_name, descriptor) \
	FIELD(response_packet, member, t, how, idl_name, descriptor)

static const struct tars_field request_packet_fields[] = {
	REQUEST(version, 1, "iVersion", tars_type_short),
	REQUEST(packet_type, 2, "cPacketType", tars_type_byte),
	REQUEST(message_type, 3, "iMessageType", tars_type_int),
	REQUEST(request_id, 4, "iRequestId", tars_type_int),
	REQUEST(servant, 5, "sServantName", tars_type_string),
	REQUEST(func, 6, "sFuncName", tars_type_string),
	REQUEST(body, 7, "sBuffer", tars_type_bytes),
	REQUEST(timeout_ms, 8, "iTimeout", tars_type_int),
	REQUEST(context, 9, "context", tars_type_string_string_map),
	REQUEST(status, 10, "status", tars_type_string_string_map),
};

static const struct tars_field response_packet_fields[] = {
	RESPONSE(version, 1, TARS_REQUIRED, "iVersion", tars_type_short),
	RESPONSE(packet_type, 2, TARS_REQUIRED, "cPacketType", tars_type_byte),
	RESPONSE(request_id, 3, TARS_REQUIRED, "iRequestId", tars_type_int),
	RESPONSE(message_type, 4, TARS_REQUIRED, "iMessageType", tars_type_int),
	RESPONSE(ret, 5, TARS_REQUIRED, "iRet", tars_type_int),
	RESPONSE(body, 6, TARS_REQUIRED, "sBuffer", tars_type_bytes),
	/* Required by the IDL, but TarsJava leaves it out when it has none. */
	RESPONSE(status, 7, 0, "status", tars_type_string_string_map),
	RESPONSE(desc, 8, 0, "sResultDesc", tars_type_string),
	RESPONSE(context, 9, 0, "context", tars_type_string_string_map),
};

#define PACKET_TYPE(S, idl_name) { \
	.name = (idl_name), .kind = TARS_STRUCT, .size = sizeof(struct S), .fields = S##_fields, \
	.n_fields = sizeof(S##_fields) / sizeof(*S##_fields), \
}

static const struct tars_type request_type = PACKET_TYPE(request_packet, "RequestPacket");
static const struct tars_type response_type = PACKET_TYPE(response_packet, "ResponsePacket");

enum { EMPTY_SIZE = WIRE_ZERO }; /* the head byte of a container's size 0 */

/*
 * Nearly all requests begin with these bytes, whatever sends them: iVersion 1, cPacketType and
 * iMessageType 0.  One comparison takes them; anything else is read field by field.
 */
static inline const uint8_t *get_usual(const struct tars_reader *r, const uint8_t *p,
				       struct request_packet *packet)
{
	static const uint8_t usual[] = { 1 << 4 | WIRE_CHAR, VERSION_TARS, 2 << 4 | WIRE_ZERO,
					 3 << 4 | WIRE_ZERO };

	if (r->end - p < (ptrdiff_t)sizeof(usual) || memcmp(p, usual, sizeof(usual)))
		return NULL;
	packet->version = VERSION_TARS;
	packet->packet_type = PACKET_NORMAL;
	packet->message_type = 0;
	return p + sizeof(usual);
}

/* Most maps are empty. */
static inline const uint8_t *get_map(struct tars_reader *r, const uint8_t *p,
				     const struct tars_field *f,
				     struct tars_string_string_map *map)
{
	if (r->end - p < 2 || tars_wire_type(p, f->tag) != WIRE_MAP || p[1] != EMPTY_SIZE)
		return tars_get_member(r, p, f, map);
	*map = (struct tars_string_string_map){ 0 };
	return p + 2;
}

/* A text stays in the frame. */
static inline const uint8_t *get_name(struct tars_reader *r, const uint8_t *p,
				      const struct tars_field *f, struct tars_str *s)
{
	if (r->end - p < 2 || tars_wire_type(p, f->tag) != WIRE_STRING1 || r->end - p < 2 + p[1])
		return tars_get_member(r, p, f, s);
	*s = (struct tars_str){ (const char *)p + 2, p[1] };
	return p + 2 + s->n;
}

/* A short body in its usual form. */
static inline const uint8_t *get_body(struct tars_reader *r, const uint8_t *p,
				      const struct tars_field *f, struct tars_bytes *v)
{
	int64_t n;
	const uint8_t *body;

	if (r->end - p < 2 || tars_wire_type(p, f->tag) != WIRE_SIMPLE_LIST || p[1] != WIRE_CHAR)
		return tars_get_member(r, p, f, v);
	body = tars_take_int(r, p + 2, 0, WIRE_INT, &n);
	if (!body || n < 0 || n > r->end - body)
		return tars_get_member(r, p, f, v);
	*v = (struct tars_bytes){ body, (uint32_t)n };
	return body + n;
}

/* After an error all members have their defaults. */
static int finish(struct reader *r, const struct tars_type *t, void *packet)
{
	if (__builtin_expect(!r->rc, 1))
		return 0;
	tars_type_init(t, packet);
	path_name(&r->path, t->name);
	return path_wrap(&r->path, r->e, r->rc);
}

int packet_get_request(const uint8_t *frame, size_t n, struct request_packet *p, struct arena *a,
		       struct err *e)
{
	const struct tars_field *f = request_packet_fields;
	struct reader r;
	const uint8_t *start = reader_init(&r, frame, n, a, e), *at = get_usual(&r.in, start, p);

	if (!at) {
		at = tars_get_short(&r.in, start, &f[0], &p->version);
		at = tars_get_byte(&r.in, at, &f[1], &p->packet_type);
		at = tars_get_int(&r.in, at, &f[2], &p->message_type);
	}
	at = tars_get_int(&r.in, at, &f[3], &p->request_id);
	at = get_name(&r.in, at, &f[4], &p->servant);
	at = get_name(&r.in, at, &f[5], &p->func);
	at = get_body(&r.in, at, &f[6], &p->body);
	at = tars_get_int(&r.in, at, &f[7], &p->timeout_ms);
	at = get_map(&r.in, at, &f[8], &p->context);
	get_map(&r.in, at, &f[9], &p->status);
	return finish(&r, &request_type, p);
}

int packet_get_response(const uint8_t *frame, size_t n, struct response_packet *p, struct arena *a,
			struct err *e)
{
	const struct tars_field *f = response_packet_fields;
	struct reader r;
	const uint8_t *at = reader_init(&r, frame, n, a, e);

	at = tars_get_short(&r.in, at, &f[0], &p->version);
	at = tars_get_byte(&r.in, at, &f[1], &p->packet_type);
	at = tars_get_int(&r.in, at, &f[2], &p->request_id);
	at = tars_get_int(&r.in, at, &f[3], &p->message_type);
	at = tars_get_int(&r.in, at, &f[4], &p->ret);
	at = get_body(&r.in, at, &f[5], &p->body);
	at = get_map(&r.in, at, &f[6], &p->status);
	if (at == r.in.end && !r.rc) { /* as most do */
		p->desc = TARS_STR("");
		p->context = (struct tars_string_string_map){ 0 };
		return 0;
	}
	at = get_name(&r.in, at, &f[7], &p->desc);
	get_map(&r.in, at, &f[8], &p->context);
	return finish(&r, &response_type, p);
}

static inline uint8_t *put_string(uint8_t *q, uint8_t tag, const struct tars_str *s)
{
	q = wire_put_string_head(q, tag, s->n);
	if (s->n)
		memcpy(q, s->p, s->n);
	return q + s->n;
}

/* Goes on at q, where there is room for an empty map; so there is behind it for as much again. */
static inline uint8_t *put_map(struct buf *b, uint8_t *q, uint8_t tag,
			       const struct tars_string_string_map *map)
{
	if (map->n) {
		b->len = (size_t)(q - b->data);
		codec_put_field(b, tag, &tars_type_string_string_map, map, 0);
		return buf_reserve(b, TAIL_MAX);
	}
	q = tars_wire_head(q, tag, WIRE_MAP);
	*q = EMPTY_SIZE;
	return q + 1;
}

/* Length and everything in front of the body. */
static inline uint8_t *put_request_head(struct buf *b, const struct request_packet *p)
{
	size_t names = (size_t)p->servant.n + p->func.n;
	uint8_t *q = buf_reserve(b, HEAD_MAX + names) + LENGTH_SIZE;

	q = tars_wire_int(q, 1, p->version);
	q = tars_wire_int(q, 2, p->packet_type);
	q = tars_wire_int(q, 3, p->message_type);
	q = tars_wire_int(q, 4, p->request_id);
	q = put_string(q, 5, &p->servant);
	return put_string(q, 6, &p->func);
}

static inline uint8_t *put_ids(uint8_t *q, int packet_type, int16_t version, int32_t request_id,
			       int32_t message_type)
{
	q = tars_wire_int(q, 1, version);
	q = tars_wire_int(q, 2, packet_type);
	q = tars_wire_int(q, 3, request_id);
	return tars_wire_int(q, 4, message_type);
}

static inline uint8_t *put_response_head(struct buf *b, const struct response_packet *p)
{
	uint8_t *q = buf_reserve(b, HEAD_MAX) + LENGTH_SIZE;

	q = put_ids(q, p->packet_type, p->version, p->request_id, p->message_type);
	return tars_wire_int(q, 5, p->ret);
}

/* Ends the packet at q. */
static inline void put_length(struct buf *b, size_t start, const uint8_t *q)
{
	size_t n;

	b->len = (size_t)(q - b->data);
	n = buf_size(b) - start;
	BUG_ON(n > INT32_MAX);
	tars_wire_u32(buf_head(b) + start, (uint32_t)n);
}

/* Everything behind the body. */
static void put_request_tail(struct buf *b, size_t start, const struct request_packet *p)
{
	uint8_t *q = buf_reserve(b, TAIL_MAX);

	q = tars_wire_int(q, 8, p->timeout_ms);
	q = put_map(b, q, 9, &p->context);
	q = put_map(b, q, 10, &p->status);
	put_length(b, start, q);
}

static void put_response_tail(struct buf *b, size_t start, const struct response_packet *p)
{
	uint8_t *q = put_map(b, buf_reserve(b, TAIL_MAX), 7, &p->status);

	if (p->ret || p->desc.n) {
		b->len = (size_t)(q - b->data);
		codec_put_string(b, 8, p->desc.p, p->desc.n);
		q = buf_reserve(b, TAIL_MAX);
	}
	if (p->context.n)
		q = put_map(b, q, 9, &p->context);
	put_length(b, start, q);
}

void packet_put_request(struct buf *b, const struct request_packet *p)
{
	size_t start = buf_size(b);

	b->len = (size_t)(put_request_head(b, p) - b->data);
	codec_put_bytes(b, 7, p->body.p, p->body.n);
	put_request_tail(b, start, p);
}

void packet_put_response(struct buf *b, const struct response_packet *p)
{
	size_t start = buf_size(b);

	b->len = (size_t)(put_response_head(b, p) - b->data);
	codec_put_bytes(b, 6, p->body.p, p->body.n);
	put_response_tail(b, start, p);
}

/*
 * While the body is open, the length bytes of the packet hold where it begins, counted from the
 * packet's start: so the caller keeps one number, and it is the offset from buf_head, which stays
 * true when the buffer grows.
 */
static inline void open_body(struct buf *b, size_t start, uint8_t *q, uint8_t tag, size_t expected)
{
	uint8_t *packet = buf_head(b) + start;

	q = wire_open_bytes(q, tag, expected);
	tars_wire_u32(packet, (uint32_t)(q - packet));
	b->len = (size_t)(q - b->data);
}

static void close_body(struct buf *b, size_t start)
{
	wire_close_bytes(b, start + wire_u32(buf_head(b) + start));
}

size_t packet_begin_request(struct buf *b, const struct request_packet *p)
{
	size_t start = buf_size(b);
	uint8_t *q = put_request_head(b, p); /* may move the content */

	open_body(b, start, q, 7, p->body.n);
	return start;
}

void packet_end_request(struct buf *b, size_t mark, const struct request_packet *p)
{
	close_body(b, mark);
	put_request_tail(b, mark, p);
}

size_t packet_begin_response(struct buf *b, const struct response_packet *p)
{
	size_t start = buf_size(b);
	uint8_t *q = put_response_head(b, p);

	open_body(b, start, q, 6, p->body.n);
	return start;
}

void packet_end_response(struct buf *b, size_t mark, const struct response_packet *p)
{
	close_body(b, mark);
	put_response_tail(b, mark, p);
}

size_t packet_begin_ok(struct buf *b, const struct request_packet *to, size_t expected)
{
	size_t start = buf_size(b);
	uint8_t *q = buf_reserve(b, HEAD_MAX) + LENGTH_SIZE;

	q = put_ids(q, PACKET_NORMAL, to->version, to->request_id, to->message_type);
	q = tars_wire_int(q, 5, 0);
	open_body(b, start, q, 6, expected);
	return start;
}

void packet_end_ok(struct buf *b, size_t mark)
{
	static const struct tars_string_string_map none;

	close_body(b, mark);
	put_length(b, mark, put_map(b, buf_reserve(b, TAIL_MAX), 7, &none));
}

const struct tars_str *packet_map_find(const struct tars_string_string_map *m, const char *key)
{
	size_t n = strlen(key);

	for (uint32_t i = 0; i < m->n; i++)
		if (m->v[i].key.n == n && !memcmp(m->v[i].key.p, key, n))
			return &m->v[i].val;
	return NULL;
}
