/* Application logs: lines, the queue's thread, and which line goes into which file. */
#include "core/sys/applog.h"

#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/sys/log.h"
#include "core/sys/logfile.h"
#include "proto/arena.h"

enum {
	DEFAULT_MAX_SIZE = 50 << 20, DEFAULT_MAX_FILES = 10, DEFAULT_MAX_QUEUE = 16 << 20,
	LINE_ROOM = 1024,          /* longer ones cost an allocation */
	LINE_MAX_SIZE = 1 << 20,   /* even longer ones end with "..." */
	MAX_DAY_LOGS = 256,
	END_MS = 5000,
	CRASH_MS = 500, CRASH_STEP_MS = 5,
	COMPLAIN_MS = 10000,
};

/* A log by time; the thread's. */
struct day_log {
	struct day_log *next;
	char name[LOG_NAME_MAX + 1];
	enum log_period period;
	unsigned every;
	struct logfile *file, *not_sent;  /* NULL until they are needed */
};

struct applog {
	struct applog_conf conf;
	struct arena names;
	const char *base;                 /* "<dir>/<App>/<Server>/<App>.<Server>"; NULL: stderr */
	const char *prefix;               /* "App.Server|" of dyed lines */
	applog_remote *_Atomic remote;
	void *remote_arg;
	struct line_queue *queue;
	_Atomic uint64_t lines;
	_Atomic uint64_t dropped;         /* the queue was full */
	_Atomic uint64_t refused;         /* the name is none, or one too many */
	_Atomic uint64_t lost;
	pid_t owner;                      /* a forked child has no thread to wait for */
	struct applog *next;              /* in `all` */

	/* The thread's. */
	struct logfile *roll, *dyed_roll, *dyed_day;
	struct day_log *days;
	unsigned n_days;
	struct arena scratch;             /* of one batch */
	uint64_t told_dropped, lost_before; /* by files that are closed */
};

/* ---- lines ---- */

struct text {
	char *p;      /* the caller's room, or an allocation for a longer line */
	size_t n, room;
};

static const char *time_text(time_t now)
{
	static __thread time_t cached = -1;
	static __thread char text[LOG_TIME_SIZE];
	struct tm tm;

	if (cached != now) {
		localtime_r(&now, &tm);
		logname_time(text, &tm);
		cached = now;
	}
	return text;
}

static int thread_id(void)
{
	static __thread int id;

	if (!id)
		id = (int)syscall(SYS_gettid);
	return id;
}

static void add_message(struct text *t, const char *fmt, va_list ap)
	__attribute__((format(printf, 2, 0)));

/* The rest of the line, with a newline at its end. */
static void add_message(struct text *t, const char *fmt, va_list ap)
{
	va_list again;
	size_t wanted;
	int n;

	va_copy(again, ap);
	n = vsnprintf(t->p + t->n, t->room - t->n, fmt, ap);
	wanted = t->n + (n > 0 ? (size_t)n : 0);
	if (wanted + 2 > t->room) {
		size_t room = wanted + 2 > LINE_MAX_SIZE ? LINE_MAX_SIZE : wanted + 2;
		char *p = xmalloc(room);

		memcpy(p, t->p, t->n);
		vsnprintf(p + t->n, room - t->n - 1, fmt, again);
		t->p = p;
		if (wanted > room - 2) {
			wanted = room - 2;
			memcpy(p + wanted - 3, "...", 3);
		}
	}
	va_end(again);
	t->n = wanted;
	if (t->p[t->n - 1] != '\n')
		t->p[t->n++] = '\n';
}

static void put_line(struct applog *l, const struct line *head, const char *name, const char *text)
{
	if (line_queue_put(l->queue, head, name, text))
		/* The second time of a line is not another one. */
		atomic_fetch_add_explicit(&l->lines, head->kind != APPLOG_NOT_SENT,
					  memory_order_relaxed);
	else
		atomic_fetch_add_explicit(&l->dropped, 1, memory_order_relaxed);
}

static time_t clock_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME_COARSE, &now);
	return now.tv_sec;
}

void applog_vroll(struct applog *l, const char *level, unsigned flags, const char *fmt, va_list ap)
{
	time_t now = clock_s();
	char room[LINE_ROOM];
	struct text t = { .p = room, .room = sizeof(room) };
	struct line head = { .kind = APPLOG_ROLL, .flags = (uint8_t)flags, .time_s = now };

	t.n = (size_t)snprintf(t.p, t.room, "%s|%d|%.16s|", time_text(now), thread_id(), level);
	add_message(&t, fmt, ap);
	head.n = (uint32_t)t.n;
	put_line(l, &head, "", t.p);
	if (t.p != room)
		free(t.p);
}

static bool check_name(const char *name, struct err *e)
{
	if (logname_is_ok(name, strlen(name)))
		return true;
	err_set(e, TARS_EARG, "'%.80s' cannot be a log's name: at most %d letters, digits, '_', "
		"'-' and '.', and no '.' in front", name, LOG_NAME_MAX);
	return false;
}

void applog_vday(struct applog *l, const char *name, unsigned flags, const char *fmt, va_list ap)
{
	time_t now = clock_s();
	char room[LINE_ROOM];
	struct text t = { .p = room, .room = sizeof(room) };
	struct line head = { .kind = APPLOG_DAY, .flags = (uint8_t)flags, .time_s = now };
	struct err e;

	if (!check_name(name, &e)) {
		log_every(COMPLAIN_MS, LOG_LEVEL_ERROR, NULL, "a line is not logged: %s", e.text);
		atomic_fetch_add_explicit(&l->refused, 1, memory_order_relaxed);
		return;
	}
	head.n_name = (uint16_t)strlen(name);
	t.n = (size_t)snprintf(t.p, t.room, "%s|", time_text(now));
	add_message(&t, fmt, ap);
	head.n = (uint32_t)t.n;
	put_line(l, &head, name, t.p);
	if (t.p != room)
		free(t.p);
}

void applog_not_sent(struct applog *l, const char *name, const char *text, size_t n)
{
	struct line head = { .n = (uint32_t)n, .n_name = (uint16_t)strlen(name),
			     .kind = APPLOG_NOT_SENT, .time_s = clock_s() };

	put_line(l, &head, name, text);
}

int applog_set_period(struct applog *l, const char *name, enum log_period period, unsigned every,
		      struct err *e)
{
	unsigned values[2] = { (unsigned)period, every };
	struct line head = { .n = sizeof(values), .kind = APPLOG_PERIOD };

	if (!check_name(name, e))
		return TARS_EARG;
	head.n_name = (uint16_t)strlen(name);
	if (!line_queue_put(l->queue, &head, name, (const char *)values))
		return err_set(e, TARS_ELIMIT, "log '%s': the queue of the logs is full", name);
	return TARS_OK;
}

/* ---- files: all in the queue's thread ---- */

static struct logfile *file_by_time(const char *base, enum log_period period, unsigned every)
{
	return logfile_new(&(struct logfile_conf){ .base = base, .by_time = true, .period = period,
						   .every = every });
}

static struct logfile *file_by_size(const struct applog *l, const char *base)
{
	return logfile_new(&(struct logfile_conf){ .base = base, .max_size = l->conf.max_size,
						   .max_files = l->conf.max_files });
}

/* Gives the lines that it has lost so far. */
static uint64_t flush_file(struct logfile *f)
{
	if (!f)
		return 0;
	logfile_flush(f);
	return logfile_lost(f);
}

static struct day_log *day_get(struct applog *l, const char *name)
{
	struct day_log *d;

	for (d = l->days; d; d = d->next)
		if (!strcmp(d->name, name))
			return d;
	if (l->n_days >= MAX_DAY_LOGS) {
		log_every(COMPLAIN_MS, LOG_LEVEL_ERROR, NULL, "a line is not logged: '%s' would be "
			  "more than %d logs by time", name, MAX_DAY_LOGS);
		atomic_fetch_add_explicit(&l->refused, 1, memory_order_relaxed);
		return NULL;
	}
	d = xcalloc(1, sizeof(*d));
	snprintf(d->name, sizeof(d->name), "%s", name);
	d->next = l->days;
	l->days = d;
	l->n_days++;
	return d;
}

static struct logfile *day_file(const struct applog *l, const struct day_log *d,
				const char *suffix)
{
	char base[PATH_MAX];

	if (!l->base)
		return file_by_time(NULL, d->period, d->every);
	snprintf(base, sizeof(base), "%s%s%s%s", l->base, *d->name ? "_" : "", d->name, suffix);
	return file_by_time(base, d->period, d->every);
}

static void forward(struct applog *l, const struct line *line)
{
	applog_remote *remote = atomic_load(&l->remote);

	if (remote && (line->kind == APPLOG_PERIOD ||
		       line->flags & (APPLOG_REMOTE | APPLOG_DYED)))
		remote(l->remote_arg, line);
}

static void take_period(struct applog *l, const struct line *line)
{
	struct day_log *d = day_get(l, line_name(line));
	unsigned values[2];

	if (!d)
		return;
	memcpy(values, line_text(line), sizeof(values));
	d->period = (enum log_period)values[0];
	d->every = values[1];
	l->lost_before += flush_file(d->file) + flush_file(d->not_sent);
	logfile_free(d->file);
	logfile_free(d->not_sent);
	d->file = d->not_sent = NULL;
	forward(l, line);
}

/* Services share the dyeing logs, so each line says whose it is. */
static void add_dyed(struct applog *l, struct logfile *f, const struct line *line)
{
	size_t n = strlen(l->prefix);
	char *text = arena_alloc_raw(&l->scratch, n + line->n);

	memcpy(text, l->prefix, n);
	memcpy(text + n, line_text(line), line->n);
	logfile_add(f, text, n + line->n, line->time_s);
}

static struct logfile *dyed_file(struct applog *l, bool by_time)
{
	struct logfile **f = by_time ? &l->dyed_day : &l->dyed_roll;
	char base[PATH_MAX];

	if (*f)
		return *f;
	snprintf(base, sizeof(base), "%s/tars_dyeing/dyeing", l->conf.dir);
	*f = by_time ? file_by_time(base, LOG_BY_DAY, 1) : file_by_size(l, base);
	return *f;
}

static void take_roll(struct applog *l, const struct line *line)
{
	if (!l->roll)
		l->roll = file_by_size(l, l->base);
	logfile_add(l->roll, line_text(line), line->n, line->time_s);
	if (line->flags & APPLOG_DYED && l->base)
		add_dyed(l, dyed_file(l, false), line);
	forward(l, line);
}

static void take_day(struct applog *l, const struct line *line)
{
	struct day_log *d = day_get(l, line_name(line));

	if (!d)
		return;
	if (line->flags & APPLOG_LOCAL) {
		if (!d->file)
			d->file = day_file(l, d, "");
		logfile_add(d->file, line_text(line), line->n, line->time_s);
	}
	if (line->flags & APPLOG_DYED && l->base)
		add_dyed(l, dyed_file(l, true), line);
	forward(l, line);
}

static void take_not_sent(struct applog *l, const struct line *line)
{
	struct day_log *d = day_get(l, line_name(line));

	/* Without files stderr has the line already. */
	if (!d || !l->base)
		return;
	if (!d->not_sent)
		d->not_sent = day_file(l, d, ".remote.error");
	logfile_add(d->not_sent, line_text(line), line->n, line->time_s);
}

static void take_line(void *arg, const struct line *line)
{
	struct applog *l = arg;

	switch ((enum applog_kind)line->kind) {
	case APPLOG_ROLL:
		take_roll(l, line);
		break;
	case APPLOG_DAY:
		take_day(l, line);
		break;
	case APPLOG_NOT_SENT:
		take_not_sent(l, line);
		break;
	case APPLOG_PERIOD:
		take_period(l, line);
		break;
	}
}

/* The reader of the log must know that it is not the whole truth. */
static void tell_dropped(struct applog *l)
{
	uint64_t dropped = atomic_load_explicit(&l->dropped, memory_order_relaxed);
	time_t now = clock_s();
	char *text;

	if (dropped == l->told_dropped)
		return;
	text = arena_strf(&l->scratch, "%s|%d|ERROR|%llu lines were dropped: they came faster than "
			  "logs can be written\n", time_text(now), thread_id(),
			  (unsigned long long)(dropped - l->told_dropped));
	if (!l->roll)
		l->roll = file_by_size(l, l->base);
	logfile_add(l->roll, text, strlen(text), now);
	log_every(COMPLAIN_MS, LOG_LEVEL_ERROR, NULL, "application log of %s.%s: %llu lines were "
		  "dropped", l->conf.app, l->conf.server, (unsigned long long)dropped);
	l->told_dropped = dropped;
}

static void taken(void *arg)
{
	struct applog *l = arg;
	uint64_t lost;

	tell_dropped(l);
	lost = l->lost_before + flush_file(l->roll) + flush_file(l->dyed_roll) + flush_file(l->dyed_day);
	for (struct day_log *d = l->days; d; d = d->next)
		lost += flush_file(d->file) + flush_file(d->not_sent);
	atomic_store_explicit(&l->lost, lost, memory_order_relaxed);
	arena_clear(&l->scratch);
}

/* ---- life ---- */

static pthread_mutex_t all_lock = PTHREAD_MUTEX_INITIALIZER;
static struct applog *_Atomic all;

/* A program that logs why it gives up and calls exit() is understood. */
static void flush_all(void)
{
	pthread_mutex_lock(&all_lock);
	for (struct applog *l = all; l; l = l->next)
		if (l->owner == getpid())
			line_queue_flush(l->queue, END_MS);
	pthread_mutex_unlock(&all_lock);
}

static void list_add(struct applog *l)
{
	static bool registered;

	pthread_mutex_lock(&all_lock);
	if (!registered)
		registered = !atexit(flush_all);
	l->next = all;
	all = l;
	pthread_mutex_unlock(&all_lock);
}

static void list_drop(struct applog *l)
{
	struct applog *before;

	pthread_mutex_lock(&all_lock);
	if (all == l) {
		all = l->next;
	} else {
		for (before = all; before->next != l; before = before->next)
			;
		before->next = l->next;
	}
	pthread_mutex_unlock(&all_lock);
}

/* No lock: the thread that crashed may have it. */
void applog_crashed(void)
{
	const struct timespec step = { .tv_nsec = CRASH_STEP_MS * 1000000 };

	for (struct applog *l = all; l; l = l->next)
		for (int ms = 0; ms < CRASH_MS && !line_queue_is_idle(l->queue); ms += CRASH_STEP_MS)
			nanosleep(&step, NULL);
}

static const char *copy(struct applog *l, const char *text)
{
	return arena_strdup(&l->names, text ? text : "");
}

struct applog *applog_new(const struct applog_conf *conf)
{
	struct applog *l = xcalloc(1, sizeof(*l));
	struct applog_conf *c = &l->conf;

	*c = *conf;
	arena_init(&l->names, NULL, 0);
	c->app = copy(l, conf->app);
	c->server = copy(l, conf->server);
	c->dir = conf->dir && *conf->dir ? copy(l, conf->dir) : NULL;
	if (!c->max_size)
		c->max_size = DEFAULT_MAX_SIZE;
	if (!c->max_files)
		c->max_files = DEFAULT_MAX_FILES;
	if (!c->max_queue)
		c->max_queue = DEFAULT_MAX_QUEUE;
	l->prefix = arena_strf(&l->names, "%s.%s|", c->app, c->server);
	if (c->dir)
		l->base = arena_strf(&l->names, "%s/%s/%s/%s.%s", c->dir, c->app, c->server,
				     c->app, c->server);
	arena_init(&l->scratch, NULL, 0);
	l->owner = getpid();
	l->queue = line_queue_new(&(struct line_queue_conf){
		.thread = "log", .max_bytes = c->max_queue, .take = take_line, .taken = taken,
		.arg = l });
	list_add(l);
	return l;
}

void applog_set_remote(struct applog *l, applog_remote *remote, void *arg)
{
	if (remote)
		l->remote_arg = arg;
	atomic_store(&l->remote, remote);
}

void applog_free(struct applog *l)
{
	struct day_log *d;

	if (!l)
		return;
	list_drop(l);
	if (!line_queue_free(l->queue, END_MS)) {
		log_error(NULL, "application log of %s.%s: stuck; lines are lost", l->conf.app,
			  l->conf.server);
		return;
	}
	tell_dropped(l);
	while ((d = l->days)) {
		l->days = d->next;
		logfile_free(d->file);
		logfile_free(d->not_sent);
		free(d);
	}
	logfile_free(l->roll);
	logfile_free(l->dyed_roll);
	logfile_free(l->dyed_day);
	/* What was added is written now. */
	arena_clear(&l->scratch);
	arena_clear(&l->names);
	free(l);
}

bool applog_flush(struct applog *l, int64_t ms)
{
	return line_queue_flush(l->queue, ms);
}

void applog_stats(struct applog *l, struct applog_stats *stats)
{
	stats->lines = atomic_load_explicit(&l->lines, memory_order_relaxed);
	stats->dropped = atomic_load_explicit(&l->dropped, memory_order_relaxed) +
			 atomic_load_explicit(&l->refused, memory_order_relaxed);
	stats->lost = atomic_load_explicit(&l->lost, memory_order_relaxed);
}
