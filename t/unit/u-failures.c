/* Calls to endpoints that fail, against what the official client did in the same place. */
#include "t/unit/fake-client.h"

#include "if/QueryF.h"
#include "t/unit/data.h"

enum { MAX_CALLS = 64 };

/* ---- recorded ---- */

struct row {
	const struct data *d;
	enum tars_hash_mode mode;
	struct endpoint_list active, inactive;
	bool bad[FAKE_MAX];
	int n_bad;
	const char *how;
	int from_call, late;            /* refuses only from then on: that fake; 0: none */
	int n_calls;
	uint64_t keys[MAX_CALLS];
	int want[MAX_CALLS], got[MAX_CALLS];
	struct arena a;
};

static void parse_list(struct row *r, const char *text, struct endpoint_list *list)
{
	if (*text)
		assert_int_equal(endpoint_list_parse(text, strlen(text), list, &r->a, NULL), 0);
}

static void parse_row(struct row *r, struct data *d)
{
	char *calls = d->field[6], *bad = d->field[4], *word;

	memset(r, 0, sizeof(*r));
	arena_init(&r->a, NULL, 0);
	r->d = d;
	r->mode = *d->field[0] == 'h' ? TARS_HASH_MOD : *d->field[0] == 'c' ?
		  TARS_HASH_CONSISTENT : TARS_HASH_NONE;
	parse_list(r, d->field[2], &r->active);
	parse_list(r, d->field[3], &r->inactive);
	while ((word = strsep(&bad, " "))) {
		r->bad[atoi(word)] = true;
		r->n_bad++;
	}
	r->how = d->field[5];
	while ((word = strsep(&calls, " "))) {
		char *equal = strchr(word, '=');

		r->keys[r->n_calls] = equal ? strtoull(word, NULL, 10) : 0;
		if (equal)
			word = equal + 1;
		r->want[r->n_calls++] = *word == 'E' ? FAILED : atoi(word);
	}
}

static void misbehave(struct row *r, struct fakes *f)
{
	static const struct {
		const char *name;
		enum fake_how how;
	} hows[] = {
		{ "hang", FAKE_HANGS }, { "close", FAKE_CLOSES }, { "version", FAKE_VERSION },
		{ "id", FAKE_ID }, { "garbage", FAKE_GARBAGE }, { "empty", FAKE_EMPTY },
	};
	const struct endpoint_list *lists[] = { &r->active, &r->inactive };
	int k = 0;

	for (int l = 0; l < 2; l++)
		for (uint32_t i = 0; i < lists[l]->n; i++, k++) {
			int at = atoi(lists[l]->v[i].host + strlen("127.0.0.")) - 1;

			if (!r->bad[k])
				continue;
			if (!strcmp(r->how, "refuse"))
				fake_refuses(f, at, true);
			if (sscanf(r->how, "refuse from call %d", &r->from_call) == 1)
				r->late = at;
			if (!strncmp(r->how, "iRet ", 5))
				f->at[at].ret = atoi(r->how + 5);
			for (size_t h = 0; h < sizeof(hows) / sizeof(*hows); h++)
				if (!strcmp(r->how, hows[h].name))
					f->at[at].how = hows[h].how;
		}
}

/* A registry that has one answer. */
struct registry {
	struct rpc_server s;
	const struct row *row;
	int port;
};

static void put_list(struct tars_req *rq, struct tars_EndpointF_list *to,
		     const struct endpoint_list *from, int port)
{
	for (uint32_t i = 0; i < from->n; i++) {
		struct tars_EndpointF *ep = TARS_PUSH(rq, to);

		ep->host = str_of(from->v[i].host);
		ep->port = port;
		ep->istcp = ENDPOINT_TCP;
		ep->timeout = 3000;
		ep->weight = from->v[i].weight;
		ep->weightType = (int32_t)from->v[i].weight_type;
	}
}

static int find(struct tars_req *rq, const struct tars_QueryF_findObjectByIdInSameGroup_in *in,
		struct tars_QueryF_findObjectByIdInSameGroup_out *out)
{
	struct registry *g = tars_data(rq);

	(void)in;
	put_list(rq, &out->activeEp, &g->row->active, g->port);
	put_list(rq, &out->inactiveEp, &g->row->inactive, g->port);
	return TARS_OK;
}

static const struct tars_QueryF query_impl = { .findObjectByIdInSameGroup = find };

static void make_calls(struct row *r, struct fakes *f)
{
	struct registry g = { .row = r, .port = f->port };
	struct client c;
	char locator[128];

	g.s.servants[0] = (struct tars_servant){ "tars.tarsregistry.QueryObj", &tars_QueryF_iface,
						 &query_impl, TARS_RUN_INLINE, &g };
	rpc_server_start(&g.s);
	snprintf(locator, sizeof(locator), "tars.tarsregistry.QueryObj@tcp -h 127.0.0.1 -p %d",
		 g.s.port);
	client_open(&c, locator, "T.S.Obj", &for_ever);
	c.c.hash_mode = r->mode;
	for (int i = 0; i < r->n_calls; i++) {
		c.c.hash = r->keys[i];
		if (r->from_call && i == r->from_call)
			fake_refuses(f, r->late, true);
		/* The calls to healthy ones must not fail on a slow machine. */
		c.c.timeout_ms = strcmp(r->how, "hang") && strcmp(r->how, "id") ? 10000 : 1000;
		r->got[i] = call(&c);
		if (r->got[i] == FAILED)
			continue;
		/* To the index in the lists. */
		for (uint32_t k = 0; k < r->active.n; k++)
			if (r->active.v[k].host[strlen("127.0.0.")] == '1' + r->got[i]) {
				r->got[i] = (int)k;
				break;
			}
	}
	client_close(&c);
	rpc_server_stop(&g.s, 0);
}

static int count_failed(const int *calls, int n)
{
	int failed = 0;

	for (int i = 0; i < n; i++)
		failed += calls[i] == FAILED;
	return failed;
}

/* Codes of the application do not shield here; and nothing that is sent fails where nobody listens. */
static bool shields(const struct row *r)
{
	return strcmp(r->how, "empty") && (strncmp(r->how, "iRet ", 5) || atoi(r->how + 5) < 0);
}

/*
 * A key that meets a good endpoint meets the same one here.  A failure is the same when it is the
 * first of a row; the official client goes back to the endpoint with every second key, here it
 * stays shielded, and one that refuses connects costs no call at all.
 */
static int check_keys(const struct row *r, const int *home)
{
	bool all_bad = (uint32_t)r->n_bad == r->active.n, refuses = !strncmp(r->how, "refuse", 6);
	int wrong = 0, failed = 0;

	for (int i = 0; i < r->n_calls; i++) {
		int want = r->want[i], got = r->got[i];
		bool fine = got == want;

		if (all_bad) {
			fine = got == FAILED;
		} else if (!shields(r)) {
			fine = got == (home[i] == 1 && atoi(r->how + (*r->how == 'i' ? 5 : 0)) +
				       (*r->how == 'e') ? FAILED : home[i]);
		} else if (want == FAILED) {
			fine = refuses || failed ? got != FAILED && !r->bad[got] : got == FAILED;
			failed++;
		}
		if (!fine) {
			print_error("%s, %s, %s: call %d, key %llu: %d, want %d\n", r->d->field[0],
				    r->d->field[1], r->how, i, (unsigned long long)r->keys[i], got,
				    want);
			wrong++;
		}
	}
	return wrong;
}

/* The phase of a round is incidental: what counts is how many fail, and who gets the rest. */
static int check_sequence(const struct row *r)
{
	int want_failed = count_failed(r->want, r->n_calls), got_failed, shares[2][FAKE_MAX] = { 0 };
	int wrong = 0;

	got_failed = count_failed(r->got, r->n_calls);
	for (int i = 0; i < r->n_calls; i++) {
		if (r->want[i] != FAILED)
			shares[0][r->want[i]]++;
		if (r->got[i] != FAILED)
			shares[1][r->got[i]]++;
	}
	for (int i = 0; i < FAKE_MAX; i++)
		wrong += shields(r) && abs(shares[0][i] - shares[1][i]) > 2 + r->n_calls / 8;
	if (strncmp(r->how, "iRet ", 5) || atoi(r->how + 5) < 0)
		wrong += abs(want_failed - got_failed) > (shields(r) ? 0 : 2);
	else if (atoi(r->how + 5) > 0)
		wrong += got_failed < r->n_calls / 3 - 2 || got_failed > r->n_calls / 3 + 2;
	if (wrong)
		print_error("%s, %s: %d failed of %d, want %d; shares %d %d %d, want %d %d %d\n",
			    r->d->field[1], r->how, got_failed, r->n_calls, want_failed,
			    shares[1][0], shares[1][1], shares[1][2], shares[0][0], shares[0][1],
			    shares[0][2]);
	return wrong;
}

static void test_recorded_failures(void **state)
{
	int homes[3][MAX_CALLS] = { 0 }, rows = 0, wrong = 0;
	struct data d;

	(void)state;
	data_open(&d, "t/data/lb-failures.tsv");
	while (data_next(&d)) {
		struct fakes *f = fakes_start(4);
		struct row r;

		parse_row(&r, &d);
		/* The rows without a failure come first. */
		if (!strcmp(r.how, "iRet 0"))
			memcpy(homes[r.mode], r.want, sizeof(r.want));
		misbehave(&r, f);
		make_calls(&r, f);
		wrong += r.mode == TARS_HASH_NONE ? check_sequence(&r) :
			 check_keys(&r, homes[r.mode]);
		rows++;
		arena_clear(&r.a);
		fakes_stop(f);
	}
	assert_int_equal(rows, 96);
	assert_int_equal(wrong, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_recorded_failures),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
