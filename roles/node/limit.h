/*
 * How often a server may be started automatically (contract 4.6): at once, then slower, then not
 * for a while.  Starts by command are not limited.
 *
 * Plain values; the caller tells the time.  Thread: any.
 */
#ifndef ROLES_NODE_LIMIT_H
#define ROLES_NODE_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

struct limits {
	int starts;             /* within window_ms, then none for penalty_ms */
	int64_t window_ms, penalty_ms;
};

struct limiter {
	int64_t window_us;      /* start of the window */
	int starts;             /* in it */
	int early_deaths;       /* in a row: each waits longer */
	int64_t penalty_ms;     /* the last one, 0: none so far */
	int64_t until_us;       /* no start before */
	bool is_punished;       /* until_us is because of the limit */
};

/* Milliseconds until the next start is allowed; 0: now. */
int64_t limiter_delay_ms(struct limiter *l, const struct limits *c, int64_t now_us);
void limiter_note_start(struct limiter *l, const struct limits *c, int64_t now_us);
void limiter_note_death(struct limiter *l, const struct limits *c, int64_t now_us,
			int64_t lived_ms);

#endif
