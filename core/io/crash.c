/* Crash reports from the signal handler: the line, the backtrace, and then the signal's course. */
#include "core/io/crash.h"

#include <errno.h>
#include <execinfo.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include "core/io/coro.h"
#include "proto/arena.h"

enum {
	STACK_SIZE = 64 * 1024,    /* the unwinder wants more than MINSIGSTKSZ */
	ENOUGH = 32 * 1024,        /* one that is there already serves as well */
	MAX_FRAMES = 64,
	STACK_REACH = 16 * 1024,   /* of one function's frame */
};

static const struct { int signo; const char *name; } signals[] = {
	{ SIGSEGV, "SIGSEGV" }, { SIGBUS, "SIGBUS" }, { SIGFPE, "SIGFPE" }, { SIGILL, "SIGILL" },
	{ SIGABRT, "SIGABRT" },
};

enum { N_SIGNALS = sizeof(signals) / sizeof(*signals) };

static atomic_bool installed;
static atomic_int reporting;       /* thread id of the first that crashed */
static char process_name[128];
static struct crash_conf conf;
static struct sigaction before[N_SIGNALS];

/* ---- lines ---- */

void crash_add_n(struct crash_line *l, const char *text, size_t n)
{
	size_t room = sizeof(l->text) - 1 - l->n;   /* one stays for the line's end */

	if (n > room)
		n = room;
	for (size_t i = 0; i < n; i++)
		l->text[l->n++] = (unsigned char)text[i] < ' ' || text[i] == 0x7f ? '?' : text[i];
}

void crash_add(struct crash_line *l, const char *text)
{
	crash_add_n(l, text, strlen(text));
}

static void add_base(struct crash_line *l, uint64_t v, unsigned base)
{
	char digits[24];
	size_t at = sizeof(digits);

	do
		digits[--at] = "0123456789abcdef"[v % base];
	while (v /= base);
	crash_add_n(l, digits + at, sizeof(digits) - at);
}

void crash_add_number(struct crash_line *l, int64_t v)
{
	if (v < 0)
		crash_add(l, "-");
	add_base(l, v < 0 ? -(uint64_t)v : (uint64_t)v, 10);
}

static void put(int fd, struct crash_line *l)
{
	size_t at = 0;
	ssize_t n;

	l->text[l->n++] = '\n';
	while (at < l->n) {
		n = write(fd, l->text + at, l->n - at);
		if (n < 0 && errno != EINTR)
			break;
		at += n > 0 ? (size_t)n : 0;
	}
	l->n = 0;
}

/* ---- the report ---- */

static int thread_id(void)
{
	return (int)syscall(SYS_gettid);
}

/* Where the fault was: 0 where it is not known. */
struct place {
	uintptr_t pc, sp;
};

static struct place place_of(const void *context)
{
	const ucontext_t *u = context;

#if defined(__x86_64__)
	return (struct place){ (uintptr_t)u->uc_mcontext.gregs[REG_RIP],
			       (uintptr_t)u->uc_mcontext.gregs[REG_RSP] };
#elif defined(__aarch64__)
	return (struct place){ (uintptr_t)u->uc_mcontext.pc, (uintptr_t)u->uc_mcontext.sp };
#else
	(void)u;
	return (struct place){ 0 };
#endif
}

/*
 * A fault near the stack pointer: the guard page, nearly always.  It is above the pointer when the
 * frame reaches into that page and a variable in the frame's middle was the first to be touched.
 */
static bool is_out_of_stack(const void *address, uintptr_t sp)
{
	uintptr_t at = (uintptr_t)address;

	return sp && at < sp + STACK_REACH && at + STACK_REACH > sp;
}

static void add_cause(struct crash_line *l, int i, const siginfo_t *info, uintptr_t sp)
{
	int signo = signals[i].signo;

	crash_add(l, signals[i].name);
	if (info->si_code <= 0) {
		/* abort() sends it to its own process. */
		if (info->si_pid != getpid()) {
			crash_add(l, " sent by process ");
			crash_add_number(l, info->si_pid);
		}
		return;
	}
	crash_add(l, " at 0x");
	add_base(l, (uintptr_t)info->si_addr, 16);
	if (signo == SIGSEGV && is_out_of_stack(info->si_addr, sp))
		crash_add(l, coro_self() ? " (no stack left: raise coroutinestack)" :
					   " (no stack left)");
}

static void add_thread(struct crash_line *l)
{
	char name[17] = "";

	prctl(PR_GET_NAME, name);
	crash_add(l, " in thread ");
	crash_add_number(l, thread_id());
	crash_add(l, " '");
	crash_add(l, name);
	crash_add(l, "' of ");
	crash_add(l, process_name);
	crash_add(l, ": ");
}

static void report(int i, const siginfo_t *info, const void *context)
{
	const void *work = *coro_work();
	struct crash_line l = { .n = 0 };
	struct place place = place_of(context);
	int fd = conf.descriptor(), n, first = 0;
	void *frames[MAX_FRAMES];

	crash_add(&l, "tars: crash: ");
	add_cause(&l, i, info, place.sp);
	add_thread(&l);
	if (work)
		conf.tell(&l, work);
	else
		crash_add(&l, "serving nothing");
	put(fd, &l);
	n = backtrace(frames, MAX_FRAMES);
	/* The handler's own are of no interest. */
	for (int f = 0; f < n; f++)
		if ((uintptr_t)frames[f] == place.pc)
			first = f;
	backtrace_symbols_fd(frames + first, n - first, fd);
}

static void on_crash(int signo, siginfo_t *info, void *context)
{
	int none = 0, self = thread_id(), i = 0;

	if (!atomic_compare_exchange_strong(&reporting, &none, self) && none != self)
		for (;;)
			pause();   /* the first one ends the process */
	while (signals[i].signo != signo)
		i++;
	if (!none) {
		report(i, info, context);
		if (conf.last)
			conf.last();
	}
	sigaction(signo, &before[i], NULL);
	/* The instruction faults again; what was sent has to be sent again. */
	if (info->si_code <= 0)
		syscall(SYS_tgkill, getpid(), self, signo);
}

void crash_report(const struct crash_conf *wanted)
{
	struct sigaction action = { .sa_sigaction = on_crash,
				    .sa_flags = SA_SIGINFO | SA_ONSTACK };
	void *frame[1];

	if (atomic_exchange(&installed, true))
		return;
	conf = *wanted;
	snprintf(process_name, sizeof(process_name), "%s", conf.name);
	/* The first one loads a library, which the handler must not. */
	backtrace(frame, 1);
	crash_stack_set();   /* the thread's, for as long as the process lives */
	sigfillset(&action.sa_mask);
	for (int i = 0; i < N_SIGNALS; i++)
		sigaction(signals[i].signo, &action, &before[i]);
}

/* ---- stacks of handlers ---- */

struct crash_stack {
	stack_t before;
};

struct crash_stack *crash_stack_set(void)
{
	struct crash_stack *s;
	stack_t now;

	if (!atomic_load(&installed))
		return NULL;
	if (!sigaltstack(NULL, &now) && !(now.ss_flags & SS_DISABLE) && now.ss_size >= ENOUGH)
		return NULL;
	s = mmap(NULL, STACK_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (s == MAP_FAILED)
		return NULL;   /* an overflow will go unreported, all else will not */
	s->before = now;
	now = (stack_t){ .ss_sp = s + 1, .ss_size = STACK_SIZE - sizeof(*s) };
	sigaltstack(&now, NULL);
	return s;
}

void crash_stack_free(struct crash_stack *s)
{
	stack_t old;

	if (!s)
		return;
	old = s->before;
	sigaltstack(&old, NULL);
	munmap(s, STACK_SIZE);
}
