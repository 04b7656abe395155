/* tars decode: bytes to JSON by a type, packets with their arguments, or trees of fields. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "proto/frame.h"
#include "proto/json.h"
#include "proto/text.h"
#include "roles/capture.h"
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
	enum tree_form form;
	int status;             /* of writing */
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
	struct cursor c = { data, n ? data + n : data, e };
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
	int status = role_print(decode_role.name, &run->out);

	buf_clear(&run->out);
	return status;
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
		rc = put_untyped(run, data, n, run->form, &run->out, &e);
	if (!rc && run->types.type)
		buf_add_u8(&run->out, '\n');
	status = flush(run);
	if (rc)
		role_complain(&decode_role, &e);
	return rc ? EXIT_FAILED : status;
}

/* ---- captures ---- */

static void put_place(struct decode_run *run, const struct capture_place *place)
{
	time_t seconds = (time_t)(place->time_us / 1000000);
	char text[40] = "";
	struct tm tm;

	gmtime_r(&seconds, &tm);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	buf_addf(&run->out, run->conf->json ?
		 "{\"time\":\"%s.%06dZ\",\"from\":\"%s\",\"to\":\"%s\"," : "%s.%06dZ %s > %s\n",
		 text, (int)(place->time_us % 1000000), place->from, place->to);
}

static void flush_some(struct decode_run *run)
{
	if (buf_size(&run->out) > 65536)
		run->status |= flush(run);
}

static void put_note(struct decode_run *run, const char *text)
{
	if (run->conf->json) {
		buf_add_str(&run->out, "\"note\":");
		tree_put_text(&run->out, text, strlen(text));
		buf_add_u8(&run->out, '}');
	} else {
		buf_add_str(&run->out, text);
	}
	buf_add_u8(&run->out, '\n');
	flush_some(run);
}

static void capture_note(void *ctx, const struct capture_place *place, const char *text)
{
	put_place(ctx, place);
	put_note(ctx, text);
}

static void capture_packet(void *ctx, const struct capture_place *place, const uint8_t *p, size_t n)
{
	const struct packets_place where = { place->connection, place->side };
	struct decode_run *run = ctx;
	struct err e;

	put_place(run, place);
	if (packets_put(&run->packets, &where, p, n, run->form, &run->out, &e)) {
		put_note(run, e.text);
		return;
	}
	buf_add_str(&run->out, run->conf->json ? "}\n" : "");
	flush_some(run);
}

static int show_capture(struct decode_run *run, FILE *f)
{
	const struct capture_sink sink = { capture_packet, capture_note, run };
	struct err e;
	int rc = capture_read(f, &sink, &e), status = flush(run);

	if (rc)
		role_complain(&decode_role, &e);
	return rc ? EXIT_FAILED : status | run->status;
}

/* ---- the argument ---- */

/* What a file holds: a capture, hex, or the bytes themselves.  Takes f over. */
static int show_file(struct decode_run *run, FILE *f, const char *name)
{
	struct buf content = BUF_INIT;
	struct err e;
	char bad;
	int rc;

	content.len = fread(buf_reserve(&content, 4), 1, 4, f);
	if (!run->conf->raw && capture_is_it(content.data, content.len) && !fseek(f, 0, SEEK_SET)) {
		buf_release(&content);
		return show_capture(run, f);
	}
	rc = input_file(f, name, &content, &e);
	fclose(f);
	if (rc) {
		role_complain(&decode_role, &e);
		buf_release(&content);
		return EXIT_FAILED;
	}
	if (!run->conf->raw && capture_is_it(content.data, content.len)) { /* from a pipe */
		rc = show_capture(run, fmemopen(content.data, content.len, "rb"));
		buf_release(&content);
		return rc;
	}
	if (run->conf->raw ||
	    !read_hex((const char *)content.data, content.len, &run->bytes, &bad)) {
		buf_clear(&run->bytes);
		buf_append(&run->bytes, &content);
	}
	buf_release(&content);
	return show_bytes(run);
}

/* Hex, or a file: "-", "@file", or just its name if that is no hex. */
static int show_argument(struct decode_run *run, const char *arg)
{
	const char *name = *arg == '@' ? arg + 1 : arg;
	bool is_file = *arg == '@' || run->conf->raw;
	struct err e;
	char bad;
	FILE *f;

	if (!strcmp(arg, "-"))
		return show_file(run, stdin, "stdin");
	if (!is_file && read_hex(arg, strlen(arg), &run->bytes, &bad))
		return show_bytes(run);
	f = fopen(name, "rb");
	if (f)
		return show_file(run, f, name);
	if (is_file || strpbrk(arg, "./"))
		err_set(&e, TARS_EARG, "cannot read %.200s: %m", name);
	else /* neither, and most likely meant as hex */
		take_hex(arg, strlen(arg), &run->bytes, &e);
	role_complain(&decode_role, &e);
	return EXIT_USAGE;
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
	run.form = run.conf->json || run.conf->batch ? TREE_JSON : TREE_LINES;
	arena_init(&run.arena, NULL, 0);
	packets_init(&run.packets, &run.types.descs, run.conf->interface);
	status = run.conf->batch ? input_batch(answer, &run) : show_argument(&run, argv[0]);
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
