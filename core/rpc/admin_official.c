/* AdminObj's official commands: versions, state, connections, log levels, dyeing, reloading. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>

#include "core/io/pool.h"
#include "core/rpc/admin.h"
#include "core/rpc/admin_show.h"
#include "core/rpc/app_int.h"
#include "core/rpc/appcache.h"
#include "core/rpc/main_conf.h"
#include "core/rpc/notify.h"
#include "core/rpc/reload.h"
#include "core/rpc/req.h"
#include "proto/text.h"

/* The first parameter in lower case, as these commands take it. */
static void lower_word(char *word, size_t size, const char *params)
{
	size_t n = strlen(params);

	text_trim(&params, &n);
	snprintf(word, size, "%.*s", (int)n, params);
	for (; *word; word++)
		if (*word >= 'A' && *word <= 'Z')
			*word += 'a' - 'A';
}

static struct tars_str trimmed(const char *params)
{
	size_t n = strlen(params);

	text_trim(&params, &n);
	return (struct tars_str){ params, (uint32_t)n };
}

/* ---- what it is ---- */

static bool view_version(struct admin_call *c)
{
	buf_addf(c->out, "$%s$", TARS_VERSION);
	return true;
}

static void run_stat(void *arg)
{
	struct stat *st = arg;

	if (stat("/proc/self/exe", st) < 0)
		st->st_mtime = 0;
}

/* Official servers show when they were compiled; ours when the executable was written. */
static bool view_bid(struct admin_call *c)
{
	const struct main_conf *s = c->app->service;
	char when[80];
	struct stat st;
	struct tm tm;

	pool_run(run_stat, &st);
	localtime_r(&st.st_mtime, &tm);
	snprintf(when, sizeof(when), "%02d.%02d%02d.%02d%02d%02d", tm.tm_year % 100,
		 tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
	buf_addf(c->out, "$%s-%s$", s ? s->name : "", when);
	return true;
}

/* ---- logs ---- */

struct remember {
	const char *path, *key, *value;
	int rc;
	struct err e;
};

static void run_remember(void *arg)
{
	struct remember *r = arg;

	r->rc = appcache_set(r->path, r->key, r->value, &r->e);
}

static int remember_key(struct tars_app *app, const char *key, const char *value, struct err *e)
{
	struct remember r = { .path = app->appcache_path, .key = key, .value = value };

	pool_run(run_remember, &r);
	if (r.rc)
		*e = r.e;
	return r.rc;
}

static bool set_log_level(struct admin_call *c)
{
	struct tars_str word = trimmed(c->params);
	int level = log_state_level_parse(word.p, word.n);
	struct err e;

	if (!level) {
		buf_addf(c->out, "set log level [%.*s] error", (int)word.n, word.p);
		return true;
	}
	atomic_store(&c->app->logs.level, level);
	buf_addf(c->out, "set log level [%.*s] ok", (int)word.n, word.p);
	if (remember_key(c->app, "logLevel", log_state_level_name(level), &e))
		buf_addf(c->out, ", until the next start: %s", e.text);
	return true;
}

static bool day_log_usage(struct admin_call *c)
{
	buf_add_str(c->out, "usage: tars.enabledaylog {remote|local}|[logname]|{true|false}");
	return false;
}

/* local|true, remote|name|false */
static bool enable_day_log(struct admin_call *c)
{
	struct tars_str p = trimmed(c->params);
	const char *end = p.p + p.n, *bar1 = memchr(p.p, '|', p.n), *bar2, *name, *last;
	bool local = bar1 == p.p + 5 && !memcmp(p.p, "local", 5), on;
	bool remote = bar1 == p.p + 6 && !memcmp(p.p, "remote", 6);
	struct err e;

	if (!local && !remote)
		return day_log_usage(c);
	bar2 = memchr(bar1 + 1, '|', (size_t)(end - bar1 - 1));
	name = bar2 ? bar1 + 1 : "";
	last = bar2 ? bar2 + 1 : bar1 + 1;
	on = end - last == 4 && !memcmp(last, "true", 4);
	if (!on && !(end - last == 5 && !memcmp(last, "false", 5)))
		return day_log_usage(c);
	if (day_log_enable(&c->app->logs, local ? DAY_LOG_LOCAL : DAY_LOG_REMOTE, name,
			   bar2 ? (size_t)(bar2 - name) : 0, on, &e)) {
		buf_add_str(c->out, e.text);
		return false;
	}
	buf_addf(c->out, "set %s %.*s%s%s ok", local ? "local" : "remote",
		 bar2 ? (int)(bar2 - name) : 0, name, bar2 ? " " : "", on ? "true" : "false");
	return true;
}

/* Takes effect at the next start. */
static bool close_cout(struct admin_call *c)
{
	char word[16];
	struct err e;

	lower_word(word, sizeof(word), c->params);
	buf_addf(c->out, "set closeCout  [%s] ok", word);
	if (remember_key(c->app, "closeCout", strcmp(word, "yes") ? "0" : "1", &e))
		buf_addf(c->out, ", but it is not kept: %s", e.text);
	return true;
}

/* ---- dyeing, core files ---- */

static bool set_dyeing(struct admin_call *c)
{
	struct tars_str words[4] = { { "", 0 }, { "", 0 }, { "", 0 }, { "", 0 } };
	const char *p = c->params;
	unsigned n = 0;
	struct err e;

	for (; n < 4; n++) {
		p += strspn(p, " ");
		if (!*p)
			break;
		words[n] = (struct tars_str){ p, (uint32_t)strcspn(p, " ") };
		p += words[n].n;
	}
	if (n != 2 && n != 3) {
		buf_add_str(c->out, "Invalid parameters.Should be: dyeingKey dyeingServant "
			    "[dyeingInterface]");
	} else if (dye_arm(&c->app->dye, words[0], words[1], words[2], &e)) {
		buf_add_str(c->out, e.text);
	} else {
		buf_addf(c->out, "DyeingKey=%.*s\r\nDyeingServant=%.*s\r\nDyeingInterface=%.*s\r\n",
			 (int)words[0].n, words[0].p, (int)words[1].n, words[1].p, (int)words[2].n,
			 words[2].p);
	}
	return true;
}

static bool close_core(struct admin_call *c)
{
	const struct main_conf *s = c->app->service;
	struct rlimit limit, before;
	char word[16];

	lower_word(word, sizeof(word), c->params);
	getrlimit(RLIMIT_CORE, &before);
	limit = before;
	limit.rlim_cur = strcmp(word, "yes") ? limit.rlim_max : 0;
	if (setrlimit(RLIMIT_CORE, &limit) < 0) {
		buf_addf(c->out, "setrlimit: %s", strerror(errno));
		return false;
	}
	getrlimit(RLIMIT_CORE, &limit);
	buf_addf(c->out, "%s|before set:cur:%llu;max: %llu|after set cur:%llu;max: %llu\n",
		 s ? s->name : "", (unsigned long long)before.rlim_cur,
		 (unsigned long long)before.rlim_max, (unsigned long long)limit.rlim_cur,
		 (unsigned long long)limit.rlim_max);
	return true;
}

/* ---- reloading ---- */

struct on_config {
	struct tars_app *app;
	const char *file;
	int rc;
};

static void run_on_config(void *arg)
{
	struct on_config *o = arg;

	o->rc = o->app->hooks->on_config(o->app, o->file);
}

static bool load_config(struct admin_call *c)
{
	struct tars_str file = trimmed(c->params);
	struct on_config o = { .app = c->app, .file = tars_strndup(c->rq, file.p, file.n).p };
	char text[512];
	int rc = reload_config_file(c->app, c->rq, o.file, false, text, sizeof(text));

	buf_add_str(c->out, text);
	if (rc >= 0 && c->app->hooks && c->app->hooks->on_config) {
		pool_run(run_on_config, &o);
		if (o.rc)
			buf_addf(c->out, "; the service refuses it (%d)", o.rc);
	}
	notify_report(c->app, buf_str(c->out));
	return true;
}

static bool load_property(struct admin_call *c)
{
	reload_properties(c->app, c->out);
	return true;
}

static bool reload_locator_command(struct admin_call *c)
{
	char word[16];

	lower_word(word, sizeof(word), c->params);
	if (!strcmp(word, "reload"))
		return reload_locator(c->app, c->out);
	buf_add_str(c->out, "please input right paras.");
	return false;
}

const struct admin_command admin_official[] = {
	{ "tars.bid", "when the executable was written", view_bid },
	{ "tars.closecore", "yes|no: no core files; or as large as the hard limit allows",
	  close_core },
	{ "tars.closecout", "yes|no: from the next start on, stdout and stderr lead nowhere",
	  close_cout },
	{ "tars.connection", "connections by adapter", admin_show_connections },
	{ "tars.enabledaylog", "local|remote [|NAME] |true|false: a day log on or off",
	  enable_day_log },
	{ "tars.loadconfig", "FILE: fetches it from the configuration centre", load_config },
	{ "tars.loadproperty", "reads the service's own configuration again", load_property },
	{ "tars.reloadlocator", "reload: reads the registry's address again",
	  reload_locator_command },
	{ "tars.resource", "adapters and buffers", admin_show_resources },
	{ "tars.setdyeing", "KEY SERVANT [FUNCTION]: dyes requests with this routing key",
	  set_dyeing },
	{ "tars.setloglevel", "NONE|ERROR|WARN|INFO|DEBUG|TARS: now and after a restart",
	  set_log_level },
	{ "tars.viewbid", "as tars.bid", view_bid },
	{ "tars.viewstatus", "configuration and adapters", admin_show_status },
	{ "tars.viewversion", "version of the framework", view_version },
	{ NULL }
};
