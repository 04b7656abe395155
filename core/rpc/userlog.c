/* The public functions of application logs: levels, and what is off, are asked before a line. */
#include <string.h>

#include "core/rpc/app_int.h"
#include "core/rpc/req.h"
#include "core/rpc/travel.h"

_Static_assert(TARS_LOG_NONE == (int)LOG_STATE_NONE && TARS_LOG_TARS == (int)LOG_STATE_TARS,
	       "the official numbers of levels");
_Static_assert(TARS_LOG_BY_MINUTE == (int)LOG_BY_MINUTE, "periods");
_Static_assert(DAY_LOG_NAME_MAX == (int)LOG_NAME_MAX, "names");

bool tars_log_is_on(const struct tars_app *app, enum tars_log_level level)
{
	return level > TARS_LOG_NONE && log_state_is_on(&app->logs, (enum log_state_level)level);
}

static unsigned dyed_flag(const struct tars_req *rq)
{
	return travel_is_dyed(rq->travel) ? APPLOG_DYED : 0;
}

void tars_log(const struct tars_req *rq, enum tars_log_level level, const char *fmt, ...)
{
	va_list ap;

	if (!tars_log_is_on(rq->app, level))
		return;
	va_start(ap, fmt);
	applog_vroll(rq->app->log, log_state_level_name(level), dyed_flag(rq), fmt, ap);
	va_end(ap);
}

void tars_app_log(struct tars_app *app, enum tars_log_level level, const char *fmt, ...)
{
	va_list ap;

	if (!tars_log_is_on(app, level))
		return;
	va_start(ap, fmt);
	applog_vroll(app->log, log_state_level_name(level), 0, fmt, ap);
	va_end(ap);
}

static unsigned day_flags(struct tars_app *app, const char *name)
{
	return (day_log_is_on(&app->logs, DAY_LOG_LOCAL, name) ? APPLOG_LOCAL : 0) |
	       (day_log_is_on(&app->logs, DAY_LOG_REMOTE, name) ? APPLOG_REMOTE : 0);
}

void tars_daylog(const struct tars_req *rq, const char *name, const char *fmt, ...)
{
	unsigned flags = day_flags(rq->app, name) | dyed_flag(rq);
	va_list ap;

	if (!flags)
		return;
	va_start(ap, fmt);
	applog_vday(rq->app->log, name, flags, fmt, ap);
	va_end(ap);
}

void tars_app_daylog(struct tars_app *app, const char *name, const char *fmt, ...)
{
	unsigned flags = day_flags(app, name);
	va_list ap;

	if (!flags)
		return;
	va_start(ap, fmt);
	applog_vday(app->log, name, flags, fmt, ap);
	va_end(ap);
}

int tars_daylog_period(struct tars_app *app, const char *name, enum tars_log_period period,
		       unsigned every)
{
	static const unsigned most[] = {
		[TARS_LOG_BY_DAY] = 1, [TARS_LOG_BY_HOUR] = 24, [TARS_LOG_BY_MINUTE] = 24 * 60,
	};

	if ((unsigned)period > TARS_LOG_BY_MINUTE || every > most[period])
		return TARS_EARG;
	return applog_set_period(app->log, name, (enum log_period)period, every ? every : 1, NULL);
}

bool tars_log_flush(struct tars_app *app, int ms)
{
	return applog_flush(app->log, ms);
}
