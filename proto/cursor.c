/* Cursor over encoded fields: heads, primitives, skipping of unknown data. */
#include "proto/wire.h"

static const char *const wire_names[16] = {
	"Char", "Short", "Int", "Long", "Float", "Double", "String1", "String4", "Map", "List",
	"StructBegin", "StructEnd", "Zero", "SimpleList", "type 14", "type 15",
};

const char *wire_name(uint8_t type)
{
	return wire_names[type & 0x0f];
}

void wire_note_truncated(struct cursor *c)
{
	err_set(c->e, TARS_EPROTO, "the data ends in the middle of a value");
}

void wire_note_mismatch(struct cursor *c, const char *wanted, uint8_t type)
{
	err_set(c->e, TARS_EPROTO, "expected %s, found %s: the peer uses another IDL", wanted,
		wire_name(type));
}

int wire_get_count(struct cursor *c, size_t min_size, uint32_t *n)
{
	uint8_t tag, type;
	int64_t v;
	int rc = wire_get_head(c, &tag, &type);

	if (rc <= 0)
		return rc ? rc : wire_truncated(c);
	if (tag)
		return err_set(c->e, TARS_EPROTO, "expected a size with tag 0, found tag %u", tag);
	if (__builtin_expect(type == WIRE_LONG, 0))
		return wire_mismatch(c, "a size", type);
	rc = wire_get_int(c, type, &v);
	if (rc)
		return rc;
	if (v < 0 || (uint64_t)v > wire_left(c) / min_size)
		return err_set(c->e, TARS_EPROTO, "size %lld, but only %zu bytes follow",
			       (long long)v, wire_left(c));
	*n = (uint32_t)v;
	return 0;
}

int cursor_head(struct cursor *c, uint8_t *tag, uint8_t *type)
{
	return wire_get_head(c, tag, type);
}

int cursor_int(struct cursor *c, uint8_t type, int64_t *v)
{
	return wire_get_int(c, type, v);
}

int cursor_string(struct cursor *c, uint8_t type, struct tars_str *s)
{
	size_t left = wire_left(c);
	uint32_t n;

	if (__builtin_expect(type == WIRE_STRING1, 1)) {
		if (left < 1)
			return wire_truncated(c);
		n = *c->pos++;
		left--;
	} else if (type == WIRE_STRING4) {
		if (left < 4)
			return wire_truncated(c);
		n = wire_u32(c->pos);
		c->pos += 4;
		left -= 4;
		if (n > CODEC_MAX_STRING)
			return err_set(c->e, TARS_EPROTO, "a string of %u bytes is above the limit "
				       "of %d", n, (int)CODEC_MAX_STRING);
	} else {
		return wire_mismatch(c, "a string", type);
	}
	if (n > left)
		return err_set(c->e, TARS_EPROTO, "a string of %u bytes, but only %zu follow", n,
			       left);
	*s = (struct tars_str){ (const char *)c->pos, n };
	c->pos += n;
	return 0;
}

int cursor_bytes(struct cursor *c, uint8_t type, struct tars_bytes *v)
{
	uint32_t n;
	int rc;

	if (type != WIRE_SIMPLE_LIST)
		return wire_mismatch(c, "vector<byte>", type);
	if (c->pos == c->end)
		return wire_truncated(c);
	if (*c->pos++ != WIRE_CHAR)
		return err_set(c->e, TARS_EPROTO, "a SimpleList whose elements are not Char");
	rc = wire_get_count(c, 1, &n);
	if (rc)
		return rc;
	*v = (struct tars_bytes){ c->pos, n };
	c->pos += n;
	return 0;
}

static int skip_bytes(struct cursor *c, size_t n)
{
	if (wire_left(c) < n)
		return wire_truncated(c);
	c->pos += n;
	return 0;
}

static int skip(struct cursor *c, uint8_t type, unsigned depth);

static int skip_elements(struct cursor *c, uint64_t n, unsigned depth)
{
	uint8_t tag, type;

	while (n--) {
		int rc = wire_get_head(c, &tag, &type);

		if (rc > 0)
			rc = skip(c, type, depth);
		else if (!rc)
			rc = wire_truncated(c);
		if (rc)
			return rc;
	}
	return 0;
}

static int skip_struct(struct cursor *c, unsigned depth)
{
	uint8_t tag, type;

	for (;;) {
		int rc = wire_get_head(c, &tag, &type);

		if (rc <= 0)
			return rc ? rc : wire_truncated(c);
		if (type == WIRE_STRUCT_END)
			return 0;
		rc = skip(c, type, depth);
		if (rc)
			return rc;
	}
}

static int skip(struct cursor *c, uint8_t type, unsigned depth)
{
	static const uint8_t fixed[] = {
		[WIRE_CHAR] = 1, [WIRE_SHORT] = 2, [WIRE_INT] = 4, [WIRE_LONG] = 8,
		[WIRE_FLOAT] = 4, [WIRE_DOUBLE] = 8, [WIRE_ZERO] = 0,
	};
	struct tars_str s;
	struct tars_bytes v;
	uint32_t n;
	int rc;

	switch (type) {
	case WIRE_CHAR:
	case WIRE_SHORT:
	case WIRE_INT:
	case WIRE_LONG:
	case WIRE_FLOAT:
	case WIRE_DOUBLE:
	case WIRE_ZERO:
		return skip_bytes(c, fixed[type]);
	case WIRE_STRING1:
	case WIRE_STRING4:
		return cursor_string(c, type, &s);
	case WIRE_SIMPLE_LIST:
		return cursor_bytes(c, type, &v);
	case WIRE_MAP:
	case WIRE_LIST:
	case WIRE_STRUCT_BEGIN:
		break;
	default:
		return wire_mismatch(c, "a value", type);
	}
	if (depth >= CODEC_MAX_DEPTH)
		return err_set(c->e, TARS_EPROTO, "nested deeper than %d", (int)CODEC_MAX_DEPTH);
	if (type == WIRE_STRUCT_BEGIN)
		return skip_struct(c, depth + 1);
	rc = wire_get_count(c, type == WIRE_MAP ? 2 : 1, &n);
	return rc ? rc : skip_elements(c, type == WIRE_MAP ? 2 * (uint64_t)n : n, depth + 1);
}

int cursor_skip(struct cursor *c, uint8_t type)
{
	return skip(c, type, 0);
}
