/*
 * Lists of addresses, as in the keys allow and deny: 10.0.0.7, 10.1.*, 10.0.0.0/8, ::1, 2001:db8::/32,
 * *; separated by '|', ',', ';' or blanks (contract 11.1).
 *
 * An address is its 16 bytes; IPv4 is mapped (::ffff:a.b.c.d).  Open value.  Thread: any.
 */
#ifndef PROTO_IPLIST_H
#define PROTO_IPLIST_H

#include <stdbool.h>

#include "proto/arena.h"
#include "proto/err.h"

struct ip {
	uint8_t b[16];
};

struct ip_rule {
	struct ip address, mask;
};

struct iplist {
	const struct ip_rule *v;
	uint32_t n;
};

/* An entry that is no address is an error that names it: in a list of those that are kept out it
 * would keep out nobody. */
int iplist_parse(const char *text, struct iplist *l, struct arena *a, struct err *e);
bool iplist_has(const struct iplist *l, const struct ip *ip);

struct ip_policy {
	struct iplist allow, deny;
	bool deny_first;          /* who is in both is kept out */
};

/* Who is in neither list may come if there is no list of those who may. */
bool ip_is_allowed(const struct ip_policy *p, const struct ip *ip);

#endif
