/* NodeObj: log files, by structured queries and by the few commands of official consoles. */
#include "roles/node/logobj.h"

#include <string.h>

#include "core/io/pool.h"
#include "roles/node/logs.h"
#include "roles/node/node.h"

/* Each takes a worker, 2 MB and a part of the disk's time: there are not many at a time. */
enum { MAX_READS = 2 };

static int run(struct node *n, void (*fn)(void *), void *arg, struct err *e)
{
	if (n->log_reads >= MAX_READS)
		return err_set(e, TARS_EOVERLOAD, "node %s reads %d logs at present: try again",
			       n->name ? n->name : "", MAX_READS);
	n->log_reads++;
	pool_run(fn, arg);
	n->log_reads--;
	return 0;
}

/* A copy: a new description of the server may replace the text while a worker reads. */
static const char *root_of(struct tars_req *rq, const struct tars_str *app,
			   const struct tars_str *server)
{
	return tars_strf(rq, "%s", node_log_root(tars_data(rq), app->p, server->p)).p;
}

static int list(struct tars_req *rq, const struct tars_str *app, const struct tars_str *server,
		struct log_list *l)
{
	struct node *n = tars_data(rq);

	*l = (struct log_list){ .root = root_of(rq, app, server), .app = app->p,
				.server = server->p, .arena = req_arena(rq) };
	if (run(n, log_list, l, &l->err) < 0)
		l->rc = l->err.code;
	return l->rc;
}

/* The answer must not exist twice for longer than necessary: it may be 2 MB. */
static struct tars_str take_data(struct tars_req *rq, struct log_read *r)
{
	struct tars_str s = tars_strndup(rq, (const char *)buf_head(&r->data), buf_size(&r->data));

	buf_release(&r->data);
	return s;
}

static int read(struct tars_req *rq, const struct tars_str *app, const struct tars_str *server,
		const struct tars_str *file, struct log_read *r)
{
	struct node *n = tars_data(rq);

	r->root = root_of(rq, app, server);
	r->app = app->p;
	r->server = server->p;
	/* A name with a NUL would be cut there. */
	r->file = strlen(file->p) == file->n ? file->p : "";
	if (run(n, log_read, r, &r->err) < 0)
		r->rc = r->err.code;
	return r->rc;
}

/* ---- official ---- */

NODE_LOG(getLogFileList)
{
	struct log_list l;

	out->ret = list(rq, &in->application, &in->serverName, &l) < 0 ? -1 : 0;
	for (size_t i = 0; i < l.n; i++)
		*TARS_PUSH(rq, &out->logFileList) = tars_strf(rq, "%s", l.v[i].name);
	return 0;
}

NODE_LOG(getLogData)
{
	struct log_read *r = tars_alloc(rq, sizeof(*r));
	int rc = log_command_parse(in->cmd.p, in->cmd.n, &r->steps, &r->err);

	if (rc == 0)
		rc = read(rq, &in->application, &in->serverName, &in->logFile, r);
	out->ret = rc < 0 ? -1 : 0;
	if (rc < 0) {
		out->fileData = tars_strf(rq, "%s", r->err.text);
		return 0;
	}
	/* A console shows the text as it is, and has no other way to learn of it. */
	if (r->is_cut)
		buf_addf(&r->data, "\n... not all: an answer has at most %d MB of the file's %lld "
			 "bytes, and looks at %d MB of them; ask for less with tail, head or "
			 "grep\n", LOG_MAX >> 20, (long long)r->size, LOG_SCAN >> 20);
	out->fileData = take_data(rq, r);
	return 0;
}

/* ---- structured ---- */

NODE_LOG(listLogs)
{
	struct log_list l;

	out->ret = list(rq, &in->application, &in->serverName, &l);
	for (size_t i = 0; i < l.n; i++) {
		struct tars_LogFile *f = TARS_PUSH(rq, &out->files);

		f->name = tars_strf(rq, "%s", l.v[i].name);
		f->size = l.v[i].size;
		f->changed = l.v[i].changed;
		f->readable = !l.v[i].is_compressed;
	}
	if (l.rc < 0)
		out->result = tars_strf(rq, "%s", l.err.text);
	else if (l.is_cut)
		out->result = tars_strf(rq, "these are %d of its files, there are more", LOG_FILES);
	return 0;
}

static int make_steps(const struct tars_LogQuery *q, struct log_steps *steps, struct err *e)
{
	struct log_step *s = steps->v;

	if (q->grep.n > LOG_TEXT || memchr(q->grep.p, '\0', q->grep.n) ||
	    memchr(q->grep.p, '\n', q->grep.n))
		return err_set(e, TARS_EARG, "grep: the text must be one line of at most %d bytes",
			       LOG_TEXT);
	if (q->tail < 0 || q->tail > LOG_LINES)
		return err_set(e, TARS_EARG, "tail: %d is not between 0 and %d lines", q->tail,
			       LOG_LINES);
	if (q->context < 0 || q->context > LOG_CONTEXT)
		return err_set(e, TARS_EARG, "context: %d is not between 0 and %d lines",
			       q->context, LOG_CONTEXT);
	if (q->to < 0 || q->maxBytes < 0)
		return err_set(e, TARS_EARG, "%s must not be negative",
			       q->to < 0 ? "to" : "maxBytes");
	if (q->grep.n) {
		*s = (struct log_step){ .op = LOG_GREP, .ignore_case = q->ignoreCase,
					.invert = q->invert, .before = q->context,
					.after = q->context };
		memcpy(s->text, q->grep.p, q->grep.n);
		s++;
	}
	if (q->tail)
		*s++ = (struct log_step){ .op = LOG_TAIL, .n = q->tail };
	steps->n = (unsigned)(s - steps->v);
	return 0;
}

NODE_LOG(readLog)
{
	const struct tars_LogQuery *q = &in->query;
	struct log_read *r = tars_alloc(rq, sizeof(*r));
	int rc = make_steps(q, &r->steps, &r->err);

	r->from = q->from;
	r->to = q->to;
	r->max = (size_t)q->maxBytes;
	if (rc == 0)
		rc = read(rq, &in->application, &in->serverName, &in->file, r);
	out->ret = rc;
	if (rc < 0) {
		out->result = tars_strf(rq, "%s", r->err.text);
		return 0;
	}
	out->part = (struct tars_LogPart){
		.data = take_data(rq, r), .from = r->began, .next = r->next, .size = r->size,
		.more = r->is_cut,
	};
	return 0;
}
