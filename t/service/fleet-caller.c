/*
 * fleet-caller [LOCATOR [REFRESH_MS]]
 *
 * Calls fleet servers as told by lines on its input, and answers each with one line.
 *
 *	proxy NAME OBJECT [KEY=VALUE...]   makes a proxy: timeout, set, station, retry_ms,
 *	                                   consecutive, attempts, backup_ms, percent, burst
 *	call NAME [COUNT]                  calls `name` so often: "ok=5 failed=0 a=3 b=2 error=.."
 *	keys NAME mod|ring COUNT           calls `name` once for each hash 0, 1000003, 2000006 ...; the
 *	                                   answers, one for each: "ok=3 failed=0 keys=a,b,a"
 *	add NAME COUNTER [COUNT]           calls `add`
 *	start NAME[,NAME...] THREADS       calls `name` from threads all the time, which take the
 *	                                   proxies in turn, until
 *	stop                               which answers like call
 *	loads                              the number of those calls so far
 *	many PORT SERVERS PROXIES ROUNDS   makes so many different proxies of 127.0.0.1 ..2 ..3 at the
 *	                                   port; each calls `add` of "many" once a round
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "Fleet.h"

enum { MAX_PROXIES = 16, MAX_NAMES = 16, MAX_THREADS = 16, MAX_WORDS = 16 };

static struct tars_app *app;

static struct {
	char name[32];
	struct tars_proxy *proxy;
} proxies[MAX_PROXIES];

/* ---- results ---- */

struct results {
	int ok, failed;
	struct {
		char name[32];
		int n;
	} names[MAX_NAMES];
	char error[400];
};

static void add_name(struct results *r, const char *name, int n)
{
	int i = 0;

	while (i < MAX_NAMES - 1 && *r->names[i].name && strcmp(r->names[i].name, name))
		i++;
	snprintf(r->names[i].name, sizeof(r->names[i].name), "%s", name);
	r->names[i].n += n;
}

static void add_results(struct results *r, const struct results *more)
{
	r->ok += more->ok;
	r->failed += more->failed;
	for (int i = 0; i < MAX_NAMES && *more->names[i].name; i++)
		add_name(r, more->names[i].name, more->names[i].n);
	if (*more->error)
		memcpy(r->error, more->error, sizeof(r->error));
}

static int by_name(const void *a, const void *b)
{
	return strcmp(a, b);
}

static void print_results(struct results *r)
{
	int n = 0;

	while (n < MAX_NAMES && *r->names[n].name)
		n++;
	qsort(r->names, (size_t)n, sizeof(r->names[0]), by_name);
	printf("ok=%d failed=%d", r->ok, r->failed);
	for (int i = 0; i < n; i++)
		printf(" %s=%d", r->names[i].name, r->names[i].n);
	printf(" error=%s\n", r->error);
}

/* ---- calls ---- */

static void call_name(struct tars_proxy *p, struct results *r)
{
	struct tars_req *rq = tars_begin(app);
	struct tars_call c = { .to = p, .rq = rq };
	struct T_Fleet_name_out out;

	if (T_Fleet_name(&c, &(struct T_Fleet_name_in){ 0 }, &out)) {
		r->failed++;
		snprintf(r->error, sizeof(r->error), "%s", c.error);
	} else {
		r->ok++;
		add_name(r, out.ret.p, 1);
	}
	tars_end(rq);
}

/* Far apart, so that a ring of few endpoints is met at many places. */
static void call_keys(struct tars_proxy *p, enum tars_hash_mode mode, int n)
{
	char keys[4096] = "";
	int ok = 0;

	for (int i = 0; i < n; i++) {
		struct tars_req *rq = tars_begin(app);
		struct tars_call c = {
			.to = p, .rq = rq, .hash_mode = mode, .hash = (uint64_t)i * 1000003,
		};
		struct T_Fleet_name_out out = { 0 };
		size_t used = strlen(keys);

		ok += T_Fleet_name(&c, &(struct T_Fleet_name_in){ 0 }, &out) == TARS_OK;
		snprintf(keys + used, sizeof(keys) - used, "%s%s", i ? "," : "",
			 out.ret.n ? out.ret.p : "-");
		tars_end(rq);
	}
	printf("ok=%d failed=%d keys=%s\n", ok, n - ok, keys);
}

static void call_add(struct tars_proxy *p, const char *counter, struct results *r)
{
	struct tars_req *rq = tars_begin(app);
	struct tars_call c = { .to = p, .rq = rq };
	struct T_Fleet_add_in in = { .counter = { counter, (uint32_t)strlen(counter) }, .n = 1 };
	struct T_Fleet_add_out out;

	if (T_Fleet_add(&c, &in, &out)) {
		r->failed++;
		snprintf(r->error, sizeof(r->error), "%s", c.error);
	} else {
		r->ok++;
	}
	tars_end(rq);
}

/* ---- load ---- */

static struct load {
	pthread_t threads[MAX_THREADS];
	int n;
	atomic_bool stop;
	atomic_int calls;
	pthread_mutex_t lock;
	struct results results;
} load = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void *load_thread(void *proxy)
{
	struct results mine = { 0 };

	while (!load.stop) {
		call_name(proxy, &mine);
		load.calls++;
	}
	pthread_mutex_lock(&load.lock);
	add_results(&load.results, &mine);
	pthread_mutex_unlock(&load.lock);
	return NULL;
}

static struct tars_proxy *find(const char *name)
{
	for (int i = 0; i < MAX_PROXIES; i++)
		if (!strcmp(proxies[i].name, name))
			return proxies[i].proxy;
	fprintf(stderr, "no proxy %s\n", name);
	exit(64);
}

static void start(char *names, int n)
{
	struct tars_proxy *to[MAX_PROXIES];
	int n_to = 0;
	char *name;

	while (n_to < MAX_PROXIES && (name = strsep(&names, ",")))
		to[n_to++] = find(name);
	load.stop = false;
	load.calls = 0;
	load.results = (struct results){ 0 };
	for (load.n = 0; load.n < n && load.n < MAX_THREADS; load.n++)
		if (pthread_create(&load.threads[load.n], NULL, load_thread, to[load.n % n_to]))
			abort();
	puts("ok");
}

static void stop(void)
{
	load.stop = true;
	while (load.n)
		pthread_join(load.threads[--load.n], NULL);
	print_results(&load.results);
}

/* ---- many servers and proxies ---- */

static struct many {
	struct tars_proxy **proxies;
	int n, rounds;
	atomic_int next;
	pthread_mutex_t lock;
	struct results results;
} many = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void *many_thread(void *arg)
{
	struct results mine = { 0 };
	int i;

	while ((i = many.next++) < many.n * many.rounds)
		call_add(many.proxies[i % many.n], "many", &mine);
	pthread_mutex_lock(&many.lock);
	add_results(&many.results, &mine);
	pthread_mutex_unlock(&many.lock);
	return arg;
}

/* They differ by their time-outs: the same object with the same options is the same proxy. */
static void make_many(int port, int n_servers, int n)
{
	struct tars_proxy_conf conf = { 0 };
	char object[16384];
	size_t size = (size_t)snprintf(object, sizeof(object), "T.FleetServer.InlineObj@");

	for (int i = 1; i <= n_servers && size < sizeof(object); i++)
		size += (size_t)snprintf(object + size, sizeof(object) - size,
					 "%stcp -h 127.0.0.%d -p %d", i > 1 ? ":" : "", i, port);
	many.proxies = calloc((size_t)n, sizeof(*many.proxies));
	many.n = n;
	for (int i = 0; i < n; i++) {
		conf.timeout_ms = 60000 + i;
		many.proxies[i] = tars_proxy_conf(app, object, &conf);
	}
}

static void call_many(int rounds)
{
	pthread_t threads[4];

	many.rounds = rounds;
	for (int i = 0; i < 4; i++)
		if (pthread_create(&threads[i], NULL, many_thread, NULL))
			abort();
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	print_results(&many.results);
	free(many.proxies);
}

/* ---- commands ---- */

static void set_option(const char *option, struct tars_proxy_conf *conf, struct tars_check *check,
		       struct tars_retry *retry)
{
	const struct {
		const char *key;
		int *number;
		const char **text;
	} options[] = {
		{ "timeout=", &conf->timeout_ms, NULL },
		{ "connect_timeout=", &conf->connect_timeout_ms, NULL },
		{ "set=", NULL, &conf->set },
		{ "station=", NULL, &conf->station },
		{ "retry_ms=", &check->retry_ms, NULL },
		{ "consecutive=", &check->consecutive, NULL },
		{ "attempts=", &retry->attempts, NULL },
		{ "backup_ms=", &retry->backup_ms, NULL },
		{ "percent=", &conf->retry_percent, NULL },
		{ "burst=", &conf->retry_burst, NULL },
	};

	for (size_t i = 0; i < sizeof(options) / sizeof(*options); i++) {
		size_t n = strlen(options[i].key);

		if (strncmp(option, options[i].key, n))
			continue;
		if (options[i].number)
			*options[i].number = atoi(option + n);
		else
			*options[i].text = option + n;
		return;
	}
	fprintf(stderr, "no option %s\n", option);
	exit(64);
}

/* OBJECT ends where the options begin. */
static void make_proxy(char **words, int n)
{
	struct tars_check check = { 0 };
	struct tars_retry retry = { 0 };
	struct tars_proxy_conf conf = { .check = &check, .retries = &retry };
	char object[1024] = "";
	int i, free_one = 0;

	for (i = 2; i < n && (!strchr(words[i], '=') || strchr(words[i], '@')); i++)
		snprintf(object + strlen(object), sizeof(object) - strlen(object), "%s%s",
			 i > 2 ? " " : "", words[i]);
	for (; i < n; i++)
		set_option(words[i], &conf, &check, &retry);
	conf.n_retries = retry.attempts || retry.backup_ms;
	while (*proxies[free_one].name && strcmp(proxies[free_one].name, words[1]))
		free_one++;
	snprintf(proxies[free_one].name, sizeof(proxies[0].name), "%s", words[1]);
	proxies[free_one].proxy = tars_proxy_conf(app, object, &conf);
	puts("ok");
}

static void obey(char **words, int n)
{
	struct results r = { 0 };
	int count = n > 1 ? atoi(words[n - 1]) : 0;

	if (!strcmp(words[0], "proxy")) {
		make_proxy(words, n);
	} else if (!strcmp(words[0], "call")) {
		for (int i = 0; i < (n > 2 ? count : 1); i++)
			call_name(find(words[1]), &r);
		print_results(&r);
	} else if (!strcmp(words[0], "keys") && n == 4) {
		call_keys(find(words[1]), strcmp(words[2], "ring") ? TARS_HASH_MOD :
								     TARS_HASH_CONSISTENT, count);
	} else if (!strcmp(words[0], "add")) {
		for (int i = 0; i < (n > 3 ? count : 1); i++)
			call_add(find(words[1]), words[2], &r);
		print_results(&r);
	} else if (!strcmp(words[0], "start")) {
		start(words[1], count);
	} else if (!strcmp(words[0], "many") && n == 5) {
		make_many(atoi(words[1]), atoi(words[2]), atoi(words[3]));
		call_many(count);
	} else if (!strcmp(words[0], "stop")) {
		stop();
	} else if (!strcmp(words[0], "loads")) {
		printf("%d\n", load.calls);
	} else {
		printf("what is %s?\n", words[0]);
	}
	fflush(stdout);
}

int main(int argc, char **argv)
{
	char line[4096], error[256];

	app = tars_start_with(&(struct tars_start_conf){
		.locator = argc > 1 ? argv[1] : NULL,
		.refresh_ms = argc > 2 ? atoi(argv[2]) : 0,
	}, error, sizeof(error));
	if (!app) {
		fprintf(stderr, "%s\n", error);
		return 1;
	}
	while (fgets(line, sizeof(line), stdin)) {
		char *words[MAX_WORDS * 4], *rest = line, *word;
		int n = 0;

		while ((word = strsep(&rest, " \n")))
			if (*word && n < (int)(sizeof(words) / sizeof(*words)))
				words[n++] = word;
		if (n)
			obey(words, n);
	}
	tars_stop(app);
	return 0;
}
