/* tars call: one call to any object, arguments and results as JSON. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/io/reactor.h"
#include "core/tars.h"
#include "proto/json.h"
#include "proto/text.h"
#include "roles/remote.h"
#include "roles/role.h"

struct call_conf {
	struct remote_conf remote;
	struct opt_texts context, status;
	const char *hash;
	bool list, oneway, verbose;
};

static const struct opt call_opts[] = {
	REMOTE_OPTS(struct call_conf),
	OPT("context", struct call_conf, context, NULL, OPT_FLAG_ONLY,
	    "KEY=VALUE for the request's context; may be given several times"),
	OPT("hash", struct call_conf, hash, NULL, OPT_FLAG_ONLY,
	    "choose the endpoint by this number (modulo), or by this text (consistent)"),
	OPT("list", struct call_conf, list, "no", OPT_FLAG_ONLY,
	    "print the functions, one in a line, instead of calling any"),
	OPT("oneway", struct call_conf, oneway, "no", OPT_FLAG_ONLY, "do not wait for a reply"),
	OPT("status", struct call_conf, status, NULL, OPT_FLAG_ONLY,
	    "KEY=VALUE for the request's status; may be given several times"),
	OPT("verbose", struct call_conf, verbose, "no", OPT_FLAG_ONLY,
	    "tell endpoint, time, context and status of the answer on stderr", .letter = 'v'),
	{ 0 }
};

/* One run of the command: everything lives until remote_close(). */
struct call_run {
	struct remote remote;
	const struct call_conf *conf;
	struct tars_call call;
	struct tars_call_info info;
	struct tars_string_string_map context, status;
};

static int print(struct call_run *run, struct buf *b)
{
	int status = role_print(run->remote.who, b);

	buf_release(b);
	return status;
}

/* ---- what goes with the call ---- */

static int make_map(struct call_run *run, const char *option, const struct opt_texts *texts,
		    struct tars_string_string_map *map)
{
	map->v = arena_alloc(&run->remote.arena, (texts->n + 1) * sizeof(*map->v));
	for (uint32_t i = 0; i < texts->n; i++) {
		const char *text = texts->v[i], *equals = strchr(text, '=');

		if (!equals || equals == text)
			return remote_complain(&run->remote, EXIT_USAGE,
					       "--%s: '%s' is not KEY=VALUE", option, text);
		map->v[map->n++] = (struct tars_string_string_pair){
			{ text, (uint32_t)(equals - text) },
			{ equals + 1, (uint32_t)strlen(equals + 1) },
		};
	}
	return 0;
}

static void set_hash(struct tars_call *c, const char *text)
{
	int64_t number;

	if (text_int(text, strlen(text), INT64_MIN, INT64_MAX, &number)) {
		c->hash_mode = TARS_HASH_MOD;
		c->hash = (uint64_t)number;
	} else {
		c->hash_mode = TARS_HASH_CONSISTENT;
		c->hash = tars_hash_new(text, strlen(text));
	}
}

static int prepare(struct call_run *run)
{
	const struct call_conf *conf = run->conf;
	struct tars_call *c = &run->call;
	int status = make_map(run, "context", &conf->context, &run->context);

	if (!status)
		status = make_map(run, "status", &conf->status, &run->status);
	*c = (struct tars_call){
		.to = run->remote.proxy, .rq = run->remote.rq,
		.timeout_ms = (int)conf->remote.timeout_ms, .wire = run->remote.wire,
		.context = run->context.n ? &run->context : NULL,
		.status = run->status.n ? &run->status : NULL,
		.info = &run->info,
	};
	if (conf->hash)
		set_hash(c, conf->hash);
	return status;
}

/* ---- the call ---- */

static void tell_map(const char *what, const struct tars_string_string_map *map)
{
	for (uint32_t i = 0; i < map->n; i++)
		fprintf(stderr, "%s: %.*s=%.*s\n", what, (int)map->v[i].key.n, map->v[i].key.p,
			(int)map->v[i].val.n, map->v[i].val.p);
}

static void tell(const struct call_run *run, int rc, int64_t took_us)
{
	fprintf(stderr, "endpoint: %s\ntime: %lld.%03lld ms\ncode: %d\n",
		*run->info.endpoint ? run->info.endpoint : "none", (long long)(took_us / 1000),
		(long long)(took_us % 1000), rc);
	tell_map("context", &run->call.reply_context);
	tell_map("status", &run->info.reply_status);
}

static int print_result(struct call_run *run, const struct tars_func *f, const void *out)
{
	struct buf json = BUF_INIT;
	struct err e = { 0 };

	if (json_put(&json, f->out, out, isatty(STDOUT_FILENO) ? JSON_INDENT(2) : JSON_COMPACT,
		     &e)) {
		buf_release(&json);
		return remote_complain(&run->remote, EXIT_FAILED, "result of %s: %s", f->name, e.text);
	}
	buf_add_u8(&json, '\n');
	return print(run, &json);
}

static int call_func(struct call_run *run, const char *name, const struct buf *json)
{
	const struct tars_iface *iface;
	const struct tars_func *f;
	int64_t began_us;
	void *in, *out;
	int rc, func, status = remote_find_func(&run->remote, name, &iface, &func);

	if (status)
		return status;
	f = &iface->funcs[func];
	in = arena_alloc(&run->remote.arena, f->in->size);
	out = arena_alloc(&run->remote.arena, f->out->size);
	status = remote_get_arguments(&run->remote, f, json, in);
	if (status)
		return status;
	began_us = reactor_clock();
	rc = run->conf->oneway ? tars_invoke_oneway(&run->call, iface, func, in) :
				 tars_invoke(&run->call, iface, func, in, out);
	if (run->conf->verbose)
		tell(run, rc, reactor_clock() - began_us);
	if (rc)
		return remote_fail(&run->remote, run->call.error, rc);
	return run->conf->oneway ? EXIT_ASKED : print_result(run, f, out);
}

/* Without a function: what there is to call. */
static int show_interface(struct call_run *run)
{
	struct buf b = BUF_INIT;

	if (run->conf->list)
		remote_list(&run->remote, &b);
	else if (run->remote.text.n)
		buf_add(&b, run->remote.text.p, run->remote.text.n);
	else
		buf_add_str(&b, "the types come from the file given: see there\n");
	return print(run, &b);
}

static int call_run(struct call_run *run, const char *func, const char *argument)
{
	struct buf json = BUF_INIT;
	int status = prepare(run);

	if (!status && func && !run->conf->list)
		status = remote_read(&run->remote, argument, &json);
	if (!status)
		status = remote_load_types(&run->remote);
	if (!status)
		status = func && !run->conf->list ? call_func(run, func, &json) :
						    show_interface(run);
	buf_release(&json);
	return status;
}

static int call_main(int argc, char **argv, const void *conf)
{
	struct call_run run = { .conf = conf };
	int status = remote_open(&run.remote, "call", &run.conf->remote, argv[0]);

	if (!status)
		status = call_run(&run, argc > 1 ? argv[1] : NULL, argc > 2 ? argv[2] : "{}");
	remote_close(&run.remote);
	return status;
}

const struct role call_role = {
	.name = "call",
	.summary = "calls a function of any object; without FUNC: its interface",
	.args = "OBJ [FUNC [JSON]]",
	.opts = call_opts,
	.conf_size = sizeof(struct call_conf),
	.main = call_main,
	.notes = "JSON: an object of parameters, - for standard input, @FILE for a file.\n"
		 "A call that was refused as overload is made again at another endpoint; one whose\n"
		 "connection ended as well, if the IDL says @idempotent.\n\n"
		 "exit status:\n"
		 "  0   the answer has code 0\n"
		 "  1   the service refused the call, or the answer does not fit the types\n"
		 "  64  wrong usage: options, arguments, no such function\n"
		 "  69  nobody there: no endpoint, no connection, no such servant\n"
		 "  70  a bug of this program\n"
		 "  75  not now: no answer in time, or the service is overloaded\n",
};
