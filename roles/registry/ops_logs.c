/* Operation serverLogs: log files, which the server's node reads. */
#include "if/Node.h"
#include "roles/registry/command.h"
#include "roles/registry/ops.h"

enum { LOG_MS = 15000 };

/* The node that is meant if none is named: the only one that has the server. */
static int find_node(struct tars_req *rq, struct server_ref *ref, struct tars_str *result)
{
	const struct fleet *f = ((struct registry *)tars_data(rq))->fleet;
	/* The key of the server on any node begins with this. */
	struct tars_str start = fleet_key(req_arena(rq), ref->app, ref->server, TARS_STR(""));
	unsigned found = 0;

	if (ref->node.n)
		return 0;
	for (unsigned i = 0; i < FLEET_BUCKETS; i++) {
		for (uint32_t k = 0; k < f->buckets[i].n; k++) {
			struct tars_str key = f->buckets[i].v[k]->entry.key;

			if (key.n <= start.n || memcmp(key.p, start.p, start.n) != 0)
				continue;
			ref->node = tars_strndup(rq, key.p + start.n, key.n - start.n);
			found++;
		}
	}
	if (found == 1)
		return 0;
	*result = found ? tars_strf(rq, "%s.%s is on %u nodes: name one of them", ref->app.p,
				    ref->server.p, found)
			: tars_strf(rq, "%s.%s is not deployed (tars ctl server list)", ref->app.p,
				    ref->server.p);
	return -1;
}

static int list(struct tars_req *rq, const struct server_ref *ref,
		struct tars_Ctl_serverLogs_out *out)
{
	struct tars_Node_listLogs_in ask = { ref->app, ref->server };
	struct tars_Node_listLogs_out answer = { 0 };
	int rc = node_call(rq, tars_data(rq), ref->node, "listLogs", &ask, &answer, LOG_MS,
			   &out->result);

	if (rc)
		return rc;
	out->rows = answer.files;
	out->result = answer.result;
	return answer.ret;
}

static int read(struct tars_req *rq, const struct server_ref *ref, const struct tars_LogsReq *req,
		struct tars_Ctl_serverLogs_out *out)
{
	struct tars_Node_readLog_in ask = { ref->app, ref->server, req->file, req->query };
	struct tars_Node_readLog_out answer = { 0 };
	int rc = node_call(rq, tars_data(rq), ref->node, "readLog", &ask, &answer, LOG_MS,
			   &out->result);

	if (rc)
		return rc;
	out->part = answer.part;
	out->result = answer.result;
	return answer.ret;
}

OP_HANDLER(serverLogs)
{
	struct server_ref ref = { .node = in->req.node };
	struct err e;

	if (ops_split_server(in->req.server, &ref, req_arena(rq), &e) < 0) {
		out->ret = -1;
		out->result = tars_strf(rq, "%s", e.text);
		return TARS_OK;
	}
	out->ret = find_node(rq, &ref, &out->result);
	if (!out->ret)
		out->ret = in->req.file.n ? read(rq, &ref, &in->req, out) : list(rq, &ref, out);
	return TARS_OK;
}
