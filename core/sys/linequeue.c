/* Bounded queue of lines with one thread that takes them. */
#include "core/sys/linequeue.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/io/thread.h"
#include "proto/arena.h"

enum { BLOCK_SIZE = 64 * 1024, ALIGN = 8, KEEP_BLOCKS = 4 };

struct block {
	struct block *next;
	size_t n, room;
	_Alignas(ALIGN) char data[];
};

struct line_queue {
	struct line_queue_conf conf;
	pthread_mutex_t lock;
	pthread_cond_t wake, progress;
	struct block *head, *tail;    /* lines that wait */
	struct block *spare;          /* empty ones of BLOCK_SIZE */
	unsigned n_spare;
	size_t bytes;                 /* of the lines that wait or are being taken */
	_Atomic uint64_t put, taken;  /* lines, ever; written under the lock */
	bool started, sleeping, stopping, ended;
	pthread_t thread;
};

/* ---- blocks ---- */

static size_t line_size(const struct line *l)
{
	return (sizeof(*l) + l->n_name + 1 + l->n + ALIGN - 1) & ~(size_t)(ALIGN - 1);
}

static struct block *block_get(struct line_queue *q, size_t need)
{
	struct block *b = q->spare;

	if (b && need <= b->room) {
		q->spare = b->next;
		q->n_spare--;
	} else {
		size_t room = need > BLOCK_SIZE ? need : BLOCK_SIZE;

		b = xmalloc(sizeof(*b) + room);
		b->room = room;
	}
	b->n = 0;
	b->next = NULL;
	return b;
}

static void block_put(struct line_queue *q, struct block *b)
{
	if (q->n_spare >= KEEP_BLOCKS || b->room > BLOCK_SIZE) {
		free(b);
		return;
	}
	b->next = q->spare;
	q->spare = b;
	q->n_spare++;
}

static void blocks_free(struct block *b)
{
	while (b) {
		struct block *next = b->next;

		free(b);
		b = next;
	}
}

/* ---- the thread ---- */

static uint64_t take_blocks(struct line_queue *q, const struct block *b)
{
	uint64_t n = 0;

	for (; b; b = b->next) {
		for (size_t at = 0; at < b->n; n++) {
			const struct line *l = (const void *)(b->data + at);

			q->conf.take(q->conf.arg, l);
			at += line_size(l);
		}
	}
	q->conf.taken(q->conf.arg);
	return n;
}

static void *queue_thread(void *arg)
{
	struct line_queue *q = arg;

	pthread_mutex_lock(&q->lock);
	while (q->head || !q->stopping) {
		struct block *all = q->head, *b;
		size_t bytes = q->bytes;
		uint64_t n;

		if (!all) {
			q->sleeping = true;
			pthread_cond_wait(&q->wake, &q->lock);
			q->sleeping = false;
			continue;
		}
		q->head = q->tail = NULL;
		pthread_mutex_unlock(&q->lock);
		n = take_blocks(q, all);
		pthread_mutex_lock(&q->lock);
		q->taken += n;
		q->bytes -= bytes;
		while ((b = all)) {
			all = b->next;
			block_put(q, b);
		}
		pthread_cond_broadcast(&q->progress);
	}
	q->ended = true;
	pthread_cond_broadcast(&q->progress);
	pthread_mutex_unlock(&q->lock);
	return NULL;
}

/* ---- for everybody ---- */

struct line_queue *line_queue_new(const struct line_queue_conf *conf)
{
	struct line_queue *q = xcalloc(1, sizeof(*q));
	pthread_condattr_t attr;

	q->conf = *conf;
	pthread_mutex_init(&q->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&q->wake, &attr);
	pthread_cond_init(&q->progress, &attr);
	pthread_condattr_destroy(&attr);
	return q;
}

static void add_line(struct line_queue *q, const struct line *head, size_t size, const char *name,
		     const char *text)
{
	struct line *l;
	char *p;

	if (!q->tail || q->tail->room - q->tail->n < size) {
		struct block *b = block_get(q, size);

		if (q->tail)
			q->tail->next = b;
		else
			q->head = b;
		q->tail = b;
	}
	l = (void *)(q->tail->data + q->tail->n);
	*l = *head;
	p = (char *)(l + 1);
	memcpy(p, name, head->n_name);
	p[head->n_name] = '\0';
	memcpy(p + head->n_name + 1, text, head->n);
	q->tail->n += size;
	q->bytes += size;
	q->put++;
}

bool line_queue_put(struct line_queue *q, const struct line *head, const char *name,
		    const char *text)
{
	size_t size = line_size(head);
	bool wake = false, fits;

	pthread_mutex_lock(&q->lock);
	if (!q->started)
		q->started = !thread_start(&q->thread, q->conf.thread, queue_thread, q, NULL);
	fits = q->started && !q->stopping && q->bytes + size <= q->conf.max_bytes;
	if (fits) {
		wake = q->sleeping;
		q->sleeping = false;
		add_line(q, head, size, name, text);
	}
	pthread_mutex_unlock(&q->lock);
	if (wake)
		pthread_cond_signal(&q->wake);
	return fits;
}

static struct timespec deadline_after(int64_t ms)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_sec += ms / 1000;
	t.tv_nsec += ms % 1000 * 1000000;
	if (t.tv_nsec >= 1000000000) {
		t.tv_sec++;
		t.tv_nsec -= 1000000000;
	}
	return t;
}

bool line_queue_is_idle(const struct line_queue *q)
{
	return atomic_load(&q->taken) >= atomic_load(&q->put);
}

bool line_queue_flush(struct line_queue *q, int64_t ms)
{
	struct timespec until = deadline_after(ms);
	uint64_t put;
	int rc = 0;
	bool done;

	pthread_mutex_lock(&q->lock);
	put = q->put;
	while (q->taken < put && !rc)
		rc = pthread_cond_timedwait(&q->progress, &q->lock, &until);
	done = q->taken >= put;
	pthread_mutex_unlock(&q->lock);
	return done;
}

bool line_queue_free(struct line_queue *q, int64_t ms)
{
	struct timespec until = deadline_after(ms);
	int rc = 0;
	bool ended;

	if (!q)
		return true;
	pthread_mutex_lock(&q->lock);
	q->stopping = true;
	pthread_cond_signal(&q->wake);
	while (q->started && !q->ended && !rc)
		rc = pthread_cond_timedwait(&q->progress, &q->lock, &until);
	ended = !q->started || q->ended;
	pthread_mutex_unlock(&q->lock);
	if (!ended)
		return false;
	if (q->started)
		pthread_join(q->thread, NULL);
	blocks_free(q->head);
	blocks_free(q->spare);
	pthread_cond_destroy(&q->wake);
	pthread_cond_destroy(&q->progress);
	pthread_mutex_destroy(&q->lock);
	free(q);
	return true;
}
