/*
 * What operators have said about a service's own logs: the level of its rolling log, and which day
 * logs are off (tars.setloglevel, tars.enabledaylog; contract 6).
 *
 * The logs themselves ask here before they write.  Open value; owner: struct tars_app.
 * Thread: any.
 */
#ifndef CORE_RPC_LOGSTATE_H
#define CORE_RPC_LOGSTATE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "proto/err.h"

/* The official numbers: a line is written if its level is not above the log's. */
enum log_state_level {
	LOG_STATE_NONE = 1, LOG_STATE_ERROR, LOG_STATE_WARN, LOG_STATE_INFO, LOG_STATE_DEBUG,
	LOG_STATE_TARS,   /* what the framework itself has to say, too */
};

enum day_log_target { DAY_LOG_LOCAL = 1, DAY_LOG_REMOTE = 2 };

enum { DAY_LOG_NAME_MAX = 63, DAY_LOG_MAX_OFF = 128 };

struct day_log_off {
	char name[DAY_LOG_NAME_MAX + 1];  /* "": the log without a name */
	unsigned targets;                 /* enum day_log_target */
};

struct log_state {
	_Atomic int level;            /* enum log_state_level */
	_Atomic unsigned n_off;
	pthread_mutex_t lock;         /* off[] */
	struct day_log_off off[DAY_LOG_MAX_OFF];
};

/* DEBUG, and every day log on. */
void log_state_init(struct log_state *ls);
void log_state_release(struct log_state *ls);

/* "DEBUG", in any case.  0: no level of that name. */
int log_state_level_parse(const char *text, size_t n);
const char *log_state_level_name(int level);

static inline bool log_state_is_on(const struct log_state *ls, enum log_state_level level)
{
	return (int)level <= atomic_load_explicit(&ls->level, memory_order_relaxed);
}

/* TARS_EARG: the name is too long; TARS_ELIMIT: too many are off. */
int day_log_enable(struct log_state *ls, enum day_log_target target, const char *name, size_t n,
		   bool enable, struct err *e);
bool day_log_is_on(struct log_state *ls, enum day_log_target target, const char *name);

#endif
