/* tars idl fmt: prints, checks or replaces files in their canonical layout. */
#include "idl/fmt.h"

#include <stdio.h>
#include <string.h>

#include "roles/idl/commands.h"

const struct opt idl_fmt_opts[] = {
	OPT("check", struct idl_fmt_conf, check, "no", OPT_FLAG_ONLY,
	    "only tell which files differ, and fail if some do"),
	OPT("stdout", struct idl_fmt_conf, print, "no", OPT_FLAG_ONLY,
	    "print the result, which is the default"),
	OPT("write", struct idl_fmt_conf, write, "no", OPT_FLAG_ONLY,
	    "replace the files instead of printing them"),
	{ 0 }
};

static const char *line_end(const char *p, const char *end)
{
	const char *eol = memchr(p, '\n', (size_t)(end - p));

	return eol ? eol : end;
}

/* The first line that differs, as it is and as it should be. */
static void show_difference(const char *path, const struct buf *is, const struct buf *wanted)
{
	const char *p = (const char *)buf_head(is), *end = p + buf_size(is);
	const char *q = (const char *)buf_head(wanted), *stop = q + buf_size(wanted);

	for (unsigned line = 1; ; line++) {
		const char *eol = p < end ? line_end(p, end) : p;
		const char *want = q < stop ? line_end(q, stop) : q;
		bool has_end = eol < end && want < stop;

		if (!has_end || eol - p != want - q || memcmp(p, q, (size_t)(eol - p)) != 0) {
			printf("%s:%u: not in its canonical layout\n-%.*s\n+%.*s\n", path, line,
			       (int)(eol - p), p, (int)(want - q), q);
			return;
		}
		p = eol + 1;
		q = want + 1;
	}
}

static int deliver(struct idl_env *env, const char *path, const struct buf *text,
		   const struct buf *out)
{
	const struct idl_fmt_conf *conf = env->call->own;
	bool same = buf_size(text) == buf_size(out) &&
		    (!buf_size(out) || memcmp(buf_head(text), buf_head(out), buf_size(out)) == 0);

	if (conf->check) {
		if (!same)
			show_difference(path, text, out);
		return same ? EXIT_ASKED : EXIT_FAILED;
	}
	if (conf->write && same && strcmp(path, "-") != 0)
		return EXIT_ASKED;
	return idl_put_output(env->call, conf->write ? path : NULL, out);
}

static int fmt_one(struct idl_env *env, const char *path, void *arg)
{
	struct buf text = BUF_INIT, out = BUF_INIT;
	struct err e = { 0 };
	struct idl idl;
	int status = EXIT_FAILED;

	(void)arg;
	idl_init(&idl, NULL);
	if (env->opt.read(env->opt.ctx, path, &text, &e))
		role_complain(env->call->role, &e);
	else if (idl_fmt(&idl, path, (const char *)buf_head(&text), buf_size(&text), &out))
		idl_show_errors(&idl);
	else
		status = deliver(env, path, &text, &out);
	idl_release(&idl);
	buf_release(&text);
	buf_release(&out);
	return status;
}

int idl_cmd_fmt(const struct role_call *call)
{
	const struct idl_fmt_conf *conf = call->own;

	if (conf->check + conf->print + conf->write > 1) {
		role_complain(call->role, &(struct err){
			.text = "fmt: wants one of --check, --stdout and --write" });
		return EXIT_USAGE;
	}
	return idl_env_each(call, fmt_one, NULL);
}
