/*
 * Which requests are dyed: what `tars.setdyeing key servant [function]` has armed (contract 10.4).
 *
 * One rule per app, as in the official servers; a new one replaces it.  While nothing is armed,
 * which is nearly always, a request costs one relaxed load.
 * Open value; owner: struct tars_app.  Thread: any.
 */
#ifndef CORE_RPC_DYE_H
#define CORE_RPC_DYE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "proto/err.h"
#include "proto/type.h"

enum { DYE_MAX = 255 };

struct dye {
	_Atomic bool armed;
	pthread_mutex_t lock;         /* the rule */
	char key[DYE_MAX + 1];        /* what STATUS_GRID_KEY must be */
	char servant[DYE_MAX + 1];
	char func[DYE_MAX + 1];       /* "": every function */
};

void dye_init(struct dye *d);
void dye_release(struct dye *d);

/* An empty key disarms.  TARS_EARG: longer than DYE_MAX. */
int dye_arm(struct dye *d, struct tars_str key, struct tars_str servant, struct tars_str func,
	    struct err *e);

static inline bool dye_is_armed(const struct dye *d)
{
	return atomic_load_explicit(&d->armed, memory_order_relaxed);
}

/* Whether a request with this STATUS_GRID_KEY is to be dyed. */
bool dye_matches(struct dye *d, struct tars_str key, struct tars_str servant,
		 struct tars_str func);

#endif
