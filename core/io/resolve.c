/* Name look-ups that do not block the reactor, and this machine's own address. */
#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "core/io/listen.h"
#include "core/io/pool.h"
#include "core/io/wait.h"

struct lookup {
	const char *host;
	struct addrinfo *found;
	int rc, error;
};

static void look_up(void *arg)
{
	struct lookup *l = arg;
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG };

	l->rc = getaddrinfo(l->host, NULL, &hints, &l->found);
	l->error = errno;
}

int resolve_all(struct sockaddr_any a[RESOLVE_MAX], const char *host, int port, struct err *e)
{
	struct lookup l = { .host = host };
	int n = 0;

	if (!sockaddr_from_ip(&a[0], host, port))
		return 1;
	if (!wait_is_possible())
		return err_set(e, TARS_EBLOCK, "host '%s': %s", host, tars_strerror(TARS_EBLOCK));
	pool_run(look_up, &l);
	if (l.rc)
		return err_set(e, TARS_ECONNECT, "host '%s': %s", host,
			       l.rc == EAI_SYSTEM ? strerror(l.error) : gai_strerror(l.rc));
	for (struct addrinfo *i = l.found; i && n < RESOLVE_MAX; i = i->ai_next, n++) {
		a[n] = (struct sockaddr_any){ .len = i->ai_addrlen };
		memcpy(&a[n].sa, i->ai_addr, i->ai_addrlen);
		sockaddr_set_port(&a[n], port);
	}
	freeaddrinfo(l.found);
	return n;
}

int resolve(struct sockaddr_any *a, const char *host, int port, struct err *e)
{
	struct sockaddr_any all[RESOLVE_MAX];
	int n = resolve_all(all, host, port, e);

	if (n < 0)
		return n;
	*a = all[0];
	return TARS_OK;
}

void local_ip(char *text, size_t size)
{
	struct ifaddrs *all, *i;
	const struct sockaddr_in *in;
	char ip[INET_ADDRSTRLEN] = "127.0.0.1";

	if (!getifaddrs(&all)) {
		for (i = all; i; i = i->ifa_next) {
			if (!i->ifa_addr || i->ifa_addr->sa_family != AF_INET ||
			    (i->ifa_flags & (IFF_UP | IFF_LOOPBACK)) != IFF_UP)
				continue;
			in = (const struct sockaddr_in *)(const void *)i->ifa_addr;
			inet_ntop(AF_INET, &in->sin_addr, ip, sizeof(ip));
			break;
		}
		freeifaddrs(all);
	}
	snprintf(text, size, "%s", ip);
}
