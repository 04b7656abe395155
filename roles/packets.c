/* Packets as text for people and as JSON for programs: heads, and bodies by IDL or as trees. */
#include "roles/packets.h"

#include <stdlib.h>
#include <string.h>

#include "proto/frame.h"
#include "proto/json.h"
#include "proto/packet.h"
#include "proto/text.h"
#include "proto/tup.h"

enum {
	CALLS = 1 << 14,            /* requests remembered */
	NAME_MAX_SIZE = 80,
	JSON_MAX_BODY = 16 << 20,   /* larger ones are shown as bytes */
};

struct packets_call {
	uint64_t conversation;
	int32_t id;
	int side;
	char func[NAME_MAX_SIZE];   /* "": free */
};

/* One packet that is being shown. */
struct shown {
	struct packets *packets;
	struct buf *b;
	enum tree_form form;
	struct arena arena;
	int16_t version;
	struct tars_bytes body;
	struct tars_str func;       /* may be empty */
	bool is_answer;
};

void packets_init(struct packets *p, const struct idl_descs *descs, const char *interface)
{
	*p = (struct packets){ descs, interface, xcalloc(CALLS, sizeof(struct packets_call)) };
}

void packets_release(struct packets *p)
{
	free(p->calls);
}

/* ---- requests that answers may come to ---- */

static struct packets_call *call_at(const struct packets *p, const struct packets_place *place,
				    int32_t id)
{
	uint64_t h = (place->conversation << 32 ^ (uint32_t)id) * 0x9e3779b97f4a7c15u;

	return &p->calls[h >> 50]; /* the upper 14 bits */
}

static void remember(const struct packets *p, const struct packets_place *place,
		     const struct request_packet *r)
{
	struct packets_call *call = call_at(p, place, r->request_id);

	if (!r->func.n || r->func.n >= sizeof(call->func))
		return;
	*call = (struct packets_call){ place->conversation, r->request_id, place->side, "" };
	memcpy(call->func, r->func.p, r->func.n);
}

/* The request that a packet from here with this id may answer. */
static const struct packets_call *recall(const struct packets *p, const struct packets_place *place,
					 int32_t id)
{
	const struct packets_call *call = call_at(p, place, id);

	return *call->func && call->conversation == place->conversation && call->id == id &&
	       (place->side < 0 || call->side != place->side) ? call : NULL;
}

/* ---- bodies ---- */

/* The name of what follows, on its line or below it. */
static void put_label(const struct shown *s, const char *json, const char *fmt, ...)
{
	va_list ap;

	if (s->form == TREE_JSON) {
		buf_addf(s->b, ",\"%s\":", json);
		return;
	}
	buf_add_str(s->b, "  ");
	va_start(ap, fmt);
	buf_vaddf(s->b, fmt, ap);
	va_end(ap);
}

static void end_value(const struct shown *s)
{
	if (s->form == TREE_LINES)
		buf_add_u8(s->b, '\n');
}

static void put_note(const struct shown *s, const char *text)
{
	put_label(s, "error", "error: ");
	if (s->form == TREE_JSON)
		tree_put_text(s->b, text, strlen(text));
	else
		buf_add_str(s->b, text);
	end_value(s);
}

/* Fields of a body, or of one parameter in it. */
static void put_tree(const struct shown *s, const uint8_t *data, size_t n, unsigned indent)
{
	size_t start = s->b->len;
	struct err e = { 0 };
	int rc = tree_put(s->b, data, n, s->form, indent, &e);

	if (!rc)
		return;
	if (s->form == TREE_LINES) {
		buf_addf(s->b, "%*s(%s)\n", (int)indent, "", e.text);
	} else {
		s->b->len = start;
		buf_add_str(s->b, "{\"hex\":\"");
		tree_put_hex(s->b, data, n);
		buf_add_str(s->b, "\"}");
	}
}

static bool put_attributes(struct shown *s)
{
	struct tup_attributes all;

	if (tup_parse(s->body.p, s->body.n, &all, &s->arena, NULL))
		return false;
	put_label(s, "body", "body:");
	buf_add_str(s->b, s->form == TREE_JSON ? "{" : "\n");
	for (uint32_t i = 0; i < all.n; i++) {
		if (s->form == TREE_LINES)
			buf_add_str(s->b, "    ");
		else if (i)
			buf_add_u8(s->b, ',');
		tree_put_text(s->b, all.v[i].name.p, all.v[i].name.n);
		buf_add_str(s->b, s->form == TREE_LINES ? "\n" : ":");
		put_tree(s, all.v[i].value.p, all.v[i].value.n, 6);
	}
	if (s->form == TREE_JSON)
		buf_add_u8(s->b, '}');
	return true;
}

/* Whether the body is JSON: shown as it is. */
static bool put_json_body(const struct shown *s)
{
	json_t *json = s->body.n <= JSON_MAX_BODY ?
		       json_loadb((const char *)s->body.p, s->body.n, JSON_DECODE_ANY, NULL) : NULL;
	char *text = json ? json_dumps(json, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;

	if (text) {
		put_label(s, "body", "body ");
		buf_add_str(s->b, text);
		end_value(s);
	}
	free(text);
	json_decref(json);
	return text != NULL;
}

static void put_raw_body(struct shown *s)
{
	if (s->version == VERSION_JSON && put_json_body(s))
		return;
	if (s->version == VERSION_TUP && put_attributes(s))
		return;
	put_label(s, "body", "body: %u bytes", s->body.n);
	end_value(s);
	put_tree(s, s->body.p, s->body.n, 4);
}

/* By the types of one function; *e says why they do not fit. */
static int put_by_func(struct shown *s, const struct tars_iface *iface, const struct tars_func *f,
		       struct err *e)
{
	const struct tars_type *t = s->is_answer ? f->out : f->in;
	void *value = arena_alloc(&s->arena, t->size);
	struct buf json = BUF_INIT;
	int rc;

	if (s->version == VERSION_TARS)
		rc = codec_get_flat(s->body.p, s->body.n, t, value, &s->arena, e);
	else if (s->version == VERSION_TUP)
		rc = tup_get(s->body.p, s->body.n, t, value, &s->arena, e);
	else
		rc = json_get_params((const char *)s->body.p, s->body.n, t, value, &s->arena, e);
	if (!rc)
		rc = json_put(&json, t, value, JSON_COMPACT, e);
	if (!rc && s->form == TREE_JSON)
		buf_addf(s->b, ",\"interface\":\"%s\"", iface->name);
	if (!rc) {
		put_label(s, s->is_answer ? "result" : "arguments", "%s of %s.%s ",
			  s->is_answer ? "result" : "arguments", iface->name, f->name);
		buf_append(s->b, &json);
		end_value(s);
	}
	buf_release(&json);
	return rc;
}

/* By the first interface with such a function that it fits; says why there is none. */
static bool put_typed(struct shown *s)
{
	const struct idl_descs *descs = s->packets->descs;
	struct err e = { 0 }, first = { 0 };

	if (s->version != VERSION_TARS && s->version != VERSION_TUP && s->version != VERSION_JSON)
		return false;
	for (uint32_t i = 0; i < descs->n_ifaces && s->func.n; i++) {
		const struct tars_iface *iface = descs->ifaces[i];
		int at = tars_iface_find(iface, s->func.p, s->func.n);

		if (at < 0 || (s->packets->interface && strcmp(s->packets->interface, iface->name)))
			continue;
		if (!put_by_func(s, iface, &iface->funcs[at], &e))
			return true;
		if (!first.code) {
			first = e;
			err_wrap(&first, "not as in %s", iface->name);
		}
	}
	if (first.code)
		put_note(s, first.text);
	return false;
}

static void put_body(struct shown *s)
{
	if ((s->body.n || !s->is_answer) && put_typed(s))
		return;
	if (s->body.n)
		put_raw_body(s);
}

/* ---- heads ---- */

static void put_map(const struct shown *s, const char *name,
		    const struct tars_string_string_map *map)
{
	if (!map->n && s->form == TREE_LINES)
		return;
	put_label(s, name, "%s ", name);
	buf_add_u8(s->b, '{');
	for (uint32_t i = 0; i < map->n; i++) {
		const struct tars_str *key = &map->v[i].key;

		if (i)
			buf_add_u8(s->b, ',');
		if (text_is_utf8(key->p, key->n)) {
			tree_put_text(s->b, key->p, key->n);
		} else { /* names in JSON are texts */
			buf_add_str(s->b, "\"hex:");
			tree_put_hex(s->b, key->p, key->n);
			buf_add_u8(s->b, '"');
		}
		buf_add_u8(s->b, ':');
		tree_put_text(s->b, map->v[i].val.p, map->v[i].val.n);
	}
	buf_add_u8(s->b, '}');
	end_value(s);
}

static void put_version(struct buf *b, int16_t version)
{
	static const char *const names[] = {
		[VERSION_TARS] = "TARS", [VERSION_TUP2] = "TUP 2", [VERSION_TUP] = "TUP",
		[4] = "XML", [VERSION_JSON] = "JSON",
	};
	bool is_known = version > 0 && version <= VERSION_JSON;

	if (is_known)
		buf_add_str(b, names[version]);
	else
		buf_addf(b, "version %d", version);
}

static void put_message_type(struct buf *b, int32_t bits)
{
	static const struct { int bit; const char *name; } names[] = {
		{ MESSAGE_HASH, "hash" }, { MESSAGE_DYED, "dyed" }, { MESSAGE_SAMPLE, "sample" },
		{ MESSAGE_ASYNC, "async" }, { MESSAGE_AUTH, "auth" },
		{ MESSAGE_SETNAME, "setname" }, { MESSAGE_TRACE, "trace" },
	};

	if (!bits)
		return;
	buf_addf(b, ", message type 0x%x", (unsigned)bits);
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (bits & names[i].bit)
			buf_addf(b, " %s", names[i].name);
}

/* A name of the peer's in a line: as it is if that is harmless. */
static void put_name(struct buf *b, const struct tars_str *s)
{
	if (!s->n)
		buf_add_str(b, "\"\"");
	for (uint32_t i = 0; i < s->n; i++) {
		if ((uint8_t)s->p[i] <= ' ' || (uint8_t)s->p[i] >= 0x7f) {
			tree_put_text(b, s->p, s->n);
			return;
		}
	}
	buf_add(b, s->p, s->n);
}

static void put_member(const struct shown *s, const char *name, const struct tars_str *v)
{
	put_label(s, name, "%s ", name);
	tree_put_text(s->b, v->p, v->n);
	end_value(s);
}

static void put_request(struct shown *s, const struct request_packet *r, size_t size)
{
	struct buf *b = s->b;

	if (s->form == TREE_JSON) {
		buf_addf(b, "\"kind\":\"request\",\"iVersion\":%d,\"cPacketType\":%d,"
			 "\"iMessageType\":%d,\"iRequestId\":%d", r->version, r->packet_type,
			 r->message_type, r->request_id);
		put_member(s, "sServantName", &r->servant);
		put_member(s, "sFuncName", &r->func);
		buf_addf(b, ",\"iTimeout\":%d", r->timeout_ms);
	} else {
		buf_addf(b, "request %d ", r->request_id);
		put_name(b, &r->servant);
		buf_add_u8(b, ' ');
		put_name(b, &r->func);
		buf_add_str(b, ": ");
		put_version(b, r->version);
		buf_addf(b, "%s, %zu bytes", r->packet_type == PACKET_ONEWAY ? ", one-way" : "",
			 size);
		if (r->timeout_ms)
			buf_addf(b, ", time-out %d ms", r->timeout_ms);
		put_message_type(b, r->message_type);
		buf_add_u8(b, '\n');
	}
	put_map(s, "context", &r->context);
	put_map(s, "status", &r->status);
	put_body(s);
}

static void put_response(struct shown *s, const struct response_packet *r, size_t size)
{
	const char *name = err_wire_name(r->ret);
	struct buf *b = s->b;

	if (s->form == TREE_JSON) {
		buf_addf(b, "\"kind\":\"response\",\"iVersion\":%d,\"cPacketType\":%d,"
			 "\"iRequestId\":%d,\"iMessageType\":%d,\"iRet\":%d,\"code\":\"%s\"",
			 r->version, r->packet_type, r->request_id, r->message_type, r->ret, name);
		put_member(s, "sResultDesc", &r->desc);
		if (s->func.n)
			put_member(s, "sFuncName", &s->func);
	} else {
		buf_addf(b, r->request_id ? "response %d " : "push ", r->request_id);
		if (s->func.n)
			put_name(b, &s->func);
		buf_add_str(b, s->func.n ? ": " : "");
		put_version(b, r->version);
		buf_addf(b, ", %zu bytes, ", size);
		if (*name)
			buf_addf(b, "%d %s", r->ret, name);
		else
			buf_addf(b, "code %d", r->ret);
		if (r->ret)
			buf_addf(b, " (%s)", tars_strerror(r->ret));
		put_message_type(b, r->message_type);
		buf_add_u8(b, '\n');
		if (r->desc.n)
			put_member(s, "sResultDesc", &r->desc);
	}
	put_map(s, "context", &r->context);
	put_map(s, "status", &r->status);
	put_body(s);
}

/* The heads differ: tag 5 is the servant's name in a request, a number in a response. */
static bool has_request_layout(const uint8_t *head, size_t n)
{
	struct cursor c = { head, head + n, NULL };
	uint8_t tag, type;

	while (cursor_head(&c, &tag, &type) > 0) {
		if (tag >= 5)
			return tag == 5 && (type == WIRE_STRING1 || type == WIRE_STRING4);
		if (cursor_skip(&c, type))
			break;
	}
	return false;
}

/* An answer in TUP has the layout of a request: its code is in the status. */
static bool is_tup_answer(struct shown *s, const struct request_packet *r, bool was_asked)
{
	struct tup_attributes all;

	if ((r->version != VERSION_TUP && r->version != VERSION_TUP2) ||
	    r->packet_type == PACKET_ONEWAY)
		return false;
	if (was_asked || packet_map_find(&r->status, "STATUS_RESULT_CODE"))
		return true;
	if (tup_parse(r->body.p, r->body.n, &all, &s->arena, NULL))
		return false;
	for (uint32_t i = 0; i < all.n; i++)
		if (!all.v[i].name.n)
			return true;
	return false;
}

static void put_tup_answer(struct shown *s, const struct request_packet *r, size_t size)
{
	const struct tars_str *code = packet_map_find(&r->status, "STATUS_RESULT_CODE"),
			      *desc = packet_map_find(&r->status, "STATUS_RESULT_DESC");
	struct response_packet answer = {
		.version = r->version, .packet_type = r->packet_type, .request_id = r->request_id,
		.message_type = r->message_type, .body = r->body, .status = r->status,
		.desc = desc ? *desc : TARS_STR(""), .context = r->context,
	};
	int64_t ret;

	if (code && text_int(code->p, code->n, INT32_MIN, INT32_MAX, &ret))
		answer.ret = (int32_t)ret;
	put_response(s, &answer, size);
}

static int show_request(struct shown *s, const struct packets_place *place, const uint8_t *head,
			size_t n, struct err *e)
{
	struct request_packet r;
	const struct packets_call *asked;
	int rc = packet_get_request(head, n, &r, &s->arena, e);

	if (rc)
		return rc;
	asked = recall(s->packets, place, r.request_id);
	s->version = r.version;
	s->func = r.func;
	s->body = r.body;
	s->is_answer = is_tup_answer(s, &r, asked && place->side >= 0);
	if (s->is_answer) {
		put_tup_answer(s, &r, n + FRAME_LENGTH_SIZE);
		return 0;
	}
	remember(s->packets, place, &r);
	put_request(s, &r, n + FRAME_LENGTH_SIZE);
	return 0;
}

static int show_response(struct shown *s, const struct packets_place *place, const uint8_t *head,
			 size_t n, struct err *e)
{
	struct response_packet r;
	const struct packets_call *asked;
	const struct tars_str *func;
	int rc = packet_get_response(head, n, &r, &s->arena, e);

	if (rc)
		return rc;
	asked = recall(s->packets, place, r.request_id);
	func = packet_map_find(&r.status, "TARS_FUNC"); /* of a push */
	if (asked)
		s->func = (struct tars_str){ asked->func, (uint32_t)strlen(asked->func) };
	else if (func)
		s->func = *func;
	s->version = r.version;
	s->body = r.body;
	s->is_answer = true;
	put_response(s, &r, n + FRAME_LENGTH_SIZE);
	return 0;
}

bool packets_are_there(const uint8_t *data, size_t n)
{
	struct request_packet request;
	struct response_packet response;
	const uint8_t *head;
	struct arena a;
	size_t size;
	int rc;

	if (frame_next(data, n, FRAME_DEFAULT_MAX, &size, NULL) != FRAME_OK)
		return false;
	head = data + FRAME_LENGTH_SIZE;
	size -= FRAME_LENGTH_SIZE;
	arena_init(&a, NULL, 0);
	rc = has_request_layout(head, size) ? packet_get_request(head, size, &request, &a, NULL) :
					      packet_get_response(head, size, &response, &a, NULL);
	arena_clear(&a);
	return !rc;
}

int packets_put(struct packets *p, const struct packets_place *place, const uint8_t *packet,
		size_t n, enum tree_form form, struct buf *b, struct err *e)
{
	struct shown s = { .packets = p, .b = b, .form = form, .func = TARS_STR("") };
	const uint8_t *head = packet + FRAME_LENGTH_SIZE;
	int rc;

	n -= FRAME_LENGTH_SIZE;
	arena_init(&s.arena, NULL, 0);
	rc = has_request_layout(head, n) ? show_request(&s, place, head, n, e) :
					   show_response(&s, place, head, n, e);
	arena_clear(&s.arena);
	return rc;
}
