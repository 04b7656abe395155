/* Which requests are dyed: the rule that the management command arms. */
#include "core/rpc/dye.h"

#include <string.h>

void dye_init(struct dye *d)
{
	memset(d, 0, sizeof(*d));
	pthread_mutex_init(&d->lock, NULL);
}

void dye_release(struct dye *d)
{
	pthread_mutex_destroy(&d->lock);
}

static void set_text(char *to, struct tars_str from)
{
	if (from.n)
		memcpy(to, from.p, from.n);
	to[from.n] = '\0';
}

static bool is_text(const char *text, struct tars_str s)
{
	return strlen(text) == s.n && (!s.n || !memcmp(text, s.p, s.n));
}

int dye_arm(struct dye *d, struct tars_str key, struct tars_str servant, struct tars_str func,
	    struct err *e)
{
	if (key.n > DYE_MAX || servant.n > DYE_MAX || func.n > DYE_MAX)
		return err_set(e, TARS_EARG, "dyeing: key, servant and function may have %d bytes "
			       "each", DYE_MAX);
	pthread_mutex_lock(&d->lock);
	set_text(d->key, key);
	set_text(d->servant, servant);
	set_text(d->func, func);
	atomic_store_explicit(&d->armed, key.n > 0, memory_order_relaxed);
	pthread_mutex_unlock(&d->lock);
	return TARS_OK;
}

bool dye_matches(struct dye *d, struct tars_str key, struct tars_str servant,
		 struct tars_str func)
{
	bool matches;

	if (!dye_is_armed(d) || !key.n)
		return false;
	pthread_mutex_lock(&d->lock);
	matches = is_text(d->key, key) && is_text(d->servant, servant) &&
		  (!*d->func || is_text(d->func, func));
	pthread_mutex_unlock(&d->lock);
	return matches;
}
