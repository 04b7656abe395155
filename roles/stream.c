/* The bytes of a TCP connection put back together from captured segments. */
#include "roles/stream.h"

#include <stdlib.h>

#include "proto/arena.h"
#include "proto/frame.h"

static void drop_late(struct stream *s, unsigned i)
{
	free(s->late[i].data);
	s->late_size -= s->late[i].n;
	memmove(&s->late[i], &s->late[i + 1], (--s->n_late - i) * sizeof(*s->late));
}

void stream_release(struct stream *s)
{
	while (s->n_late)
		drop_late(s, s->n_late - 1);
	free(s->late);
	buf_release(&s->data);
	*s = (struct stream){ 0 };
}

void stream_begin(struct stream *s, uint32_t seq)
{
	stream_release(s);
	s->has_begun = s->is_in_step = true;
	s->next = seq + 1;
}

/* Distance of a sequence number from what comes next; numbers wrap around. */
static int32_t ahead(const struct stream *s, uint32_t seq)
{
	return (int32_t)(seq - s->next);
}

/* What is new of a segment that begins at or before next. */
static void append(struct stream *s, uint32_t seq, const uint8_t *p, size_t n)
{
	size_t known = s->next - seq;

	if (n <= known)
		return;
	buf_add(&s->data, p + known, n - known);
	s->next += (uint32_t)(n - known);
}

static void append_late(struct stream *s)
{
	while (s->n_late && ahead(s, s->late->seq) <= 0) {
		append(s, s->late->seq, s->late->data, s->late->n);
		drop_late(s, 0);
	}
}

static void keep_late(struct stream *s, uint32_t seq, const uint8_t *p, size_t n)
{
	unsigned i = s->n_late;

	if (!s->late)
		s->late = xcalloc(STREAM_MAX_LATE + 1, sizeof(*s->late));
	while (i && ahead(s, s->late[i - 1].seq) > ahead(s, seq))
		i--;
	if (i && s->late[i - 1].seq == seq && s->late[i - 1].n >= n)
		return; /* once more */
	memmove(&s->late[i + 1], &s->late[i], (s->n_late++ - i) * sizeof(*s->late));
	s->late[i] = (struct stream_late){ seq, (uint32_t)n, xmalloc(n) };
	memcpy(s->late[i].data, p, n);
	s->late_size += n;
}

bool stream_skip_gap(struct stream *s)
{
	if (!s->n_late)
		return false;
	s->lost += (uint32_t)ahead(s, s->late->seq);
	s->next = s->late->seq;
	s->is_in_step = false;
	buf_clear(&s->data);
	append_late(s);
	return true;
}

void stream_add(struct stream *s, uint32_t seq, const uint8_t *p, size_t n)
{
	if (!s->has_begun) { /* the capture began later than the connection */
		s->has_begun = true;
		s->next = seq;
	}
	if (!n || ahead(s, seq + (uint32_t)n) <= 0)
		return;
	if (ahead(s, seq) <= 0) {
		append(s, seq, p, n);
		append_late(s);
		return;
	}
	keep_late(s, seq, p, n);
	if (s->n_late > STREAM_MAX_LATE || s->late_size > STREAM_MAX_LATE_SIZE)
		stream_skip_gap(s);
}

enum { PROBE_SIZE = 7 };

/*
 * A length, then iVersion (tag 1, a Char of 1 to 5) and cPacketType (tag 2, Zero or Char): every
 * packet of every SDK begins like this.
 */
static bool looks_like_packet(const uint8_t *p)
{
	size_t size = (size_t)p[0] << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3];

	return size >= PROBE_SIZE && size <= FRAME_DEFAULT_MAX && p[4] == 0x10 && p[5] >= 1 &&
	       p[5] <= 5 && (p[6] == 0x2c || p[6] == 0x20);
}

void stream_find_packet(struct stream *s)
{
	const uint8_t *head = buf_head(&s->data);
	size_t n = buf_size(&s->data), i = 0;

	if (s->is_in_step)
		return;
	for (; i + PROBE_SIZE <= n && !s->is_in_step; i++)
		s->is_in_step = looks_like_packet(head + i);
	i -= s->is_in_step;
	buf_consume(&s->data, i);
	s->skipped += i;
}
