/* tars decode: bytes to JSON by a type, packets with their arguments, or trees of fields. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "proto/frame.h"
#include "proto/json.h"
#include "proto/text.h"
#include "roles/input.h"
#include "roles/packets.h"
#include "roles/role.h"
#include "roles/types.h"

struct decode_conf {
	const char *idl, *include, *interface, *tag, *type;
	bool batch, json, raw;
};

static const struct opt decode_opts[] = {
	OPT("batch", struct decode_conf, batch, "no", OPT_FLAG_ONLY,
	    "answer lines of name, tab and hex on stdin, each with name, tab, ok or error, tab, and "
	    "JSON or a reason"),
	OPT("idl", struct decode_conf, idl, NULL, OPT_FLAG_ONLY,
	    "a .tars file: the type's, or that of the interfaces whose packets are to be shown"),
	OPT("include", struct decode_conf, include, NULL, OPT_FLAG_ONLY,
	    "directories to look for included files in, with ':' between them"),
	OPT("interface", struct decode_conf, interface, NULL, OPT_FLAG_ONLY,
	    "of the .tars file, as Module::Name, when several have the same functions"),
	OPT("json", struct decode_conf, json, "no", OPT_FLAG_ONLY,
	    "show packets as JSON, an object on each line"),
	OPT("raw", struct decode_conf, raw, "no", OPT_FLAG_ONLY,
	    "the input is bytes, even if it looks like hex or a capture"),
	OPT("tag", struct decode_conf, tag, NULL, OPT_FLAG_ONLY,
	    "read the field with this tag (default: the body of a struct; any tag for other types)"),
	OPT("type", struct decode_conf, type, NULL, OPT_FLAG_ONLY,
	    "the bytes are a value of this type: Module::Struct, int, vector<string> ..."),
	{ 0 }
};

struct decode_run {
	const struct decode_conf *conf;
	struct types types;
	int tag;                /* -1: none given */
	struct packets packets;
	struct arena arena;     /* of one value */
	struct buf bytes, out;
	bool has_error;
};

/* ---- hex ---- */

static bool is_blank(char c)
{
	return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

/* Blanks may stand between the digits.  *bad_r: the first thing that does not belong there. */
static bool read_hex(const char *text, size_t n, struct buf *bytes, char *bad_r)
{
	const char *end = text + n;
	unsigned byte = 0;
	bool is_half = false;

	for (; text < end; text++) {
		int digit = text_hex_digit(*text);

		if (is_blank(*text))
			continue;
		*bad_r = *text;
		if (digit < 0)
			return false;
		byte = byte << 4 | (unsigned)digit;
		if (is_half)
			buf_add_u8(bytes, (uint8_t)byte);
		is_half = !is_half;
	}
	*bad_r = '\0';
	return !is_half;
}

static int take_hex(const char *text, size_t n, struct buf *bytes, struct err *e)
{
	char bad;

	if (read_hex(text, n, bytes, &bad))
		return 0;
	if (!bad)
		return err_set(e, TARS_EPROTO, "an odd number of hex digits");
	return err_set(e, TARS_EPROTO, "%s%.1s%s is no hex digit", bad < ' ' ? "a byte" : "'",
		       bad < ' ' ? "" : &bad, bad < ' ' ? "" : "'");
}

/* ---- a value of a type ---- */

static int put_typed(struct decode_run *run, const uint8_t *data, size_t n, size_t flags,
		     struct buf *result, struct err *e)
{
	const struct tars_type *t = run->types.type;
	void *value = arena_alloc(&run->arena, t->size);
	struct cursor c = { data, data + n, e };
	int tag = run->tag, rc;
	uint8_t first = 0, type;

	if (tag < 0 && t->kind == TARS_STRUCT) {
		rc = codec_get_flat(data, n, t, value, &run->arena, e);
	} else {
		if (tag < 0 && cursor_head(&c, &first, &type) > 0)
			tag = first;
		rc = codec_get_field(data, n, (uint8_t)(tag < 0 ? 0 : tag), t, value, &run->arena, e);
	}
	if (!rc)
		rc = json_put(result, t, value, flags, e);
	arena_recycle(&run->arena, 1 << 20);
	return rc;
}

/* ---- bytes of no known type: packets, or fields ---- */

static const struct packets_place nowhere = { .side = -1 };

/* What begins with a packet should be nothing but packets. */
static int put_packets(struct decode_run *run, const uint8_t *data, size_t n, enum tree_form form,
		       struct buf *b, struct err *e)
{
	size_t size;
	int rc = 0;

	while (n && !rc) {
		switch (frame_next(data, n, FRAME_DEFAULT_MAX, &size, e)) {
		case FRAME_NEED:
			return err_set(e, TARS_EPROTO, "%zu bytes at the end are only the beginning of a "
				       "packet", n);
		case FRAME_BAD:
			return err_wrap(e, "behind a packet");
		case FRAME_OK:
			break;
		}
		if (form == TREE_JSON)
			buf_add_str(b, "{");
		rc = packets_put(&run->packets, &nowhere, data, size, form, b, e);
		if (form == TREE_JSON)
			buf_add_str(b, run->conf->batch ? "}," : "}\n");
		data += size;
		n -= size;
	}
	return rc;
}

static int put_untyped(struct decode_run *run, const uint8_t *data, size_t n, enum tree_form form,
		       struct buf *b, struct err *e)
{
	size_t start = buf_size(b);
	int rc;

	if (packets_are_there(data, n))
		return put_packets(run, data, n, form, b, e);
	rc = tree_put(b, data, n, form, 0, e);
	if (rc && buf_size(b) == start)
		err_wrap(e, "neither a packet nor fields");
	else if (rc)
		err_wrap(e, "no packet, and fields only up to here");
	else if (form == TREE_JSON && !run->conf->batch)
		buf_add_u8(b, '\n');
	return rc;
}

/* ---- batches ---- */

static int answer(void *ctx, const char *value, size_t n, struct buf *result, struct err *e)
{
	struct decode_run *run = ctx;
	size_t start;
	int rc;

	buf_clear(&run->bytes);
	rc = take_hex(value, n, &run->bytes, e);
	if (rc)
		return rc;
	n = buf_size(&run->bytes);
	if (run->types.type)
		return put_typed(run, buf_head(&run->bytes), n, JSON_COMPACT, result, e);
	if (!packets_are_there(buf_head(&run->bytes), n))
		return put_untyped(run, buf_head(&run->bytes), n, TREE_JSON, result, e);
	buf_add_u8(result, '[');
	start = buf_size(result);
	rc = put_packets(run, buf_head(&run->bytes), n, TREE_JSON, result, e);
	BUG_ON(!rc && buf_size(result) == start);
	result->len--; /* the comma behind the last */
	buf_add_u8(result, ']');
	return rc;
}

/* ---- one input ---- */

static int flush(struct decode_run *run)
{
	struct buf *b = &run->out;
	bool failed = fwrite(buf_head(b), 1, buf_size(b), stdout) != buf_size(b) || fflush(stdout);

	buf_clear(b);
	if (!failed)
		return EXIT_ASKED;
	fprintf(stderr, "tars: decode: stdout: the result could not be written: %m\n");
	return EXIT_FAILED;
}

static int show_bytes(struct decode_run *run)
{
	const uint8_t *data = buf_head(&run->bytes);
	size_t n = buf_size(&run->bytes), flags = isatty(STDOUT_FILENO) ? JSON_INDENT(2) : JSON_COMPACT;
	struct err e = { 0 };
	int rc, status;

	if (run->types.type)
		rc = put_typed(run, data, n, flags, &run->out, &e);
	else
		rc = put_untyped(run, data, n, run->conf->json ? TREE_JSON : TREE_LINES, &run->out, &e);
	if (!rc && run->types.type)
		buf_add_u8(&run->out, '\n');
	status = flush(run);
	if (rc)
		role_complain(&decode_role, &e);
	return rc ? EXIT_FAILED : status;
}

/* The argument's bytes: hex in it, or in the file that it names, or a file of bytes. */
static int read_argument(struct decode_run *run, const char *arg, struct err *e)
{
	struct buf text = BUF_INIT;
	char bad;
	FILE *f;
	int rc;

	if (*arg != '@' && strcmp(arg, "-") != 0) {
		if (!run->conf->raw && read_hex(arg, strlen(arg), &run->bytes, &bad))
			return 0;
		buf_clear(&run->bytes);
		f = fopen(arg, "rb");
		if (!f && !run->conf->raw && !strpbrk(arg, "./"))
			return take_hex(arg, strlen(arg), &run->bytes, e);
		if (!f)
			return err_set(e, TARS_EARG, "cannot read %.200s: %m", arg);
		rc = input_file(f, arg, &text, e);
		fclose(f);
	} else {
		rc = input_argument(arg, &text, e);
	}
	if (!rc && !run->conf->raw &&
	    read_hex((const char *)buf_head(&text), buf_size(&text), &run->bytes, &bad)) {
		buf_release(&text);
		return 0;
	}
	buf_clear(&run->bytes);
	buf_append(&run->bytes, &text);
	buf_release(&text);
	return rc;
}

static int decode_argument(struct decode_run *run, const char *arg)
{
	struct err e = { 0 };
	int rc = read_argument(run, arg, &e);

	if (rc) {
		role_complain(&decode_role, &e);
		return rc == TARS_EARG ? EXIT_USAGE : EXIT_FAILED;
	}
	return show_bytes(run);
}

static int decode_main(int argc, char **argv, const void *conf)
{
	struct decode_run run = { .conf = conf };
	struct err e = { 0 };
	int rc = 0, status;

	if (run.conf->batch ? argc > 0 : argc < 1)
		rc = err_set(&e, TARS_EARG, "wants bytes (hex, a file or -), or --batch (see --help)");
	if (!rc)
		rc = types_tag(run.conf->tag, &run.tag, &e);
	if (!rc)
		rc = types_load(&run.types, run.conf->idl, run.conf->include, run.conf->type, &e);
	if (!rc && run.conf->interface &&
	    !idl_descs_iface(&run.types.descs, run.conf->interface)) {
		rc = err_set(&e, TARS_EARG, "--interface: there is no '%.200s' in the .tars file",
			     run.conf->interface);
		types_release(&run.types);
	}
	if (rc) {
		role_complain(&decode_role, &e);
		return EXIT_USAGE;
	}
	arena_init(&run.arena, NULL, 0);
	packets_init(&run.packets, &run.types.descs, run.conf->interface);
	status = run.conf->batch ? input_batch(answer, &run) : decode_argument(&run, argv[0]);
	packets_release(&run.packets);
	arena_clear(&run.arena);
	buf_release(&run.bytes);
	buf_release(&run.out);
	types_release(&run.types);
	return status;
}

const struct role decode_role = {
	.name = "decode",
	.summary = "shows TARS bytes: values of a type, packets, captures, fields",
	.args = "[HEX|FILE|-|@FILE]",
	.opts = decode_opts,
	.conf_size = sizeof(struct decode_conf),
	.main = decode_main,
};
