/* tars encode: JSON to the bytes of a type, as hex. */
#include <stdio.h>
#include <stdlib.h>

#include "proto/json.h"
#include "proto/text.h"
#include "roles/input.h"
#include "roles/role.h"
#include "roles/types.h"

struct encode_conf {
	const char *idl, *include, *tag, *type;
	bool batch, write_defaults;
};

static const struct opt encode_opts[] = {
	OPT("batch", struct encode_conf, batch, "no", OPT_FLAG_ONLY,
	    "answer lines of name, tab and JSON on stdin, each with name, tab, ok or error, tab, "
	    "and hex or a reason"),
	OPT("idl", struct encode_conf, idl, NULL, OPT_FLAG_ONLY, "the .tars file that has the type"),
	OPT("include", struct encode_conf, include, NULL, OPT_FLAG_ONLY,
	    "directories to look for included files in, with ':' between them"),
	OPT("tag", struct encode_conf, tag, NULL, OPT_FLAG_ONLY,
	    "write a field with this tag (default: the body of a struct, else tag 0)"),
	OPT("type", struct encode_conf, type, NULL, OPT_FLAG_ONLY,
	    "of the value: Module::Struct, int, vector<string> ..."),
	OPT("write-defaults", struct encode_conf, write_defaults, "no", OPT_FLAG_ONLY,
	    "write optional members that equal their default too, for readers that do not know it"),
	{ 0 }
};

struct encode_run {
	const struct encode_conf *conf;
	struct types types;
	int tag;                /* -1: none given */
	struct arena arena;     /* of one value */
	struct buf bytes;
};

/* Appends the hex of one value. */
static int encode(void *ctx, const char *json, size_t n, struct buf *result, struct err *e)
{
	struct encode_run *run = ctx;
	const struct tars_type *t = run->types.type;
	int flags = run->conf->write_defaults ? CODEC_WRITE_DEFAULTS : 0;
	void *value = arena_alloc(&run->arena, t->size);
	int rc = json_get(json, n, t, value, &run->arena, e);

	buf_clear(&run->bytes);
	if (!rc && t->kind == TARS_STRUCT && run->tag < 0)
		codec_put_flat(&run->bytes, t, value, flags);
	else if (!rc)
		codec_put_field(&run->bytes, (uint8_t)(run->tag < 0 ? 0 : run->tag), t, value, flags);
	if (!rc) {
		n = buf_size(&run->bytes);
		text_put_hex((char *)buf_reserve(result, 2 * n), buf_head(&run->bytes), n);
		result->len += 2 * n;
	}
	arena_recycle(&run->arena, 1 << 20);
	return rc;
}

static int encode_argument(struct encode_run *run, const char *arg, struct err *e)
{
	struct buf json = BUF_INIT, hex = BUF_INIT;
	int rc = input_argument(arg, &json, e);

	if (!rc)
		rc = encode(run, (const char *)buf_head(&json), buf_size(&json), &hex, e);
	if (!rc && (puts(buf_str(&hex)) < 0 || fflush(stdout)))
		rc = err_set(e, TARS_EPROTO, "stdout: the result could not be written: %m");
	buf_release(&json);
	buf_release(&hex);
	return rc;
}

static int encode_main(int argc, char **argv, const void *conf)
{
	struct encode_run run = { .conf = conf };
	struct err e = { 0 };
	int rc = 0, status;

	if (run.conf->batch ? argc > 0 : argc < 1)
		rc = err_set(&e, TARS_EARG, "wants a value (JSON, - or @file), or --batch (see --help)");
	else if (!run.conf->type)
		rc = err_set(&e, TARS_EARG, "wants --type, as Module::Struct");
	if (!rc)
		rc = types_tag(run.conf->tag, &run.tag, &e);
	if (!rc)
		rc = types_load(&run.types, run.conf->idl, run.conf->include, run.conf->type, &e);
	if (rc) {
		role_complain(&encode_role, &e);
		return EXIT_USAGE;
	}
	arena_init(&run.arena, NULL, 0);
	if (run.conf->batch) {
		status = input_batch(encode, &run);
	} else {
		rc = encode_argument(&run, argv[0], &e);
		if (rc)
			role_complain(&encode_role, &e);
		status = !rc ? EXIT_ASKED : rc == TARS_EARG ? EXIT_USAGE : EXIT_FAILED;
	}
	arena_clear(&run.arena);
	buf_release(&run.bytes);
	types_release(&run.types);
	return status;
}

const struct role encode_role = {
	.name = "encode",
	.summary = "JSON to TARS bytes, printed as hex",
	.args = "[JSON|-|@FILE]",
	.opts = encode_opts,
	.conf_size = sizeof(struct encode_conf),
	.main = encode_main,
};
