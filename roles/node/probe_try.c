/* One look at a servant: a connection, a ping, a request over HTTP, a script. */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/io/conn.h"
#include "core/io/listen.h"
#include "core/io/pool.h"
#include "core/sys/proc.h"
#include "proto/text.h"
#include "roles/node/probes.h"

enum { STEP_MS = 200 };    /* the node's stop is seen so soon */

static bool is_stopping(const struct probe *p)
{
	return p->server->node->is_stopping;
}

static int64_t step_ms(int64_t until_us)
{
	int64_t ms = (until_us - reactor_clock()) / 1000 + 1;

	return ms < 1 ? 1 : ms < STEP_MS ? ms : STEP_MS;
}

/* ---- a connection, and perhaps a request over it ---- */

enum { MAX_STATUS_LINE = 512 };

/* Owned by its connection and by who waits. */
struct visit {
	struct conn conn;
	struct signal changed;
	unsigned refs;
	bool is_up, is_down;
	struct err why;
	char answer[MAX_STATUS_LINE];   /* its beginning */
	size_t n;
};

static void visit_unref(struct visit *v)
{
	if (--v->refs == 0)
		free(v);
}

static void up(struct conn *c)
{
	struct visit *v = container_of(c, struct visit, conn);

	v->is_up = true;
	signal_raise(&v->changed);
}

static void down(struct conn *c, const struct err *why)
{
	struct visit *v = container_of(c, struct visit, conn);

	v->is_down = true;
	v->why = *why;
	signal_raise(&v->changed);
}

static void release(struct conn *c)
{
	visit_unref(container_of(c, struct visit, conn));
}

static ssize_t stream(struct conn *c, uint8_t *data, size_t n, struct err *e)
{
	struct visit *v = container_of(c, struct visit, conn);
	size_t room = sizeof(v->answer) - 1 - v->n;

	(void)e;
	memcpy(v->answer + v->n, data, n < room ? n : room);
	v->n += n < room ? n : room;
	signal_raise(&v->changed);
	return (ssize_t)n;
}

static const struct conn_class visit_class = {
	.up = up, .down = down, .release = release, .stream = stream,
};

static bool has_line(const struct visit *v)
{
	return memchr(v->answer, '\n', v->n) || v->n == sizeof(v->answer) - 1;
}

static bool is_connected(const struct visit *v)
{
	return v->is_up;
}

/* Until it has come so far, is down, or time is up. */
static int await(struct visit *v, bool (*is_done)(const struct visit *), const struct probe *p,
		 int64_t until_us, const char *what, struct err *e)
{
	char label[320];

	while (!is_done(v) && !v->is_down && reactor_clock() < until_us && !is_stopping(p))
		signal_wait(&v->changed, step_ms(until_us));
	if (is_done(v))
		return 0;
	endpoint_label(label, sizeof(label), &p->ep);
	if (v->is_down && v->why.code)
		return err_set(e, v->why.code, "%s %s: %s", what, label, v->why.text);
	if (v->is_down)
		return err_set(e, TARS_ECONNECT, "%s %s: it closed the connection", what, label);
	return err_set(e, TARS_ETIMEOUT, "%s %s: nothing within %lld ms", what, label,
		       (long long)p->rule.timeout_ms);
}

static int ask(struct visit *v, const struct probe *p, int64_t until_us, struct err *e)
{
	const char *path = p->rule.args[0], *space;
	int64_t status = 0;
	char line[MAX_STATUS_LINE];
	int rc;

	buf_addf(conn_out(&v->conn), "GET %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: tars-probe\r\n"
		 "Accept: */*\r\nConnection: close\r\n\r\n", path,
		 endpoint_is_unix(&p->ep) ? "localhost" : p->ep.host);
	conn_written(&v->conn);
	rc = await(v, has_line, p, until_us, "GET", e);
	if (rc < 0)
		return err_wrap(e, "http %s", path);
	snprintf(line, sizeof(line), "%.*s", (int)strcspn(v->answer, "\r\n"), v->answer);
	space = strchr(line, ' ');
	if (strncmp(line, "HTTP/1.", 7) != 0 || !space || !text_int(space + 1, 3, 100, 999, &status))
		return err_set(e, TARS_EDECODE, "http %s: what answers does not speak HTTP", path);
	for (char *c = line; *c; c++)
		if (!isprint((unsigned char)*c))
			*c = '?';
	if (status < 200 || status > 299)
		return err_set(e, TARS_EUNKNOWN, "http %s: the answer is '%.80s' and not 200 to 299",
			       path, space + 1);
	return 0;
}

/* Names are looked up by a worker, which may take longer than the time-out. */
static int find_address(const struct probe *p, struct sockaddr_any *to, struct err *e)
{
	if (!endpoint_is_unix(&p->ep))
		return resolve(to, p->ep.host, p->ep.port, e);
	return sockaddr_from_path(to, p->ep.host) < 0
		? err_set(e, TARS_EARG, "%s: the path is too long", p->ep.host) : 0;
}

static int visit(const struct probe *p, struct err *e)
{
	int64_t until_us = reactor_clock() + p->rule.timeout_ms * 1000;
	struct sockaddr_any to;
	struct visit *v;
	int rc = find_address(p, &to, e);

	if (rc < 0)
		return rc;
	v = xcalloc(1, sizeof(*v));
	rc = conn_connect(&v->conn, &visit_class, &to, p->rule.timeout_ms, e);
	if (rc < 0) {
		free(v);
		return rc;
	}
	v->refs = 2;
	rc = await(v, is_connected, p, until_us, "connect to", e);
	if (rc == 0 && p->rule.kind == PROBE_HTTP)
		rc = ask(v, p, until_us, e);
	conn_close(&v->conn, NULL);
	visit_unref(v);
	return rc;
}

/* ---- a ping ---- */

static int ping(const struct probe *p, struct tars_req *rq, struct err *e)
{
	static const struct tars_type nothing = { .name = "tars_ping", .kind = TARS_STRUCT };
	static const struct tars_func func = { "tars_ping", &nothing, &nothing, .flags = 0 };
	static const struct tars_iface iface = { "tars::Ping", &func, 1, NULL };
	/* Each probe is a look of its own: no failure keeps the next one from being sent. */
	static const struct tars_check check = { .off = true };
	static const struct tars_proxy_conf conf = { .check = &check };
	struct tars_str object = tars_strf(rq, "%s@%s", p->servant, p->endpoint);
	struct tars_call c = { .to = tars_proxy_conf(p->server->node->app, object.p, &conf),
			       .rq = rq, .timeout_ms = (int)p->rule.timeout_ms };
	char in[1], out[1];
	int rc;

	if (!c.to)
		return err_set(e, TARS_EARG, "tars_ping: '%s' is no object", object.p);
	rc = tars_invoke(&c, &iface, 0, in, out);
	return rc ? err_set(e, rc < 0 ? rc : TARS_EUNKNOWN, "tars_ping: %s", c.error) : 0;
}

/* ---- a script ---- */

enum { MAX_OUTPUT = 160, READ_SIZE = 4096, REAP_MS = 2000 };

struct script {
	const struct probe *p;
	const char *dir, *user;         /* the server's; its account */
	struct proc_id id;
	int fd;                         /* what it prints; -1: all of it was read */
	struct watch watch;
	char output[MAX_OUTPUT];        /* the beginning; the rest is dropped */
	size_t n;
	struct err err;
	int rc;
};

/* Its file, without links that lead out of the server's directory. */
static int find_script(const struct script *s, char **file, struct err *e)
{
	const char *name = s->p->rule.args[0];
	char *dir = realpath(s->dir, NULL), *path = NULL;
	size_t n = dir ? strlen(dir) : 0;
	int rc = 0;

	if (asprintf(&path, "%s/%s", s->dir, name) < 0)
		abort();
	*file = realpath(path, NULL);
	if (!dir || !*file)
		rc = err_set(e, TARS_ENOTFOUND, "%s: %s", path, strerror(errno));
	else if (strncmp(*file, dir, n) != 0 || (*file)[n] != '/')
		rc = err_set(e, TARS_EARG, "%s is a link to %s, which is not below the server's "
			     "directory", path, *file);
	else if (access(*file, X_OK) < 0)
		rc = err_set(e, TARS_EARG, "%s: %s: make it an executable file", path,
			     strerror(errno));
	free(path);
	free(dir);
	return rc;
}

/* In a worker. */
static void start_script(void *arg)
{
	struct script *s = arg;
	const char *argv[PROBE_MAX_ARGS + 1];
	struct proc_spec spec = { .argv = argv, .cwd = s->dir, .user = s->user };
	char *file = NULL;
	int fds[2];

	memcpy(argv, s->p->rule.args, sizeof(argv));
	s->rc = find_script(s, &file, &s->err);
	if (s->rc == 0 && pipe2(fds, O_CLOEXEC) < 0)
		s->rc = err_set(&s->err, TARS_ESYS, "pipe: %s", strerror(errno));
	if (s->rc == 0) {
		argv[0] = file;
		spec.output_fd = fds[1];
		s->rc = proc_spawn(&spec, &s->id.pid, &s->err);
		/* Gone already: its zombie tells how it ended. */
		if (s->rc == 0 && proc_identify(s->id.pid, &s->id, NULL) < 0)
			s->id.start = 0;
		close(fds[1]);
		s->fd = fds[0];
		fcntl(s->fd, F_SETFL, O_NONBLOCK);
	}
	free(file);
}

static void read_output(struct watch *w, int events)
{
	struct script *s = container_of(w, struct script, watch);
	size_t room = sizeof(s->output) - 1 - s->n;
	char data[READ_SIZE];
	ssize_t n = read(s->fd, data, sizeof(data));

	(void)events;
	if (n > 0) {
		memcpy(s->output + s->n, data, (size_t)n < room ? (size_t)n : room);
		s->n += (size_t)n < room ? (size_t)n : room;
	} else if (n == 0 || errno != EAGAIN) {
		watch_stop(w);
	}
}

/* The first line of what it printed, for people. */
static const char *said(struct script *s)
{
	s->output[strcspn(s->output, "\r\n")] = '\0';
	for (char *c = s->output; *c; c++)
		if ((unsigned char)*c < ' ')
			*c = '?';
	return s->output;
}

static int await_script(struct script *s, struct err *e)
{
	const struct probe *p = s->p;
	int64_t until_us = reactor_clock() + p->rule.timeout_ms * 1000;
	const char *name = p->rule.args[0];
	int status, rc;
	char how[64];

	do
		rc = proc_wait(&s->id, step_ms(until_us), &status, NULL);
	while (rc == TARS_ETIMEOUT && reactor_clock() < until_us && !is_stopping(p));
	if (rc == TARS_ETIMEOUT) {
		/* It leads a group: what it waits for must not stay behind. */
		kill(-s->id.pid, SIGKILL);
		proc_wait(&s->id, REAP_MS, &status, NULL);
		read_output(&s->watch, WATCH_READ);
		return err_set(e, rc, "script %s did not end within %lld ms and was killed%s%s", name,
			       (long long)p->rule.timeout_ms, s->n ? "; it said: " : "", said(s));
	}
	read_output(&s->watch, WATCH_READ);
	if (rc == 0 && status == 0)
		return 0;
	proc_print_status(how, sizeof(how), rc < 0 ? -1 : status);
	return err_set(e, TARS_EUNKNOWN, "script %s: %s%s%s", name, how, s->n ? "; it said: " : "",
		       said(s));
}

static int run_script(const struct probe *p, struct tars_req *rq, struct err *e)
{
	const struct server *server = p->server;
	struct script s = { .p = p, .fd = -1, .user = server_user(server->node, server->spec) };
	int rc;

	if (!server->spec)
		return err_set(e, TARS_ENOTFOUND, "there is no description of it");
	/* The description may be another one meanwhile. */
	s.dir = tars_strf(rq, "%s", server->spec->paths.dir).p;
	pool_run(start_script, &s);
	rc = s.rc;
	if (rc < 0) {
		err_set(e, rc, "script %s: %s", p->rule.args[0], s.err.text);
	} else {
		watch_set(&s.watch, s.fd, WATCH_READ, read_output);
		rc = await_script(&s, e);
		watch_stop(&s.watch);
	}
	if (s.fd >= 0)
		close(s.fd);
	return rc;
}

/* ---- all kinds ---- */

int probe_try(struct probe *p, struct tars_req *rq, struct err *e)
{
	switch (p->rule.kind) {
	case PROBE_TCP:
	case PROBE_HTTP:
		return visit(p, e);
	case PROBE_PING:
		return ping(p, rq, e);
	case PROBE_SCRIPT:
		return run_script(p, rq, e);
	}
	return err_set(e, TARS_EARG, "there is no such kind of probe");
}
