/* NewsServer: pushes items to all who have subscribed, from whatever thread publishes them. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "News.h"

enum { MAX_SUBSCRIBERS = 20000 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct tars_client *subscribers[MAX_SUBSCRIBERS];
static int n_subscribers, n_ended, n_slow, n_items;

/* Once for each, in a coroutine of its connection's loop. */
static void gone(struct tars_client *c, void *ctx)
{
	int i = 0;

	(void)ctx;
	pthread_mutex_lock(&lock);
	while (i < n_subscribers && subscribers[i] != c)
		i++;
	if (i < n_subscribers) {
		subscribers[i] = subscribers[--n_subscribers];
		n_ended++;
		tars_client_unref(c);
	}
	pthread_mutex_unlock(&lock);
}

static int subscribe(struct tars_req *rq, const struct T_News_subscribe_in *in,
		     struct T_News_subscribe_out *out)
{
	struct tars_client *c = tars_client_ref(rq);

	(void)in;
	(void)out;
	if (!c)
		return tars_fail(rq, 1, "this connection cannot take pushes");
	pthread_mutex_lock(&lock);
	if (n_subscribers < MAX_SUBSCRIBERS && !tars_client_on_close(c, gone, NULL))
		subscribers[n_subscribers++] = c;
	else
		tars_client_unref(c);
	pthread_mutex_unlock(&lock);
	return TARS_OK;
}

static int publish(struct tars_req *rq, const struct T_News_publish_in *in,
		   struct T_News_publish_out *out)
{
	char *text = tars_alloc(rq, (size_t)in->size + 1);
	struct T_Ticker_item_out item = { .text = { text, (uint32_t)in->size } };

	memset(text, 'x', (size_t)in->size);
	for (int k = 0; k < in->n; k++) {
		pthread_mutex_lock(&lock);
		item.ret = ++n_items;
		out->ret = 0;
		for (int i = 0; i < n_subscribers; i++) {
			int rc = T_Ticker_item_push(subscribers[i], &item);

			out->ret += !rc;
			if (rc == TARS_EOVERLOAD) {
				n_slow++;
				tars_client_close(subscribers[i]);
			}
		}
		pthread_mutex_unlock(&lock);
	}
	return TARS_OK;
}

static int counts(struct tars_req *rq, const struct T_News_count_in *in,
		  struct T_News_count_out *out)
{
	(void)rq;
	(void)in;
	pthread_mutex_lock(&lock);
	out->ret = n_subscribers;
	out->ended = n_ended;
	out->slow = n_slow;
	pthread_mutex_unlock(&lock);
	return TARS_OK;
}

static void fini(struct tars_app *app)
{
	(void)app;
	pthread_mutex_lock(&lock);
	while (n_subscribers)
		tars_client_unref(subscribers[--n_subscribers]);
	pthread_mutex_unlock(&lock);
}

static const struct T_News news = { .subscribe = subscribe, .publish = publish, .count = counts };

static const struct tars_servant servants[] = {
	{ "T.NewsServer.NewsObj", &T_News_iface, &news, TARS_RUN_POOL, NULL },
	{ 0 }
};

int main(int argc, char **argv)
{
	return tars_main(argc, argv, &(struct tars_service){ .servants = servants, .fini = fini });
}
