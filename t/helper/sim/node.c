/* Simulated nodes: connections, and what a node says and hears on them. */
#include "t/helper/sim/node.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "proto/packet.h"
#include "roles/registry/pack.h"

enum { READ_MAX = 64 << 10, RETRY_MS = 1000, EVENTS = 512, MAX_FRAME = 64 << 20 };
enum kind { SUBSCRIBE = 1, FETCH, BEAT, REPORT, ASK };

struct sim sim;

int64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * INT64_C(1000000) + t.tv_nsec / 1000;
}

static void die(const char *what)
{
	perror(what);
	exit(1);
}

/* ---- connections ---- */

static void watch_fd(struct node *n, int op)
{
	struct epoll_event e = { .events = EPOLLIN | (n->is_open && !buf_size(&n->out) ? 0u : EPOLLOUT),
				 .data.ptr = n };

	if (epoll_ctl(sim.epoll_fd, op, n->fd, &e) < 0)
		die("epoll_ctl");
}

static void leave_step(struct node *n)
{
	sim.n_in_step -= n->in_step;
	n->in_step = false;
}

static void drop(struct node *n)
{
	if (n == sim.nodes && n->in_step) {
		memcpy(sim.lost_sums, sim.last_sums, sizeof(sim.lost_sums));
		sim.lost_sum = n->position.sum;
	}
	leave_step(n);
	close(n->fd);
	n->fd = -1;
	n->is_open = false;
	buf_clear(&n->in);
	buf_clear(&n->out);
	n->stale.n = 0;
	n->retry_us = now_us() + RETRY_MS * 500 + random() % (RETRY_MS * 1000);
}

static void dial(struct node *n)
{
	n->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (n->fd < 0)
		die("socket");
	setsockopt(n->fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
	if (connect(n->fd, (struct sockaddr *)&sim.registry, sizeof(sim.registry)) < 0 &&
	    errno != EINPROGRESS) {
		drop(n);
		return;
	}
	watch_fd(n, EPOLL_CTL_ADD);
}

static void flush(struct node *n)
{
	ssize_t k = send(n->fd, buf_head(&n->out), buf_size(&n->out), MSG_NOSIGNAL);

	if (k < 0 && errno != EAGAIN) {
		drop(n);
		return;
	}
	if (k > 0)
		buf_consume(&n->out, (size_t)k);
	watch_fd(n, EPOLL_CTL_MOD);
}

static void send_call(struct node *n, enum kind kind, const char *object, const char *func,
		      const struct tars_type *type, const void *in)
{
	struct request_packet p = {
		.version = VERSION_TARS, .request_id = (int32_t)kind, .timeout_ms = 60000,
		.servant = { object, (uint32_t)strlen(object) },
		.func = { func, (uint32_t)strlen(func) },
	};
	size_t mark;

	if (!n->is_open)
		return;
	mark = packet_begin_request(&n->out, &p);
	codec_put_flat(&n->out, type, in, 0);
	packet_end_request(&n->out, mark, &p);
	flush(n);
}

/* ---- the sim.mirror ---- */

static const char mirror_object[] = "tars.tarsregistry.MirrorObj";
static const char registry_object[] = "tars.tarsregistry.RegistryObj";

/* Descriptors of a function's parameters. */
static const struct tars_func *func_of(const struct tars_iface *iface, const char *name)
{
	int i = tars_iface_find(iface, name, strlen(name));

	BUG_ON(i < 0);
	return &iface->funcs[i];
}

static void subscribe(struct node *n, bool with_sums)
{
	struct tars_Mirror_subscribe_in in = { .mine = n->position };

	if (n == sim.nodes)
		in.mine.sum = (int64_t)fleet_sum(sim.mirror);
	if (with_sums)
		in.sums = (struct tars_long_list){
			n == sim.nodes ? (int64_t *)sim.mirror->sums :
			n->position.sum == sim.lost_sum ? sim.lost_sums : sim.last_sums, FLEET_SUMS };
	send_call(n, SUBSCRIBE, mirror_object, "subscribe",
		  func_of(&tars_Mirror_iface, "subscribe")->in, &in);
}

static void fetch_more(struct node *n)
{
	struct tars_Mirror_fetch_in in = { .wanted = n->stale };

	send_call(n, FETCH, mirror_object, "fetch", func_of(&tars_Mirror_iface, "fetch")->in, &in);
}

static void enter_step(struct node *n)
{
	if (n == sim.nodes) {
		memcpy(sim.last_sums, sim.mirror->sums, sizeof(sim.last_sums));
		if (!sim.snapshot_us)
			sim.snapshot_us = now_us();
	}
	sim.n_in_step += !n->in_step;
	n->in_step = true;
}

static void subscribed(struct node *n, const struct tars_Mirror_subscribe_out *out)
{
	bool is_first = !n->position.epoch;

	if (out->ret == 0) {
		n->position = out->position;
		enter_step(n);
		return;
	}
	if (n != sim.nodes && is_first) {   /* it says that it has all this */
		n->position = out->position;
		subscribe(n, false);
		return;
	}
	if (!out->stale.n) {
		subscribe(n, true);
		return;
	}
	if (n != sim.nodes && n->position.sum != sim.lost_sum) {
		fprintf(stderr, "fleet-sim: node %d differs, and nobody knows in what\n",
			(int)(n - sim.nodes));
		exit(1);
	}
	n->position = out->position;
	n->stale.v = xrealloc(n->stale.v, out->stale.n * sizeof(*n->stale.v));
	memcpy(n->stale.v, out->stale.v, out->stale.n * sizeof(*n->stale.v));
	n->stale.n = out->stale.n;
	sim.fetched += n->stale.n;
	fetch_more(n);
}

/* Into the sim.mirror; the others only sim. */
static void put_content(const struct tars_MirrorPacked *packed, int bucket)
{
	struct tars_MirrorContent c = { 0 };
	struct arena a;

	arena_init(&a, NULL, 0);
	BUG_ON(unpack_content(packed, &c, &a, NULL) < 0);
	sim.mirror->pass++;
	for (uint32_t i = 0; i < c.removed.n; i++)
		if (fleet_by_id(sim.mirror, c.removed.v[i]))
			fleet_remove(sim.mirror, fleet_by_id(sim.mirror, c.removed.v[i]));
	for (uint32_t i = 0; i < c.servers.n; i++) {
		const struct tars_MirrorServer *s = &c.servers.v[i];

		if (s->rows.n)
			fleet_put_data(sim.mirror, s->id, (uint8_t)s->state, s->rows.p, s->rows.n, NULL);
		else if (fleet_by_id(sim.mirror, s->id))
			fleet_set_state(sim.mirror, fleet_by_id(sim.mirror, s->id), (uint8_t)s->state);
	}
	if (c.base.n)
		fleet_put_base(sim.mirror, c.base.p, c.base.n, NULL);
	if (bucket >= 0 && bucket != FLEET_BASE)
		fleet_sweep_bucket(sim.mirror, (unsigned)bucket);
	arena_clear(&a);
}

static void fetched(struct node *n, const struct tars_Mirror_fetch_out *out)
{
	for (uint32_t i = 0; n == sim.nodes && i < out->buckets.n; i++)
		put_content(&out->buckets.v[i].content, out->buckets.v[i].index);
	BUG_ON(!out->buckets.n || out->buckets.n > n->stale.n);
	n->stale.n -= out->buckets.n;
	memmove(n->stale.v, n->stale.v + out->buckets.n, n->stale.n * sizeof(*n->stale.v));
	if (n->stale.n)
		fetch_more(n);
	else if (n == sim.nodes)
		subscribe(n, false);
	else
		enter_step(n);
}

static void lose_step(struct node *n)
{
	leave_step(n);
	n->position.epoch = 1;          /* not the sim.registry's */
	subscribe(n, false);
}

static void changed(struct node *n, const struct tars_MirrorChange *change)
{
	const struct tars_MirrorPosition *p = &change->position;

	n->changed_us = now_us();
	if (p->epoch != n->position.epoch || p->seq <= n->position.seq)
		return;
	if (p->seq != n->position.seq + 1) {
		sim.gaps++;
		lose_step(n);
		return;
	}
	n->position = *p;
	if (n != sim.nodes)
		return;
	sim.changes++;
	put_content(&change->content, -1);
	if (n->in_step && (int64_t)fleet_sum(sim.mirror) != p->sum) {
		sim.wrong++;
		lose_step(n);
	}
	if (n->in_step)
		memcpy(sim.last_sums, sim.mirror->sums, sizeof(sim.last_sums));
}

/* ---- what comes ---- */

static void decode(const struct response_packet *r, const struct tars_type *type, void *value,
		   struct arena *a)
{
	struct err e = { 0 };

	if (codec_get_flat(r->body.p, r->body.n, type, value, a, &e) < 0) {
		fprintf(stderr, "fleet-sim: %s\n", e.text);
		exit(1);
	}
}

static void reported(const struct response_packet *r, struct arena *a)
{
	struct tars_Registry_updateServer_out out = { .ret = -1 };

	if (!r->ret)
		decode(r, func_of(&tars_Registry_iface, "updateServer")->out, &out, a);
	sim.confirmed += !out.ret;
	sim.refused += out.ret != 0;
	sim.confirmed_us = now_us();
}

static void answered(struct node *n, const struct response_packet *r, struct arena *a)
{
	struct tars_MirrorNews_changed_out news = { 0 };
	struct tars_Mirror_subscribe_out subscription = { 0 };
	struct tars_Mirror_fetch_out buckets = { 0 };

	switch (r->request_id) {
	case 0:
		decode(r, func_of(&tars_MirrorNews_iface, "changed")->out, &news, a);
		changed(n, &news.change);
		return;
	case SUBSCRIBE:
	case ASK:
		if (r->ret) { /* it has not read its rows yet */
			drop(n);
			return;
		}
		decode(r, func_of(&tars_Mirror_iface, "subscribe")->out, &subscription, a);
		if (r->request_id == SUBSCRIBE)
			subscribed(n, &subscription);
		else
			sim.asked = subscription.position, sim.n_asked++;
		return;
	case FETCH:
		decode(r, func_of(&tars_Mirror_iface, "fetch")->out, &buckets, a);
		fetched(n, &buckets);
		return;
	case REPORT:
		reported(r, a);
		return;
	case BEAT:
		sim.beats++;
		return;
	}
}

static void take_frames(struct node *n)
{
	int fd = n->fd;

	while (n->fd == fd && buf_size(&n->in) >= 4) {
		const uint8_t *p = buf_head(&n->in);
		size_t size = (size_t)p[0] << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3];
		struct response_packet r = { 0 };
		struct arena a;

		BUG_ON(size < 4 || size > MAX_FRAME);
		if (buf_size(&n->in) < size)
			return;
		arena_init(&a, NULL, 0);
		BUG_ON(packet_get_response(p + 4, size - 4, &r, &a, NULL) < 0);
		answered(n, &r, &a);
		arena_clear(&a);
		if (n->fd == fd)
			buf_consume(&n->in, size);
	}
	if (n->fd >= 0 && !buf_size(&n->in))
		buf_release(&n->in);
}

static void readable(struct node *n)
{
	ssize_t k = recv(n->fd, buf_reserve(&n->in, READ_MAX), READ_MAX, 0);

	if (k == 0 || (k < 0 && errno != EAGAIN)) {
		drop(n);
		return;
	}
	if (k < 0)
		return;
	n->in.len += (size_t)k;
	sim.bytes += k;
	take_frames(n);
}

static void ready(struct node *n, uint32_t events)
{
	if (n->fd >= 0 && !n->is_open && events & EPOLLOUT) {
		int error = 0;

		getsockopt(n->fd, SOL_SOCKET, SO_ERROR, &error, &(socklen_t){ sizeof(error) });
		if (error) {
			drop(n);
			return;
		}
		n->is_open = true;
		subscribe(n, false);
	} else if (n->fd >= 0 && events & EPOLLOUT) {
		flush(n);
	}
	if (n->fd >= 0 && events & (EPOLLIN | EPOLLERR | EPOLLHUP))
		readable(n);
}

/* ---- what is said ---- */

void sim_report(unsigned server, int state)
{
	struct tars_Registry_updateServer_in in = { 0 };
	struct node *n = &sim.nodes[server % (unsigned)sim.n_nodes];
	char name[32], node[32];

	snprintf(name, sizeof(name), "S%u", server / sim.n_instances);
	snprintf(node, sizeof(node), "node%d", (int)(n - sim.nodes));
	/* In this order, whatever the parameters are called. */
	in.app = (struct tars_str){ node, (uint32_t)strlen(node) };
	in.serverName = TARS_STR("Fleet");
	in.nodeName = (struct tars_str){ name, (uint32_t)strlen(name) };
	in.state.serverState = (enum tars_ServerState)state;
	in.state.processId = 1;
	send_call(n, REPORT, registry_object, "updateServer",
		  func_of(&tars_Registry_iface, "updateServer")->in, &in);
}

void sim_ask(void)
{
	struct tars_Mirror_subscribe_in in = { 0 };

	send_call(&sim.nodes[1], ASK, mirror_object, "subscribe",
		  func_of(&tars_Mirror_iface, "subscribe")->in, &in);
}

/* ---- time ---- */

static void beat(struct node *n)
{
	struct tars_Registry_keepAlive_in in = { 0 };
	char name[32];

	snprintf(name, sizeof(name), "node%d", (int)(n - sim.nodes));
	in.nodeName = (struct tars_str){ name, (uint32_t)strlen(name) };
	send_call(n, BEAT, registry_object, "keepAlive",
		  func_of(&tars_Registry_iface, "keepAlive")->in, &in);
}

static void tick(void)
{
	int64_t now = now_us();

	for (struct node *n = sim.nodes; n < sim.nodes + sim.n_nodes; n++) {
		if (n->fd < 0 && now >= n->retry_us) {
			dial(n);
		} else if (n->is_open && sim.beat_every_us && now >= n->beat_us) {
			n->beat_us = now + sim.beat_every_us;
			beat(n);
		}
	}
}

/* Until `done`, at most so long; false: it was not. */
bool sim_run(bool (*done)(void), int64_t limit_ms)
{
	int64_t until = now_us() + limit_ms * 1000, next_tick = 0;

	while (!done()) {
		struct epoll_event events[EVENTS];
		int n = epoll_wait(sim.epoll_fd, events, EVENTS, 5);
		int64_t now = now_us();

		for (int i = 0; i < n; i++)
			ready(events[i].data.ptr, events[i].events);
		if (now >= next_tick) {
			tick();
			next_tick = now + 10000;
		}
		if (now >= until)
			return false;
	}
	return true;
}
