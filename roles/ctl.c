/* tars ctl: runs operations of the platform, which are rows of ops.c, through the registry. */
#include "roles/ctl.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "proto/field.h"

enum { MAX_FILE = 4 << 20 };

static const struct opt ctl_opts[] = {
	OPT("locator", struct ctl_conf, locator, NULL, 0,
	    "object of the registry (default: $TARS_LOCATOR, or this machine's)"),
	OPT("output", struct ctl_conf, output, "table", 0, "how rows are printed: table, wide or json",
	    .letter = 'o', .choices = "table|wide|json"),
	OPT_DURATION("timeout", struct ctl_conf, timeout_ms, "90s", 0, "how long to wait"),
	{ 0 }
};

int ctl_complain(const struct ctl *c, int status, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fprintf(stderr, "tars: ctl %s: ", c->name);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
	return status;
}

int ctl_read_file(struct ctl *c, const char *what, const char *path, struct tars_str *text)
{
	bool is_stdin = !strcmp(path, "-");
	FILE *f = is_stdin ? stdin : fopen(path, "r");
	struct buf b = BUF_INIT;
	int status = 0;
	size_t n;

	if (!f)
		return ctl_complain(c, EXIT_USAGE, "%s %s: %m", what, path);
	while (b.len <= MAX_FILE && (n = fread(buf_reserve(&b, 65536), 1, 65536, f)) > 0)
		b.len += n;
	if (ferror(f))
		status = ctl_complain(c, EXIT_USAGE, "%s %s: %m", what, path);
	else if (b.len > MAX_FILE)
		status = ctl_complain(c, EXIT_USAGE, "%s %s is larger than %d bytes", what, path,
				      MAX_FILE);
	if (!is_stdin)
		fclose(f);
	*text = (struct tars_str){ arena_memdup(&c->arena, buf_str(&b), buf_size(&b)),
				   (uint32_t)buf_size(&b) };
	buf_release(&b);
	return status;
}

/* ---- calls ---- */

int ctl_open(struct ctl *c)
{
	static const struct tars_retry rule;
	static const struct tars_proxy_conf again = { .retries = &rule, .n_retries = 1 };
	const char *object;
	struct err e = { 0 };
	char error[512];

	if (role_registry_object(c->conf->locator, "tars.tarsAdminRegistry.CtlObj", &object, &c->arena,
				 &e) < 0)
		return ctl_complain(c, EXIT_USAGE, "%s", e.text);
	c->app = tars_start(NULL, error, sizeof(error));
	if (!c->app)
		return ctl_complain(c, EXIT_BUG, "%s", error);
	c->to = tars_proxy_conf(c->app, object, &again);
	c->rq = tars_begin(c->app);
	return 0;
}

void ctl_close(struct ctl *c)
{
	if (c->rq)
		tars_end(c->rq);
	if (c->app)
		tars_stop(c->app);
	arena_clear(&c->arena);
}

/* Every function returns an int and gives a text. */
static struct tars_str *result_of(const struct tars_func *f, const void *out, int *ret_r)
{
	*ret_r = *(const int32_t *)field_in(f->out, out, "");
	return field_in(f->out, out, "result");
}

int ctl_call(struct ctl *c, const char *func, const void *in, void *out)
{
	int i = tars_iface_find(&tars_Ctl_iface, func, strlen(func)), rc, ret;
	struct tars_call call = {
		.to = c->to, .rq = c->rq, .timeout_ms = (int)c->conf->timeout_ms,
	};
	struct tars_str *text;

	BUG_ON(i < 0);
	rc = tars_invoke(&call, &tars_Ctl_iface, i, in, out);
	if (rc)
		return ctl_complain(c, rc == TARS_EUNKNOWN ? EXIT_FAILED : role_exit_status(rc), "%s",
				    call.error && *call.error ? call.error : tars_strerror(rc));
	text = result_of(&tars_Ctl_iface.funcs[i], out, &ret);
	if (!ret)
		return 0;
	return ctl_complain(c, ret == TARS_EDB || ret == TARS_EDBUNCERTAIN ? EXIT_UNAVAILABLE :
			    EXIT_FAILED, "%s", text->n ? text->p : "refused without a reason");
}

/* ---- one row of the table ---- */

static const struct tars_func *func_of(const struct op *op)
{
	int i = tars_iface_find(&tars_Ctl_iface, op->func, strlen(op->func));

	BUG_ON(i < 0);
	return &tars_Ctl_iface.funcs[i];
}

/* The request is the only parameter, so it lies where the parameters do. */
static const struct tars_type *request_type(const struct op *op)
{
	return func_of(op)->in->fields[0].type;
}

static bool has_word(const char *words, const char *name, size_t n)
{
	for (const char *p = words; p && *p;) {
		size_t size = strcspn(p, " ");

		if (size == n && !strncmp(p, name, n))
			return true;
		p += size + strspn(p + size, " ");
	}
	return false;
}

/* Arguments become members; those that nobody gave have their default. */
static int fill_request(struct ctl *c, void *own)
{
	const struct tars_type *t = request_type(c->op);
	const char *p = c->op->members ? c->op->members : "";
	int status = 0;

	for (int i = 0; i < c->n_args && *p; i++) {
		size_t n = strcspn(p, " ");
		const struct tars_field *f = field_find(t, p, n);
		struct tars_str *s;

		BUG_ON(!f || f->type != &tars_type_string);
		s = (void *)((char *)own + f->offset);
		*s = (struct tars_str){ c->args[i], (uint32_t)strlen(c->args[i]) };
		p += n + strspn(p + n, " ");
	}
	for (uint32_t i = 0; !status && i < t->n_fields; i++) {
		const struct tars_field *f = &t->fields[i];
		struct tars_str *s = (void *)((char *)own + f->offset);

		if (f->type != &tars_type_string)
			continue;
		if (!s->p)
			*s = TARS_STR("");
		if (s->n && has_word(c->op->files, f->name, strlen(f->name)))
			status = ctl_read_file(c, f->name, s->p, s);
	}
	if (!status && c->op->prepare)
		status = c->op->prepare(c, own);
	return status;
}

/* What came: rows, or a text. */
static int show(struct ctl *c, const void *out)
{
	const struct tars_func *f = func_of(c->op);
	const struct tars_field *rows = field_find(f->out, "rows", strlen("rows"));
	int ret;
	struct tars_str *text = result_of(f, out, &ret);

	if (rows && (c->op->columns || !strcmp(c->conf->output, "json")))
		return ctl_print_rows(c, rows->type->elem, (const char *)out + rows->offset);
	if (text->n) {
		fwrite(text->p, 1, text->n, stdout);
		if (text->p[text->n - 1] != '\n')
			putchar('\n');
	}
	return EXIT_ASKED;
}

static int run_once(struct ctl *c, const void *own)
{
	void *out = tars_alloc(c->rq, func_of(c->op)->out->size);
	int status = ctl_call(c, c->op->func, own, out);

	return status ? status : show(c, out);
}

/* One node after the other, so that a restart never takes all of them. */
static int run_on_each(struct ctl *c, void *own, const char *server, struct tars_str *node)
{
	struct tars_Ctl_serverList_in in = {
		.req.filter = { server, (uint32_t)strlen(server) },
	};
	struct tars_Ctl_serverList_out out;
	int status = ctl_call(c, "serverList", &in, &out);
	bool is_send = !strcmp(c->op->func, "serverSend");

	if (status)
		return status;
	if (!out.rows.n)
		return ctl_complain(c, EXIT_FAILED, "%s is not deployed (tars ctl server list)",
				    server);
	for (uint32_t i = 0; i < out.rows.n; i++) {
		int s;

		*node = out.rows.v[i].node;
		if (is_send)
			printf("== %s\n", node->p);
		fflush(stdout);
		s = run_once(c, own);
		if (s)
			status = s;
	}
	return status;
}

static int run_request(struct ctl *c, void *own)
{
	const struct tars_type *t = request_type(c->op);
	struct tars_str *server = field_in(t, own, "server"), *node = field_in(t, own, "node");

	if (c->op->run)
		return c->op->run(c, own);
	if (!c->op->each_node || node->n)
		return run_once(c, own);
	if (strchr(server->p, '*') || !strchr(server->p, '.'))
		return ctl_complain(c, EXIT_USAGE, "'%s' is not App.Server", server->p);
	return run_on_each(c, own, server->p, node);
}

int ctl_run(const struct role_call *call)
{
	struct ctl c = {
		.conf = call->conf, .op = call->command->detail, .name = call->command->name,
		.args = call->argv, .n_args = call->argc,
	};
	void *own = (void *)(uintptr_t)call->own;
	int status;

	arena_init(&c.arena, NULL, 0);
	status = fill_request(&c, own);
	if (!status)
		status = ctl_open(&c);
	if (!status)
		status = run_request(&c, own);
	ctl_close(&c);
	return status;
}

const struct role ctl_role = {
	.name = "ctl",
	.summary = "servers, nodes, templates, groups: what there is, and what shall be",
	.opts = ctl_opts,
	.conf_size = sizeof(struct ctl_conf),
	.commands = ops,
	.noun = "server",
	.notes = "exit status:\n"
		 "  0   done\n"
		 "  1   refused: the text says why\n"
		 "  64  wrong usage\n"
		 "  69  the registry, or its database, is not there\n",
};
