/* Limits automatic starts of a server that keeps dying. */
#include "roles/node/limit.h"

enum {
	STABLE_MS = 5000,      /* a process that lived so long did not die early */
	FIRST_PAUSE_MS = 400,  /* after the second early death, doubled with each further one */
	MAX_PAUSE_MS = 5000,
	MAX_DOUBLINGS = 4,
};

int64_t limiter_delay_ms(struct limiter *l, const struct limits *c, int64_t now_us)
{
	if (now_us < l->until_us)
		return (l->until_us - now_us + 999) / 1000;
	if (now_us - l->window_us >= c->window_ms * 1000 || l->starts < c->starts) {
		l->is_punished = false;
		return 0;
	}
	/* Half as long again each time, until one process lives for a whole window. */
	l->penalty_ms = l->penalty_ms ? l->penalty_ms * 3 / 2 : c->penalty_ms;
	l->until_us = now_us + l->penalty_ms * 1000;
	l->is_punished = true;
	l->starts = 0;
	return l->penalty_ms;
}

void limiter_note_start(struct limiter *l, const struct limits *c, int64_t now_us)
{
	if (l->starts == 0 || now_us - l->window_us >= c->window_ms * 1000) {
		l->window_us = now_us;
		l->starts = 0;
	}
	l->starts++;
}

void limiter_note_death(struct limiter *l, const struct limits *c, int64_t now_us,
			int64_t lived_ms)
{
	int64_t pause = 0;
	int doublings;

	if (lived_ms > c->window_ms)
		l->penalty_ms = 0;
	l->early_deaths = lived_ms < STABLE_MS ? l->early_deaths + 1 : 0;
	/* The first one costs nothing: a kill -9 is repaired at once. */
	if (l->early_deaths > 1) {
		doublings = l->early_deaths - 2;
		pause = FIRST_PAUSE_MS << (doublings < MAX_DOUBLINGS ? doublings : MAX_DOUBLINGS);
	}
	if (pause > MAX_PAUSE_MS)
		pause = MAX_PAUSE_MS;
	if (l->until_us < now_us + pause * 1000)
		l->until_us = now_us + pause * 1000;
}
