/* A service with all that one may have: configuration, commands, threads, order, late replies. */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "Stock.h"

enum { MAX_ITEMS = 64, MAX_WAITING = 64, TOO_FEW = 1 };

struct item {
	char name[32];
	int left;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct item items[MAX_ITEMS + 1];

/* Calls of await() that have no reply yet. */
static struct waiting {
	struct tars_req *rq;
	struct item *item;
	int n;
} waiting[MAX_WAITING];

/* NULL: no room for another one. */
static struct item *find(const char *name)
{
	struct item *i = items;

	while (*i->name && strcmp(i->name, name))
		i++;
	if (i == &items[MAX_ITEMS] || strlen(name) >= sizeof(i->name))
		return NULL;
	strcpy(i->name, name);
	return i;
}

/* Replies may come later, and from any thread: here from whichever sets a number. */
static void answer_waiting(void)
{
	for (struct waiting *w = waiting; w < waiting + MAX_WAITING; w++)
		if (w->rq && w->item->left >= w->n) {
			T_Stock_await_reply(w->rq, &(struct T_Stock_await_out){ 0 });
			tars_release(w->rq);
			w->rq = NULL;
		}
}

static bool set(const char *name, int left)
{
	struct item *i;

	pthread_mutex_lock(&lock);
	i = find(name);
	if (i)
		i->left = left;
	answer_waiting();
	pthread_mutex_unlock(&lock);
	return i;
}

/* ---- handlers ---- */

static int left(struct tars_req *rq, const struct T_Stock_left_in *in, struct T_Stock_left_out *out)
{
	const struct item *i;

	(void)rq;
	pthread_mutex_lock(&lock);
	i = find(in->item.p);
	out->ret = i ? i->left : 0;
	pthread_mutex_unlock(&lock);
	return TARS_OK;
}

static int take(struct tars_req *rq, const struct T_Stock_take_in *in, struct T_Stock_take_out *out)
{
	struct item *i;
	int rc = TARS_OK;

	pthread_mutex_lock(&lock);
	i = find(in->item.p);
	if (i && i->left >= in->n)
		out->ret = i->left -= in->n;
	else
		rc = tars_fail(rq, TOO_FEW, "%d of %s are left", i ? i->left : 0, in->item.p);
	pthread_mutex_unlock(&lock);
	return rc;
}

static int await(struct tars_req *rq, const struct T_Stock_await_in *in,
		 struct T_Stock_await_out *out)
{
	struct waiting *w = waiting;
	struct item *i;
	int rc = TARS_OK;

	(void)out;
	pthread_mutex_lock(&lock);
	i = find(in->item.p);
	while (w < waiting + MAX_WAITING && w->rq)
		w++;
	if (!i || w == waiting + MAX_WAITING) {
		rc = tars_fail(rq, TARS_EOVERLOAD, "too many items, or callers that wait");
	} else if (i->left < in->n) {
		tars_hold(rq);
		*w = (struct waiting){ rq, i, in->n };
		rc = TARS_LATER;
	}
	pthread_mutex_unlock(&lock);
	return rc;
}

/* ---- configuration: lines "ITEM NUMBER" of stock.conf ---- */

static int read_stock(struct tars_app *app)
{
	const char *base = tars_config(app, "/tars/application/server<basepath>", ".");
	char path[4096], name[32];
	int n = 0, number;
	FILE *f;

	snprintf(path, sizeof(path), "%s/stock.conf", base);
	f = fopen(path, "r");
	while (f && fscanf(f, "%31s %d", name, &number) == 2)
		n += set(name, number);
	if (f)
		fclose(f);
	tars_app_log(app, TARS_LOG_INFO, "%s: %d items", path, n);
	return n ? 0 : -1;
}

/* `tars ctl send T.StockServer 'tars.loadconfig stock.conf'` has brought it. */
static int on_config(struct tars_app *app, const char *file)
{
	return strcmp(file, "stock.conf") ? 0 : read_stock(app);
}

/* ---- commands: `tars ctl send T.StockServer 'stock.set nut 7'` ---- */

static int command_set(struct tars_req *rq, const char *params, struct tars_str *result)
{
	char name[32];
	int number;

	if (sscanf(params, "%31s %d", name, &number) != 2) {
		*result = TARS_STR("usage: stock.set ITEM NUMBER");
		return 1;
	}
	*result = set(name, number) ? tars_strf(rq, "%s: %d", name, number) :
		  TARS_STR("no room for another item");
	return 0;
}

static const struct tars_command commands[] = {
	{ "stock.set", "ITEM NUMBER: so many are left from now on", command_set },
	{ 0 }
};

/* ---- start ---- */

static int init(struct tars_app *app)
{
	char text[256];
	/* From the configuration centre, if the service has one; else what is there. */
	int rc = tars_load_config(app, "stock.conf", text, sizeof(text));

	tars_app_log(app, rc ? TARS_LOG_WARN : TARS_LOG_INFO, "%s", text);
	return read_stock(app);
}

/* For what each thread has of its own: a connection to a database, a generator of numbers. */
static int thread_init(struct tars_app *app)
{
	tars_app_log(app, TARS_LOG_DEBUG, "a thread for handlers");
	return 0;
}

static const struct T_Stock stock = { .left = left, .take = take, .await = await };

static const struct tars_servant servants[] = {
	/* The calls of each connection one after the other, in worker threads. */
	{ .name = "T.StockServer.OrderObj", .iface = &T_Stock_iface, .impl = &stock,
	  .run = TARS_RUN_POOL, .ordered = true },
	/* As `opencoroutine` of the configuration says. */
	{ .name = "T.StockServer.StockObj", .iface = &T_Stock_iface, .impl = &stock,
	  .run = TARS_RUN_CONF },
	{ 0 }
};

int main(int argc, char **argv)
{
	return tars_main(argc, argv, &(struct tars_service){
		.servants = servants, .init = init, .thread_init = thread_init,
		.commands = commands, .on_config = on_config,
	});
}
