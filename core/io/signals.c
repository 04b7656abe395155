/* Signals as events of a reactor, through a signalfd. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "core/io/reactor.h"
#include "proto/arena.h"

struct signals {
	struct watch watch;
	struct task start, at_free;
	int fd;
	void (*run)(int signo, void *arg);
	void *arg;
};

void reactor_block_signals(void)
{
	static const int blocked[] = { SIGHUP, SIGINT, SIGTERM, SIGCHLD, SIGUSR1, SIGUSR2 };
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(blocked) / sizeof(*blocked); i++)
		sigaddset(&set, blocked[i]);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
}

static void on_readable(struct watch *w, int events)
{
	struct signals *s = container_of(w, struct signals, watch);
	struct signalfd_siginfo info;

	(void)events;
	while (read(s->fd, &info, sizeof(info)) == sizeof(info))
		s->run((int)info.ssi_signo, s->arg);
}

static void start(struct task *t)
{
	struct signals *s = container_of(t, struct signals, start);

	watch_set(&s->watch, s->fd, WATCH_READ, on_readable);
}

static void at_free(struct task *t)
{
	struct signals *s = container_of(t, struct signals, at_free);

	watch_stop(&s->watch);
	close(s->fd);
	free(s);
}

int reactor_on_signals(struct reactor *r, const int *signals, void (*run)(int signo, void *arg),
		       void *arg, struct err *e)
{
	struct signals *s;
	sigset_t set;
	int fd;

	sigemptyset(&set);
	for (; *signals; signals++)
		sigaddset(&set, *signals);
	fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (fd < 0)
		return err_set(e, TARS_ESYS, "cannot watch signals: %s (see ulimit -n)",
			       strerror(errno));
	s = xcalloc(1, sizeof(*s));
	*s = (struct signals){ .start.run = start, .at_free.run = at_free, .fd = fd, .run = run,
			       .arg = arg };
	reactor_at_free(r, &s->at_free);
	reactor_post(r, &s->start);
	return 0;
}
