/* Stackful coroutines: their stacks, parking and waking. */
#include "core/io/coro.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/io/coro_switch.h"
#include "core/io/reactor.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define CORO_ASAN 1
#elif __has_feature(thread_sanitizer)
#define CORO_TSAN 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define CORO_ASAN 1
#elif defined(__SANITIZE_THREAD__)
#define CORO_TSAN 1
#endif

#ifdef CORO_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#ifdef CORO_TSAN
#include <sanitizer/tsan_interface.h>
#endif
#if defined(__has_include)
#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#define CORO_VALGRIND 1
#endif
#endif

/* A stack that can run: a coroutine's, or the one the thread came with. */
struct strand {
	struct coro_context context;
	const void *work;
#ifdef CORO_ASAN
	void *fake_stack;
	const void *bottom;
	size_t size;
#endif
#ifdef CORO_TSAN
	void *fiber;
#endif
#ifdef CORO_VALGRIND
	unsigned valgrind_id;
#endif
};

/*
 * One mapping:  | guard page | stack ......... <- grows | struct coro | shift, below a page |
 * An ended coroutine keeps its context (it stands in coro_main's loop) and waits in the free list
 * for the next function: reuse costs one switch and no system call.
 */
struct coro {
	struct strand strand, *caller;   /* caller: where to go when it parks or ends */
	struct coro *outer;              /* coro_self() of the caller */
	struct reactor *reactor;
	void (*fn)(void *);
	void *arg;
	char *mapping;
	size_t mapped;
	unsigned tokens;                 /* wakes that have arrived and no park has used */
	unsigned strays;                 /* parks of coro_await that another's wake ended */
	bool parked, ended;
	struct task deliver;             /* carries wakes to the reactor */
	atomic_uint wakes;               /* not yet delivered; > 0: `deliver` is under way */
	struct coro *next_free;
};

enum {
	FREE_MAX = 256,         /* stacks kept by a thread: 16 MB of the roles' size */
#if defined(CORO_ASAN) || defined(CORO_TSAN)
	STACK_FACTOR = 4,       /* red zones and slow-path calls need room */
#else
	STACK_FACTOR = 1,
#endif
};

static __thread struct coro *current;
static __thread struct strand thread_strand;
static __thread struct {
	struct coro *first;
	unsigned n;
} free_stacks;

/* ---- switching, with what the sanitizers want to know ---- */

static void strand_created(struct strand *s, void *stack, size_t size)
{
#ifdef CORO_ASAN
	s->fake_stack = NULL;
	s->bottom = stack;
	s->size = size;
#endif
#ifdef CORO_TSAN
	s->fiber = __tsan_create_fiber(0);
#endif
#ifdef CORO_VALGRIND
	s->valgrind_id = VALGRIND_STACK_REGISTER(stack, (char *)stack + size);
#endif
	(void)s;
	(void)stack;
	(void)size;
}

static void strand_destroyed(struct strand *s, void *stack, size_t size)
{
#ifdef CORO_ASAN
	__asan_unpoison_memory_region(stack, size);
#endif
#ifdef CORO_TSAN
	__tsan_destroy_fiber(s->fiber);
#endif
#ifdef CORO_VALGRIND
	VALGRIND_STACK_DEREGISTER(s->valgrind_id);
#endif
	(void)s;
	(void)stack;
	(void)size;
}

static inline void before_switch(struct strand *from, struct strand *to)
{
#ifdef CORO_ASAN
	__sanitizer_start_switch_fiber(&from->fake_stack, to->bottom, to->size);
#endif
#ifdef CORO_TSAN
	from->fiber = __tsan_get_current_fiber();
	__tsan_switch_to_fiber(to->fiber, 0);
#endif
	(void)from;
	(void)to;
}

static inline void after_switch(struct strand *from, struct strand *to)
{
#ifdef CORO_ASAN
	/* The only way to learn the bounds of the thread's own stack. */
	__sanitizer_finish_switch_fiber(to->fake_stack, &from->bottom, &from->size);
#endif
	(void)from;
	(void)to;
}

/* ---- running ---- */

static void resume(struct coro *c)
{
	struct strand *here = current ? &current->strand : &thread_strand;

	c->caller = here;
	c->outer = current;
	current = c;
	before_switch(here, &c->strand);
	coro_context_switch(&here->context, &c->strand.context);
	after_switch(&c->strand, here);
}

static void leave(struct coro *c)
{
	current = c->outer;
	before_switch(&c->strand, c->caller);
	coro_context_switch(&c->strand.context, &c->caller->context);
	after_switch(c->caller, &c->strand);
}

static void coro_main(void)
{
	struct coro *c = current;

	after_switch(c->caller, &c->strand);
	for (;;) {
		c->fn(c->arg);
		c->ended = true;
		leave(c);
	}
}

/* ---- stacks ---- */

static size_t page_size(void)
{
	static atomic_size_t known;   /* asking costs more than a switch */
	size_t page = atomic_load_explicit(&known, memory_order_relaxed);

	if (!page) {
		page = (size_t)sysconf(_SC_PAGESIZE);
		atomic_store_explicit(&known, page, memory_order_relaxed);
	}
	return page;
}

/* Tops of stacks that lie equally in their pages would share a few sets of the cache: every stack
 * begins some lines lower than the one before, within a page that is mapped for this. */
static size_t next_shift(void)
{
	enum { STEP = 5 * 64 };
	static __thread size_t shift;

	shift = (shift + STEP) % page_size();
	return shift / 64 * 64;
}

static struct coro *coro_map(size_t mapped)
{
	size_t guard = page_size(), shift = next_shift();
	char *base = mmap(NULL, mapped, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
	struct coro *c;

	/* As with malloc: memory that runs out ends the process, and says how to get more. */
	if (base == MAP_FAILED || mprotect(base, guard, PROT_NONE)) {
		fprintf(stderr, "tars: no memory for a coroutine stack: %s (see ulimit -v, "
			"vm.max_map_count)\n", strerror(errno));
		abort();
	}
	c = (struct coro *)(void *)(base + mapped - shift) - 1;
	c->mapping = base;
	c->mapped = mapped;
	coro_context_make(&c->strand.context, base + guard, (size_t)((char *)c - base) - guard,
			  coro_main);
	strand_created(&c->strand, base + guard, (size_t)((char *)c - base) - guard);
	return c;
}

static void coro_unmap(struct coro *c)
{
	size_t mapped = c->mapped;
	char *base = c->mapping;

	strand_destroyed(&c->strand, base + page_size(), mapped - page_size());
	munmap(base, mapped);
}

static struct coro *coro_take(size_t mapped)
{
	struct coro *c = free_stacks.first;

	/* Sizes are rarely mixed on a reactor: only the first is looked at. */
	if (!c || c->mapped != mapped)
		return coro_map(mapped);
	free_stacks.first = c->next_free;
	free_stacks.n--;
	return c;
}

static void coro_put(struct coro *c)
{
	if (free_stacks.n == FREE_MAX) {
		coro_unmap(c);
		return;
	}
	c->next_free = free_stacks.first;
	free_stacks.first = c;
	free_stacks.n++;
}

void coro_free_stacks(void)
{
	struct coro *c;

	while ((c = free_stacks.first)) {
		free_stacks.first = c->next_free;
		coro_unmap(c);
	}
	free_stacks.n = 0;
}

/* ---- the interface ---- */

static void run(struct coro *c)
{
	resume(c);
	/* A wake that no park waited for may still be under way: then its delivery puts c away. */
	if (c->ended && !atomic_load_explicit(&c->wakes, memory_order_acquire))
		coro_put(c);
}

static void deliver(struct task *t)
{
	struct coro *c = container_of(t, struct coro, deliver);

	/* Release too: the next waker puts `deliver` into the inbox again. */
	c->tokens += atomic_exchange_explicit(&c->wakes, 0, memory_order_acq_rel);
	if (c->ended) {
		coro_put(c);
	} else if (c->parked) {
		c->parked = false;
		run(c);
	}
}

void coro_start(size_t stack, void (*fn)(void *), void *arg)
{
	size_t page = page_size();
	/* Pages are powers of two: a division would cost more than the switch. */
	size_t mapped = 2 * page + ((STACK_FACTOR * stack + page - 1) & ~(page - 1));
	struct coro *c = coro_take(mapped);

	BUG_ON(!reactor_self());
	c->reactor = reactor_self();
	c->fn = fn;
	c->arg = arg;
	c->tokens = 0;
	c->parked = c->ended = false;
	c->strays = 0;
	c->strand.work = NULL;
	c->deliver.run = deliver;
	atomic_init(&c->wakes, 0);
	run(c);
}

struct coro *coro_self(void)
{
	return current;
}

const void **coro_work(void)
{
	return current ? &current->strand.work : &thread_strand.work;
}

void coro_park(void)
{
	struct coro *c = current;

	BUG_ON(!c);
	while (!c->tokens) {
		c->parked = true;
		leave(c);
	}
	c->tokens--;
}

void coro_wake(struct coro *c)
{
	struct reactor *r = c->reactor;

	if (!atomic_fetch_add_explicit(&c->wakes, 1, memory_order_acq_rel))
		reactor_post(r, &c->deliver);
}

void coro_wake_now(struct coro *c)
{
	if (current || c->reactor != reactor_self() || !c->parked) {
		coro_wake(c);
		return;
	}
	c->tokens++;
	c->parked = false;
	run(c);
}

/*
 * Each await owes one park, because its waker wakes once; but a park may be ended by the wake of
 * another await that is still to come.  Such a stray pays for one park of those to come.
 */
void coro_await(const int *done)
{
	struct coro *c = current;

	BUG_ON(!c);
	if (__atomic_load_n(done, __ATOMIC_ACQUIRE)) {
		if (c->strays)
			c->strays--;
		else
			coro_park(); /* until the waker has let go of c */
		return;
	}
	for (;;) {
		coro_park();
		if (__atomic_load_n(done, __ATOMIC_ACQUIRE))
			return;
		c->strays++;
	}
}

struct sleeper {
	struct timer timer;
	struct coro *coro;
	int done;
};

static void on_slept(struct timer *t)
{
	struct sleeper *s = container_of(t, struct sleeper, timer);

	s->done = 1;
	coro_wake(s->coro);
}

void coro_sleep_ms(int64_t ms)
{
	struct sleeper s = { .coro = current };

	BUG_ON(!current);
	timer_start(&s.timer, ms, on_slept);
	coro_await(&s.done);
}

struct yielder {
	struct task task;
	struct coro *coro;
	int done;
};

static void on_turn(struct task *t)
{
	struct yielder *y = container_of(t, struct yielder, task);

	y->done = 1;
	coro_wake(y->coro);
}

void coro_yield(void)
{
	struct yielder y = { .task.run = on_turn, .coro = current };

	BUG_ON(!current);
	reactor_post(reactor_self(), &y.task);
	coro_await(&y.done);
}
