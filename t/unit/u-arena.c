/* Arena: alignment, growth, a first block, cleanups, stealing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/arena.h"

/* Allocates n blocks of size bytes, fills each with its number, and checks them all at the end. */
static void fill(struct arena *a, size_t size, int n)
{
	uint8_t *v[400];

	assert_true(n <= 400);
	for (int i = 0; i < n; i++) {
		v[i] = arena_alloc(a, size);
		assert_int_equal((uintptr_t)v[i] % 16, 0);
		for (size_t k = 0; k < size; k++)
			assert_int_equal(v[i][k], 0);
		memset(v[i], i + 1, size);
	}
	for (int i = 0; i < n; i++)
		for (size_t k = 0; k < size; k++)
			assert_int_equal(v[i][k], (uint8_t)(i + 1));
}

static void test_sizes(void **state)
{
	static const size_t sizes[] = { 1, 0, 15, 16, 17, 100, 2047, 2048, 5000 };
	struct arena a;

	(void)state;
	arena_init(&a, NULL, 0);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
		fill(&a, sizes[i], 200);
	fill(&a, 300000, 4); /* larger than any block */
	fill(&a, 10, 300);   /* the rest of the block before is still in use */
	arena_clear(&a);
	fill(&a, 100, 100); /* ready for use again */
	arena_clear(&a);
}

/* Text lies back to back; what follows it is aligned again. */
static void test_chars(void **state)
{
	static char first[8192] __attribute__((aligned(16)));
	size_t used = 0;
	struct arena a;

	(void)state;
	arena_init(&a, first, sizeof(first));
	for (size_t n = 1; n < 100; n++) {
		assert_ptr_equal(arena_alloc_chars(&a, n), first + used);
		used += n;
		if (n % 5)
			continue;
		used = (used + 15) / 16 * 16;
		assert_ptr_equal(arena_alloc(&a, 16), first + used);
		used += 16;
	}
	assert_null(a.blocks);
	for (size_t n = 1; n < 10000; n += 7) { /* into further blocks */
		memset(arena_alloc_chars(&a, n), 'x', n);
		assert_int_equal((uintptr_t)arena_alloc(&a, n) % 16, 0);
	}
	arena_clear(&a);
}

static void test_first_block(void **state)
{
	static char first[256] __attribute__((aligned(16)));
	struct arena a;
	char *p;

	(void)state;
	arena_init(&a, first, sizeof(first));
	assert_ptr_equal(arena_alloc(&a, 10), first);
	assert_ptr_equal(arena_alloc(&a, 10), first + 16);
	assert_ptr_equal(arena_alloc(&a, 224), first + 32);
	p = arena_alloc(&a, 1); /* full */
	assert_true(p < first || p >= first + sizeof(first));
	arena_clear(&a);
	assert_ptr_equal(arena_alloc_raw(&a, 256), first);
	arena_clear(&a);
}

static void test_recycle(void **state)
{
	struct arena a;
	char *p, *again;

	(void)state;
	arena_init(&a, NULL, 0);
	arena_recycle(&a, 4096);
	assert_true(arena_is_bare(&a));
	arena_alloc(&a, 100);
	p = arena_alloc(&a, 2000);
	arena_recycle(&a, 4096);            /* the newest stays, the older goes */
	assert_false(arena_is_bare(&a));
	again = arena_alloc(&a, 2000);
	assert_ptr_equal(again, p);
	arena_alloc(&a, 10000);
	arena_recycle(&a, 4096);            /* too large */
	assert_true(arena_is_bare(&a));
	arena_clear(&a);
}

static void test_strings(void **state)
{
	struct arena a;
	char *s;

	(void)state;
	arena_init(&a, NULL, 0);
	assert_string_equal(arena_strdup(&a, "text"), "text");
	s = arena_memdup(&a, "a\0bcd", 4);
	assert_memory_equal(s, "a\0bc", 5); /* with a NUL behind */
	assert_string_equal(arena_memdup(&a, NULL, 0), "");
	assert_string_equal(arena_strf(&a, "%s-%d", "n", 7), "n-7");
	s = arena_strf(&a, "%5000d", 1);
	assert_int_equal(strlen(s), 5000);
	arena_clear(&a);
}

static char order[8];

static void note(void *p)
{
	strncat(order, p, 1);
}

static void test_cleanups_run_newest_first(void **state)
{
	struct arena a;

	(void)state;
	*order = '\0';
	arena_init(&a, NULL, 0);
	arena_defer(&a, note, "1");
	arena_defer(&a, note, "2");
	arena_defer(&a, note, "3");
	assert_string_equal(order, "");
	arena_clear(&a);
	assert_string_equal(order, "321");
	arena_clear(&a); /* once only */
	assert_string_equal(order, "321");
}

static void test_steal(void **state)
{
	struct arena to, from;
	char *mine, *stolen;

	(void)state;
	for (int to_has_blocks = 0; to_has_blocks < 2; to_has_blocks++) {
		*order = '\0';
		arena_init(&to, NULL, 0);
		arena_init(&from, NULL, 0);
		mine = to_has_blocks ? arena_strdup(&to, "mine") : "mine";
		arena_defer(to_has_blocks ? &to : &from, note, "a");
		arena_defer(&from, note, "b");
		stolen = arena_strdup(&from, "stolen");
		arena_steal(&to, &from);
		arena_clear(&from);
		assert_string_equal(order, "");
		assert_string_equal(stolen, "stolen");
		assert_string_equal(mine, "mine");
		fill(&to, 1000, 20);
		assert_string_equal(stolen, "stolen");
		arena_clear(&to);
		assert_string_equal(order, "ba");
	}
	arena_init(&from, NULL, 0);
	arena_steal(&to, &from); /* nothing to nothing */
	arena_clear(&to);
}

static void test_xmalloc(void **state)
{
	char *p = xcalloc(3, 5), *s = xstrdup("s");

	(void)state;
	for (int i = 0; i < 15; i++)
		assert_int_equal(p[i], 0);
	p = xrealloc(p, 100);
	p[99] = 1;
	assert_string_equal(s, "s");
	free(p);
	free(s);
	free(xmalloc(0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_chars),
		cmocka_unit_test(test_first_block),
		cmocka_unit_test(test_recycle),
		cmocka_unit_test(test_strings),
		cmocka_unit_test(test_cleanups_run_newest_first),
		cmocka_unit_test(test_steal),
		cmocka_unit_test(test_xmalloc),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
