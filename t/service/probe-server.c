/*
 * ProbeServer: the service of the tests, which does what it is told.
 *
 *	echo        the number as text
 *	big         so many bytes of text
 *	thread      name of the thread that runs it
 *	seq         ok, if the number is the next of this connection (from 0) and nothing else of
 *	            it is at work; else what was expected
 *	late        the same, with the reply from another thread
 *	pause       sleeps so many milliseconds; never in a coroutine
 *	gate        waits until "open"; never in a coroutine
 *	hold        puts the reply off until "reply"
 *	context KEY, status KEY   what the caller sent, which goes back as context, and as status
 *	relay WHAT  calls the object that context["to"] names, and gives its text
 *	crash       a fault: number 4 SIGILL, 6 SIGABRT, 7 SIGBUS, 8 SIGFPE, 11 SIGSEGV, 0 no stack left
 *	spin        says so on stderr, and never ends
 *	open        lets `number` gates go; reply: answers all that are held; fail: fails with number;
 *	            mute: the same without a text
 *	counts      "runs=.. gates=.. held=.. inits=.. finis=.." since the start
 *
 * Its command `listen [NAME]` begins to listen; so does init() for each name in $PROBE_LISTEN.
 */
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "Probe.h"

enum { MAX_PEERS = 64, MAX_HELD = 4096 };

static atomic_int runs, gates, inits, finis;
static sem_t gate;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static struct peer {
	char name[64];
	int next, at_work;
} peers[MAX_PEERS];

static struct tars_req *held[MAX_HELD];
static atomic_int n_held;

/* ---- order ---- */

static struct peer *peer_of(struct tars_req *rq)
{
	struct peer *p;

	for (p = peers; *p->name && strcmp(p->name, tars_peer(rq)); p++)
		if (p == &peers[MAX_PEERS - 1])
			abort();
	snprintf(p->name, sizeof(p->name), "%s", tars_peer(rq));
	return p;
}

static struct tars_str enter(struct tars_req *rq, int number)
{
	struct tars_str text = TARS_STR("ok");
	struct peer *p;

	pthread_mutex_lock(&lock);
	p = peer_of(rq);
	/* A port of a connection that has ended may be a new one's. */
	if (!number && !p->at_work)
		p->next = 0;
	if (p->at_work++ || p->next != number)
		text = tars_strf(rq, "expected %d, %d are at work", p->next, p->at_work);
	p->next = number + 1;
	pthread_mutex_unlock(&lock);
	return text;
}

static void leave(struct tars_req *rq)
{
	pthread_mutex_lock(&lock);
	peer_of(rq)->at_work--;
	pthread_mutex_unlock(&lock);
}

static void *reply_late(void *arg)
{
	struct tars_req *rq = arg;
	struct T_Probe_work_out out = { .text = TARS_STR("late") };

	usleep(1000);
	leave(rq);
	T_Probe_work_reply(rq, &out);
	tars_release(rq);
	return NULL;
}

_Noreturn static void spin(void)
{
	volatile bool forever = true;

	fprintf(stderr, "probe: spinning\n");
	while (forever)
		;
	abort();
}

static int be_late(struct tars_req *rq, int number)
{
	struct tars_str text = enter(rq, number);
	pthread_t thread;

	if (strcmp(text.p, "ok")) {
		leave(rq);
		return tars_fail(rq, 1, "%s", text.p);
	}
	tars_hold(rq);
	if (pthread_create(&thread, NULL, reply_late, rq))
		abort();
	pthread_detach(thread);
	return TARS_LATER;
}

/* ---- held requests ---- */

static int hold(struct tars_req *rq)
{
	tars_hold(rq);
	pthread_mutex_lock(&lock);
	if (n_held == MAX_HELD)
		abort();
	held[n_held++] = rq;
	pthread_mutex_unlock(&lock);
	return TARS_LATER;
}

static void reply_to_held(void)
{
	struct T_Probe_work_out out = { .text = TARS_STR("held") };

	pthread_mutex_lock(&lock);
	while (n_held) {
		T_Probe_work_reply(held[--n_held], &out);
		tars_release(held[n_held]);
	}
	pthread_mutex_unlock(&lock);
}

/* ---- crashes ---- */

#define CRASHES __attribute__((noinline, no_sanitize("address", "undefined", "thread")))

CRASHES static int use_up_the_stack(int n)
{
	volatile char some[4096];

	some[sizeof(some) / 2] = (char)n;   /* often the guard page's first touch */
	return n ? use_up_the_stack(n + 1) + some[0] : 0;
}

CRASHES static void touch_beyond_a_file(void)
{
	FILE *f = tmpfile();
	volatile char *p = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fileno(f), 0);

	(void)*p;
}

CRASHES static void crash(int how)
{
	volatile int zero = 0, one = 1;

	switch (how) {
	case 0:
		use_up_the_stack(1);
		break;
	case 4:
		__builtin_trap();
	case 6:
		abort();
	case 7:
		touch_beyond_a_file();
		break;
	case 8:
		one = one / zero;
		raise(SIGFPE);   /* there are machines without that fault */
		break;
	default:
		*(volatile int *)(uintptr_t)zero = 1;
	}
}

/* ---- the handler ---- */

static int relay(struct tars_req *rq, const char *what, int number, struct tars_str *text)
{
	struct tars_call c = { .to = tars_proxy(tars_app_of(rq), tars_context(rq, "to")),
			       .rq = rq };
	struct T_Probe_work_in in = { .what = tars_strndup(rq, what, strlen(what)),
				      .number = number };
	struct T_Probe_work_out out;
	int rc = T_Probe_work(&c, &in, &out);

	if (!rc)
		*text = out.text;
	return rc;
}

/* "context KEY" or "status KEY". */
static struct tars_str mirror(struct tars_req *rq, const char *what)
{
	const char *key = strchr(what, ' ') + 1;
	const char *value = *what == 'c' ? tars_context(rq, key) : tars_status(rq, key);

	if (!value)
		return TARS_STR("none");
	tars_set_reply_context(rq, key, value);
	if (*what == 's')
		tars_set_reply_status(rq, key, value);
	return tars_strf(rq, "%s", value);
}

static struct tars_str thread_name(struct tars_req *rq)
{
	char name[16] = "";

	prctl(PR_GET_NAME, name);
	return tars_strf(rq, "%s", name);
}

static int work(struct tars_req *rq, const struct T_Probe_work_in *in, struct T_Probe_work_out *out)
{
	const char *what = in->what.p;

	if (!strcmp(what, "counts")) {
		out->text = tars_strf(rq, "runs=%d gates=%d held=%d inits=%d finis=%d", runs, gates,
				      n_held, inits, finis);
		return TARS_OK;
	}
	if (!strcmp(what, "open")) {
		for (int i = 0; i < in->number; i++)
			sem_post(&gate);
		return TARS_OK;
	}
	if (!strcmp(what, "reply")) {
		reply_to_held();
		return TARS_OK;
	}
	runs++;
	out->text = tars_strf(rq, "%d", in->number);
	if (!strcmp(what, "big")) {
		out->text.p = tars_alloc(rq, (size_t)in->number + 1);
		out->text.n = (uint32_t)in->number;
	} else if (!strcmp(what, "thread")) {
		out->text = thread_name(rq);
	} else if (!strcmp(what, "seq")) {
		out->text = enter(rq, in->number);
		leave(rq);
	} else if (!strcmp(what, "late")) {
		return be_late(rq, in->number);
	} else if (!strcmp(what, "pause")) {
		usleep((useconds_t)in->number * 1000);
	} else if (!strcmp(what, "gate")) {
		gates++;
		while (sem_wait(&gate))
			;
		gates--;
	} else if (!strcmp(what, "hold")) {
		return hold(rq);
	} else if (!strncmp(what, "relay ", 6)) {
		return relay(rq, what + 6, in->number, &out->text);
	} else if (!strncmp(what, "context ", 8) || !strncmp(what, "status ", 7)) {
		out->text = mirror(rq, what);
	} else if (!strcmp(what, "spin")) {
		spin();
	} else if (!strcmp(what, "crash")) {
		crash(in->number);
	} else if (!strcmp(what, "fail")) {
		return tars_fail(rq, in->number, "as told");
	} else if (!strcmp(what, "mute")) {
		return tars_fail(rq, in->number, "%s", "");
	}
	return TARS_OK;
}

/* ---- the service ---- */

static const struct T_Probe probe = { .work = work };

#define ROW(obj, ...) \
	{ .name = "T.ProbeServer." obj, .iface = &T_Probe_iface, .impl = &probe, __VA_ARGS__ }

static const struct tars_servant servants[] = {
	ROW("PoolObj", .run = TARS_RUN_POOL),
	ROW("CoroObj", .run = TARS_RUN_CORO),
	ROW("InlineObj", .run = TARS_RUN_INLINE),
	ROW("ConfObj", .run = TARS_RUN_CONF),
	ROW("OrderedPoolObj", .run = TARS_RUN_POOL, .ordered = true),
	ROW("OrderedCoroObj", .run = TARS_RUN_CORO, .ordered = true),
	ROW("OrderedInlineObj", .run = TARS_RUN_INLINE, .ordered = true),
	{ 0 }
};

static int listen_to(struct tars_req *rq, const char *params, struct tars_str *result)
{
	char error[512];
	int rc = tars_listen(tars_app_of(rq), *params ? params : NULL, error, sizeof(error));

	*result = tars_strf(rq, "%d %s", rc, error);
	return 0;
}

static const struct tars_command commands[] = {
	{ "listen", "[NAME]: begins to listen", listen_to },
	{ 0 }
};

static int init(struct tars_app *app)
{
	const char *name = getenv("PROBE_LISTEN");
	char error[512];

	sem_init(&gate, 0, 0);
	return name ? tars_listen(app, name, error, sizeof(error)) : 0;
}

static void fini(struct tars_app *app)
{
	(void)app;
	fprintf(stderr, "probe: fini after %d thread_inits and %d thread_finis\n", inits, finis);
}

static int thread_init(struct tars_app *app)
{
	(void)app;
	inits++;
	return getenv("PROBE_THREAD_INIT") ? 42 : 0;
}

static void thread_fini(struct tars_app *app)
{
	(void)app;
	finis++;
}

int main(int argc, char **argv)
{
	return tars_main(argc, argv, &(struct tars_service){
		.servants = servants, .init = init, .fini = fini, .thread_init = thread_init,
		.thread_fini = thread_fini, .commands = commands });
}
