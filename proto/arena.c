/* Arena: blocks, cleanups, strings; and the malloc wrappers that abort. */
#include "proto/arena.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/err.h"
#include "proto/format.h"

/* The first block is of a size that malloc keeps at hand for its thread. */
enum { BLOCK_MIN = 1024, BLOCK_MAX = 256 * 1024, BLOCK_REST = 512 };

struct arena_block {
	struct arena_block *next;
	size_t size;
	_Alignas(16) char data[];
};

struct arena_cleanup {
	struct arena_cleanup *next;
	void (*fn)(void *);
	void *p;
};

void arena_init(struct arena *a, void *first, size_t first_size)
{
	*a = (struct arena){ .pos = first, .end = first ? (char *)first + first_size : NULL,
			     .first = first, .first_size = first_size };
}

void arena_clear_slow(struct arena *a)
{
	struct arena_block *b, *next;

	while (a->cleanups) {
		struct arena_cleanup *c = a->cleanups;
		a->cleanups = c->next;
		c->fn(c->p);
	}
	for (b = a->blocks; b; b = next) {
		next = b->next;
		free(b);
	}
	arena_init(a, a->first, a->first_size);
}

void arena_recycle(struct arena *a, size_t keep)
{
	struct arena_block *b = a->blocks;

	if (!b || b->size > keep) {
		arena_clear(a);
		return;
	}
	a->blocks = b->next;
	arena_clear(a);
	b->next = NULL;
	a->blocks = b;
	a->pos = b->data;
	a->end = (char *)b + b->size;
}

void *arena_alloc_slow(struct arena *a, size_t size)
{
	size_t want = a->blocks ? a->blocks->size * 2 : BLOCK_MIN;
	struct arena_block *b;
	char *p;

	BUG_ON(size > SIZE_MAX / 2);
	size = (size + !size + 15) & ~(size_t)15;
	if (want > BLOCK_MAX)
		want = BLOCK_MAX;
	if (want < size + sizeof(*b))
		want = size + sizeof(*b) + BLOCK_REST;   /* a large object comes with small ones */
	b = xmalloc(want);
	b->size = want;
	p = b->data;
	/* A block for one large object goes behind the current one, whose rest stays in use. */
	if (a->blocks && size > BLOCK_MAX / 2 && a->end > a->pos) {
		b->next = a->blocks->next;
		a->blocks->next = b;
		return p;
	}
	b->next = a->blocks;
	a->blocks = b;
	a->pos = p + size;
	a->end = (char *)b + want;
	return p;
}

void *arena_alloc(struct arena *a, size_t size)
{
	return memset(arena_alloc_raw(a, size), 0, size);
}

char *arena_memdup(struct arena *a, const void *p, size_t n)
{
	char *copy = arena_alloc_raw(a, n + 1);

	if (n)
		memcpy(copy, p, n);
	copy[n] = '\0';
	return copy;
}

char *arena_strdup(struct arena *a, const char *s)
{
	return arena_memdup(a, s, strlen(s));
}

char *arena_vstrf(struct arena *a, const char *fmt, va_list ap)
{
	size_t room = (size_t)(a->end - a->pos);
	va_list again;
	int n;
	char *p;

	/* Most often it fits into the block at once, and formatting is what costs. */
	va_copy(again, ap);
	n = format_text(a->pos, room, fmt, again);
	va_end(again);
	BUG_ON(n < 0);
	p = arena_alloc_chars(a, (size_t)n + 1);
	if ((size_t)n >= room)
		format_text(p, (size_t)n + 1, fmt, ap);
	return p;
}

char *arena_strf(struct arena *a, const char *fmt, ...)
{
	va_list ap;
	char *p;

	va_start(ap, fmt);
	p = arena_vstrf(a, fmt, ap);
	va_end(ap);
	return p;
}

void arena_defer(struct arena *a, void (*fn)(void *), void *p)
{
	struct arena_cleanup *c = arena_alloc_raw(a, sizeof(*c));

	*c = (struct arena_cleanup){ .next = a->cleanups, .fn = fn, .p = p };
	a->cleanups = c;
}

void arena_steal(struct arena *to, struct arena *from)
{
	struct arena_block **tail;
	struct arena_cleanup **last;

	BUG_ON(from->first);
	for (last = &from->cleanups; *last; last = &(*last)->next)
		;
	*last = to->cleanups;
	to->cleanups = from->cleanups;
	for (tail = &from->blocks; *tail; tail = &(*tail)->next)
		;
	if (to->blocks) { /* behind the block that `to` fills at present */
		*tail = to->blocks->next;
		to->blocks->next = from->blocks;
	} else {
		to->blocks = from->blocks;
	}
	arena_init(from, NULL, 0);
}

static void *or_abort(void *p, size_t n)
{
	if (!p && n) {
		fprintf(stderr, "tars: out of memory (%zu bytes)\n", n);
		abort();
	}
	return p;
}

void *xmalloc(size_t n)
{
	return or_abort(malloc(n), n);
}

void *xcalloc(size_t n, size_t size)
{
	return or_abort(calloc(n, size), n * size);
}

void *xcalloc_lines(size_t size)
{
	enum { LINE = 64 };
	size_t whole = (size + LINE - 1) & ~(size_t)(LINE - 1);

	return memset(or_abort(aligned_alloc(LINE, whole), whole), 0, whole);
}

void *xrealloc(void *p, size_t n)
{
	return or_abort(realloc(p, n), n);
}

char *xstrdup(const char *s)
{
	return or_abort(strdup(s), strlen(s) + 1);
}
