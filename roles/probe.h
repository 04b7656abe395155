/*
 * Probes: how the node of a server finds out whether one of its servants works, as a text.
 *
 *	KIND [SETTING=VALUE...] [ARGUMENT...]
 *
 *	tcp                        its endpoint takes a connection
 *	tars_ping                  it answers a ping
 *	http /PATH                 a GET is answered with a status from 200 to 299
 *	script FILE [ARGUMENT...]  an executable below the server's directory ends with status 0; it is
 *	                           run there as the service's account, without a shell
 *
 * Settings, defaults as those of Kubernetes: interval=10s between two probes, timeout=1s of one,
 * failures=3 and successes=1 in a row that change the verdict, delay=0s after the server has become
 * active.  A liveness probe that fails has the server restarted; a readiness probe says whether
 * callers find the endpoint.
 * Thread: any.
 */
#ifndef ROLES_PROBE_H
#define ROLES_PROBE_H

#include "proto/arena.h"
#include "proto/endpoint.h"
#include "proto/err.h"
#include "proto/type.h"

enum probe_purpose { PROBE_LIVENESS, PROBE_READINESS };
enum probe_kind { PROBE_TCP, PROBE_PING, PROBE_HTTP, PROBE_SCRIPT };
enum { PROBE_MAX_ARGS = 16, PROBE_MAX_TEXT = 1024 };

struct probe_rule {
	enum probe_kind kind;
	int64_t delay_ms, interval_ms, timeout_ms;
	int failures, successes;
	/* Path, or file and arguments; ends with NULL. */
	const char *args[PROBE_MAX_ARGS + 1];
};

/* "liveness". */
const char *probe_purpose_name(enum probe_purpose purpose);
/* What the text says, in the arena.  TARS_EARG: what is wrong, and what would be right. */
int probe_parse(struct tars_str text, struct probe_rule *rule, struct arena *a, struct err *e);
/* Can it be the probe of a servant with this endpoint and protocol?  An empty text can: there is
 * none then.  TARS_EARG. */
int probe_check(struct tars_str text, enum probe_purpose purpose, const struct endpoint *ep,
		struct tars_str protocol, struct arena *a, struct err *e);

#endif
