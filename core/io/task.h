/*
 * Task: a piece of work inside its user's struct, and the first-in-first-out list of them.
 *
 * A task is in one list at a time.  The list is an open value.  One thread at a time.
 */
#ifndef CORE_IO_TASK_H
#define CORE_IO_TASK_H

#include <stdbool.h>
#include <stddef.h>

#define container_of(ptr, type, member) ((type *)((char *)(ptr) - offsetof(type, member)))

struct task {
	struct task *next;
	void (*run)(struct task *);
};

struct task_list {
	struct task *head, *tail;
};

static inline bool task_list_is_empty(const struct task_list *l)
{
	return !l->head;
}

static inline void task_list_add(struct task_list *l, struct task *t)
{
	t->next = NULL;
	if (l->head)
		l->tail->next = t;
	else
		l->head = t;
	l->tail = t;
}

/* Moves all of from behind l's; from is empty then. */
static inline void task_list_move(struct task_list *l, struct task_list *from)
{
	if (!from->head)
		return;
	if (l->head)
		l->tail->next = from->head;
	else
		l->head = from->head;
	l->tail = from->tail;
	from->head = NULL;
}

/* The first one, or NULL. */
static inline struct task *task_list_take(struct task_list *l)
{
	struct task *t = l->head;

	if (t)
		l->head = t->next;
	return t;
}

#endif
