/* Captured IP packets to TARS packets: connections by their ends, each with two streams. */
#include "roles/connections.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "proto/arena.h"
#include "proto/frame.h"
#include "roles/stream.h"

enum {
	BUCKETS = 1024,
	IPPROTO_6_HOP = 0, IPPROTO_6_ROUTING = 43, IPPROTO_6_OPTIONS = 60,
	TCP_HEAD = 20, TCP_FIN = 1, TCP_SYN = 2, TCP_RST = 4, TCP_ACK = 16,
	UDP_HEAD = 8,
	MAX_EXTENSIONS = 8,
};

struct end {
	uint8_t address[16];
	uint16_t port;
	bool is_v6;
};

struct connection {
	struct connection *next;     /* of its bucket */
	struct end end[2];           /* in the order of memcmp */
	struct stream stream[2];     /* from end[i] */
	bool is_foreign[2];          /* another protocol: not looked at any more */
	bool has_ended[2];
	uint64_t number, last_used;
	int64_t time_us;             /* of its last segment */
	size_t memory;               /* of its streams */
};

struct connections {
	const struct capture_sink *sink;
	struct connection *bucket[BUCKETS];
	unsigned n;
	uint64_t clock, numbers;
	size_t memory;               /* of all of them */
};

/* One IP packet. */
struct packet {
	struct end from, to;
	int protocol;
	const uint8_t *p;            /* behind the IP head */
	size_t n;                    /* as far as it was captured */
};

static uint16_t u16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static uint32_t u32(const uint8_t *p)
{
	return (uint32_t)u16(p) << 16 | u16(p + 2);
}

/* ---- places ---- */

static void put_end(char text[CAPTURE_TEXT_SIZE], const struct end *end)
{
	char address[INET6_ADDRSTRLEN];

	inet_ntop(end->is_v6 ? AF_INET6 : AF_INET, end->address, address, sizeof(address));
	snprintf(text, CAPTURE_TEXT_SIZE, end->is_v6 ? "[%s]:%u" : "%s:%u", address, end->port);
}

static struct capture_place place_of(const struct connection *c, int side)
{
	struct capture_place place = { .time_us = c->time_us, .connection = c->number, .side = side };

	put_end(place.from, &c->end[side]);
	put_end(place.to, &c->end[!side]);
	return place;
}

static void note(const struct connections *all, const struct connection *c, int side,
		 const char *text)
{
	struct capture_place place = place_of(c, side);

	all->sink->note(all->sink->ctx, &place, text);
}

/* ---- packets out of streams ---- */

static const char *protocol_name(enum frame_protocol protocol)
{
	switch (protocol) {
	case PROTOCOL_HTTP1:
		return "HTTP/1: not shown";
	case PROTOCOL_HTTP2:
		return "HTTP/2: not shown";
	case PROTOCOL_TLS:
		return "TLS: not shown";
	default:
		return NULL;
	}
}

static void note_lost(const struct connections *all, struct connection *c, int side)
{
	struct stream *s = &c->stream[side];
	char text[80];

	if (s->lost) {
		snprintf(text, sizeof(text), "%llu bytes are missing in the capture",
			 (unsigned long long)s->lost);
		note(all, c, side, text);
	}
	if (s->skipped) {
		snprintf(text, sizeof(text), "%llu bytes are no whole packets",
			 (unsigned long long)s->skipped);
		note(all, c, side, text);
	}
	s->lost = s->skipped = 0;
}

/* One packet, if there is a whole one. */
static bool take_packet(struct connections *all, struct connection *c, int side)
{
	struct stream *s = &c->stream[side];
	const uint8_t *data = buf_head(&s->data);
	struct capture_place place;
	size_t n = buf_size(&s->data), size;

	switch (frame_next(data, n, FRAME_DEFAULT_MAX, &size, NULL)) {
	case FRAME_OK:
		place = place_of(c, side);
		all->sink->packet(all->sink->ctx, &place, data, size);
		buf_consume(&s->data, size);
		return true;
	case FRAME_BAD:
		s->is_in_step = false;
		return true;
	default:
		return false;
	}
}

static void take_packets(struct connections *all, struct connection *c, int side)
{
	struct stream *s = &c->stream[side];
	const char *foreign;

	do {
		stream_find_packet(s);
		if (s->is_in_step)
			note_lost(all, c, side);
		foreign = s->is_in_step ?
			  protocol_name(frame_detect(buf_head(&s->data), buf_size(&s->data))) : NULL;
		if (foreign) {
			c->is_foreign[side] = true;
			note(all, c, side, foreign);
			stream_release(s);
			return;
		}
	} while (s->is_in_step && take_packet(all, c, side));
}

/* ---- the table ---- */

static unsigned bucket_of(const struct end end[2])
{
	uint64_t h = 0xcbf29ce484222325u;

	for (int i = 0; i < 2; i++) {
		for (size_t k = 0; k < sizeof(end->address); k++)
			h = (h ^ end[i].address[k]) * 0x100000001b3u;
		h = (h ^ end[i].port) * 0x100000001b3u;
	}
	return (unsigned)(h >> 32) % BUCKETS;
}

static bool is_end(const struct end *a, const struct end *b)
{
	return a->port == b->port && a->is_v6 == b->is_v6 &&
	       !memcmp(a->address, b->address, sizeof(a->address));
}

static void finish(struct connections *all, struct connection *c)
{
	char text[80];

	for (int side = 0; side < 2; side++) {
		struct stream *s = &c->stream[side];

		while (stream_skip_gap(s))
			take_packets(all, c, side);
		if (!s->is_in_step)
			s->skipped += buf_size(&s->data);
		note_lost(all, c, side);
		if (s->is_in_step && buf_size(&s->data)) {
			snprintf(text, sizeof(text), "%zu bytes at the end are only the beginning of a packet",
				 buf_size(&s->data));
			note(all, c, side, text);
		}
		stream_release(s);
	}
}

static void remove_connection(struct connections *all, struct connection *c)
{
	struct connection **at = &all->bucket[bucket_of(c->end)];

	while (*at != c)
		at = &(*at)->next;
	*at = c->next;
	all->memory -= c->memory;
	finish(all, c);
	free(c);
	all->n--;
}

static void remove_idle(struct connections *all)
{
	struct connection *oldest = NULL;

	for (int b = 0; b < BUCKETS; b++)
		for (struct connection *c = all->bucket[b]; c; c = c->next)
			if (!oldest || c->last_used < oldest->last_used)
				oldest = c;
	remove_connection(all, oldest);
}

static struct connection *find(struct connections *all, const struct packet *p, int *side_r)
{
	int side = memcmp(&p->from.address, &p->to.address, sizeof(p->from.address));
	struct connection *c;
	struct end end[2];
	unsigned b;

	if (!side)
		side = p->from.port - p->to.port;
	side = side > 0;
	end[side] = p->from;
	end[!side] = p->to;
	*side_r = side;
	b = bucket_of(end);
	for (c = all->bucket[b]; c; c = c->next)
		if (is_end(&c->end[0], &end[0]) && is_end(&c->end[1], &end[1]))
			break;
	if (!c) {
		if (all->n == CAPTURE_MAX_CONNECTIONS)
			remove_idle(all);
		c = xcalloc(1, sizeof(*c));
		memcpy(c->end, end, sizeof(end));
		c->number = ++all->numbers;
		c->next = all->bucket[b];
		all->bucket[b] = c;
		all->n++;
	}
	c->last_used = ++all->clock;
	return c;
}

static void account(struct connections *all, struct connection *c)
{
	all->memory -= c->memory;
	c->memory = 0;
	for (int side = 0; side < 2; side++)
		c->memory += c->stream[side].data.cap + c->stream[side].late_size;
	all->memory += c->memory;
}

/* ---- TCP and UDP ---- */

static void add_segment(struct connections *all, struct connection *c, int side, uint32_t seq,
			const uint8_t *p, size_t n)
{
	struct stream *s = &c->stream[side];

	if (c->is_foreign[side])
		return;
	stream_add(s, seq, p, n);
	take_packets(all, c, side);
	if (!buf_size(&s->data)) /* idle connections need no memory */
		buf_release(&s->data);
}

static void add_tcp(struct connections *all, const struct packet *p, int64_t time_us)
{
	struct connection *c;
	size_t head;
	uint32_t seq;
	uint8_t flags;
	int side;

	if (p->n < TCP_HEAD)
		return;
	head = (size_t)(p->p[12] >> 4) * 4;
	flags = p->p[13];
	seq = u32(p->p + 4);
	if (head < TCP_HEAD || head > p->n)
		return;
	c = find(all, p, &side);
	c->time_us = time_us;
	if (flags & TCP_SYN) {
		if (!(flags & TCP_ACK)) { /* maybe the same ends again */
			finish(all, c);
			memset(c->is_foreign, false, sizeof(c->is_foreign));
			memset(c->has_ended, false, sizeof(c->has_ended));
		}
		stream_begin(&c->stream[side], seq++);
	}
	add_segment(all, c, side, seq, p->p + head, p->n - head);
	account(all, c);
	c->has_ended[side] |= (flags & TCP_FIN) != 0;
	if ((flags & TCP_RST) || (c->has_ended[0] && c->has_ended[1]) ||
	    all->memory > CAPTURE_MAX_MEMORY)
		remove_connection(all, c);
}

/* A datagram is one packet. */
static void add_udp(struct connections *all, const struct packet *p, int64_t time_us)
{
	struct capture_place place;
	struct connection *c;
	size_t size;
	int side;

	if (p->n < UDP_HEAD ||
	    frame_next(p->p + UDP_HEAD, p->n - UDP_HEAD, FRAME_DEFAULT_MAX, &size, NULL) != FRAME_OK)
		return;
	c = find(all, p, &side);
	c->time_us = time_us;
	place = place_of(c, side);
	all->sink->packet(all->sink->ctx, &place, p->p + UDP_HEAD, size);
}

/* ---- IP ---- */

static bool read_v4(struct packet *packet, const uint8_t *p, size_t n)
{
	size_t head = (size_t)(p[0] & 15) * 4, size;

	if (n < 20 || head < 20 || head > n)
		return false;
	size = u16(p + 2);
	if (size < head)
		size = n; /* left to the network card */
	if (u16(p + 6) & 0x3fff)
		return false; /* a fragment: TCP and TARS over UDP have none */
	memcpy(packet->from.address, p + 12, 4);
	memcpy(packet->to.address, p + 16, 4);
	packet->protocol = p[9];
	packet->p = p + head;
	packet->n = (size < n ? size : n) - head;
	return true;
}

static bool read_v6(struct packet *packet, const uint8_t *p, size_t n)
{
	const uint8_t *at = p + 40;
	size_t left;

	if (n < 40)
		return false;
	left = n - 40 < u16(p + 4) || !u16(p + 4) ? n - 40 : u16(p + 4);
	packet->from.is_v6 = packet->to.is_v6 = true;
	memcpy(packet->from.address, p + 8, 16);
	memcpy(packet->to.address, p + 24, 16);
	packet->protocol = p[6];
	for (int i = 0; i < MAX_EXTENSIONS; i++) {
		size_t size;

		if (packet->protocol != IPPROTO_6_HOP && packet->protocol != IPPROTO_6_ROUTING &&
		    packet->protocol != IPPROTO_6_OPTIONS)
			break;
		size = left < 2 ? 0 : 8 * (size_t)(at[1] + 1);
		if (!size || size > left)
			return false;
		packet->protocol = at[0];
		at += size;
		left -= size;
	}
	packet->p = at;
	packet->n = left;
	return true;
}

void connections_add(struct connections *c, int64_t time_us, const uint8_t *ip, size_t n)
{
	struct packet packet = { 0 };
	bool is_read = n && (*ip >> 4 == 4 ? read_v4(&packet, ip, n) :
			     *ip >> 4 == 6 ? read_v6(&packet, ip, n) : false);

	if (!is_read || packet.n < 4)
		return;
	packet.from.port = u16(packet.p);
	packet.to.port = u16(packet.p + 2);
	if (packet.protocol == IPPROTO_TCP)
		add_tcp(c, &packet, time_us);
	else if (packet.protocol == IPPROTO_UDP)
		add_udp(c, &packet, time_us);
}

struct connections *connections_new(const struct capture_sink *sink)
{
	struct connections *c = xcalloc(1, sizeof(*c));

	c->sink = sink;
	return c;
}

void connections_free(struct connections *c)
{
	for (int b = 0; b < BUCKETS; b++)
		while (c->bucket[b])
			remove_connection(c, c->bucket[b]);
	free(c);
}
