/* A connection of the load: connecting, access key, requests out, answers in. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/rpc/secure.h"
#include "core/rpc/wireform.h"
#include "proto/auth.h"
#include "roles/bench/load_int.h"

enum {
	RETRY_MS = 100,
	/* Ids are always four bytes on the wire: their place in the packet stays. */
	ID_MARK = 1 << 30, ID_GENERATIONS = 1 << 14,
};

/* ---- one call ---- */

static int32_t slot_id(const struct load_slot *s, const struct load_conn *c)
{
	return ID_MARK | (int32_t)(s->generation << 16) | (int32_t)(s - c->slots);
}

void load_conn_call(struct load_conn *c, int64_t due_ns, int64_t now_ns)
{
	struct load_worker *w = c->worker;
	struct load_slot *s = &c->slots[c->first_free];
	const struct load_packet *p = &w->plan->packets[c->turn];
	struct buf *out = conn_out(&c->conn);
	uint8_t *at = buf_reserve(out, p->n);
	uint32_t id;

	c->turn = c->turn + 1 < w->plan->n_packets ? c->turn + 1 : 0;
	c->first_free = s->next_free;
	c->n_free--;
	w->n_places--;
	s->due_ns = due_ns;
	s->sent_ns = now_ns;
	s->busy = true;
	id = htonl((uint32_t)slot_id(s, c));
	memcpy(at, p->p, p->n);
	memcpy(at + p->id_at, &id, sizeof(id));
	out->len += p->n;
	list_append(&w->in_flight, &s->node);
	load_add(&w->sent, 1);
	load_add(&w->bytes_out, p->n);
	conn_written(&c->conn);
}

void load_conn_fill(struct load_conn *c, int64_t now_ns)
{
	while (c->n_free && c->is_ready)
		load_conn_call(c, now_ns, now_ns);
}

static void count_code(struct load_worker *w, int code)
{
	unsigned i = 0;

	while (i < LOAD_MAX_CODES && atomic_load_explicit(&w->codes[i].n, memory_order_relaxed) && w->codes[i].code != code)
		i++;
	if (i == LOAD_MAX_CODES)
		code = INT32_MAX;
	atomic_store_explicit(&w->codes[i].code, code, memory_order_relaxed);
	load_add(&w->codes[i].n, 1);
}

void load_slot_end(struct load_slot *s, int code, int64_t now_ns)
{
	struct load_conn *c = s->conn;
	struct load_worker *w = c->worker;
	uint64_t took_ns = now_ns > s->due_ns ? (uint64_t)(now_ns - s->due_ns) : 0;

	list_remove(&s->node);
	s->busy = false;
	s->generation = (uint16_t)((s->generation + 1) % ID_GENERATIONS);
	s->next_free = c->first_free;
	c->first_free = (unsigned)(s - c->slots);
	c->n_free++;
	w->n_places += c->is_ready;
	load_add(code ? &w->failed : &w->ok, 1);
	count_code(w, code);
	/* How long a broken connection took to break is no latency. */
	if (code != TARS_ECONNECT) {
		load_add(&w->latency.n[hist_bucket(took_ns)], 1);
		load_add(&w->latency_sum_ns, took_ns);
	}
}

/* ---- answers ---- */

static int on_frame(struct conn *conn, uint8_t *data, size_t n, struct err *e)
{
	struct load_conn *c = container_of(conn, struct load_conn, conn);
	struct load_worker *w = c->worker;
	struct response_packet r;
	struct load_slot *s;
	int64_t now_ns;
	int rc = wire_get_response(data + FRAME_LENGTH_SIZE, n - FRAME_LENGTH_SIZE, &r, &w->scratch,
				   e);

	arena_clear(&w->scratch);
	if (rc)
		return rc;
	load_add(&w->bytes_in, n);
	if (!r.request_id)
		return 0;   /* a push */
	s = &c->slots[r.request_id & 0xffff];
	if ((r.request_id & 0xffff) >= (int32_t)w->plan->in_flight || !s->busy ||
	    slot_id(s, c) != r.request_id) {
		load_add(&w->late, 1);
		return 0;
	}
	now_ns = load_clock_ns();
	load_slot_end(s, r.ret, now_ns);
	if (!w->is_running)
		return 0;
	if (w->plan->rate > 0)
		load_send_due(w, c, now_ns);
	else
		load_conn_call(c, now_ns, now_ns);
	return 0;
}

/* ---- coming up and going down ---- */

static void on_up(struct conn *conn)
{
	struct load_conn *c = container_of(conn, struct load_conn, conn);

	c->is_ready = true;
	c->worker->n_places += c->n_free;
	load_conn_settled(c, true);
	if (!c->worker->is_running)
		return;
	if (c->worker->plan->rate > 0)
		load_send_due(c->worker, c, load_clock_ns());
	else
		load_conn_fill(c, load_clock_ns());
}

static void on_retry(struct timer *t)
{
	load_conn_connect(container_of(t, struct load_conn, retry));
}

/* Its calls have failed; the next target is tried, some time later. */
static void broken(struct load_conn *c, const char *why)
{
	struct load_worker *w = c->worker;
	int64_t now_ns = load_clock_ns();

	if (c->is_ready) {
		c->is_ready = false;
		w->n_places -= c->n_free;
	}
	for (unsigned i = 0; i < w->plan->in_flight; i++)
		if (c->slots[i].busy)
			load_slot_end(&c->slots[i], TARS_ECONNECT, now_ns);
	if (w->is_ending)
		return;
	load_add(&w->broken, 1);
	load_note_why(w->load, why);
	load_conn_settled(c, false);
	c->target = (c->target + 1) % w->plan->n_targets;
}

static void on_down(struct conn *conn, const struct err *why)
{
	struct load_conn *c = container_of(conn, struct load_conn, conn);
	char text[160];

	snprintf(text, sizeof(text), "%s: the server closed the connection", conn->peer_text);
	broken(c, why->code ? why->text : text);
}

static void on_release(struct conn *conn)
{
	struct load_conn *c = container_of(conn, struct load_conn, conn);

	c->is_open = false;
	if (c->worker->is_ending)
		load_conn_gone(c);
	else
		timer_start(&c->retry, RETRY_MS, on_retry);
}

static const struct conn_class load_class = {
	.up = on_up, .frame = on_frame, .down = on_down, .release = on_release,
};

/* The server's answer to our access key comes before anything else. */
static int on_access(struct conn *conn, uint8_t *data, size_t n, struct err *e)
{
	struct load_conn *c = container_of(conn, struct load_conn, conn);
	struct response_packet r;
	int rc = packet_get_response(data + FRAME_LENGTH_SIZE, n - FRAME_LENGTH_SIZE, &r,
				     &c->worker->scratch, e);

	if (!rc && !auth_is_granted(&r))
		rc = err_set(e, TARS_ECONNECT, "%s: the server refuses our access key (code %d)",
			     conn->peer_text, r.ret);
	arena_clear(&c->worker->scratch);
	if (rc)
		return rc;
	conn->class = &load_class;
	on_up(conn);
	return 0;
}

static const struct conn_class access_class = {
	.frame = on_access, .down = on_down, .release = on_release,
};

static int open_conn(struct load_conn *c, struct err *e)
{
	const struct load_plan *plan = c->worker->plan;
	const struct load_target *to = &plan->targets[c->target];
	struct buf access = BUF_INIT;
	struct tls *tls = NULL;
	int rc = 0;

	if (to->ep.auth)
		rc = secure_put_access(plan->app, plan->object, &access, e);
	if (!rc && to->ep.type == ENDPOINT_SSL) {
		tls = secure_session(plan->app, plan->object, to->ep.host, e);
		rc = tls ? 0 : e->code;
	}
	if (!rc)
		rc = conn_connect(&c->conn, to->ep.auth ? &access_class : &load_class, &to->addr,
				  plan->timeout_ms, e);
	if (rc) {
		tls_free(tls);
		buf_release(&access);
		return rc;
	}
	if (tls)
		conn_secure(&c->conn, tls, 0);
	c->conn.high_water = SIZE_MAX;
	if (buf_size(&access)) {
		buf_append(conn_out(&c->conn), &access);
		conn_written(&c->conn);
	}
	buf_release(&access);
	return 0;
}

void load_conn_connect(struct load_conn *c)
{
	struct err e = { 0 };

	if (!open_conn(c, &e)) {
		c->is_open = true;
		return;
	}
	broken(c, e.text);
	timer_start(&c->retry, RETRY_MS, on_retry);
}

void load_conn_close(struct load_conn *c)
{
	timer_stop(&c->retry);
	if (c->is_open)
		conn_close(&c->conn, NULL);
	else
		load_conn_gone(c);
}

void load_conn_init(struct load_conn *c, struct load_worker *w, unsigned target)
{
	unsigned n = w->plan->in_flight;

	c->worker = w;
	c->target = target % w->plan->n_targets;
	c->turn = target % w->plan->n_packets;
	c->slots = xcalloc(n, sizeof(*c->slots));
	for (unsigned i = 0; i < n; i++) {
		c->slots[i].conn = c;
		c->slots[i].next_free = i + 1;
		list_init(&c->slots[i].node);
	}
	c->n_free = n;
}

void load_conn_free(struct load_conn *c)
{
	free(c->slots);
}
