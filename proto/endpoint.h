/*
 * Endpoints "tcp -h host -p port -t ms ..." and object strings "A.B.C@ep1:ep2" (contract 1.11).
 *
 * Parsing follows the official C++ rules, odd ones included, because registries, templates and
 * object strings hold texts that were written for it (the rows in t/data are the test).  One
 * difference: a host longer than any resolvable name is an error.  Thread: any.
 */
#ifndef PROTO_ENDPOINT_H
#define PROTO_ENDPOINT_H

#include "proto/arena.h"
#include "proto/buf.h"
#include "proto/err.h"

#include <stdbool.h>

enum endpoint_type { ENDPOINT_UDP = 0, ENDPOINT_TCP = 1, ENDPOINT_SSL = 2 };
enum { ENDPOINT_MAX_TEXT = 64 << 10, ENDPOINT_MAX_LIST = 1024 };

struct endpoint {
	char host[256];        /* name or address; brackets and paths are kept, "*" is 0.0.0.0 */
	int32_t port;          /* 0..65535 */
	int32_t timeout_ms;    /* -t, default 3000 */
	int32_t type;          /* enum endpoint_type */
	int32_t grid, qos;
	int32_t weight;        /* -1: none */
	uint32_t weight_type;  /* 0 loop, 1 static, 2 dynamic; others pass through */
	int32_t auth;          /* 0 none, 1 access key */
	char set[64];          /* "name.area.group" as the registry says; not part of the text */
};

int endpoint_parse(const char *text, size_t n, struct endpoint *ep, struct err *e);
/* Canonical text (zero options omitted) appended to b. */
void endpoint_print(struct buf *b, const struct endpoint *ep);
/* Order of the text "type:host:port": how the official client sorts, hashes and merges. */
int endpoint_compare(const struct endpoint *a, const struct endpoint *b);
static inline bool endpoint_is_ipv6(const struct endpoint *ep)
{
	return strchr(ep->host, ':');
}
/* "-h /path": a socket file; the port means nothing then. */
static inline bool endpoint_is_unix(const struct endpoint *ep)
{
	return ep->host[0] == '/';
}
/* "tcp", "udp" or "ssl". */
const char *endpoint_type_name(int32_t type);
/* "tcp 10.0.0.1:18600", "tcp [::1]:18600", "tcp unix:/path", for messages. */
void endpoint_label(char *text, size_t size, const struct endpoint *ep);

/*
 * Cuts the next item from the list text at *p (end = one behind it): from the words tcp, udp or ssl
 * to the next of them, wherever they stand, without blanks and colons at its end.  So a host name
 * that contains one of the words cannot be in a list.  False when nothing is left.
 */
bool endpoint_list_next(const char **p, const char *end, const char **item, size_t *n);

struct endpoint_list {
	struct endpoint *v;
	uint32_t n;
};

/* "ep1:ep2:..."; an item that does not parse is an error.  The list lives in the arena. */
int endpoint_list_parse(const char *text, size_t n, struct endpoint_list *list, struct arena *a,
			struct err *e);

/* "Obj" or "Obj@eps".  The name is checked: dotted parts of letters, digits, '_' and '-'. */
struct object_ref {
	const char *name;            /* NUL-terminated, in the arena */
	bool direct;                 /* endpoints were given: at least one */
	struct endpoint_list eps;
};
int object_ref_parse(const char *text, struct object_ref *ref, struct arena *a, struct err *e);

#endif
