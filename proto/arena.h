/*
 * Arena: allocations that are released together.
 *
 * Owner: whoever embeds it (a request, a table, a parse).  One thread at a time.  arena_alloc
 * never returns NULL: memory that runs out aborts the process, and peers cannot cause that because
 * every size that comes from outside is checked against a limit before it is allocated.
 *
 *   first block (optional, the caller's)     further blocks (malloc)
 *   +-----------------------+----------+     +-------------------------------+
 *   | used ............ pos | free end | --> | header | used ....... pos | . |
 *   +-----------------------+----------+     +-------------------------------+
 */
#ifndef PROTO_ARENA_H
#define PROTO_ARENA_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* memset(p, 0, n) by the library: what the compiler makes of it where it knows n (`rep stos`) takes
 * longer to start than a few hundred bytes take. */
static inline void mem_zero(void *p, size_t n)
{
	__asm__("" : "+r"(n));
	memset(p, 0, n);
}

struct arena_block;
struct arena_cleanup;

struct arena {
	char *pos, *end;
	struct arena_block *blocks;      /* newest first */
	struct arena_cleanup *cleanups;  /* newest first */
	char *first;                     /* the caller's first block, or NULL */
	size_t first_size;
};

/* `first` may be NULL; else it must outlive the arena and be aligned to 16. */
void arena_init(struct arena *a, void *first, size_t first_size);
/* Runs the cleanups (newest first) and frees all blocks; the arena is ready for use again. */
void arena_clear_slow(struct arena *a);
/* Whether it has nothing beyond its first block. */
static inline bool arena_is_bare(const struct arena *a)
{
	return !a->blocks && !a->cleanups;
}
static inline void arena_clear(struct arena *a)
{
	if (arena_is_bare(a))
		a->pos = a->first;
	else
		arena_clear_slow(a);
}
/* The same, but its newest block stays for what comes next if it has at most `keep` bytes. */
void arena_recycle(struct arena *a, size_t keep);

void *arena_alloc_slow(struct arena *a, size_t size);
/* `size` zeroed bytes, aligned to 16.  size 0 gives a valid pointer. */
void *arena_alloc(struct arena *a, size_t size);
/* The same, not zeroed. */
static inline void *arena_alloc_raw(struct arena *a, size_t size)
{
	size_t need = (size + !size + 15) & ~(size_t)15, pad = -(uintptr_t)a->pos & 15;
	char *p = a->pos;

	if (__builtin_expect(need < size || (size_t)(a->end - p) < need + pad, 0))
		return arena_alloc_slow(a, size);
	a->pos = p + pad + need;
	return p + pad;
}

/* The same for text, not aligned: the strings of a message lie back to back. */
static inline char *arena_alloc_chars(struct arena *a, size_t size)
{
	char *p = a->pos;

	if (__builtin_expect((size_t)(a->end - p) < size, 0))
		return (char *)arena_alloc_slow(a, size);
	a->pos = p + size;
	return p;
}

char *arena_strdup(struct arena *a, const char *s);
/* Copy of n bytes with a NUL behind them. */
char *arena_memdup(struct arena *a, const void *p, size_t n);
char *arena_strf(struct arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
char *arena_vstrf(struct arena *a, const char *fmt, va_list ap);

/* fn(p) runs at arena_clear: for descriptors and foreign objects. */
void arena_defer(struct arena *a, void (*fn)(void *), void *p);
/* Moves all of from's memory and cleanups to `to`; from is empty then.  from must have no `first`. */
void arena_steal(struct arena *to, struct arena *from);

#define ARENA_NEW(a, type) ((type *)arena_alloc((a), sizeof(type)))

/* malloc that never returns NULL, for process lifetime. */
void *xmalloc(size_t n);
void *xcalloc(size_t n, size_t size);
/* `size` zeroed bytes that share no line of the cache with anything else. */
void *xcalloc_lines(size_t size);
void *xrealloc(void *p, size_t n);
char *xstrdup(const char *s);

#endif
