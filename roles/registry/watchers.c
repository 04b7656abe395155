/* Clients that want to hear when the endpoints of an object change. */
#include "roles/registry/watchers.h"

#include <stdlib.h>

#include "core/io/reactor.h"
#include "core/sys/log.h"
#include "if/Mirror.h"

enum { GATHER_MS = 10 };

/* A connection, and the objects that it watches. */
struct watcher {
	struct dict_entry entry;        /* its address and port */
	struct watchers *list;
	struct tars_client *client;
	struct dict ids;                /* struct watched */
	struct watcher *next_told;
	struct tars_string_list news;   /* for it; texts are those of its ids */
	uint32_t room;
};

/* One object for one watcher. */
struct watched {
	struct dict_entry entry;        /* of the watcher's ids */
	struct watcher *watcher;
	struct object_watchers *of;
	struct watched *next, **pprev;  /* of the same object */
	bool is_told;                   /* it is in the watcher's news */
	char id[];
};

struct object_watchers {
	struct dict_entry entry;        /* the object */
	struct watched *first;
	char id[];
};

struct watchers {
	struct fleet *fleet;
	struct dict watchers, objects;
	struct watcher *told;           /* who has news */
	struct timer gather;
	bool is_stopped;
};

/* ---- what has changed ---- */

static void push_news(struct watcher *w)
{
	struct tars_WatchNews_changed_out news = { .ids = w->news };
	int rc = tars_client_push(w->client, &tars_WatchNews_iface, 0, &news);

	for (uint32_t i = 0; i < w->news.n; i++)
		container_of(dict_find(&w->ids, w->news.v[i]), struct watched, entry)->is_told = false;
	w->news.n = 0;
	/* It polls as well. */
	if (rc == TARS_EOVERLOAD || rc == TARS_ELIMIT)
		log_every(10000, LOG_LEVEL_WARN, NULL, "watch: client at %s does not read: it hears "
			  "of changes when it looks up again", tars_client_peer(w->client));
}

static void gather_due(struct timer *t)
{
	struct watchers *list = container_of(t, struct watchers, gather);

	while (list->told) {
		struct watcher *w = list->told;

		list->told = w->next_told;
		push_news(w);
	}
}

static void add_news(struct watched *d)
{
	struct watcher *w = d->watcher;

	if (d->is_told)
		return;
	d->is_told = true;
	if (!w->news.n) {
		w->next_told = w->list->told;
		w->list->told = w;
	}
	if (w->news.n == w->room) {
		w->room = w->room ? w->room * 2 : 4;
		w->news.v = xrealloc(w->news.v, w->room * sizeof(*w->news.v));
	}
	w->news.v[w->news.n++] = d->entry.key;
}

static void object_changed(void *arg, struct tars_str id)
{
	struct watchers *list = arg;
	struct dict_entry *entry = dict_find(&list->objects, id);

	if (!entry)
		return;
	for (struct watched *d = container_of(entry, struct object_watchers, entry)->first; d;
	     d = d->next)
		add_news(d);
	if (!timer_is_running(&list->gather) && !list->is_stopped)
		timer_start(&list->gather, GATHER_MS, gather_due);
}

/* ---- watchers ---- */

static void unwatch(struct watched *d)
{
	struct watchers *list = d->watcher->list;
	struct object_watchers *o = d->of;

	*d->pprev = d->next;
	if (d->next)
		d->next->pprev = d->pprev;
	dict_remove(&d->watcher->ids, &d->entry);
	free(d);
	if (o->first)
		return;
	dict_remove(&list->objects, &o->entry);
	free(o);
}

static void forget(struct watcher *w)
{
	struct watcher **p = &w->list->told;

	while (*p && *p != w)
		p = &(*p)->next_told;
	if (*p)
		*p = w->next_told;
	for (uint32_t i = 0; i < w->ids.n_slots; i++)
		while (w->ids.slots[i])
			unwatch(container_of(w->ids.slots[i], struct watched, entry));
	dict_remove(&w->list->watchers, &w->entry);
	dict_release(&w->ids);
	free(w->news.v);
	tars_client_unref(w->client);
	free(w);
}

static void closed(struct tars_client *c, void *ctx)
{
	(void)c;
	forget(ctx);
}

/* NULL: the caller cannot be told anything. */
static struct watcher *watcher_of(struct watchers *list, struct tars_req *rq)
{
	struct tars_client *c = tars_client_ref(rq);
	struct tars_str peer;
	struct dict_entry *entry;
	struct watcher *w;

	if (!c)
		return NULL;
	peer.p = tars_client_peer(c);
	peer.n = (uint32_t)strlen(peer.p);
	entry = dict_find(&list->watchers, peer);
	if (entry) {
		tars_client_unref(c);
		return container_of(entry, struct watcher, entry);
	}
	w = xcalloc(1, sizeof(*w));
	w->list = list;
	w->client = c;
	if (tars_client_on_close(c, closed, w) != TARS_OK) {
		tars_client_unref(c);
		free(w);
		return NULL;
	}
	dict_add(&list->watchers, &w->entry, peer);
	return w;
}

static struct object_watchers *watchers_of(struct watchers *list, struct tars_str id)
{
	struct dict_entry *entry = dict_find(&list->objects, id);
	struct object_watchers *o;

	if (entry)
		return container_of(entry, struct object_watchers, entry);
	o = xcalloc(1, sizeof(*o) + id.n + 1);
	memcpy(o->id, id.p, id.n);
	dict_add(&list->objects, &o->entry, (struct tars_str){ o->id, id.n });
	return o;
}

static void watch(struct watcher *w, struct tars_str id)
{
	struct watched *d;

	if (dict_find(&w->ids, id))
		return;
	d = xcalloc(1, sizeof(*d) + id.n + 1);
	memcpy(d->id, id.p, id.n);
	d->watcher = w;
	d->of = watchers_of(w->list, id);
	d->next = d->of->first;
	d->pprev = &d->of->first;
	if (d->next)
		d->next->pprev = &d->next;
	d->of->first = d;
	dict_add(&w->ids, &d->entry, (struct tars_str){ d->id, id.n });
}

int watchers_add(struct watchers *list, struct tars_req *rq, const struct tars_string_list *ids)
{
	struct watcher *w = list->is_stopped ? NULL : watcher_of(list, rq);

	if (!w)
		return tars_fail(rq, TARS_EARG, "watch: this connection cannot take pushes");
	for (uint32_t i = 0; i < ids->n; i++) {
		if (ids->v[i].n > WATCH_MAX_ID)
			return tars_fail(rq, TARS_EARG, "watch: %u bytes are no object's name",
					 ids->v[i].n);
		if (w->ids.n >= WATCH_MAX_IDS)
			return tars_fail(rq, TARS_ELIMIT, "watch: a connection may watch %d objects",
					 WATCH_MAX_IDS);
		watch(w, ids->v[i]);
	}
	if (ids->n)
		log_debug(NULL, "watch: %s hears of changes of %u objects", tars_client_peer(w->client),
			  w->ids.n);
	return TARS_OK;
}

/* ---- start, stop ---- */

struct watchers *watchers_new(struct fleet *f)
{
	struct watchers *list = xcalloc(1, sizeof(*list));

	list->fleet = f;
	f->on_object = object_changed;
	f->object_arg = list;
	return list;
}

void watchers_stop(struct watchers *list)
{
	list->is_stopped = true;
	timer_stop(&list->gather);
}

void watchers_free(struct watchers *list)
{
	list->fleet->on_object = NULL;
	for (uint32_t i = 0; i < list->watchers.n_slots; i++)
		while (list->watchers.slots[i])
			forget(container_of(list->watchers.slots[i], struct watcher, entry));
	dict_release(&list->watchers);
	dict_release(&list->objects);
	free(list);
}
