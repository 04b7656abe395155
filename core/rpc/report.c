/* Reports: when they are due, what is collected for them, and sending it. */
#include "core/rpc/report.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/io/coro.h"
#include "core/rpc/app_int.h"
#include "core/rpc/property.h"
#include "core/rpc/proxy.h"
#include "core/rpc/report_int.h"
#include "core/rpc/req.h"
#include "core/rpc/sample.h"
#include "if/PropertyF.h"
#include "if/StatF.h"

enum {
	DEFAULT_INTERVAL_MS = 60000, MIN_INTERVAL_MS = 10000, MIN_TIMEOUT_MS = 5000,
	MIN_SIZE = 500, MAX_SIZE = 1400, GATHER_MS = 2000, SAMPLE_MS = 10000, BUSY_POLL_MS = 5,
};

/* What one report sends, and what the next one sends again. */
struct rows {
	struct arena arena;
	struct stat_row *v;
	uint32_t n;
};

struct reporter {
	struct tars_app *app;
	pthread_mutex_t lock;         /* conf */
	struct reporter_conf conf;
	struct task start;
	struct timer due, sample;
	_Atomic bool start_posted, busy, finished;
	struct rows kept;             /* while busy: whoever is it */
	uint64_t n_lost;              /* calls whose statistics could not be delivered */
};

static struct tars_str str(const char *s)
{
	return (struct tars_str){ s ? s : "", s ? (uint32_t)strlen(s) : 0 };
}

static struct report_names names_of(const struct tars_app *app)
{
	return (struct report_names){
		.module = app->conf.module ? app->conf.module : program_invocation_short_name,
		.set = app->conf.set, .version = TARS_VERSION,
		.node_name = app->conf.node_name ? app->conf.node_name : "",
	};
}

static struct reporter_conf get_conf(struct reporter *r)
{
	struct reporter_conf conf;

	pthread_mutex_lock(&r->lock);
	conf = r->conf;
	pthread_mutex_unlock(&r->lock);
	return conf;
}

static struct tars_proxy *proxy_of(struct reporter *r, const char *object)
{
	return object ? tars_proxy(r->app, object) : NULL;
}

/* ---- sending packets ---- */

/* What a packet became: goes on, or how the report ends. */
struct sending {
	struct reporter *r;
	struct reporter_conf conf;
	struct tars_req *rq;
	unsigned packets;
	int rc;                       /* of the first packet that was not delivered */
	const char *error;
};

static struct tars_call call_to(struct sending *s, struct tars_proxy *to)
{
	return (struct tars_call){ .to = to, .rq = s->rq, .timeout_ms = (int)s->conf.timeout_ms };
}

static int note_result(struct sending *s, const struct tars_call *c, int rc)
{
	s->packets++;
	if (rc) {
		s->rc = rc;
		s->error = c->error;
	}
	return rc;
}

/* ---- statistics ---- */

static int send_rows(struct sending *s, struct tars_proxy *stat, const struct stat_row *rows,
		     uint32_t n)
{
	struct tars_StatF_reportMicMsg_in in;
	struct tars_StatF_reportMicMsg_out out;
	struct tars_call c = call_to(s, stat);

	report_put_rows(&in, rows, n, req_arena(s->rq));
	return note_result(s, &c, tars_StatF_reportMicMsg(&c, &in, &out));
}

static struct tars_str dup(struct arena *a, struct tars_str s)
{
	return (struct tars_str){ arena_memdup(a, s.p, s.n), s.n };
}

static int64_t calls_in(const struct mic_body *b)
{
	return (int64_t)b->count + b->timeouts + b->failures;
}

/* They go out with the next report, unless the server may have them. */
static void keep_rows(struct reporter *r, const struct stat_row *rows, uint32_t n)
{
	struct rows *kept = &r->kept;

	kept->v = xrealloc(kept->v, (kept->n + n + 1) * sizeof(*kept->v));
	for (uint32_t i = 0; i < n; i++) {
		struct stat_row row = rows[i];

		if (kept->n >= REPORT_MAX_KEPT) {
			r->n_lost += (uint64_t)calls_in(&row.body);
			continue;
		}
		row.master = dup(&kept->arena, row.master);
		row.slave = dup(&kept->arena, row.slave);
		row.func = dup(&kept->arena, row.func);
		row.master_ip = dup(&kept->arena, row.master_ip);
		row.slave_ip = dup(&kept->arena, row.slave_ip);
		for (unsigned k = 0; k < 3; k++)
			row.set[k] = dup(&kept->arena, row.set[k]);
		kept->v[kept->n++] = row;
	}
}

/* The first packet that fails ends it: the rest would only wait for the same. */
static void send_all_rows(struct sending *s, struct tars_proxy *stat, const struct stat_row *rows,
			  uint32_t n)
{
	uint32_t at = 0, cut = 0;

	for (; at < n && !s->rc; at += cut) {
		cut = report_cut_rows(rows + at, n - at, (size_t)s->conf.max_size);
		send_rows(s, stat, rows + at, cut);
	}
	if (!s->rc)
		return;
	at -= cut;
	if (s->rc == TARS_ETIMEOUT) {
		for (uint32_t i = at; i < at + cut; i++)
			s->r->n_lost += (uint64_t)calls_in(&rows[i].body);
		at += cut;
	}
	keep_rows(s->r, rows + at, n - at);
}

struct take {
	struct tars_proxy *skip[2];
	bool want_times;
};

static void take_from_loop(struct loop *l, const void *arg, struct buf *out)
{
	const struct take *t = arg;

	l->stats.want_times = t->want_times;
	report_take_rows(l, t->skip, out);
}

static void add_rows(struct rows *rows, const struct tars_app *app, const struct buf *raw)
{
	const struct report_raw *from = (const void *)buf_head(raw);
	size_t n = buf_size(raw) / sizeof(*from);
	struct report_names names = names_of(app);

	rows->v = xrealloc(rows->v, (rows->n + n + 1) * sizeof(*rows->v));
	for (size_t i = 0; i < n; i++) {
		struct stat_row row = from[i].from_client ?
			report_called_row(&names, from[i].object, from[i].func, from[i].host,
					  from[i].port, from[i].set, &rows->arena) :
			report_served_row(&names, from[i].object, from[i].host, from[i].func,
					  &rows->arena);

		row.body = from[i].body;
		rows->v[rows->n++] = row;
	}
}

static void rows_release(struct rows *rows)
{
	arena_clear(&rows->arena);
	free(rows->v);
	*rows = (struct rows){ .arena = rows->arena };
}

/* Without a server for them the rows are emptied all the same: they are of this interval. */
static void report_stat(struct sending *s, struct buf *out)
{
	struct reporter *r = s->r;
	struct tars_proxy *stat = proxy_of(r, s->conf.stat);
	struct take take = { .skip = { stat, proxy_of(r, s->conf.property) },
			     .want_times = s->conf.property };
	struct rows rows = r->kept;
	struct buf raw = BUF_INIT;

	arena_init(&r->kept.arena, NULL, 0);
	r->kept.v = NULL;
	r->kept.n = 0;
	stats_gather(r->app, take_from_loop, &take, sizeof(take), GATHER_MS, &raw);
	if (stat) {
		add_rows(&rows, r->app, &raw);
		rows.n = report_merge_rows(rows.v, rows.n);
		send_all_rows(s, stat, rows.v, rows.n);
		if (out)
			buf_addf(out, "stat: %u rows in %u packets%s%s; %llu calls lost so far\n",
				 rows.n - r->kept.n, s->packets, s->rc ? ", then: " : "",
				 s->rc ? s->error : "", (unsigned long long)r->n_lost);
	} else if (out) {
		buf_add_str(out, "stat: no object is configured\n");
	}
	buf_release(&raw);
	rows_release(&rows);
}

/* ---- samples ---- */

static struct tars_StatSampleMsg sample_message(const struct report_names *names,
						const struct sampled *from, struct arena *a)
{
	struct stat_row row = report_called_row(names, from->proxy->name, from->func, from->host, 0,
						NULL, a);

	return (struct tars_StatSampleMsg){
		.unid = dup(a, str(from->unid)), .masterName = row.master, .slaveName = row.slave,
		.interfaceName = row.func, .masterIp = row.master_ip, .slaveIp = row.slave_ip,
		.depth = from->depth, .width = from->width, .parentWidth = from->parent_width,
	};
}

static size_t sample_size(const struct tars_StatSampleMsg *m)
{
	enum { HEADS_AND_NUMBERS = 40 };

	return HEADS_AND_NUMBERS + m->unid.n + m->masterName.n + m->slaveName.n +
	       m->interfaceName.n + m->masterIp.n + m->slaveIp.n;
}

static void send_samples(struct sending *s, struct tars_proxy *stat,
			 struct tars_StatF_reportSampleMsg_in *in)
{
	struct tars_StatF_reportSampleMsg_out out;
	struct tars_call c = call_to(s, stat);

	if (in->msg.n && !s->rc)
		note_result(s, &c, tars_StatF_reportSampleMsg(&c, in, &out));
	in->msg.n = 0;
}

/* They are samples: what cannot be delivered is not kept. */
static void report_samples(struct sending *s)
{
	struct tars_proxy *stat = proxy_of(s->r, s->conf.stat);
	struct tars_proxy *property = proxy_of(s->r, s->conf.property);
	struct report_names names = names_of(s->r->app);
	struct tars_StatF_reportSampleMsg_in in = { 0 };
	struct arena *a = req_arena(s->rq);
	struct sampled *v;
	unsigned n = sampler_take(s->r->app->sampler, &v);
	size_t size = 0;

	in.msg.v = arena_alloc(a, (n + 1) * sizeof(*in.msg.v));
	for (unsigned i = 0; stat && i < n; i++) {
		struct tars_StatSampleMsg m;

		if (v[i].proxy == stat || v[i].proxy == property)
			continue;
		m = sample_message(&names, &v[i], a);
		if (in.msg.n && size + sample_size(&m) > (size_t)s->conf.max_size) {
			send_samples(s, stat, &in);
			size = 0;
		}
		in.msg.v[in.msg.n++] = m;
		size += sample_size(&m);
	}
	if (stat)
		send_samples(s, stat, &in);
	free(v);
}

/* ---- properties ---- */

static size_t property_size(const struct tars_StatPropMsgHead *h, const struct tars_StatPropInfo *v,
			    unsigned n)
{
	/* The largest that heads, lengths and counts take on the wire. */
	size_t size = 40 + h->moduleName.n + h->propertyName.n + h->setName.n + h->setArea.n +
		      h->setID.n;

	for (unsigned i = 0; i < n; i++)
		size += 11 + v[i].policy.n + v[i].value.n;
	return size;
}

static int compare_properties(const void *x, const void *y)
{
	const struct tars_property *const *a = x, *const *b = y;

	return strcmp(property_name(*a), property_name(*b));
}

static struct tars_property **sorted_properties(struct tars_app *app, struct arena *a, unsigned *n)
{
	struct tars_property *p = NULL, **all;
	unsigned count = 0;

	while ((p = property_next(app->properties, p)))
		count++;
	all = arena_alloc(a, (count + 1) * sizeof(*all));
	for (*n = 0, p = NULL; *n < count; ++*n)
		all[*n] = p = property_next(app->properties, p);
	if (count)
		qsort(all, count, sizeof(*all), compare_properties);
	return all;
}

static struct tars_StatPropMsgBody take_property(struct tars_property *p, struct arena *a)
{
	struct property_value values[PROPERTY_POLICIES];
	struct tars_StatPropMsgBody body = { 0 };
	unsigned n = property_take(p, values, a);

	body.vInfo.v = arena_alloc(a, n * sizeof(*body.vInfo.v));
	for (; body.vInfo.n < n; body.vInfo.n++) {
		body.vInfo.v[body.vInfo.n].policy = str(values[body.vInfo.n].policy);
		body.vInfo.v[body.vInfo.n].value = str(values[body.vInfo.n].value);
	}
	return body;
}

static struct tars_StatPropMsgHead property_head(const struct tars_app *app, const char *name,
						 struct arena *a)
{
	struct report_names names = names_of(app);
	struct tars_StatPropMsgHead h = { .ip = TARS_STR(""), .sContainer = TARS_STR(""),
					  .iPropertyVer = 2, .propertyName = str(name) };
	struct stat_row row = report_served_row(&names, "", "", "", a);

	h.moduleName = row.slave;
	h.setName = row.set[0];
	h.setArea = row.set[1];
	h.setID = row.set[2];
	return h;
}

static int send_properties(struct sending *s, struct tars_proxy *to,
			   struct tars_PropertyF_reportPropMsg_in *in)
{
	struct tars_PropertyF_reportPropMsg_out out;
	struct tars_call c = call_to(s, to);
	int rc = in->statmsg.n ? note_result(s, &c, tars_PropertyF_reportPropMsg(&c, in, &out)) : 0;

	in->statmsg.n = 0;
	return rc;
}

/* What cannot be delivered is lost: the next values are of another interval. */
static void report_properties(struct sending *s, struct buf *out)
{
	struct tars_proxy *to = proxy_of(s->r, s->conf.property);
	struct arena *a = req_arena(s->rq);
	struct tars_PropertyF_reportPropMsg_in in = { 0 };
	struct tars_property **all;
	size_t size = 0;
	unsigned n;

	if (!to) {
		if (out)
			buf_add_str(out, "property: no object is configured\n");
		return;
	}
	adapters_measure(s->r->app);
	all = sorted_properties(s->r->app, a, &n);
	in.statmsg.v = arena_alloc(a, (n + 1) * sizeof(*in.statmsg.v));
	for (unsigned i = 0; i < n; i++) {
		struct tars_StatPropMsgHead h = property_head(s->r->app, property_name(all[i]), a);
		struct tars_StatPropMsgBody b = take_property(all[i], a);
		size_t one = property_size(&h, b.vInfo.v, b.vInfo.n);

		if (in.statmsg.n && size + one > (size_t)s->conf.max_size) {
			send_properties(s, to, &in);
			size = 0;
		}
		in.statmsg.v[in.statmsg.n].key = h;
		in.statmsg.v[in.statmsg.n++].val = b;
		size += one;
	}
	send_properties(s, to, &in);
	if (out)
		buf_addf(out, "property: %u properties in %u packets%s%s\n", n, s->packets,
			 s->rc ? "; a failure: " : "", s->rc ? s->error : "");
}

/* ---- a report ---- */

static void send_report(struct reporter *r, int64_t within_ms, struct buf *out)
{
	struct sending s = { .r = r, .error = "" };

	s.rq = tars_begin(r->app);
	s.conf = get_conf(r);
	if (s.conf.timeout_ms > within_ms)
		s.conf.timeout_ms = within_ms;
	report_stat(&s, out);
	report_samples(&s);
	s.packets = 0;
	s.rc = 0;
	report_properties(&s, out);
	tars_end(s.rq);
	atomic_store(&r->busy, false);
}

/* False: another one is under way, and has not ended in time. */
static bool become_busy(struct reporter *r, int64_t until_us)
{
	while (atomic_exchange(&r->busy, true)) {
		if (reactor_clock() >= until_us)
			return false;
		coro_sleep_ms(BUSY_POLL_MS);
	}
	return true;
}

void reporter_send(struct reporter *r, struct buf *out)
{
	become_busy(r, INT64_MAX);
	send_report(r, INT64_MAX, out);
}

static void run_due(void *arg);
static void run_sample(void *arg);

static void due(struct timer *t)
{
	coro_start(CORO_STACK_USER, run_due, container_of(t, struct reporter, due));
}

static void sample_due(struct timer *t)
{
	coro_start(CORO_STACK_USER, run_sample, container_of(t, struct reporter, sample));
}

static void run_due(void *arg)
{
	struct reporter *r = arg;
	struct loop *l = &r->app->loops[0];

	count_add(&l->n_coros, 1);
	reporter_send(r, NULL);
	if (!atomic_load(&r->finished))
		timer_start(&r->due, get_conf(r).interval_ms, due);
	count_add(&l->n_coros, -1);
}

/* Lengths of queues, as official servers look at them with each heartbeat. */
static void run_sample(void *arg)
{
	struct reporter *r = arg;
	struct loop *l = &r->app->loops[0];

	count_add(&l->n_coros, 1);
	adapters_sample(r->app);
	if (!atomic_load(&r->finished))
		timer_start(&r->sample, SAMPLE_MS, sample_due);
	count_add(&l->n_coros, -1);
}

/* ---- life ---- */

/* On the main loop: reports begin, or their interval has changed. */
static void start(struct task *t)
{
	struct reporter *r = container_of(t, struct reporter, start);
	struct reporter_conf conf = get_conf(r);

	atomic_store(&r->start_posted, false);
	timer_stop(&r->due);
	timer_stop(&r->sample);
	if ((!conf.stat && !conf.property) || atomic_load(&r->finished))
		return;
	timer_start(&r->due, conf.interval_ms, due);
	if (conf.property)
		timer_start(&r->sample, 0, sample_due);
}

static const char *copy_text(struct tars_app *app, const char *text)
{
	const char *copy;

	pthread_mutex_lock(&app->lock);
	copy = arena_strdup(&app->arena, text);
	pthread_mutex_unlock(&app->lock);
	return copy;
}

/* Texts that are the same as before are not copied again. */
static void set_text(struct tars_app *app, const char **to, const char *text)
{
	if (!text || !*text)
		*to = NULL;
	else if (!*to || strcmp(*to, text))
		*to = copy_text(app, text);
}

static void fill_conf(struct reporter *r, const struct reporter_conf *conf)
{
	struct reporter_conf *c = &r->conf;

	set_text(r->app, &c->stat, conf->stat);
	set_text(r->app, &c->property, conf->property);
	c->interval_ms = !conf->interval_ms ? DEFAULT_INTERVAL_MS :
			 conf->interval_ms < MIN_INTERVAL_MS ? MIN_INTERVAL_MS :
			 conf->interval_ms;
	c->timeout_ms = conf->timeout_ms < MIN_TIMEOUT_MS ? MIN_TIMEOUT_MS : conf->timeout_ms;
	c->max_size = conf->max_size < MIN_SIZE || conf->max_size > MAX_SIZE ? MAX_SIZE :
		      conf->max_size;
}

struct reporter *reporter_new(struct tars_app *app, const struct reporter_conf *conf)
{
	struct reporter *r = xcalloc(1, sizeof(*r));

	r->app = app;
	pthread_mutex_init(&r->lock, NULL);
	arena_init(&r->kept.arena, NULL, 0);
	fill_conf(r, conf);
	r->start.run = start;
	atomic_store(&r->start_posted, true);
	reactor_post(app_reactor(app), &r->start);
	return r;
}

void reporter_configure(struct reporter *r, const struct reporter_conf *conf)
{
	struct reporter_conf old;
	bool changed;

	pthread_mutex_lock(&r->lock);
	old = r->conf;
	fill_conf(r, conf);
	changed = old.stat != r->conf.stat || old.property != r->conf.property ||
		  old.interval_ms != r->conf.interval_ms;
	pthread_mutex_unlock(&r->lock);
	if (changed && !atomic_exchange(&r->start_posted, true))
		reactor_post(app_reactor(r->app), &r->start);
}

void reporter_finish(struct reporter *r, int64_t within_ms)
{
	struct reporter_conf conf = get_conf(r);

	atomic_store(&r->finished, true);
	timer_stop(&r->due);
	timer_stop(&r->sample);
	if ((conf.stat || conf.property) &&
	    become_busy(r, reactor_clock() + within_ms * 1000))
		send_report(r, within_ms, NULL);
}

void reporter_free(struct reporter *r)
{
	if (!r)
		return;
	rows_release(&r->kept);
	pthread_mutex_destroy(&r->lock);
	free(r);
}
