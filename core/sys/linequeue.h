/*
 * Bounded queue of lines with one thread that takes them: what is logged must not wait for a disk.
 *
 * Putting a line costs a copy under a lock that nobody holds for longer than that.  The thread
 * starts with the first line.  A full queue refuses, and whoever put the line counts it.
 *
 *   line_queue_put --copy--> block -> block --all at once--> take() take() ... taken()
 *
 * Thread: any, except line_queue_free: when nobody puts any more.
 */
#ifndef CORE_SYS_LINEQUEUE_H
#define CORE_SYS_LINEQUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One line; its name and text follow each other behind it and are valid until taken() returns. */
struct line {
	uint32_t n;           /* bytes of the text */
	uint16_t n_name;      /* of the name in front of it, without the NUL that it has */
	uint8_t kind, flags;  /* the user's */
	int64_t time_s;       /* of the day, since 1970 */
};

static inline const char *line_name(const struct line *l)
{
	return (const char *)(l + 1);
}

static inline const char *line_text(const struct line *l)
{
	return line_name(l) + l->n_name + 1;
}

struct line_queue_conf {
	const char *thread;                             /* its name */
	size_t max_bytes;
	void (*take)(void *arg, const struct line *l);  /* in the thread, in order */
	void (*taken)(void *arg);                       /* after the last of those that waited */
	void *arg;
};

struct line_queue;
struct line_queue *line_queue_new(const struct line_queue_conf *conf);
/* False: full, or the thread cannot be started. */
bool line_queue_put(struct line_queue *q, const struct line *head, const char *name,
		    const char *text);
/* Whether all that was put is taken.  In a signal handler, too. */
bool line_queue_is_idle(const struct line_queue *q);
/* Waits until all that was put before is taken; false if that is not so in time. */
bool line_queue_flush(struct line_queue *q, int64_t ms);
/* Flushes and ends the thread.  False: it is stuck, and q and what it uses must stay. */
bool line_queue_free(struct line_queue *q, int64_t ms);

#endif
