/*
 * Subscribes to the news and prints them: news-reader OBJECT [ITEMS]; ends after so many items.
 *
 * When its connection ends it says so, and subscribes again.
 */
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "News.h"

static sem_t events;
static atomic_int items, ended;

static void item(void *ctx, const struct T_Ticker_item_out *out)
{
	(void)ctx;
	printf("item %d: %u bytes\n", out->ret, out->text.n);
	fflush(stdout);
	items++;
	sem_post(&events);
}

static void closed(void *ctx)
{
	(void)ctx;
	ended++;
	sem_post(&events);
}

static const struct T_Ticker_pushed ticker = { .item = item };

static int subscribe(struct tars_app *app, struct tars_proxy *news)
{
	struct tars_call c = { .to = news, .rq = tars_begin(app) };
	struct T_News_subscribe_out out;
	int rc = T_News_subscribe(&c, &(struct T_News_subscribe_in){ .unused_ = 0 }, &out);

	if (!rc)
		printf("subscribed\n");
	fflush(stdout);
	tars_end(c.rq);
	return rc;
}

int main(int argc, char **argv)
{
	int want = argc > 2 ? atoi(argv[2]) : 0, seen_ends = 0;
	struct tars_proxy *news;
	struct tars_app *app;
	char error[256];

	sem_init(&events, 0, 0);
	app = argc > 1 ? tars_start(NULL, error, sizeof(error)) : NULL;
	if (!app)
		return 1;
	news = tars_proxy(app, argv[1]);
	T_Ticker_set_push(news, &ticker, NULL, closed);
	while (subscribe(app, news))
		tars_sleep(20);
	while (!want || items < want) {
		sem_wait(&events);
		while (ended > seen_ends) {
			printf("closed\n");
			fflush(stdout);
			seen_ends = ended;
			while (subscribe(app, news))
				tars_sleep(20);
		}
	}
	tars_stop(app);
	return 0;
}
