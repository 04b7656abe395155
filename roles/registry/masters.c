/*
 * getLocker: which of several servers is the master (contract 3.2, 12).
 *
 * A lock is a lease in the database, taken and renewed by one statement on the database's clock: so
 * there are never two, however many registries there are and whatever is cut off from what.  It
 * ends early when the master's node has seen its process end; a node that is only silent proves nothing.
 * A master that gets no answer must count itself out when its lease is over.
 */
#include "roles/registry/registry.h"

#include "core/sys/log.h"
#include "if/QueryF.h"
#include "sql.h"

enum { GOT = 0, NOT_GOT = 1, BAD_REQUEST = 2, FAILED = -1 };    /* what is answered */
enum { HIDES_SLAVES = 1, MAX_BAK_TYPE = 2, MAX_LEASE_MS = 3600 * 1000 };

static int take(struct tars_req *rq, struct registry *reg,
		const struct tars_GetMasterSlaveLock *want)
{
	struct arena *a = req_arena(rq);
	struct err e = { 0 };
	int rc = registry_sql(reg, &SQL_master_take,
			      PG_PARAMS(want->application.p, want->server_name.p, want->node_name.p,
					want->bakType == HIDES_SLAVES ? "true" : "false",
					arena_strf(a, "%d", want->timeout)),
			      NULL, NULL, a, &e);

	if (rc < 0)
		log_every(10000, LOG_LEVEL_WARN, NULL, "registry: nobody can become the master of "
			  "%s.%s: %s", want->application.p, want->server_name.p, e.text);
	return rc < 0 ? FAILED : rc ? GOT : NOT_GOT;
}

int registry_get_locker(struct tars_req *rq, const struct tars_QueryF_getLocker_in *in,
			struct tars_QueryF_getLocker_out *out)
{
	struct registry *reg = tars_data(rq);
	const struct tars_GetMasterSlaveLock *want = &in->req;
	struct server_ref ref = { want->application, want->server_name, want->node_name };

	if (!reg->was_loaded) {
		out->ret = FAILED;      /* who is deployed is not known yet */
		return TARS_OK;
	}
	if (!registry_server(reg, &ref) || want->timeout <= 0 || want->timeout > MAX_LEASE_MS ||
	    want->bakType < 0 || want->bakType > MAX_BAK_TYPE) {
		log_every(10000, LOG_LEVEL_WARN, NULL, "registry: %s asks to be the master of %s.%s on "
			  "node %s for %d ms, kind %d: it is not deployed there, or that is no lease "
			  "between 1 ms and 1 h, or no kind between 0 and %d", tars_peer(rq),
			  want->application.p, want->server_name.p, want->node_name.p, want->timeout,
			  want->bakType, MAX_BAK_TYPE);
		out->ret = BAD_REQUEST;
		return TARS_OK;
	}
	out->ret = take(rq, reg, want);
	return TARS_OK;
}
