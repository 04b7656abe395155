/* Routes: building from endpoint lists, and choosing by round robin, weight or hash. */
#include "core/rpc/route.h"

#include <stdlib.h>
#include <string.h>

#include "core/rpc/health.h"

enum {
	SCALE_MIN = 10, SCALE_MAX = 100, VIRTUAL_NODES = 25, WEIGHT_LOOP = 0, WEIGHT_STATIC = 1,
	SELDOM = -1,           /* a weight so small beside the others': one turn a round */
};

static int compare_endpoints(const void *a, const void *b)
{
	return endpoint_compare(a, b);
}

/* Sorted copy without those of equal text. */
static struct endpoint *sorted(const struct endpoint_list *list, uint32_t *n_r, struct arena *a)
{
	struct endpoint *v = arena_alloc(a, list->n * sizeof(*v));
	uint32_t n = 0;

	if (list->n) {
		memcpy(v, list->v, list->n * sizeof(*v));
		qsort(v, list->n, sizeof(*v), compare_endpoints);
	}
	for (uint32_t i = 0; i < list->n; i++)
		if (!n || endpoint_compare(&v[n - 1], &v[i]))
			v[n++] = v[i];
	*n_r = n;
	return v;
}

/* The merged list, in order; r->all says which of them are active. */
static struct endpoint *merge_all(struct route *r, const struct endpoint *inactive, uint32_t n,
				  struct arena *a)
{
	struct endpoint *all = arena_alloc(a, (r->n + n) * sizeof(*all));
	uint32_t i = 0, j = 0;

	r->all = arena_alloc(&r->arena, (r->n + n) * sizeof(*r->all));
	while (i < r->n || j < n) {
		int order = i == r->n ? 1 : j == n ? -1 :
			    endpoint_compare(&r->active[i], &inactive[j]);

		if (!order) {
			j++; /* in both lists: it is active */
			continue;
		}
		all[r->n_all] = order < 0 ? r->active[i] : inactive[j++];
		r->all[r->n_all++] = order < 0 ? (int32_t)i++ : -1;
	}
	return all;
}

static int32_t static_weight(const struct endpoint *ep)
{
	return ep->weight < 0 || ep->weight > SCALE_MAX ? SCALE_MAX : ep->weight;
}

/* Returns the sum of the weights, scaled as the official client does; 0: there are none.  What is
 * scaled to nothing is SELDOM. */
static uint32_t scale_weights(const struct endpoint *eps, uint32_t n, int32_t *weights)
{
	int32_t min = INT32_MAX, max = 0, scale;
	uint32_t total = 0;

	for (uint32_t i = 0; i < n; i++) {
		weights[i] = static_weight(&eps[i]);
		if (weights[i] > max)
			max = weights[i];
		if (weights[i] && weights[i] < min)
			min = weights[i];
	}
	if (!max)
		return 0;
	scale = max / min;
	scale = scale < SCALE_MIN ? SCALE_MIN : scale > SCALE_MAX ? SCALE_MAX : scale;
	for (uint32_t i = 0; i < n; i++) {
		int32_t scaled = weights[i] * scale / max;

		weights[i] = weights[i] && !scaled ? SELDOM : scaled;
		total += (uint32_t)scaled;
	}
	return total;
}

struct priority {
	int32_t value;
	uint32_t index;
};

/* Sorts ascending.  Equal ones keep their order, or change places when `reverse_equal`. */
static void sort_priorities(struct priority *v, uint32_t n, bool reverse_equal)
{
	for (uint32_t i = 1; i < n; i++) {
		struct priority p = v[i];
		uint32_t k = i;

		for (; k && (v[k - 1].value > p.value ||
			     (reverse_equal && v[k - 1].value == p.value)); k--)
			v[k] = v[k - 1];
		v[k] = p;
	}
}

/*
 * Smooth weighted round robin: everyone earns its weight, the richest has its turn and pays for
 * all; before that come the seldom ones.  The order among equally rich ones is that of the official client, because the mod hash of
 * weighted endpoints counts these turns.
 */
static void set_weighted_turns(struct turns *t, const int32_t *weights, uint32_t n_weights,
			       uint32_t total, struct arena *a)
{
	struct priority *v = arena_alloc(a, n_weights * sizeof(*v));
	uint32_t n = 0;

	t->v = arena_alloc(a, (total + n_weights) * sizeof(*t->v));
	t->n = 0;
	for (uint32_t i = 0; i < n_weights; i++) {
		if (weights[i] == SELDOM)
			t->v[t->n++] = i;
		else if (weights[i])
			v[n++] = (struct priority){ weights[i], i };
	}
	sort_priorities(v, n, false);
	for (uint32_t k = 0; k < total; k++) {
		t->v[t->n++] = v[n - 1].index;
		v[n - 1].value -= (int32_t)total;
		for (uint32_t i = 0; i < n; i++)
			v[i].value += weights[v[i].index];
		sort_priorities(v, n, true);
	}
}

/* Weights count only when every active endpoint has a static one. */
static bool are_weights_static(const struct endpoint *active, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		if (active[i].weight_type != WEIGHT_STATIC)
			return false;
	return n > 0;
}

static bool has_weight(const struct endpoint *ep)
{
	return ep->weight_type != WEIGHT_LOOP && static_weight(ep) > 0;
}

static bool has_any_weight(const struct endpoint *v, uint32_t n)
{
	uint32_t i = 0;

	while (i < n && !has_weight(&v[i]))
		i++;
	return i < n;
}

/* Weight 0 takes an endpoint out, unless nothing would be left. */
static uint32_t drop_weightless(struct endpoint *v, uint32_t n)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < n; i++)
		if (has_weight(&v[i]))
			v[kept++] = v[i];
	return kept;
}

static void set_turns(struct turns *t, bool is_static, const struct endpoint *eps, uint32_t n,
		      struct arena *a)
{
	int32_t *weights = arena_alloc(a, n * sizeof(*weights));
	uint32_t total = is_static ? scale_weights(eps, n, weights) : 0;

	t->is_static = is_static;
	if (total) {
		set_weighted_turns(t, weights, n, total, a);
		return;
	}
	t->n = n;
	t->v = arena_alloc(a, n * sizeof(*t->v));
	for (uint32_t i = 0; i < n; i++)
		t->v[i] = i;
}

static uint32_t virtual_nodes(const struct route *r, const struct endpoint *ep)
{
	int32_t w = static_weight(ep);

	if (!r->turns.is_static)
		return VIRTUAL_NODES;
	return w >= 8 ? (uint32_t)w / 4 : w > 0;
}

/* Several ports of one host are one node of the ring, the first of them: the official way. */
static struct route_ring *ring_of(struct route *r, struct arena *a)
{
	struct route_ring *made = ARENA_NEW(a, struct route_ring);
	struct ring_node *nodes = arena_alloc(a, r->n * sizeof(*nodes));
	uint32_t n = 0;

	made->active = arena_alloc(a, r->n * sizeof(*made->active));
	for (uint32_t i = 0; i < r->n; i++) {
		const struct endpoint *ep = &r->active[i];
		uint32_t known = 0;

		while (known < n && strcmp(nodes[known].name, ep->host))
			known++;
		if (known < n || !virtual_nodes(r, ep))
			continue;
		nodes[n].name = ep->host;
		nodes[n].virtual_nodes = virtual_nodes(r, ep);
		made->active[n++] = i;
	}
	ring_build(&made->ring, RING_KETAMA, nodes, n, a);
	return made;
}

/* Most routes never need one, and it is much larger than they are: made at the first call. */
static const struct route_ring *get_ring(struct route *r)
{
	struct route_ring *ring = atomic_load_explicit(&r->ring, memory_order_acquire);

	if (__builtin_expect(!!ring, 1))
		return ring;
	pthread_mutex_lock(&r->lock);
	ring = atomic_load_explicit(&r->ring, memory_order_relaxed);
	if (!ring) {
		ring = ring_of(r, &r->arena);
		atomic_store_explicit(&r->ring, ring, memory_order_release);
	}
	pthread_mutex_unlock(&r->lock);
	return ring;
}

struct route *route_new(const struct endpoint_list *active, const struct endpoint_list *inactive)
{
	struct route *r = xcalloc(1, sizeof(*r));
	struct endpoint *down, *all;
	struct arena scratch;
	bool is_static;
	uint32_t n;

	arena_init(&scratch, NULL, 0);
	atomic_init(&r->refs, 1);
	arena_init(&r->arena, NULL, 0);
	pthread_mutex_init(&r->lock, NULL);
	r->active = sorted(active, &r->n, &r->arena);
	down = sorted(inactive, &n, &scratch);
	is_static = are_weights_static(r->active, r->n);
	if (is_static && has_any_weight(r->active, r->n)) {
		r->n = drop_weightless(r->active, r->n);
		n = drop_weightless(down, n);
	}
	all = merge_all(r, down, n, &scratch);
	set_turns(&r->turns, is_static, r->active, r->n, &r->arena);
	set_turns(&r->all_turns, is_static, all, r->n_all, &r->arena);
	arena_clear(&scratch);
	return r;
}

struct route *route_ref(struct route *r)
{
	atomic_fetch_add_explicit(&r->refs, 1, memory_order_relaxed);
	return r;
}

void route_unref(struct route *r)
{
	if (!r || atomic_fetch_sub_explicit(&r->refs, 1, memory_order_acq_rel) != 1)
		return;
	for (uint32_t i = 0; r->health && i < r->n; i++)
		health_unref(r->health[i]);
	arena_clear(&r->arena);
	pthread_mutex_destroy(&r->lock);
	free(r);
}

void route_set_health(struct route *r, struct health *const *found)
{
	r->health = arena_alloc(&r->arena, r->n * sizeof(*r->health));
	for (uint32_t i = 0; i < r->n; i++)
		r->health[i] = health_ref(found[i]);
}

bool route_equal(const struct route *a, const struct route *b)
{
	if (a->n != b->n || a->n_all != b->n_all ||
	    memcmp(a->all, b->all, a->n_all * sizeof(*a->all)) ||
	    a->all_turns.n != b->all_turns.n ||
	    memcmp(a->all_turns.v, b->all_turns.v, a->all_turns.n * sizeof(*a->all_turns.v)))
		return false;
	for (uint32_t i = 0; i < a->n; i++) {
		const struct endpoint *x = &a->active[i], *y = &b->active[i];

		if (endpoint_compare(x, y) || x->weight != y->weight ||
		    x->weight_type != y->weight_type || x->timeout_ms != y->timeout_ms ||
		    x->auth != y->auth)
			return false;
	}
	return true;
}

/* ---- choosing ---- */

struct choice {
	struct route *r;
	bool (*is_usable)(void *arg, uint32_t index);
	void *arg;
};

/* The next turn of a usable one. */
static uint32_t by_turn(const struct choice *c, uint32_t *turn)
{
	const struct turns *t = &c->r->turns;

	for (uint32_t k = 0; k < t->n; k++) {
		uint32_t slot = (*turn + k) % t->n;

		if (c->is_usable(c->arg, t->v[slot])) {
			*turn = slot + 1;
			return t->v[slot];
		}
	}
	return ROUTE_NONE;
}

static void insert_sorted(uint32_t *v, uint32_t n, uint32_t value)
{
	for (; n && v[n - 1] > value; n--)
		v[n] = v[n - 1];
	v[n] = value;
}

/* Modulo over the active ones; over those that are left, while the hit is not usable. */
static uint32_t by_modulo_of_active(const struct choice *c, uint64_t hash)
{
	enum { TRIES = 32 };
	uint32_t n = c->r->n, tried[TRIES], n_tried, i = 0;

	for (n_tried = 0; n_tried < TRIES && n_tried < n; n_tried++) {
		i = (uint32_t)(hash % (n - n_tried));
		for (uint32_t k = 0; k < n_tried && tried[k] <= i; k++)
			i++;
		if (c->is_usable(c->arg, i))
			return i;
		insert_sorted(tried, n_tried, i);
	}
	/* So many are down that it does not matter any more which one it is. */
	for (uint32_t k = 1; n_tried < n && k < n; k++)
		if (c->is_usable(c->arg, (i + k) % n))
			return (i + k) % n;
	return ROUTE_NONE;
}

/* Modulo over the turns of all known endpoints; when the hit is down, over the active ones. */
static uint32_t by_modulo(const struct choice *c, uint64_t hash)
{
	const struct route *r = c->r;
	int32_t hit = r->all[r->all_turns.v[hash % r->all_turns.n]];

	if (hit >= 0 && c->is_usable(c->arg, (uint32_t)hit))
		return (uint32_t)hit;
	return by_modulo_of_active(c, hash);
}

/* From the key's place on the ring to the next usable endpoint; then to those that are not on it
 * (further ports of a host). */
static uint32_t by_ring(const struct choice *c, uint64_t hash)
{
	enum { WORD = 64, WORDS = 16 };
	const struct route_ring *made = get_ring(c->r);
	const struct ring *ring = &made->ring;
	uint64_t asked[WORDS] = { 0 };  /* an endpoint has many points, but one answer */
	uint32_t at;

	if (!ring->n)
		return by_modulo(c, hash); /* all weights are 0 */
	at = ring_at(ring, (uint32_t)hash);
	for (uint32_t k = 0; k < ring->n; k++, at = at + 1 == ring->n ? 0 : at + 1) {
		uint32_t i = made->active[ring->v[at].node];
		uint64_t *word = &asked[i / WORD % WORDS], bit = UINT64_C(1) << i % WORD;

		if (i < WORD * WORDS && *word & bit)
			continue;
		if (c->is_usable(c->arg, i))
			return i;
		if (i < WORD * WORDS)
			*word |= bit;
	}
	return by_modulo_of_active(c, hash);
}

uint32_t route_pick(struct route *r, uint32_t *turn, enum tars_hash_mode mode, uint64_t hash,
		    bool (*is_usable)(void *arg, uint32_t index), void *arg)
{
	struct choice c = { .r = r, .is_usable = is_usable, .arg = arg };

	switch (mode) {
	case TARS_HASH_MOD:
		return by_modulo(&c, hash);
	case TARS_HASH_CONSISTENT:
		return by_ring(&c, hash);
	case TARS_HASH_NONE:
		break;
	}
	return by_turn(&c, turn);
}
