/* Accounting of calls that were made: rows by object, function and endpoint. */
#include <stdlib.h>
#include <string.h>

#include "core/rpc/app_int.h"
#include "core/rpc/client.h"

static unsigned bucket_of(const struct tars_proxy *proxy, const struct tars_func *func,
			  const struct peer *peer)
{
	uintptr_t key = ((uintptr_t)proxy >> 4) * 31 + ((uintptr_t)func >> 4) * 7 +
			((uintptr_t)peer >> 4);

	return (unsigned)(key ^ key >> 9) % STATS_CALL_BUCKETS;
}

static struct call_stat *row_get(struct loop_stats *s, struct tars_proxy *proxy,
				 const struct tars_func *func, struct peer *peer)
{
	struct call_stat **bucket = &s->calls[bucket_of(proxy, func, peer)], *row;

	for (row = *bucket; row; row = row->next)
		if (row->proxy == proxy && row->func == func && row->peer == peer && !row->gone)
			return row;
	row = xcalloc(1, sizeof(*row));
	row->proxy = proxy;
	row->func = func;
	row->peer = peer;
	if (peer) {
		row->ep = peer->ep;
		memcpy(row->endpoint, peer->text, sizeof(row->endpoint));
	}
	row->next = *bucket;
	*bucket = row;
	return row;
}

void stats_call_sent(struct tars_pending *p, struct peer *peer)
{
	p->stat = row_get(&p->loop->stats, p->proxy, p->func, peer);
	p->stat->in_flight++;
}

static void note_success(struct call_stat *row, const struct tars_pending *p)
{
	int64_t us = reactor_now() - p->start_us;

	if (us < 0)
		us = 0;
	row->n_ok++;
	row->us_total += (uint64_t)us;
	if ((uint64_t)us > row->us_max)
		row->us_max = (uint64_t)us;
	mic_add_ok(&row->body, us / 1000, 1);
}

/* One-way calls are the server's to report, unless they could not be sent (contract 9.1). */
void stats_call_ended(struct tars_pending *p, int rc)
{
	struct call_stat *row = p->stat;

	stats_turn(p->loop, &p->loop->stats);
	if (p->oneway && !rc)
		return;
	if (row)
		row->in_flight--;
	else
		row = row_get(&p->loop->stats, p->proxy, p->func, p->peer);
	p->stat = NULL;
	if (!rc) {
		note_success(row, p);
	} else if (p->timed_out) {
		row->n_timeouts++;
		mic_add_timeout(&row->body);
	} else {
		row->n_failed++;
		mic_add_failure(&row->body);
	}
}

/* Its calls under way and what is to be reported stay; a new peer of this address has new rows. */
void stats_peer_gone(struct peer *peer)
{
	struct loop_stats *s = &peer->loop->stats;

	for (unsigned i = 0; i < STATS_CALL_BUCKETS; i++)
		for (struct call_stat *row = s->calls[i]; row; row = row->next)
			if (row->peer == peer)
				row->gone = true;
}

void stats_calls_drop(struct loop_stats *s, bool all)
{
	for (unsigned i = 0; i < STATS_CALL_BUCKETS; i++)
		for (struct call_stat **at = &s->calls[i], *row; (row = *at);) {
			if (all || (row->gone && !row->in_flight && mic_is_empty(&row->body))) {
				*at = row->next;
				free(row);
			} else {
				at = &row->next;
			}
		}
}
