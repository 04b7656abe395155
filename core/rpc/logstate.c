/* What operators have said about a service's own logs: the level, and which day logs are off. */
#include "core/rpc/logstate.h"

#include <string.h>
#include <strings.h>

static const char *const level_names[] = {
	[LOG_STATE_NONE] = "NONE", [LOG_STATE_ERROR] = "ERROR", [LOG_STATE_WARN] = "WARN",
	[LOG_STATE_INFO] = "INFO", [LOG_STATE_DEBUG] = "DEBUG", [LOG_STATE_TARS] = "TARS",
};

enum { N_LEVELS = sizeof(level_names) / sizeof(*level_names) };

void log_state_init(struct log_state *ls)
{
	memset(ls, 0, sizeof(*ls));
	pthread_mutex_init(&ls->lock, NULL);
	atomic_init(&ls->level, LOG_STATE_DEBUG);
}

void log_state_release(struct log_state *ls)
{
	pthread_mutex_destroy(&ls->lock);
}

int log_state_level_parse(const char *text, size_t n)
{
	for (int i = LOG_STATE_NONE; i < N_LEVELS; i++)
		if (strlen(level_names[i]) == n && !strncasecmp(level_names[i], text, n))
			return i;
	return 0;
}

const char *log_state_level_name(int level)
{
	return level >= LOG_STATE_NONE && level < N_LEVELS ? level_names[level] : "";
}

static struct day_log_off *find_off(struct log_state *ls, const char *name, size_t n)
{
	unsigned count = atomic_load_explicit(&ls->n_off, memory_order_relaxed);

	for (unsigned i = 0; i < count; i++)
		if (strlen(ls->off[i].name) == n && (!n || !memcmp(ls->off[i].name, name, n)))
			return &ls->off[i];
	return NULL;
}

static int turn_off(struct log_state *ls, unsigned target, const char *name, size_t n,
		    struct err *e)
{
	struct day_log_off *row = find_off(ls, name, n);
	unsigned count = atomic_load_explicit(&ls->n_off, memory_order_relaxed);

	if (!row) {
		if (count == DAY_LOG_MAX_OFF)
			return err_set(e, TARS_ELIMIT, "%d day logs are off already",
				       DAY_LOG_MAX_OFF);
		row = &ls->off[count];
		if (n)
			memcpy(row->name, name, n);
		row->name[n] = '\0';
		row->targets = 0;
		atomic_store_explicit(&ls->n_off, count + 1, memory_order_release);
	}
	row->targets |= target;
	return TARS_OK;
}

static void turn_on(struct log_state *ls, unsigned target, const char *name, size_t n)
{
	struct day_log_off *row = find_off(ls, name, n);
	unsigned count = atomic_load_explicit(&ls->n_off, memory_order_relaxed);

	if (!row)
		return;
	row->targets &= ~target;
	if (row->targets)
		return;
	*row = ls->off[count - 1];
	atomic_store_explicit(&ls->n_off, count - 1, memory_order_release);
}

int day_log_enable(struct log_state *ls, enum day_log_target target, const char *name, size_t n,
		   bool enable, struct err *e)
{
	int rc = TARS_OK;

	if (n > DAY_LOG_NAME_MAX)
		return err_set(e, TARS_EARG, "the name of a day log may have %d bytes",
			       DAY_LOG_NAME_MAX);
	pthread_mutex_lock(&ls->lock);
	if (enable)
		turn_on(ls, target, name, n);
	else
		rc = turn_off(ls, target, name, n, e);
	pthread_mutex_unlock(&ls->lock);
	return rc;
}

bool day_log_is_on(struct log_state *ls, enum day_log_target target, const char *name)
{
	struct day_log_off *row;
	bool on;

	/* Nearly always none is off: no lock then. */
	if (!atomic_load_explicit(&ls->n_off, memory_order_acquire))
		return true;
	pthread_mutex_lock(&ls->lock);
	row = find_off(ls, name, strlen(name));
	on = !row || !(row->targets & (unsigned)target);
	pthread_mutex_unlock(&ls->lock);
	return on;
}
