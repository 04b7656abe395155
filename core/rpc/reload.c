/* Reading configuration again while the service runs. */
#include "core/rpc/reload.h"

#include <stdio.h>
#include <string.h>

#include "core/io/pool.h"
#include "core/rpc/app_int.h"
#include "core/rpc/main_conf.h"
#include "core/rpc/remoteconf.h"
#include "core/rpc/req.h"

#define SERVER "/tars/application/server"
#define CLIENT "/tars/application/client"

/* ---- files of the configuration centre ---- */

int reload_config_file(struct tars_app *app, struct tars_req *rq, const char *file, bool app_only,
		       char *text, size_t size)
{
	const char *center = tars_config(app, SERVER "<config>", "");
	struct remoteconf conf = {
		.center = *center ? tars_proxy(app, center) : NULL,
		.app = app->service ? app->service->application : "",
		.server = app->service && !app_only ? app->service->server : "",
		.set = app->conf.set,
		.base_path = tars_config(app, SERVER "<basepath>", "."),
	};
	struct err e;
	int rc = remoteconf_load(&conf, rq, file, &e);

	if (rc == REMOTECONF_FETCHED)
		snprintf(text, size, "[succ] get remote config:%s", file);
	else if (rc == REMOTECONF_LOCAL)
		snprintf(text, size, "[fail] get remote config:%sfail,use the local config: %s/%s",
			 file, conf.base_path, file);
	else
		snprintf(text, size, "[fail] get remote config '%.100s' error:%s", file, e.text);
	return rc;
}

static int load_with_rq(struct tars_app *app, const char *file, bool app_only, char *text,
			size_t size)
{
	struct tars_req *rq = tars_begin(app);
	int rc = reload_config_file(app, rq, file, app_only, text, size);

	tars_end(rq);
	return rc == REMOTECONF_LOCAL ? TARS_CONFIG_LOCAL : rc;
}

int tars_load_config(struct tars_app *app, const char *file, char *text, size_t size)
{
	return load_with_rq(app, file, false, text, size);
}

int tars_load_app_config(struct tars_app *app, const char *file, char *text, size_t size)
{
	return load_with_rq(app, file, true, text, size);
}

/* ---- the service's own configuration ---- */

struct read_again {
	struct tars_app *app;
	const struct tarsconf *tree;
	int rc;
	struct err e;
};

/* Texts of the old tree may be in use for ever, so trees stay until the app ends; a file that says
 * the same as before makes none, so that this can be repeated without end. */
static void run_read_again(void *arg)
{
	struct read_again *r = arg;
	struct tars_app *app = r->app;
	const struct tarsconf *old = atomic_load(&app->config);
	struct buf was = BUF_INIT, is = BUF_INIT;
	struct tarsconf *tree;
	struct arena a;

	arena_init(&a, NULL, 0);
	tree = tarsconf_new(&a);
	r->rc = main_conf_load(app->config_path, tree, &r->e);
	if (!r->rc && old && !tarsconf_print(&was, old, NULL) && !tarsconf_print(&is, tree, NULL) &&
	    !strcmp(buf_str(&was), buf_str(&is))) {
		r->tree = old;
	} else if (!r->rc) {
		pthread_mutex_lock(&app->lock);
		arena_steal(&app->arena, &a);
		pthread_mutex_unlock(&app->lock);
		r->tree = tree;
	}
	arena_clear(&a);
	buf_release(&was);
	buf_release(&is);
}

static const struct tarsconf *read_again(struct tars_app *app, struct err *e)
{
	struct read_again r = { .app = app };

	if (!app->config_path) {
		err_set(e, TARS_ECONF, "the service was started without --config");
		return NULL;
	}
	pool_run(run_read_again, &r);
	if (r.rc)
		*e = r.e;
	return r.tree;
}

static const char *value(const struct tarsconf *tree, const char *path)
{
	return tarsconf_get_or(tree, path, "");
}

void reload_properties(struct tars_app *app, struct buf *out)
{
	static const struct { const char *label, *path; } rows[] = {
		{ "locator", CLIENT "<locator>" }, { "stat", CLIENT "<stat>" },
		{ "property", CLIENT "<property>" }, { "SetDivision", NULL },
		{ "report-interval", CLIENT "<report-interval>" },
		{ "report-timeout", CLIENT "<report-timeout>" },
		{ "log", SERVER "<log>" }, { "config", SERVER "<config>" },
		{ "notify", SERVER "<notify>" },
	};
	struct reporter_conf report;
	const struct tarsconf *tree;
	struct err e;

	tree = read_again(app, &e);
	if (tree && main_conf_read_report(tree, &report, &e))
		tree = NULL;
	if (!tree) {
		buf_addf(out, "load config %s error:%s", app->config_path ? app->config_path : "",
			 e.text);
		return;
	}
	atomic_store_explicit(&app->config, tree, memory_order_release);
	app_set_locator(app, value(tree, CLIENT "<locator>"));
	reporter_configure(app->report, &report);
	buf_add_str(out, "loaded config items:\r\n");
	for (unsigned i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		buf_addf(out, "%s=%s\r\n", rows[i].label,
			 rows[i].path ? value(tree, rows[i].path) :
			 app->conf.set ? app->conf.set : "");
}

bool reload_locator(struct tars_app *app, struct buf *out)
{
	const struct tarsconf *tree;
	const char *locator;
	struct err e;

	tree = read_again(app, &e);
	locator = tree ? value(tree, CLIENT "<locator>") : "";
	if (!tree || !*locator) {
		buf_add_str(out, tree ? "locator info is null." : e.text);
		return false;
	}
	app_set_locator(app, locator);
	buf_addf(out, "%s set succ.", locator);
	return true;
}

const char *tars_config(const struct tars_app *app, const char *path, const char *fallback)
{
	const struct tarsconf *config = atomic_load_explicit(&app->config, memory_order_acquire);

	return config ? tarsconf_get_or(config, path, fallback) : fallback;
}
