/* tars call: one call to any object, arguments and results as JSON. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/tars.h"
#include "idl/idl.h"
#include "proto/endpoint.h"
#include "proto/json.h"
#include "proto/text.h"
#include "roles/role.h"

enum { MAX_ARGUMENT = 100 << 20 };

struct call_conf {
	const char *locator, *idl, *include, *interface;
	int64_t timeout_ms;
	bool oneway;
	const char *ca, *cert, *key, *access_key, *secret_key;
};

static const struct opt call_opts[] = {
	OPT("access-key", struct call_conf, access_key, NULL, 0, "for endpoints with -e 1"),
	OPT("ca", struct call_conf, ca, NULL, 0,
	    "PEM file with who must have signed the certificate of an ssl endpoint"),
	OPT("cert", struct call_conf, cert, NULL, 0,
	    "PEM file with our certificate, for ssl endpoints that ask for one"),
	OPT("idl", struct call_conf, idl, NULL, OPT_FLAG_ONLY,
	    "take the types from this .tars file instead of asking the service"),
	OPT("include", struct call_conf, include, NULL, OPT_FLAG_ONLY,
	    "where the .tars file's includes are"),
	OPT("interface", struct call_conf, interface, NULL, OPT_FLAG_ONLY,
	    "of the .tars file, as Module::Name, when several have the function"),
	OPT("key", struct call_conf, key, NULL, 0, "PEM file with the private key of cert"),
	OPT("locator", struct call_conf, locator, NULL, 0,
	    "object of the registry (default: $TARS_LOCATOR, or this machine's)"),
	OPT("oneway", struct call_conf, oneway, "no", OPT_FLAG_ONLY, "do not wait for a reply"),
	OPT("secret-key", struct call_conf, secret_key, NULL, OPT_SECRET,
	    "of access-key; better in the configuration or $TARS_CALL_SECRET_KEY than here"),
	OPT_DURATION("timeout", struct call_conf, timeout_ms, "3s", 0, "how long to wait"),
	{ 0 }
};

/* One run of the command: everything lives in rq until the end. */
struct call_run {
	const struct call_conf *conf;
	const char *object, *func;
	struct tars_app *app;
	struct tars_req *rq;
	struct tars_proxy *proxy;
	struct idl idl;
	struct idl_descs descs;
	struct arena arena;
};

static int complain(int status, const char *text)
{
	fprintf(stderr, "tars: call: %s\n", text);
	return status;
}

static int print(const char *text)
{
	if (fputs(text, stdout) < 0 || fflush(stdout))
		return complain(EXIT_FAILED, "stdout: the result could not be written");
	return EXIT_ASKED;
}

/* What a failed call means for a script. */
static int call_status(int rc)
{
	switch (rc) {
	case TARS_ETIMEOUT:
	case TARS_ECONNECT:
	case TARS_ENOENDPOINT:
	case TARS_ESEND:
	case TARS_EOVERLOAD:
	case TARS_EQUEUETIMEOUT:
		return EXIT_UNAVAILABLE;
	case TARS_EARG:
	case TARS_ENOFUNC:
	case TARS_ENOSERVANT:
	case TARS_EDECODE:
		return EXIT_USAGE;
	default:
		return EXIT_FAILED;
	}
}

static int fail_call(const struct tars_call *c, int rc)
{
	fprintf(stderr, "tars: call: %s (%d)\n", c->error && *c->error ? c->error : tars_strerror(rc),
		rc);
	return call_status(rc);
}

/* ---- types: from a file, or from the service itself ---- */

struct describe_in { char nothing; };
struct describe_out { struct tars_str ret; };
static const struct tars_field describe_fields[] = {
	{ .name = "", .tag = 0, .flags = TARS_REQUIRED | TARS_OUT,
	  .offset = offsetof(struct describe_out, ret), .type = &tars_type_string },
};
static const struct tars_type describe_in_type = {
	.name = "tars_describe_in", .kind = TARS_STRUCT, .size = sizeof(struct describe_in),
};
static const struct tars_type describe_out_type = {
	.name = "tars_describe_out", .kind = TARS_STRUCT, .size = sizeof(struct describe_out),
	.n_fields = 1, .fields = describe_fields,
};
static const struct tars_func describe_func = { "tars_describe", &describe_in_type,
						&describe_out_type };
static const struct tars_iface describe_iface = { "tars::Reflection", &describe_func, 1, NULL };

static int complain_idl(struct call_run *run)
{
	struct buf text = BUF_INIT;

	idl_put_errors(&run->idl, &text);
	fputs(buf_str(&text), stderr);
	buf_release(&text);
	return EXIT_USAGE;
}

/* 0 or an exit status; *text_r: the interface's IDL text when it came from the service. */
static int load_types(struct call_run *run, struct tars_str *text_r)
{
	struct tars_call c = { .to = run->proxy, .rq = run->rq,
			       .timeout_ms = (int)run->conf->timeout_ms };
	struct idl_options opt = { .with_tars = true, .dirs = &run->conf->include,
				   .n_dirs = run->conf->include != NULL };
	struct describe_out described;
	int rc;

	*text_r = TARS_STR("");
	idl_init(&run->idl, &opt);
	if (run->conf->idl) {
		if (!idl_load(&run->idl, run->conf->idl))
			return complain_idl(run);
	} else {
		rc = tars_invoke(&c, &describe_iface, 0, &(struct describe_in){ 0 }, &described);
		if (rc == TARS_ENOFUNC)
			return complain(EXIT_USAGE, arena_strf(&run->arena,
				"%s does not describe itself (it is not a service of this SDK); "
				"name its interface: --idl FILE.tars", run->object));
		if (rc)
			return fail_call(&c, rc);
		if (!idl_load_text(&run->idl, run->object, described.ret.p, described.ret.n))
			return complain_idl(run);
		*text_r = described.ret;
	}
	idl_describe(&run->idl, &run->arena, &run->descs);
	return 0;
}

/* The interface with the function; an exit status if there is none or more than one. */
static int find_func(struct call_run *run, const struct tars_iface **iface_r, int *func_r)
{
	const struct tars_iface *found = NULL;
	struct text_nearest nearest;
	int func = -1, at;

	text_nearest_init(&nearest, run->func);
	for (uint32_t i = 0; i < run->descs.n_ifaces; i++) {
		const struct tars_iface *iface = run->descs.ifaces[i];

		if (run->conf->interface && strcmp(iface->name, run->conf->interface))
			continue;
		for (int f = 0; f < iface->n_funcs; f++)
			text_nearest_try(&nearest, iface->funcs[f].name);
		at = tars_iface_find(iface, run->func, strlen(run->func));
		if (at < 0)
			continue;
		if (found)
			return complain(EXIT_USAGE, arena_strf(&run->arena,
				"%s is in %s and in %s: choose with --interface", run->func,
				found->name, iface->name));
		found = iface;
		func = at;
	}
	if (!found)
		return complain(EXIT_USAGE, arena_strf(&run->arena,
			"%s has no function '%s'%s%s%s (tars call %s lists them)", run->object, run->func,
			nearest.best ? "; did you mean '" : "", nearest.best ? nearest.best : "",
			nearest.best ? "'?" : "", run->object));
	*iface_r = found;
	*func_r = func;
	return 0;
}

/* ---- the argument ---- */

/* "-" is standard input and "@file" a file; anything else is the JSON itself. */
static int read_argument(struct call_run *run, const char *arg, struct buf *json)
{
	FILE *f = !strcmp(arg, "-") ? stdin : *arg == '@' ? fopen(arg + 1, "rb") : NULL;
	int rc = 0;
	size_t n;

	if (!f) {
		if (*arg == '@')
			return complain(EXIT_USAGE, arena_strf(&run->arena, "cannot read %s: %m", arg + 1));
		buf_add_str(json, arg);
		return 0;
	}
	while ((n = fread(buf_reserve(json, 65536), 1, 65536, f)) > 0) {
		json->len += n;
		if (buf_size(json) > MAX_ARGUMENT) {
			rc = complain(EXIT_USAGE, "the argument is longer than 100 MB");
			break;
		}
	}
	if (ferror(f))
		rc = complain(EXIT_USAGE, arena_strf(&run->arena, "cannot read %s: %m",
						     f == stdin ? "stdin" : arg + 1));
	if (f != stdin)
		fclose(f);
	return rc;
}

static int call_func(struct call_run *run, const char *argument)
{
	struct tars_call c = { .to = run->proxy, .rq = run->rq,
			       .timeout_ms = (int)run->conf->timeout_ms };
	const struct tars_iface *iface;
	const struct tars_func *f;
	struct buf json = BUF_INIT;
	struct err e = { 0 };
	void *in, *out;
	int rc, func;

	rc = find_func(run, &iface, &func);
	if (rc)
		return rc;
	f = &iface->funcs[func];
	in = arena_alloc(&run->arena, f->in->size);
	out = arena_alloc(&run->arena, f->out->size);
	rc = read_argument(run, argument, &json);
	if (rc)
		goto out;
	if (json_get((const char *)buf_head(&json), buf_size(&json), f->in, in, &run->arena, &e)) {
		rc = complain(EXIT_USAGE, arena_strf(&run->arena, "argument of %s: %s", f->name, e.text));
		goto out;
	}
	if (run->conf->oneway) {
		rc = tars_invoke_oneway(&c, iface, func, in);
		if (rc)
			rc = fail_call(&c, rc);
		goto out;
	}
	rc = tars_invoke(&c, iface, func, in, out);
	if (rc) {
		rc = fail_call(&c, rc);
		goto out;
	}
	buf_clear(&json);
	if (json_put(&json, f->out, out, isatty(STDOUT_FILENO) ? JSON_INDENT(2) : JSON_COMPACT, &e)) {
		rc = complain(EXIT_FAILED, arena_strf(&run->arena, "result of %s: %s", f->name, e.text));
		goto out;
	}
	buf_add_u8(&json, '\n');
	rc = print(buf_str(&json));
out:
	buf_release(&json);
	return rc;
}

static int secure(struct call_run *run)
{
	struct tars_security security = { .ca = run->conf->ca, .cert = run->conf->cert,
					  .key = run->conf->key,
					  .access_key = run->conf->access_key,
					  .secret_key = run->conf->secret_key };
	char error[512];

	if (!security.ca && !security.cert && !security.key && !security.access_key)
		return 0;
	return tars_secure(run->app, &security, error, sizeof(error)) ?
	       complain(EXIT_USAGE, error) : 0;
}

static int ask_and_call(struct call_run *run, const char *argument)
{
	struct tars_str text;
	int status = secure(run);

	if (status)
		return status;
	run->proxy = tars_proxy(run->app, run->object);
	run->rq = tars_begin(run->app);
	status = load_types(run, &text);
	if (!status && run->func)
		status = call_func(run, argument);
	else if (!status)
		status = print(text.n ? text.p : "the types come from the file given: see there\n");
	idl_release(&run->idl);
	tars_end(run->rq);
	return status;
}

static int call_main(int argc, char **argv, const void *conf)
{
	struct call_run run = { .conf = conf, .object = argv[0], .func = argc > 1 ? argv[1] : NULL };
	struct object_ref ref;
	char error[512];
	struct err e;
	int status;

	arena_init(&run.arena, NULL, 0);
	if (run.conf->timeout_ms < 1 || run.conf->timeout_ms > INT_MAX) {
		status = complain(EXIT_USAGE, "--timeout: must be between 1 ms and 24 days");
		goto out;
	}
	if (object_ref_parse(run.object, &ref, &run.arena, &e) ||
	    (!ref.direct && role_check_locator(role_locator(run.conf->locator), &e))) {
		status = complain(EXIT_USAGE, e.text);
		goto out;
	}
	run.app = tars_start(ref.direct ? NULL : role_locator(run.conf->locator), error, sizeof(error));
	if (!run.app) {
		status = complain(EXIT_USAGE, error);
		goto out;
	}
	status = ask_and_call(&run, argc > 2 ? argv[2] : "{}");
	tars_stop(run.app);
out:
	arena_clear(&run.arena);
	return status;
}

const struct role call_role = {
	.name = "call",
	.summary = "calls a function of any object; without FUNC: its interface",
	.args = "OBJ [FUNC [JSON]]",
	.opts = call_opts,
	.conf_size = sizeof(struct call_conf),
	.main = call_main,
};
