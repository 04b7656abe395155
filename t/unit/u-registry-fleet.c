/* The fleet: random servers come, change and go; a fleet that hears of changes follows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "proto/codec.h"
#include "roles/registry/answers.h"

enum { STEPS = 20000, SERVERS = 60, OBJECTS = 10 };

/* What ought to be in the fleet. */
struct expected {
	bool is_there;
	int64_t id;
	unsigned object, port;
	uint8_t state;
	bool unready;                   /* its probe fails */
};

static struct tars_str strf(struct arena *a, const char *fmt, unsigned n)
{
	char text[64];

	snprintf(text, sizeof(text), fmt, n);
	return (struct tars_str){ arena_strdup(a, text), (uint32_t)strlen(text) };
}

static void put(struct fleet *f, unsigned n, const struct expected *x)
{
	struct arena a;
	struct Routes_Adapter adapter;
	struct Routes_Server s = {
		.id = x->id, .application = TARS_STR("A"), .setting_state = TARS_STR("active"),
		.present_state = { state_name(x->state), (uint32_t)strlen(state_name(x->state)) },
		.adapters = { &adapter, 1 },
	};

	arena_init(&a, NULL, 0);
	s.server_name = strf(&a, "S%u", n / 3);
	s.node_name = strf(&a, "10.0.0.%u", n % 3);
	adapter.servant = strf(&a, "A.S.Obj%u", x->object);
	adapter.endpoint = strf(&a, "tcp -h h -p %u", x->port);
	adapter.unready = x->unready;
	fleet_put(f, &s);
	arena_clear(&a);
}

static struct instance *find(const struct fleet *f, unsigned n)
{
	struct arena a;
	struct instance *in;

	arena_init(&a, NULL, 0);
	in = fleet_find(f, fleet_key(&a, TARS_STR("A"), strf(&a, "S%u", n / 3),
				     strf(&a, "10.0.0.%u", n % 3)));
	arena_clear(&a);
	return in;
}

static void step(struct fleet *f, struct expected *all, int64_t *next_id)
{
	unsigned n = (unsigned)random() % SERVERS, what = (unsigned)random() % 8;
	struct expected *x = &all[n];

	if (!x->is_there || what == 0) { /* deployed, or undeployed and deployed again unseen */
		*x = (struct expected){
			true, (*next_id)++, (unsigned)random() % OBJECTS, 1 + (unsigned)random() % 9,
			(uint8_t)(random() % 6), random() % 3 == 0,
		};
		put(f, n, x);
	} else if (what == 1) {
		x->is_there = false;
		fleet_remove(f, find(f, n));
	} else if (what == 2) {
		x->object = (unsigned)random() % OBJECTS;
		x->unready = random() % 3 == 0;
		put(f, n, x);
	} else {
		uint8_t state = (uint8_t)(random() % 6);

		assert_int_equal(fleet_set_state(f, find(f, n), state), state != x->state);
		x->state = state;
	}
}

/* The object has exactly those ports, in the order of the ids. */
static void check_object(struct fleet *f, unsigned object, const struct expected *all)
{
	struct route_answer ans;
	struct arena a;
	uint32_t n_active = 0, n_inactive = 0;
	int64_t last = -1;

	arena_init(&a, NULL, 0);
	route_any(f, strf(&a, "A.S.Obj%u", object), &ans);
	for (;;) {
		const struct expected *next = NULL;
		const struct tars_EndpointF *ep;

		for (unsigned i = 0; i < SERVERS; i++)
			if (all[i].is_there && all[i].object == object && all[i].id > last &&
			    (!next || all[i].id < next->id))
				next = &all[i];
		if (!next)
			break;
		last = next->id;
		ep = next->state == 2 && !next->unready ? &ans.active.v[n_active++]
							: &ans.inactive.v[n_inactive++];
		assert_true(n_active <= ans.active.n && n_inactive <= ans.inactive.n);
		assert_int_equal(ep->port, next->port);
	}
	assert_int_equal(n_active, ans.active.n);
	assert_int_equal(n_inactive, ans.inactive.n);
	arena_clear(&a);
}

static void first_change(void *arg)
{
	(*(unsigned *)arg)++;
}

/* As a change travels. */
static void follow(struct fleet *f, struct fleet *mirror)
{
	struct fleet_changes c = fleet_take_changes(f);

	for (uint32_t i = 0; i < c.n_removed; i++)
		if (fleet_by_id(mirror, c.removed[i]))
			fleet_remove(mirror, fleet_by_id(mirror, c.removed[i]));
	for (uint32_t i = 0; i < c.n; i++) {
		struct instance *in = c.v[i], *copy = fleet_by_id(mirror, in->id);

		if (in->changed & FLEET_ROWS)
			assert_int_equal(fleet_put_data(mirror, in->id, in->state, in->data, in->n,
							NULL), 0);
		else
			fleet_set_state(mirror, copy, in->state);
		in->changed = 0;
	}
	fleet_changes_release(&c);
}

static void test_random_steps(void **state)
{
	struct fleet *f = fleet_new(), *mirror = fleet_new();
	struct expected all[SERVERS] = { { 0 } };
	unsigned n_told = 0, n_taken = 0;
	int64_t next_id = 1;

	(void)state;
	srandom(1);
	f->on_change = first_change;
	f->arg = &n_told;
	for (int i = 0; i < STEPS; i++) {
		step(f, all, &next_id);
		check_object(f, (unsigned)random() % OBJECTS, all);
		if (random() % 5)
			continue;
		if (f->changes.n || f->changes.n_removed)
			n_taken++;
		assert_int_equal(n_told, n_taken);
		follow(f, mirror);
		assert_memory_equal(f->sums, mirror->sums, sizeof(f->sums));
		check_object(mirror, (unsigned)random() % OBJECTS, all);
	}
	fleet_free(f);
	fleet_free(mirror);
}

static void test_sweep(void **state)
{
	struct fleet *f = fleet_new();
	struct expected x = { .id = 1, .port = 1 };

	(void)state;
	for (unsigned i = 0; i < 9; i++, x.id++)
		put(f, i, &x);
	f->pass++;
	for (x.id = 3; x.id < 6; x.id++)
		put(f, (unsigned)x.id - 1, &x);
	fleet_sweep(f);
	assert_int_equal(f->n, 3);
	assert_non_null(fleet_by_id(f, 3));
	assert_null(fleet_by_id(f, 6));
	assert_null(fleet_by_id(f, 2));
	assert_int_equal(f->n_endpoints, 3);
	fleet_free(f);
}

/* Objects of the platform come and go with the base. */
static void test_base(void **state)
{
	struct fleet *f = fleet_new();
	struct Routes_PlatformRow row = {
		.servant = TARS_STR("tars.t.Obj"), .endpoint = TARS_STR("tcp -h h -p 1"),
		.present_state = TARS_STR("active"),
	};
	struct Routes_Base base = { .platform = { &row, 1 } }, none = { 0 };
	struct route_answer ans;
	uint64_t sum;

	(void)state;
	fleet_set_base(f, &none);
	sum = fleet_sum(f);
	fleet_set_base(f, &base);
	assert_true(fleet_sum(f) != sum);
	route_any(f, row.servant, &ans);
	assert_int_equal(ans.active.n, 1);
	fleet_set_base(f, &none);
	assert_true(fleet_sum(f) == sum);
	assert_null(fleet_object(f, row.servant));
	fleet_free(f);
}

/* What comes from outside is not believed. */
static void test_bad_data(void **state)
{
	struct fleet *f = fleet_new();
	struct Routes_Server s = { .id = 7, .application = TARS_STR("A") };
	struct buf b = BUF_INIT;
	struct err e = { 0 };

	(void)state;
	codec_put_flat(&b, &Routes_Server_type, &s, 0);
	assert_true(fleet_put_data(f, 8, 0, buf_head(&b), (uint32_t)buf_size(&b), &e) < 0);
	assert_true(fleet_put_data(f, 7, 6, buf_head(&b), (uint32_t)buf_size(&b), &e) < 0);
	assert_true(fleet_put_data(f, 7, 0, buf_head(&b), (uint32_t)buf_size(&b) - 1, &e) < 0);
	assert_int_equal(f->n, 0);
	assert_int_equal(fleet_put_data(f, 7, 0, buf_head(&b), (uint32_t)buf_size(&b), &e), 0);
	assert_true(fleet_put_base(f, (const uint8_t *)"\x09", 1, &e) < 0);
	buf_release(&b);
	fleet_free(f);
}

/* Kept answers: one for each class, gone with the next change, few for each object and fleet. */
static void test_answers(void **state)
{
	struct fleet *f = fleet_new();
	struct expected x = { .id = 1, .port = 1 };
	struct answer_class c = { .kind = ANSWER_SET, .group = 1, .name = TARS_STR("a.b.c") }, d = c;
	struct route_object *o;
	struct buf b = BUF_INIT;

	(void)state;
	put(f, 0, &x);
	o = fleet_object(f, TARS_STR("A.S.Obj0"));
	buf_add_str(&b, "answer");
	assert_null(answer_find(o, &c).p);
	answer_keep(f, o, &c, &b);
	assert_memory_equal(answer_find(o, &c).p, "answer", 6);
	d.group = 2;
	assert_null(answer_find(o, &d).p);
	d = c;
	d.name = TARS_STR("a.b.d");
	assert_null(answer_find(o, &d).p);
	d = c;
	d.kind = ANSWER_STATION;
	assert_null(answer_find(o, &d).p);
	for (int i = 0; i < 2 * ANSWERS_PER_OBJECT; i++) {
		d.group = i;
		answer_keep(f, o, &d, &b);
	}
	assert_int_equal(f->kept_bytes, 6 * ANSWERS_PER_OBJECT);
	x.state = 2;
	put(f, 0, &x);
	assert_int_equal(f->kept_bytes, 0);
	o = fleet_object(f, TARS_STR("A.S.Obj0"));
	assert_null(answer_find(o, &c).p);
	answer_keep(f, o, &c, &b);
	f->kept_bytes = ANSWERS_MAX_BYTES;
	d.group = -2;
	answer_keep(f, o, &d, &b);
	assert_null(answer_find(o, &c).p);
	assert_memory_equal(answer_find(o, &d).p, "answer", 6);
	assert_int_equal(f->kept_bytes, 6);
	buf_release(&b);
	fleet_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_steps),
		cmocka_unit_test(test_sweep),
		cmocka_unit_test(test_base),
		cmocka_unit_test(test_bad_data),
		cmocka_unit_test(test_answers),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
