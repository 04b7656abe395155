/* Connections that stay: silent ones are pinged, lost ones are replaced before a call needs them. */
#include "core/rpc/keepalive.h"

#include <string.h>

#include "core/rpc/app_int.h"
#include "core/rpc/proxy.h"

static int64_t interval_us(const struct peer *peer)
{
	return peer->loop->app->conf.keep_alive_ms * INT64_C(1000);
}

static void put_ping(struct buf *b, const struct peer *peer, int32_t id)
{
	const struct candidate *c = container_of(peer->candidates.next, struct candidate, node);
	const char *object = c->health->proxy_name;
	int64_t ms = peer->loop->app->conf.keep_alive_ms;
	struct request_packet ping = {
		.version = VERSION_TARS,
		.request_id = id,
		.servant = { object, (uint32_t)strlen(object) },
		.func = TARS_STR("tars_ping"),
		.timeout_ms = (int32_t)(ms < INT32_MAX ? ms : INT32_MAX),
	};

	packet_put_request(b, &ping);
}

static void send_ping(struct peer *peer)
{
	struct link *link = peer->link;

	link->ping_id = call_next_id(peer->loop);
	link->ping_us = reactor_now();
	put_ping(conn_out(&link->conn), peer, link->ping_id);
	conn_written(&link->conn);
}

void keepalive_reply(struct link *link, const struct response_packet *r)
{
	if (!link->ping_id || r->request_id != link->ping_id)
		return;
	link->ping_id = 0;
	link->heard_us = reactor_now();
	link->n_unheard = 0;
	/* Whoever does not know it is not asked again (contract 1.3). */
	if (link->peer && (r->ret == TARS_ENOFUNC || r->ret == TARS_ENOSERVANT))
		link->peer->is_pingless = true;
}

static void keep_alive(struct timer *t)
{
	struct peer *peer = container_of(t, struct peer, keep_alive);
	int64_t due_us = reactor_now() + interval_us(peer);

	if (atomic_load_explicit(&peer->loop->app->closed, memory_order_relaxed))
		return;
	/* Calls that wait for their replies may go on waiting on a link that is replaced. */
	if (peer->link && peer->link->ping_id)
		link_suspect(peer->link, peer->link->ping_us);
	if (!peer_is_connected(peer)) {
		peer_connect(peer);
	} else if (!peer->is_pingless && !peer->link->protocol) {
		int64_t quiet_us = peer->link->conn.last_io_us + interval_us(peer);

		if (quiet_us <= reactor_now())
			send_ping(peer);
		else
			due_us = quiet_us;
	}
	timer_start_at(&peer->keep_alive, due_us, keep_alive);
}

void keepalive_start(struct peer *peer)
{
	/* UDP has no connection that could be lost. */
	if (!interval_us(peer) || peer->ep.type == ENDPOINT_UDP ||
	    timer_is_running(&peer->keep_alive))
		return;
	timer_start_at(&peer->keep_alive, reactor_now() + interval_us(peer), keep_alive);
}

void keepalive_stop(struct peer *peer)
{
	timer_stop(&peer->keep_alive);
}
