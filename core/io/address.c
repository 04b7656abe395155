/* Socket addresses: from text, to text. */
#include "core/io/address.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "proto/iplist.h"

int sockaddr_from_ip(struct sockaddr_any *a, const char *ip, int port)
{
	struct sockaddr_any r = { 0 };
	char bare[INET6_ADDRSTRLEN];
	size_t n = strlen(ip);

	if (n > 2 && n < sizeof(bare) && ip[0] == '[' && ip[n - 1] == ']') {
		memcpy(bare, ip + 1, n - 2);
		bare[n - 2] = '\0';
		ip = bare;
	}
	if (inet_pton(AF_INET, ip, &r.in.sin_addr) == 1) {
		r.in.sin_family = AF_INET;
		r.in.sin_port = htons((uint16_t)port);
		r.len = sizeof(r.in);
	} else if (inet_pton(AF_INET6, ip, &r.in6.sin6_addr) == 1) {
		r.in6.sin6_family = AF_INET6;
		r.in6.sin6_port = htons((uint16_t)port);
		r.len = sizeof(r.in6);
	} else {
		return -1;
	}
	*a = r;
	return 0;
}

int sockaddr_from_path(struct sockaddr_any *a, const char *path)
{
	size_t n = strlen(path);

	if (n > SOCKET_PATH_MAX)
		return -1;
	*a = (struct sockaddr_any){ .un.sun_family = AF_UNIX };
	memcpy(a->un.sun_path, path, n + 1);
	a->len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n + 1);
	return 0;
}

void sockaddr_set_port(struct sockaddr_any *a, int port)
{
	if (a->sa.sa_family == AF_INET)
		a->in.sin_port = htons((uint16_t)port);
	else if (a->sa.sa_family == AF_INET6)
		a->in6.sin6_port = htons((uint16_t)port);
}

void sockaddr_print(char *text, size_t size, const struct sockaddr_any *a)
{
	char ip[INET6_ADDRSTRLEN];

	switch (a->sa.sa_family) {
	case AF_INET:
		inet_ntop(AF_INET, &a->in.sin_addr, ip, sizeof(ip));
		snprintf(text, size, "%s:%d", ip, ntohs(a->in.sin_port));
		return;
	case AF_INET6:
		inet_ntop(AF_INET6, &a->in6.sin6_addr, ip, sizeof(ip));
		snprintf(text, size, "[%s]:%d", ip, ntohs(a->in6.sin6_port));
		return;
	case AF_UNIX:
		/* A connecting peer has no path: the kernel then gives the family only. */
		if (a->len > offsetof(struct sockaddr_un, sun_path))
			snprintf(text, size, "unix:%.*s",
				 (int)(a->len - offsetof(struct sockaddr_un, sun_path)),
				 a->un.sun_path);
		else
			snprintf(text, size, "unix:");
		return;
	default:
		snprintf(text, size, "(unknown address)");
	}
}

void sockaddr_host(char *text, size_t size, const struct sockaddr_any *a)
{
	char ip[INET6_ADDRSTRLEN] = "unix";

	if (a->sa.sa_family == AF_INET)
		inet_ntop(AF_INET, &a->in.sin_addr, ip, sizeof(ip));
	else if (a->sa.sa_family == AF_INET6)
		inet_ntop(AF_INET6, &a->in6.sin6_addr, ip, sizeof(ip));
	snprintf(text, size, "%s", ip);
}

int sockaddr_port(const struct sockaddr_any *a)
{
	switch (a->sa.sa_family) {
	case AF_INET:
		return ntohs(a->in.sin_port);
	case AF_INET6:
		return ntohs(a->in6.sin6_port);
	default:
		return -1;
	}
}

bool sockaddr_ip(const struct sockaddr_any *a, struct ip *ip)
{
	if (a->sa.sa_family == AF_INET) {
		*ip = (struct ip){ { [10] = 0xff, [11] = 0xff } };
		memcpy(ip->b + 12, &a->in.sin_addr, 4);
		return true;
	}
	if (a->sa.sa_family == AF_INET6)
		memcpy(ip->b, &a->in6.sin6_addr, 16);
	return a->sa.sa_family == AF_INET6;
}

void sockaddr_unmap(struct sockaddr_any *a)
{
	struct sockaddr_in in = { .sin_family = AF_INET };

	if (a->sa.sa_family != AF_INET6 || !IN6_IS_ADDR_V4MAPPED(&a->in6.sin6_addr))
		return;
	in.sin_port = a->in6.sin6_port;
	memcpy(&in.sin_addr, &a->in6.sin6_addr.s6_addr[12], sizeof(in.sin_addr));
	a->in = in;
	a->len = sizeof(in);
}
