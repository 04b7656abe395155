/* Encoded fields without descriptors, as text: lines or JSON. */
#include "proto/tree.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "proto/text.h"
#include "proto/wire.h"

struct printer {
	struct buf *b;
	struct cursor c;
	enum tree_form form;
	unsigned indent, depth;
	size_t end;             /* the most that may be in b */
	bool is_first;          /* JSON: of its array */
};

void tree_put_hex(struct buf *b, const void *p, size_t n)
{
	text_put_hex((char *)buf_reserve(b, 2 * n), p, n);
	b->len += 2 * n;
}

void tree_put_text(struct buf *b, const char *p, size_t n)
{
	if (!text_is_utf8(p, n)) {
		buf_add_str(b, "{\"hex\":\"");
		tree_put_hex(b, p, n);
		buf_add_str(b, "\"}");
		return;
	}
	buf_add_u8(b, '"');
	for (const char *end = p + n; p < end; p++) {
		if (*p == '"' || *p == '\\')
			buf_addf(b, "\\%c", *p);
		else if ((uint8_t)*p < ' ' || *p == 0x7f)
			buf_addf(b, "\\u%04x", (unsigned)(uint8_t)*p);
		else
			buf_add_u8(b, (uint8_t)*p);
	}
	buf_add_u8(b, '"');
}

static int put_fields(struct printer *p, uint64_t n, bool to_end);

static void open_group(struct printer *p)
{
	if (p->form == TREE_JSON)
		buf_add_u8(p->b, '[');
	else
		buf_add_u8(p->b, '\n');
	p->is_first = true;
	p->indent += 2;
	p->depth++;
}

static void close_group(struct printer *p)
{
	if (p->form == TREE_JSON)
		buf_add_u8(p->b, ']');
	p->is_first = false;
	p->indent -= 2;
	p->depth--;
}

static void open_field(struct printer *p, uint8_t tag, uint8_t type)
{
	if (p->form == TREE_JSON)
		buf_addf(p->b, "%s{\"tag\":%u,\"type\":\"%s\",\"value\":", p->is_first ? "" : ",", tag,
			 wire_name(type));
	else
		buf_addf(p->b, "%*s%u %s%s", (int)p->indent, "", tag, wire_name(type),
			 type == WIRE_STRUCT_BEGIN ? "" : " ");
	p->is_first = false;
}

static void close_field(struct printer *p, bool is_group)
{
	if (p->form == TREE_JSON)
		buf_add_u8(p->b, '}');
	else if (!is_group)
		buf_add_u8(p->b, '\n');
}

static int put_integer(struct printer *p, uint8_t type)
{
	int64_t v;
	int rc = wire_get_int(&p->c, type, &v);

	if (!rc)
		buf_addf(p->b, "%lld", (long long)v);
	return rc;
}

/* With as few digits as it takes to read the same number back. */
static void put_shortest(struct printer *p, double v, bool is_float)
{
	int digits = is_float ? 6 : 15, most = is_float ? 9 : 17;
	char text[32];

	for (; digits <= most; digits++) {
		snprintf(text, sizeof(text), "%.*g", digits, v);
		if (is_float ? strtof(text, NULL) == (float)v : strtod(text, NULL) == v)
			break;
	}
	buf_addf(p->b, isfinite(v) || p->form == TREE_LINES ? "%s" : "\"%s\"", text);
}

static int put_real(struct printer *p, uint8_t type)
{
	size_t size = type == WIRE_FLOAT ? 4 : 8;
	union { uint32_t u; float f; } narrow;
	union { uint64_t u; double f; } wide;

	if (wire_left(&p->c) < size)
		return wire_truncated(&p->c);
	if (type == WIRE_FLOAT) {
		narrow.u = wire_u32(p->c.pos);
		wide.f = (double)narrow.f;
	} else {
		wide.u = wire_u64(p->c.pos);
	}
	p->c.pos += size;
	put_shortest(p, wide.f, type == WIRE_FLOAT);
	return 0;
}

static int put_string(struct printer *p, uint8_t type)
{
	struct tars_str s;
	int rc = cursor_string(&p->c, type, &s);

	if (!rc)
		tree_put_text(p->b, s.p, s.n);
	return rc;
}

static int put_bytes(struct printer *p, uint8_t type)
{
	struct tars_bytes v;
	int rc = cursor_bytes(&p->c, type, &v);

	if (rc)
		return rc;
	if (p->form == TREE_LINES)
		buf_addf(p->b, "%u bytes%s", v.n, v.n ? " " : "");
	else
		buf_add_u8(p->b, '"');
	tree_put_hex(p->b, v.p, v.n);
	if (p->form == TREE_JSON)
		buf_add_u8(p->b, '"');
	return 0;
}

static int put_group(struct printer *p, uint8_t type)
{
	uint32_t n = 0;
	int rc = 0;

	if (p->depth >= CODEC_MAX_DEPTH)
		return err_set(p->c.e, TARS_EPROTO, "nested deeper than %d", (int)CODEC_MAX_DEPTH);
	if (type != WIRE_STRUCT_BEGIN)
		rc = wire_get_count(&p->c, type == WIRE_MAP ? 2 : 1, &n);
	if (rc)
		return rc;
	if (type != WIRE_STRUCT_BEGIN && p->form == TREE_LINES)
		buf_addf(p->b, "%u", n);
	open_group(p);
	rc = put_fields(p, type == WIRE_MAP ? 2 * (uint64_t)n : n, type == WIRE_STRUCT_BEGIN);
	close_group(p);
	return rc;
}

static int put_value(struct printer *p, uint8_t type)
{
	switch (type) {
	case WIRE_CHAR:
	case WIRE_SHORT:
	case WIRE_INT:
	case WIRE_LONG:
	case WIRE_ZERO:
		return put_integer(p, type);
	case WIRE_FLOAT:
	case WIRE_DOUBLE:
		return put_real(p, type);
	case WIRE_STRING1:
	case WIRE_STRING4:
		return put_string(p, type);
	case WIRE_SIMPLE_LIST:
		return put_bytes(p, type);
	default:
		return put_group(p, type);
	}
}

static bool is_group(uint8_t type)
{
	return type == WIRE_MAP || type == WIRE_LIST || type == WIRE_STRUCT_BEGIN;
}

/* n fields, or those up to the end: of the struct, or outermost of the data. */
static int put_fields(struct printer *p, uint64_t n, bool to_end)
{
	uint8_t tag, type;

	for (uint64_t i = 0; to_end || i < n; i++) {
		int rc = wire_get_head(&p->c, &tag, &type);

		if (!rc && to_end && !p->depth)
			return 0;
		if (rc <= 0)
			return rc ? rc : wire_truncated(&p->c);
		if (to_end && p->depth && type == WIRE_STRUCT_END)
			return 0;
		if (type == WIRE_STRUCT_END || type > WIRE_SIMPLE_LIST)
			return wire_mismatch(&p->c, "a value", type);
		if (p->b->len > p->end)
			return err_set(p->c.e, TARS_ELIMIT, "more than %d MB of text",
				       TREE_MAX_TEXT >> 20);
		open_field(p, tag, type);
		rc = put_value(p, type);
		if (rc)
			return rc;
		close_field(p, is_group(type));
	}
	return 0;
}

int tree_put(struct buf *b, const uint8_t *data, size_t n, enum tree_form form, unsigned indent,
	     struct err *e)
{
	size_t start = buf_size(b);
	struct printer p = {
		.b = b, .c = { data, n ? data + n : data, e }, .form = form, .indent = indent,
		.end = b->len + TREE_MAX_TEXT, .is_first = true,
	};
	int rc;

	if (form == TREE_JSON)
		buf_add_u8(b, '[');
	rc = put_fields(&p, 0, true);
	if (rc && form == TREE_JSON)
		b->len = b->pos + start;
	else if (form == TREE_JSON)
		buf_add_u8(b, ']');
	else if (rc && buf_size(b) > start && b->data[b->len - 1] != '\n')
		buf_add_u8(b, '\n');
	return rc;
}
