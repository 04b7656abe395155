/* Sweep: connections that are idle, that never sent a byte, or that are stuck in the middle. */
#include "core/rpc/access.h"
#include "core/rpc/app_int.h"
#include "core/rpc/server.h"

enum { SWEEP_MS = 1000 };

/* It has had something to do for so long, and did less than that much of it. */
static bool is_stuck(struct pace *p, bool has_work, uint64_t bytes, const struct adapter_conf *conf)
{
	int64_t now = reactor_now();

	if (!has_work) {
		p->since_us = 0;
		return false;
	}
	if (p->since_us && now - p->since_us < conf->idle_ms * 1000)
		return false;
	if (p->since_us && bytes - p->bytes < conf->min_io)
		return true;
	*p = (struct pace){ now, bytes };
	return false;
}

/* Nothing is under way in any direction.  A peer that has ended its input may be gone: its answers
 * are waited for, but not for ever. */
static bool is_idle(const struct server_conn *sc, int64_t idle_ms)
{
	const struct adapter_conf *conf = &sc->adapter->conf;
	const struct conn *c = &sc->conn;

	return idle_ms >= (c->received ? conf->idle_ms : conf->empty_ms) && !buf_size(&c->in) &&
	       !c->write_blocked && (!c->owed || c->eof);
}

static void check(struct server_conn *sc)
{
	const struct adapter_conf *conf = &sc->adapter->conf;
	struct conn *c = &sc->conn;
	int64_t idle_ms = (reactor_now() - c->last_io_us) / 1000;
	bool in_packet = c->events & WATCH_READ && buf_size(&c->in);
	struct err why;

	if (is_idle(sc, idle_ms)) {
		adapter_drop(sc->adapter, DROP_CONN_IDLE);
		err_set(&why, TARS_OK, "idle for %lld ms", (long long)idle_ms);
	} else if (is_stuck(&sc->in, in_packet, c->received, conf)) {
		err_set(&why, TARS_ELIMIT, "%s sent less than %zu bytes of a packet in %lld ms",
			c->peer_text, conf->min_io, (long long)conf->idle_ms);
	} else if (is_stuck(&sc->out, c->write_blocked, c->sent, conf)) {
		err_set(&why, TARS_ELIMIT, "%s read less than %zu bytes of %zu in %lld ms",
			c->peer_text, conf->min_io, buf_size(&c->out), (long long)conf->idle_ms);
	} else {
		return;
	}
	conn_close(c, &why);
}

static void sweep(struct timer *t)
{
	struct loop *l = container_of(t, struct loop, sweep);
	struct list *node, *next;

	for (node = l->conns.next; node != &l->conns; node = next) {
		struct server_conn *sc = container_of(node, struct server_conn, node);

		next = node->next;
		access_tick(sc, reactor_now());
		if (sc->proto && sc->proto->tick)
			sc->proto->tick(sc, reactor_now());
		check(sc);
	}
	if (!list_is_empty(&l->conns))
		timer_start(&l->sweep, SWEEP_MS, sweep);
}

void server_sweep(struct loop *l)
{
	if (!timer_is_running(&l->sweep))
		timer_start(&l->sweep, SWEEP_MS, sweep);
}
