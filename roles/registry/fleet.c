/* Servers on nodes that come, change and go one by one, their sums, and the objects of them. */
#include "roles/registry/fleet.h"

#include <stdlib.h>
#include <string.h>

#include "core/io/task.h"
#include "if/RegistryF.h"
#include "proto/codec.h"
#include "proto/endpoint.h"
#include "proto/hash.h"
#include "roles/registry/route.h"

/* What an object's endpoints are put together from.  Gone when nobody has the servant any more. */
struct object {
	struct dict_entry entry;
	struct instance_list servers;
	bool is_platform;               /* the base has rows of it */
	struct route_object *built;     /* NULL: when it is asked for */
	char id[];
};

static const char *const states[] = {
	[tars_ServerState_Inactive] = "inactive",
	[tars_ServerState_Activating] = "activating",
	[tars_ServerState_Active] = "active",
	[tars_ServerState_Deactivating] = "deactivating",
	[tars_ServerState_Destroying] = "destroying",
	[tars_ServerState_Destroyed] = "destroyed",
};
enum { N_STATES = sizeof(states) / sizeof(*states) };

const char *state_name(int32_t server_state)
{
	return server_state >= 0 && server_state < N_STATES ? states[server_state] : NULL;
}

uint8_t state_code(struct tars_str name)
{
	for (uint8_t i = 0; i < N_STATES; i++)
		if (str_is_text(name, states[i]))
			return i;
	return tars_ServerState_Inactive;
}

struct tars_str fleet_key(struct arena *a, struct tars_str app, struct tars_str server,
			  struct tars_str node)
{
	/* No part may contain '/', so keys are unique. */
	char *p = arena_strf(a, "%.*s/%.*s/%.*s", (int)app.n, app.p ? app.p : "", (int)server.n,
			     server.p ? server.p : "", (int)node.n, node.p ? node.p : "");

	return (struct tars_str){ p, (uint32_t)strlen(p) };
}

/* ---- arrays of servers, by id ---- */

/* Where it is or belongs. */
static uint32_t position(const struct instance_list *l, int64_t id)
{
	uint32_t low = 0, high = l->n;

	if (l->n && l->v[l->n - 1]->id < id) /* new ones have the highest */
		return l->n;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (l->v[middle]->id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void insert(struct instance_list *l, struct instance *in)
{
	uint32_t i = position(l, in->id);

	if (l->n == l->room) {
		l->room = l->room ? l->room * 2 : 4;
		l->v = xrealloc(l->v, l->room * sizeof(*l->v));
	}
	memmove(l->v + i + 1, l->v + i, (l->n - i) * sizeof(*l->v));
	l->v[i] = in;
	l->n++;
}

static void take_out(struct instance_list *l, const struct instance *in)
{
	uint32_t i = position(l, in->id);

	while (l->v[i] != in)
		i++;
	memmove(l->v + i, l->v + i + 1, (--l->n - i) * sizeof(*l->v));
}

/* ---- objects ---- */

static struct object *find_object(const struct fleet *f, struct tars_str id)
{
	struct dict_entry *entry = dict_find(&f->objects, id);

	return entry ? container_of(entry, struct object, entry) : NULL;
}

static struct object *object_of(struct fleet *f, struct tars_str id)
{
	struct object *o = find_object(f, id);

	if (o)
		return o;
	o = xcalloc(1, sizeof(*o) + id.n + 1);
	memcpy(o->id, id.p, id.n);
	dict_add(&f->objects, &o->entry, (struct tars_str){ o->id, id.n });
	return o;
}

static void object_changed(struct fleet *f, struct object *o)
{
	if (o->built)
		f->kept_bytes -= o->built->answer_bytes;
	route_object_free(o->built);
	o->built = NULL;
	if (f->on_object)
		f->on_object(f->object_arg, o->entry.key);
}

static void object_free(struct object *o)
{
	route_object_free(o->built);
	free(o->servers.v);
	free(o);
}

static void free_if_unused(struct fleet *f, struct object *o)
{
	if (o->servers.n || o->is_platform)
		return;
	dict_remove(&f->objects, &o->entry);
	object_free(o);
}

struct route_object *fleet_object(struct fleet *f, struct tars_str id)
{
	struct object *o = find_object(f, id);

	if (!o)
		return NULL;
	if (!o->built)
		o->built = route_object_build(f->base, o->entry.key, o->servers.v,
					      o->servers.n);
	return o->built;
}

/* ---- a server's share in the objects ---- */

static bool is_first_of_servant(const struct Routes_Server *s, uint32_t i)
{
	for (uint32_t k = 0; k < i; k++)
		if (str_is(s->adapters.v[k].servant, s->adapters.v[i].servant))
			return false;
	return s->adapters.v[i].servant.n > 0;
}

static bool is_readable(struct tars_str endpoint)
{
	struct endpoint ep;

	return endpoint.n && endpoint_parse(endpoint.p, endpoint.n, &ep, NULL) == 0;
}

/* Those that look-ups would find if the server were there (add 1), or no more (-1). */
static void count_endpoints(struct fleet *f, const struct Routes_Server *s, uint32_t add)
{
	for (uint32_t i = 0; i < s->adapters.n; i++) {
		if (!s->adapters.v[i].servant.n || s->bak_flag == 1)
			continue;
		if (is_readable(s->adapters.v[i].endpoint))
			f->n_endpoints += add;
		else
			f->n_bad += add;
	}
}

static void join_objects(struct fleet *f, struct instance *in, const struct Routes_Server *s)
{
	count_endpoints(f, s, 1);
	for (uint32_t i = 0; i < s->adapters.n; i++) {
		struct object *o;

		if (!is_first_of_servant(s, i))
			continue;
		o = object_of(f, s->adapters.v[i].servant);
		insert(&o->servers, in);
		object_changed(f, o);
	}
}

static void leave_objects(struct fleet *f, struct instance *in)
{
	struct Routes_Server s;
	struct arena a;

	arena_init(&a, NULL, 0);
	fleet_server(in, &s, &a);
	count_endpoints(f, &s, UINT32_MAX);
	for (uint32_t i = 0; i < s.adapters.n; i++) {
		struct object *o;

		if (!is_first_of_servant(&s, i))
			continue;
		o = find_object(f, s.adapters.v[i].servant);
		take_out(&o->servers, in);
		object_changed(f, o);
		free_if_unused(f, o);
	}
	arena_clear(&a);
}

static void touch_objects(struct fleet *f, struct instance *in)
{
	struct Routes_Server s;
	struct arena a;

	arena_init(&a, NULL, 0);
	fleet_server(in, &s, &a);
	for (uint32_t i = 0; i < s.adapters.n; i++)
		if (s.adapters.v[i].servant.n)
			object_changed(f, find_object(f, s.adapters.v[i].servant));
	arena_clear(&a);
}

/* ---- sums and changes ---- */

/* So that neighbouring ids and states do not cancel each other out. */
static uint64_t mixed(uint64_t x)
{
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
	x = (x ^ x >> 27) * 0x94d049bb133111eb;
	return x ^ x >> 31;
}

static void set_sum(struct fleet *f, struct instance *in, uint64_t sum)
{
	f->sums[fleet_bucket(in->id)] ^= in->sum ^ sum;
	in->sum = sum;
}

static uint64_t sum_of(const struct instance *in)
{
	return mixed(mixed(hash_fnv(in->data, in->n) + (uint64_t)in->id) + in->state + 1);
}

uint64_t fleet_sum(const struct fleet *f)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < FLEET_SUMS; i++)
		sum = mixed(sum + f->sums[i]);
	return sum;
}

static void tell(struct fleet *f, bool is_first)
{
	if (is_first)
		f->on_change(f->arg);
}

bool fleet_is_unchanged(const struct fleet *f)
{
	return !f->changes.n && !f->changes.n_removed && !f->changes.base;
}

static void note(struct fleet *f, struct instance *in, uint8_t what)
{
	struct fleet_changes *c = &f->changes;
	bool is_first = fleet_is_unchanged(f);

	if (!f->on_change)
		return;
	if (!in->changed) {
		if (c->n == c->room) {
			c->room = c->room ? c->room * 2 : 16;
			c->v = xrealloc(c->v, c->room * sizeof(*c->v));
		}
		c->v[c->n++] = in;
	}
	in->changed |= what;
	tell(f, is_first);
}

static void note_removal(struct fleet *f, struct instance *in)
{
	struct fleet_changes *c = &f->changes;
	bool is_first = fleet_is_unchanged(f);
	uint32_t i = 0;

	if (!f->on_change)
		return;
	if (in->changed) {
		while (c->v[i] != in)
			i++;
		c->v[i] = c->v[--c->n];
	}
	if (c->n_removed == c->room_removed) {
		c->room_removed = c->room_removed ? c->room_removed * 2 : 16;
		c->removed = xrealloc(c->removed, c->room_removed * sizeof(*c->removed));
	}
	c->removed[c->n_removed++] = in->id;
	tell(f, is_first);
}

struct fleet_changes fleet_take_changes(struct fleet *f)
{
	struct fleet_changes c = f->changes;

	f->changes = (struct fleet_changes){ 0 };
	return c;
}

void fleet_changes_release(struct fleet_changes *c)
{
	free(c->v);
	free(c->removed);
}

/* ---- servers ---- */

struct instance *fleet_find(const struct fleet *f, struct tars_str key)
{
	struct dict_entry *entry = dict_find(&f->instances, key);

	return entry ? container_of(entry, struct instance, entry) : NULL;
}

struct instance *fleet_by_id(const struct fleet *f, int64_t id)
{
	const struct instance_list *l = &f->buckets[fleet_bucket(id)];
	uint32_t i = position(l, id);

	return i < l->n && l->v[i]->id == id ? l->v[i] : NULL;
}

void fleet_server(const struct instance *in, struct Routes_Server *server_r, struct arena *a)
{
	const char *state = state_name(in->state);

	/* It was read or encoded by us before. */
	BUG_ON(codec_get_flat(in->data, in->n, &Routes_Server_type, server_r, a, NULL) < 0);
	server_r->present_state = (struct tars_str){ state, (uint32_t)strlen(state) };
}

static struct instance *add(struct fleet *f, struct tars_str key, int64_t id)
{
	struct instance *in = xcalloc(1, sizeof(*in) + key.n + 1);

	memcpy(in->key, key.p, key.n);
	in->id = id;
	dict_add(&f->instances, &in->entry, (struct tars_str){ in->key, key.n });
	insert(&f->buckets[fleet_bucket(id)], in);
	f->n++;
	return in;
}

static bool has_data(const struct instance *in, const uint8_t *data, uint32_t n)
{
	return in->data && in->n == n && memcmp(in->data, data, n) == 0;
}

static void put(struct fleet *f, const struct Routes_Server *s, uint8_t state,
		const uint8_t *data, uint32_t n)
{
	struct arena a;
	struct tars_str key;
	struct instance *in;

	arena_init(&a, NULL, 0);
	key = fleet_key(&a, s->application, s->server_name, s->node_name);
	in = fleet_find(f, key);
	if (in && in->id != s->id) { /* it was deleted and deployed again */
		fleet_remove(f, in);
		in = NULL;
	}
	if (!in)
		in = add(f, key, s->id);
	arena_clear(&a);
	in->seen = f->pass;
	if (has_data(in, data, n)) {
		fleet_set_state(f, in, state);
		return;
	}
	if (in->data)
		leave_objects(f, in);
	in->data = xrealloc(in->data, n);
	memcpy(in->data, data, n);
	in->n = n;
	in->state = state;
	set_sum(f, in, sum_of(in));
	join_objects(f, in, s);
	note(f, in, FLEET_ROWS);
}

void fleet_put(struct fleet *f, const struct Routes_Server *s)
{
	struct Routes_Server kept = *s;
	struct buf data = BUF_INIT;

	kept.present_state = (struct tars_str){ 0 };
	codec_put_flat(&data, &Routes_Server_type, &kept, 0);
	put(f, s, state_code(s->present_state), buf_head(&data), (uint32_t)buf_size(&data));
	buf_release(&data);
}

int fleet_put_data(struct fleet *f, int64_t id, uint8_t state, const uint8_t *data, uint32_t n,
		   struct err *e)
{
	struct Routes_Server s = { 0 };
	struct instance *other = fleet_by_id(f, id);
	struct arena a;
	int rc;

	arena_init(&a, NULL, 0);
	rc = codec_get_flat(data, n, &Routes_Server_type, &s, &a, e);
	if (rc == 0 && (s.id != id || !state_name(state)))
		rc = err_set(e, TARS_EPROTO, "server %lld in state %u: its rows say %lld",
			     (long long)id, state, (long long)s.id);
	if (rc == 0 && other && !str_is(other->entry.key, fleet_key(&a, s.application,
								    s.server_name, s.node_name)))
		fleet_remove(f, other); /* renamed */
	if (rc == 0)
		put(f, &s, state, data, n);
	arena_clear(&a);
	return rc;
}

bool fleet_set_state(struct fleet *f, struct instance *in, uint8_t state)
{
	if (in->state == state)
		return false;
	in->state = state;
	set_sum(f, in, sum_of(in));
	touch_objects(f, in);
	note(f, in, FLEET_STATE);
	return true;
}

static void instance_free(struct instance *in)
{
	free(in->data);
	free(in);
}

void fleet_remove(struct fleet *f, struct instance *in)
{
	leave_objects(f, in);
	set_sum(f, in, 0);
	note_removal(f, in);
	dict_remove(&f->instances, &in->entry);
	take_out(&f->buckets[fleet_bucket(in->id)], in);
	f->n--;
	instance_free(in);
}

void fleet_sweep_bucket(struct fleet *f, unsigned bucket)
{
	struct instance_list *l = &f->buckets[bucket];

	for (uint32_t i = l->n; i-- > 0; )
		if (l->v[i]->seen != f->pass)
			fleet_remove(f, l->v[i]);
}

void fleet_sweep(struct fleet *f)
{
	for (unsigned i = 0; i < FLEET_BUCKETS; i++)
		fleet_sweep_bucket(f, i);
}

/* ---- the base ---- */

/* fn for each object; it may be freed. */
static void each_object(struct fleet *f, void (*fn)(struct fleet *f, struct object *o))
{
	for (uint32_t i = 0; i < f->objects.n_slots; i++)
		for (struct dict_entry *e = f->objects.slots[i], *next; e; e = next) {
			next = e->next;
			fn(f, container_of(e, struct object, entry));
		}
}

static void forget_answers(struct fleet *f, struct object *o)
{
	(void)f;
	if (o->built)
		route_object_forget_answers(o->built);
}

void fleet_forget_answers(struct fleet *f)
{
	each_object(f, forget_answers);
	f->kept_bytes = 0;
}

static void forget_platform(struct fleet *f, struct object *o)
{
	object_changed(f, o);
	o->is_platform = false;
}

/* Groups and endpoints of any object may be others now. */
static void rejoin_platform(struct fleet *f)
{
	const struct Routes_PlatformRow_list *rows = &f->base->rows.platform;

	each_object(f, forget_platform);
	for (uint32_t i = 0; i < rows->n; i++)
		if (rows->v[i].servant.n)
			object_of(f, rows->v[i].servant)->is_platform = true;
	each_object(f, free_if_unused);
}

static void count_platform(struct fleet *f, uint32_t add)
{
	const struct Routes_PlatformRow_list *rows = &f->base->rows.platform;

	for (uint32_t i = 0; i < rows->n; i++) {
		if (!rows->v[i].servant.n)
			continue;
		if (is_readable(rows->v[i].endpoint))
			f->n_endpoints += add;
		else
			f->n_bad += add;
	}
}

int fleet_put_base(struct fleet *f, const uint8_t *data, size_t n, struct err *e)
{
	struct fleet_base *base = fleet_base_new(data, n, e);
	uint64_t sum = mixed(hash_fnv(data, n) + 1);
	bool is_first = fleet_is_unchanged(f);

	if (!base)
		return e ? e->code : TARS_EPROTO;
	count_platform(f, UINT32_MAX);
	fleet_base_free(f->base);
	f->base = base;
	count_platform(f, 1);
	rejoin_platform(f);
	if (f->sums[FLEET_BASE] == sum)
		return 0;
	f->sums[FLEET_BASE] = sum;
	f->changes.base = f->on_change != NULL;
	if (f->on_change)
		tell(f, is_first);
	return 0;
}

void fleet_set_base(struct fleet *f, const struct Routes_Base *base)
{
	struct buf data = BUF_INIT;

	codec_put_flat(&data, &Routes_Base_type, base, 0);
	BUG_ON(fleet_put_base(f, buf_head(&data), buf_size(&data), NULL) < 0);
	buf_release(&data);
}

/* ---- the whole ---- */

struct fleet *fleet_new(void)
{
	struct fleet *f = xcalloc(1, sizeof(*f));

	f->base = fleet_base_new(NULL, 0, NULL);
	return f;
}

static void free_object(struct fleet *f, struct object *o)
{
	(void)f;
	object_free(o);
}

void fleet_free(struct fleet *f)
{
	if (!f)
		return;
	each_object(f, free_object);
	for (unsigned i = 0; i < FLEET_BUCKETS; i++) {
		for (uint32_t k = 0; k < f->buckets[i].n; k++)
			instance_free(f->buckets[i].v[k]);
		free(f->buckets[i].v);
	}
	fleet_changes_release(&f->changes);
	dict_release(&f->objects);
	dict_release(&f->instances);
	fleet_base_free(f->base);
	free(f);
}
