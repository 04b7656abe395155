/* Heads of RequestPacket and ResponsePacket: straight-line readers and writers. */
#include "proto/packet.h"

#include "proto/wire.h"

enum { LENGTH_SIZE = 4 };

/* Bits of the required tags, to see in one comparison that all were there. */
#define BIT(tag) (1u << (tag))

enum {
	REQUEST_REQUIRED = BIT(1) | BIT(2) | BIT(3) | BIT(4) | BIT(5) | BIT(6) | BIT(7) | BIT(8) |
			   BIT(9) | BIT(10),
	/* Not 7, status: TarsJava leaves it out when it has none. */
	RESPONSE_REQUIRED = BIT(1) | BIT(2) | BIT(3) | BIT(4) | BIT(5) | BIT(6),
};

static const char *const request_names[] = {
	NULL, "iVersion", "cPacketType", "iMessageType", "iRequestId", "sServantName", "sFuncName",
	"sBuffer", "iTimeout", "context", "status",
};

static const char *const response_names[] = {
	NULL, "iVersion", "cPacketType", "iRequestId", "iMessageType", "iRet", "sBuffer", "status",
	"sResultDesc", "context",
};

/* The inline form of reader_value for an int. */
static inline int get_i32(struct reader *r, uint8_t wire, int32_t *v)
{
	int64_t wide;
	int rc = wire == WIRE_LONG ? wire_mismatch(&r->c, "int", wire) :
				     wire_get_int(&r->c, wire, &wide);

	if (!rc)
		*v = (int32_t)wide;
	return rc;
}

enum { EMPTY_SIZE = WIRE_ZERO }; /* the head byte of a container's size 0 */

/* Most maps are empty. */
static inline int get_map(struct reader *r, uint8_t wire, struct tars_string_string_map *map)
{
	if (wire == WIRE_MAP && r->c.pos < r->c.end && *r->c.pos == EMPTY_SIZE) {
		r->c.pos++;
		return 0;
	}
	return reader_value(r, &tars_type_string_string_map, wire, map);
}

static int get_request_field(struct reader *r, uint8_t tag, uint8_t wire, struct request_packet *p)
{
	switch (tag) {
	case 1:
		return reader_value(r, &tars_type_short, wire, &p->version);
	case 2:
		return reader_value(r, &tars_type_byte, wire, &p->packet_type);
	case 3:
		return get_i32(r, wire, &p->message_type);
	case 4:
		return get_i32(r, wire, &p->request_id);
	case 5:
		return wire_get_string(&r->c, wire, &p->servant);
	case 6:
		return wire_get_string(&r->c, wire, &p->func);
	case 7:
		return reader_value(r, &tars_type_bytes, wire, &p->body);
	case 8:
		return get_i32(r, wire, &p->timeout_ms);
	case 9:
		return get_map(r, wire, &p->context);
	case 10:
		return get_map(r, wire, &p->status);
	default:
		return cursor_skip(&r->c, wire);
	}
}

static int get_response_field(struct reader *r, uint8_t tag, uint8_t wire,
			      struct response_packet *p)
{
	switch (tag) {
	case 1:
		return reader_value(r, &tars_type_short, wire, &p->version);
	case 2:
		return reader_value(r, &tars_type_byte, wire, &p->packet_type);
	case 3:
		return get_i32(r, wire, &p->request_id);
	case 4:
		return get_i32(r, wire, &p->message_type);
	case 5:
		return get_i32(r, wire, &p->ret);
	case 6:
		return reader_value(r, &tars_type_bytes, wire, &p->body);
	case 7:
		return get_map(r, wire, &p->status);
	case 8:
		return wire_get_string(&r->c, wire, &p->desc);
	case 9:
		return get_map(r, wire, &p->context);
	default:
		return cursor_skip(&r->c, wire);
	}
}

static int missing(struct err *e, const char *what, uint32_t absent, const char *const *names)
{
	int tag = __builtin_ctz(absent);

	return err_set(e, TARS_EPROTO, "%s without %s (tag %d): the peer does not speak TARS", what,
		       names[tag], tag);
}

/*
 * The loop for both packets: ascending tags, unknown ones skipped.  Inlined with one of the two
 * being NULL, it compiles to a straight reader of the other.
 */
static inline __attribute__((always_inline)) int
get_packet(const uint8_t *frame, size_t n, struct request_packet *request,
	   struct response_packet *response, struct arena *a, struct err *e)
{
	const char *what = request ? "RequestPacket" : "ResponsePacket";
	const char *const *names = request ? request_names : response_names;
	uint32_t required = request ? REQUEST_REQUIRED : RESPONSE_REQUIRED, seen = 0;
	unsigned last = request ? 10 : 9, next = 1;
	struct reader r;
	uint8_t tag = 0, wire;
	int rc;

	reader_init(&r, frame, n, a, e);
	while ((rc = wire_get_head(&r.c, &tag, &wire)) > 0 && wire != WIRE_STRUCT_END) {
		bool known = tag >= next && tag <= last;

		if (!known)
			rc = cursor_skip(&r.c, wire);
		else if (request)
			rc = get_request_field(&r, tag, wire, request);
		else
			rc = get_response_field(&r, tag, wire, response);
		if (__builtin_expect(rc, 0)) {
			path_name(&r.path, known ? names[tag] : "unknown field");
			break;
		}
		if (known) {
			next = tag + 1u;
			seen |= BIT(tag);
		}
	}
	if (rc < 0) {
		path_name(&r.path, what);
		return path_wrap(&r.path, e, rc);
	}
	if (__builtin_expect((seen & required) != required, 0))
		return missing(e, what, required & ~seen, names);
	return 0;
}

int packet_get_request(const uint8_t *frame, size_t n, struct request_packet *p, struct arena *a,
		       struct err *e)
{
	*p = (struct request_packet){ 0 };
	return get_packet(frame, n, p, NULL, a, e);
}

int packet_get_response(const uint8_t *frame, size_t n, struct response_packet *p, struct arena *a,
			struct err *e)
{
	*p = (struct response_packet){ .desc = TARS_STR("") };
	return get_packet(frame, n, NULL, p, a, e);
}

static inline uint8_t *put_string(uint8_t *q, uint8_t tag, const struct tars_str *s)
{
	q = wire_put_string_head(q, tag, s->n);
	if (s->n)
		memcpy(q, s->p, s->n);
	return q + s->n;
}

static void put_map(struct buf *b, uint8_t tag, const struct tars_string_string_map *map)
{
	if (!map->n) {
		uint8_t *q = wire_put_head(buf_reserve(b, WIRE_HEAD_MAX + 1), tag, WIRE_MAP);

		*q = EMPTY_SIZE;
		b->len = (size_t)(q + 1 - b->data);
		return;
	}
	codec_put_field(b, tag, &tars_type_string_string_map, map, 0);
}

/* Length and everything in front of the body. */
static void put_request_head(struct buf *b, const struct request_packet *p)
{
	size_t names = (size_t)p->servant.n + p->func.n;
	uint8_t *q = buf_reserve(b, LENGTH_SIZE + 6 * WIRE_INT_MAX + names) + LENGTH_SIZE;

	q = wire_put_int(q, 1, p->version);
	q = wire_put_int(q, 2, p->packet_type);
	q = wire_put_int(q, 3, p->message_type);
	q = wire_put_int(q, 4, p->request_id);
	q = put_string(q, 5, &p->servant);
	q = put_string(q, 6, &p->func);
	b->len = (size_t)(q - b->data);
}

static void put_response_head(struct buf *b, const struct response_packet *p)
{
	uint8_t *q = buf_reserve(b, LENGTH_SIZE + 5 * WIRE_INT_MAX) + LENGTH_SIZE;

	q = wire_put_int(q, 1, p->version);
	q = wire_put_int(q, 2, p->packet_type);
	q = wire_put_int(q, 3, p->request_id);
	q = wire_put_int(q, 4, p->message_type);
	q = wire_put_int(q, 5, p->ret);
	b->len = (size_t)(q - b->data);
}

static void put_length(struct buf *b, size_t start)
{
	size_t n = buf_size(b) - start;

	BUG_ON(n > INT32_MAX);
	wire_put_u32(buf_head(b) + start, (uint32_t)n);
}

/* Everything behind the body. */
static void put_request_tail(struct buf *b, size_t start, const struct request_packet *p)
{
	codec_put_int(b, 8, p->timeout_ms);
	put_map(b, 9, &p->context);
	put_map(b, 10, &p->status);
	put_length(b, start);
}

static void put_response_tail(struct buf *b, size_t start, const struct response_packet *p)
{
	put_map(b, 7, &p->status);
	if (p->ret || p->desc.n)
		codec_put_string(b, 8, p->desc.p, p->desc.n);
	if (p->context.n)
		put_map(b, 9, &p->context);
	put_length(b, start);
}

void packet_put_request(struct buf *b, const struct request_packet *p)
{
	size_t start = buf_size(b);

	put_request_head(b, p);
	codec_put_bytes(b, 7, p->body.p, p->body.n);
	put_request_tail(b, start, p);
}

void packet_put_response(struct buf *b, const struct response_packet *p)
{
	size_t start = buf_size(b);

	put_response_head(b, p);
	codec_put_bytes(b, 6, p->body.p, p->body.n);
	put_response_tail(b, start, p);
}

/*
 * While the body is open, the length bytes of the packet hold where it begins, counted from the
 * packet's start: so the caller keeps one number, and it is the offset from buf_head, which stays
 * true when the buffer grows.
 */
static size_t open_body(struct buf *b, size_t start, uint8_t tag)
{
	size_t mark = wire_bytes_begin(b, tag);

	wire_put_u32(buf_head(b) + start, (uint32_t)(mark - start));
	return start;
}

static void close_body(struct buf *b, size_t start)
{
	wire_bytes_end(b, start + wire_u32(buf_head(b) + start));
}

size_t packet_begin_request(struct buf *b, const struct request_packet *p)
{
	size_t start = buf_size(b);

	put_request_head(b, p);
	return open_body(b, start, 7);
}

void packet_end_request(struct buf *b, size_t mark, const struct request_packet *p)
{
	close_body(b, mark);
	put_request_tail(b, mark, p);
}

size_t packet_begin_response(struct buf *b, const struct response_packet *p)
{
	size_t start = buf_size(b);

	put_response_head(b, p);
	return open_body(b, start, 6);
}

void packet_end_response(struct buf *b, size_t mark, const struct response_packet *p)
{
	close_body(b, mark);
	put_response_tail(b, mark, p);
}

const struct tars_str *packet_map_find(const struct tars_string_string_map *m, const char *key)
{
	size_t n = strlen(key);

	for (uint32_t i = 0; i < m->n; i++)
		if (m->v[i].key.n == n && !memcmp(m->v[i].key.p, key, n))
			return &m->v[i].val;
	return NULL;
}
