/*
 * Socket addresses: from text, to text.
 *
 * Open value.  Thread: any.
 */
#ifndef CORE_IO_ADDRESS_H
#define CORE_IO_ADDRESS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/un.h>

struct sockaddr_any {
	union {
		struct sockaddr sa;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
		struct sockaddr_un un;
	};
	socklen_t len;
};

/* "1.2.3.4", "::1" or "[::1]"; -1 if ip is not numeric. */
int sockaddr_from_ip(struct sockaddr_any *a, const char *ip, int port);
/* "/run/x.sock"; -1 if it is longer than SOCKET_PATH_MAX. */
enum { SOCKET_PATH_MAX = sizeof(((struct sockaddr_un *)0)->sun_path) - 1 };
int sockaddr_from_path(struct sockaddr_any *a, const char *path);
void sockaddr_set_port(struct sockaddr_any *a, int port);
/* "10.0.0.1:5312", "[::1]:80", "unix:/path". */
void sockaddr_print(char *text, size_t size, const struct sockaddr_any *a);
/* "10.0.0.1", "::1", "unix". */
void sockaddr_host(char *text, size_t size, const struct sockaddr_any *a);
/* -1 where there is none. */
int sockaddr_port(const struct sockaddr_any *a);
/* Its 16 bytes, IPv4 mapped; false if it is no IP address (a unix socket). */
struct ip;
bool sockaddr_ip(const struct sockaddr_any *a, struct ip *ip);
/* Turns an IPv4 peer of an IPv6 socket (::ffff:1.2.3.4) into its IPv4 form. */
void sockaddr_unmap(struct sockaddr_any *a);

#endif
