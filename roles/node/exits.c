/* How a server's last process ended: what is known of it, and its file. */
#include "roles/node/exits.h"

#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/io/pool.h"
#include "core/sys/files.h"
#include "proto/json.h"
#include "proto/text.h"
#include "roles/node/corefile.h"
#include "roles/node/node.h"
#include "roles/node/threads.h"

enum { MAX_LINES = 100, MAX_BYTES = 32 << 10, MAX_FILE = 1 << 20 };

/* A record on its way to the disk. */
struct note {
	struct server *s;
	struct arena arena;
	struct tars_ExitRecord rec;
	struct proc_id id;
	off_t from;             /* where its output begins */
	int rc;
	struct err err;
};

static struct tars_str str(const char *text)
{
	return (struct tars_str){ text, (uint32_t)strlen(text) };
}

/* ---- its last words ---- */

static struct tars_str cleaned(const char *p, size_t n, struct arena *a)
{
	char *text = arena_alloc(a, n + 1);

	text_clean(text, p, n);
	text[n] = '\0';
	return (struct tars_str){ text, (uint32_t)n };
}

/* Whole lines, as many as are wanted, of the end of a text. */
static size_t start_of_lines(const char *p, size_t n, bool is_cut)
{
	const char *newline = is_cut ? memchr(p, '\n', n) : NULL;
	size_t first = newline ? (size_t)(newline - p) + 1 : 0, i = n;
	unsigned lines = 0;

	for (i -= i > first && p[i - 1] == '\n'; i > first; i--)
		if (p[i - 1] == '\n' && ++lines == MAX_LINES)
			break;
	return i;
}

/* The service owns the directory: a link there must not make us read something else. */
static struct tars_str last_lines(const char *path, off_t from, struct arena *a)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	char *raw = arena_alloc(a, MAX_BYTES);
	struct stat st;
	ssize_t n = 0;
	size_t start;

	if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_nlink == 1) {
		/* A log that has rolled is a new file. */
		if (from > st.st_size)
			from = 0;
		if (st.st_size - from > MAX_BYTES)
			from = st.st_size - MAX_BYTES;
		n = pread(fd, raw, MAX_BYTES, from);
	}
	if (fd >= 0)
		close(fd);
	if (n <= 0)
		return TARS_STR("");
	start = start_of_lines(raw, (size_t)n, n == MAX_BYTES);
	return cleaned(raw + start, (size_t)n - start, a);
}

/* ---- the file ---- */

int exit_read(const char *path, struct tars_ExitRecord *rec, struct arena *a, struct err *e)
{
	const char *text;
	size_t n;
	int rc = file_read(path, MAX_FILE, a, &text, &n, e);

	if (rc < 0)
		return rc;
	rc = json_get(text, n, &tars_ExitRecord_type, rec, a, e);
	return rc < 0 ? err_wrap(e, "%s", path) : 0;
}

static int write_file(const char *path, const struct tars_ExitRecord *rec, struct err *e)
{
	struct buf b = BUF_INIT;
	int rc = json_put(&b, &tars_ExitRecord_type, rec, JSON_INDENT(2), e);

	buf_add_str(&b, "\n");
	/* Lines of a log may be nobody else's business. */
	if (rc == 0)
		rc = file_write(path, buf_head(&b), buf_size(&b), 0600, e);
	buf_release(&b);
	return rc;
}

/* The end of that process is known now: the next node need not wonder. */
static void forget_process(const char *path, const struct proc_id *id)
{
	struct proc_id noted;

	if (proc_read_pid_file(path, &noted, NULL) == 0 && noted.pid == id->pid &&
	    (!id->start || noted.start == id->start))
		unlink(path);
}

static void complete(void *arg)
{
	struct note *note = arg;
	const struct spec *spec = note->s->spec;
	struct tars_ExitRecord *rec = &note->rec;

	rec->lines = last_lines(spec_output(spec), note->from, &note->arena);
	if (rec->dumped)
		rec->core = str(core_file(spec_cwd(spec), note->id.pid, rec->ranMs, &note->arena));
	note->rc = write_file(spec->paths.exit, rec, &note->err);
	if (note->rc == 0)
		forget_process(spec->paths.pid, &note->id);
}

static void keep(struct tars_req *rq, void *arg)
{
	struct note *note = arg;
	struct server *s = note->s;

	(void)rq;
	server_lock(s);
	if (s->spec)
		pool_run(complete, note);
	server_unlock(s);
	if (note->rc < 0)
		log_warn(&s->log, "how it ended will not be known to the next node: %s",
			 note->err.text);
	server_release(s);
	arena_clear(&note->arena);
	free(note);
}

/* ---- what is seen at once ---- */

static void put_status(struct tars_ExitRecord *rec, int status, struct arena *a, struct buf *cause)
{
	char how[64];

	if (status == STATUS_AWAY) {
		buf_add_str(cause, "ended while the node was away: how was not seen");
		return;
	}
	proc_print_status(how, sizeof(how), status);
	buf_add_str(cause, how);
	if (status < 0)
		buf_add_str(cause, " (status not seen: another node had started it)");
	else if (WIFEXITED(status))
		rec->status = WEXITSTATUS(status);
	else if (WIFSIGNALED(status))
		rec->signal = str(arena_strf(a, "SIG%s", sigabbrev_np(WTERMSIG(status))
					     ? sigabbrev_np(WTERMSIG(status)) : "?"));
	buf_addf(cause, " after %.1f s", (double)rec->ranMs / 1000);
	rec->dumped = status > 0 && WIFSIGNALED(status) && WCOREDUMP(status);
	if (rec->dumped)
		buf_add_str(cause, ", core dumped");
}

/* SIGKILL that nobody here has sent, while the kernel killed something. */
static void put_oom(struct server *s, int status, struct note *note, struct buf *cause)
{
	bool is_killed = status > 0 && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
	char text[128];

	if (s->is_kill_sent || (status != -1 && !is_killed) ||
	    !oom_struck(&s->oom, text, sizeof(text)))
		return;
	note->rec.oom = str(arena_strf(&note->arena, "%s", text));
	buf_addf(cause, ", %s the OOM killer (%s)", is_killed ? "probably" : "perhaps", text);
}

void exit_summary(const struct tars_ExitRecord *rec, char *text, size_t size)
{
	snprintf(text, size, "%s %s%s%s", rec->time.p, rec->cause.p, rec->endedBy.n ? ": " : "",
		 rec->endedBy.p);
}

/* Milliseconds; 0: not known. */
static int64_t run_time(const struct server *s, const struct proc_id *id, int status)
{
	if (status == STATUS_AWAY)
		return 0;
	return id->start ? host_run_ms(id->start) : (reactor_now() - s->launched_us) / 1000;
}

static void describe(struct note *note, int status, struct buf *cause)
{
	struct server *s = note->s;
	struct tars_ExitRecord *rec = &note->rec;
	struct arena *a = &note->arena;
	char when[32];
	time_t now = time(NULL);
	struct tm tm;

	tars_type_init(&tars_ExitRecord_type, rec);
	strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S", gmtime_r(&now, &tm));
	rec->server = str(arena_strf(a, "%s", s->id));
	rec->node = str(arena_strf(a, "%s", s->node->name ? s->node->name : ""));
	rec->time = str(arena_strf(a, "%s", when));
	rec->pid = note->id.pid;
	rec->endedBy = str(arena_strf(a, "%s", s->ending));
	rec->ranMs = run_time(s, &note->id, status);
	rec->threads = cleaned(buf_str(&s->threads), buf_size(&s->threads), a);
	put_status(rec, status, a, cause);
	put_oom(s, status, note, cause);
	rec->cause = str(arena_strf(a, "%s", buf_str(cause)));
}

void exit_note(struct server *s, const struct proc_id *id, int status)
{
	struct note *note = xcalloc(1, sizeof(*note));
	struct buf cause = BUF_INIT;

	note->s = s;
	note->id = *id;
	note->from = s->output_from;
	arena_init(&note->arena, NULL, 0);
	describe(note, status, &cause);
	snprintf(s->last_exit, sizeof(s->last_exit), "%s", buf_str(&cause));
	exit_summary(&note->rec, s->exit_text, sizeof(s->exit_text));
	exit_forget(s);
	buf_release(&cause);
	server_hold(s);
	node_spawn(s->node, keep, note);
}

void exit_expect(struct server *s, const char *fmt, ...)
{
	va_list ap;

	if (*s->ending || (s->proc.pid <= 0 && !s->is_launching))
		return;
	va_start(ap, fmt);
	vsnprintf(s->ending, sizeof(s->ending), fmt, ap);
	va_end(ap);
}

void exit_look(struct server *s)
{
	size_t n = strlen(s->ending);

	if (s->proc.pid <= 0 || buf_size(&s->threads))
		return;
	threads_describe(s->proc.pid, &s->threads);
	if (!buf_size(&s->threads) || !n)
		return;
	snprintf(s->ending + n, sizeof(s->ending) - n, "; it was %.*s",
		 (int)strcspn(buf_str(&s->threads), "\n"), buf_str(&s->threads));
	log_warn(&s->log, "%s", s->ending);
}

void exit_forget(struct server *s)
{
	*s->ending = '\0';
	s->is_kill_sent = false;
	buf_release(&s->threads);
}

/* ---- NodeObj ---- */

struct reading {
	const char *path;
	struct arena *arena;
	struct tars_ExitRecord *rec;
	struct err err;
	int rc;
};

static void read_record(void *arg)
{
	struct reading *r = arg;

	r->rc = exit_read(r->path, r->rec, r->arena, &r->err);
}

int node_getLastExit(struct tars_req *rq, const struct tars_Node_getLastExit_in *in,
		     struct tars_Node_getLastExit_out *out)
{
	struct node *n = tars_data(rq);
	struct server *s = server_find(n, in->application.p, in->serverName.p);
	struct reading r = { .arena = req_arena(rq), .rec = &out->exit };

	if (!s || !s->spec) {
		out->ret = -1;
		out->result = tars_strf(rq, "%s.%s is not on node %s", in->application.p,
					in->serverName.p, n->name ? n->name : "");
		return 0;
	}
	/* A copy: a new description may replace the text while a worker reads. */
	r.path = tars_strf(rq, "%s", s->spec->paths.exit).p;
	pool_run(read_record, &r);
	if (r.rc == TARS_ENOTFOUND) {
		r.rc = 0;
		tars_type_init(&tars_ExitRecord_type, r.rec);
		r.rec->server = tars_strf(rq, "%s.%s", in->application.p, in->serverName.p);
	}
	out->ret = r.rc < 0 ? -1 : 0;
	if (r.rc < 0)
		out->result = tars_strf(rq, "%s", r.err.text);
	return 0;
}
