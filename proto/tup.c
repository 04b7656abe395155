/* TUP bodies: parameters by name, each encoded as a field with tag 0 in a vector<byte>. */
#include "proto/tup.h"

#include "proto/wire.h"

/* Official peers write the return value under both names and read either. */
static const char ret_name[] = "tars_ret";

static void put_entry(struct buf *b, const char *name, const struct tars_field *f,
		      const void *value)
{
	uint8_t *p;
	size_t mark;

	codec_put_string(b, 0, name, strlen(name));
	p = wire_open_bytes(buf_reserve(b, WIRE_BYTES_HEAD_MAX), 1, 1);
	b->len = (size_t)(p - b->data);
	mark = buf_size(b);
	codec_put_field(b, 0, f->type, (const char *)value + f->offset, 0);
	wire_close_bytes(b, mark);
}

void tup_put(struct buf *b, const struct tars_type *t, const void *value, bool tars_ret)
{
	bool twice = tars_ret && t->n_fields && !*t->fields->name;
	uint8_t *p = buf_reserve(b, WIRE_INT_MAX + WIRE_HEAD_MAX);

	p = tars_wire_int(tars_wire_head(p, 0, WIRE_MAP), 0, t->n_fields + twice);
	b->len = (size_t)(p - b->data);
	for (uint16_t i = 0; i < t->n_fields; i++)
		put_entry(b, t->fields[i].name, &t->fields[i], value);
	if (twice)
		put_entry(b, ret_name, t->fields, value);
}

static const struct tars_type attribute_map_type = {
	.name = "map<string, vector<byte>>", .kind = TARS_MAP, .size = sizeof(struct tup_attributes),
	.pair_size = sizeof(struct tup_attribute), .val_offset = offsetof(struct tup_attribute, value),
	.key = &tars_type_string, .elem = &tars_type_bytes,
};

static bool is_named(const struct tars_str *s, const char *name)
{
	return strlen(name) == s->n && !memcmp(name, s->p, s->n);
}

/* The search begins at `hint`: peers mostly keep the order of the parameters. */
static const struct tup_attribute *find(const struct tup_attributes *m, const char *name, uint32_t hint)
{
	for (uint32_t k = 0; k < m->n; k++) {
		const struct tup_attribute *at = &m->v[((uint64_t)hint + k) % m->n];

		if (is_named(&at->name, name))
			return at;
	}
	return *name ? NULL : find(m, ret_name, 0);
}

int tup_parse(const uint8_t *data, size_t n, struct tup_attributes *all, struct arena *a,
	      struct err *e)
{
	int rc = 0;

	*all = (struct tup_attributes){ 0 };
	if (n) /* an empty body is an empty map */
		rc = codec_get_field(data, n, 0, &attribute_map_type, all, a, e);
	if (rc)
		err_wrap(e, "TUP body");
	return rc;
}

int tup_get(const uint8_t *data, size_t n, const struct tars_type *t, void *value, struct arena *a,
	    struct err *e)
{
	struct tup_attributes map;
	int rc = tup_parse(data, n, &map, a, e);

	tars_type_init(t, value);
	for (uint16_t i = 0; !rc && i < t->n_fields; i++) {
		const struct tars_field *f = &t->fields[i];
		const struct tup_attribute *at = find(&map, f->name, i);

		if (at) {
			rc = codec_get_field(at->value.p, at->value.n, 0, f->type,
					     (char *)value + f->offset, a, e);
			if (rc)
				err_wrap(e, "%s", path_field(f));
		} else if (f->flags & TARS_REQUIRED) {
			rc = err_set(e, n ? TARS_ENOTFOUND : TARS_EPROTO,
				     "parameter '%s' is missing", path_field(f));
		}
	}
	if (rc)
		tars_type_init(t, value);
	return rc;
}
