/* tars_listen: adapters that begin to listen when the service says so (manuallisten). */
#include <stdio.h>
#include <string.h>

#include "core/io/wait.h"
#include "core/rpc/app_int.h"
#include "core/rpc/server.h"

struct wish {
	struct tars_app *app;
	const char *name;
	struct err e;
	int rc;
	struct task task;
	struct wait wait;
};

/* An adapter without a servant of its own serves all of them. */
static bool is_meant(const struct adapter *a, const char *name)
{
	if (!name || !strcmp(name, a->name))
		return true;
	return a->conf.servant ? !strcmp(name, a->conf.servant) :
				 servant_find(a->app, name, strlen(name)) != NULL;
}

static int begin(struct adapter *a, struct err *e)
{
	struct tars_app *app = a->app;
	int rc;

	if (atomic_load(&a->listening))
		return TARS_OK;
	if (!app->may_listen) {
		a->wanted = true;
		return TARS_OK;
	}
	rc = adapter_listen(a, e);
	if (!rc && app->on_listening)
		app->on_listening(app, a);
	return rc;
}

/* On the main loop. */
static int fulfil(struct tars_app *app, const char *name, struct err *e)
{
	unsigned n = 0;
	int rc = TARS_OK;

	if (atomic_load(&app->stopping))
		return err_set(e, TARS_ECANCEL, "the service is stopping");
	for (struct adapter *a = NULL; !rc && (a = adapter_next(app, a));) {
		if (a->conf.local || !is_meant(a, name))
			continue;
		n++;
		rc = begin(a, e);
	}
	return rc || n ? rc : err_set(e, TARS_EARG, "no adapter of the configuration has the name "
				      "or the servant '%s'", name ? name : "");
}

static void fulfil_posted(struct task *t)
{
	struct wish *w = container_of(t, struct wish, task);

	w->rc = fulfil(w->app, w->name, &w->e);
	wait_wake(&w->wait);
}

static int listen_there(struct tars_app *app, const char *name, struct err *e)
{
	struct wish w = { .app = app, .name = name, .task = { .run = fulfil_posted } };

	if (!wait_is_possible())
		return err_set(e, TARS_EBLOCK, "tars_listen: %s", tars_strerror(TARS_EBLOCK));
	wait_init(&w.wait);
	reactor_post(app->loops[0].reactor, &w.task);
	wait_for(&w.wait);
	*e = w.e;
	return w.rc;
}

int tars_listen(struct tars_app *app, const char *name, char *error, size_t size)
{
	struct err e = { 0 };
	int rc = loop_is_here(&app->loops[0]) ? fulfil(app, name, &e) :
						listen_there(app, name, &e);

	snprintf(error, size, "%s", rc ? e.text : "");
	return rc;
}
