/* QueryObj and WatchObj: look-ups, answered from memory without waiting (contract 3.2). */
#include <string.h>

#include "core/rpc/app.h"
#include "if/Mirror.h"
#include "if/QueryF.h"
#include "roles/registry/answers.h"
#include "roles/registry/query.h"
#include "roles/registry/registry.h"
#include "roles/registry/route.h"

static const struct query_source *source(struct tars_req *rq)
{
	return tars_data(rq);
}

static bool is_local(const char *host)
{
	return strncmp(host, "127.", 4) == 0 || strcmp(host, "::1") == 0 || !*host;
}

static struct tars_str caller(struct tars_req *rq)
{
	const char *host = tars_caller_host(rq), *here = source(rq)->local_host;

	if (here && is_local(host))
		host = here;
	return (struct tars_str){ host, (uint32_t)strlen(host) };
}

/* The call to somebody else, as from this caller. */
static struct tars_call forwarded(struct tars_req *rq)
{
	struct tars_string_string_map *context = tars_alloc(rq, sizeof(*context));
	struct tars_string_string_pair *name = TARS_PUSH(rq, context);

	name->key = TARS_STR("node_name");
	name->val = caller(rq);
	return (struct tars_call){ .to = source(rq)->elsewhere, .rq = rq, .context = context };
}

/* `return FORWARD(function)` where the fleet cannot answer. */
#define FORWARD(f) ({ \
	struct tars_call call_ = forwarded(rq); \
	int rc_ = tars_QueryF_##f(&call_, in, out); \
	rc_ < 0 ? tars_fail(rq, rc_, "%s: %s", #f, call_.error) : rc_; \
})

/* ---- look-ups ---- */

/* True: the answer of callers of this class is kept, and is the reply. */
static bool answer_kept(struct tars_req *rq, struct tars_str id, const struct answer_class *c)
{
	const struct route_object *o = fleet_object(source(rq)->fleet, id);
	struct tars_bytes kept = { 0 };

	if (o && req_is_plain(rq))
		kept = answer_find(o, c);
	if (kept.p)
		req_set_encoded(rq, kept);
	return kept.p != NULL;
}

static void keep(struct tars_req *rq, struct tars_str id, const struct answer_class *c,
		 const void *out)
{
	struct route_object *o = fleet_object(source(rq)->fleet, id);
	struct buf encoded = BUF_INIT;

	if (!o || !req_is_plain(rq))
		return;
	req_encode(rq, out, &encoded);
	answer_keep(source(rq)->fleet, o, c, &encoded);
	buf_release(&encoded);
}

static int32_t group(struct tars_req *rq)
{
	return route_group_of(source(rq)->fleet->base, caller(rq));
}

static int find_by_id(struct tars_req *rq, const struct tars_QueryF_findObjectById_in *in,
		      struct tars_QueryF_findObjectById_out *out)
{
	struct answer_class class = { .kind = ANSWER_ACTIVE };
	struct route_answer ans;

	if (source(rq)->is_empty)
		return FORWARD(findObjectById);
	if (answer_kept(rq, in->id, &class))
		return TARS_OK;
	route_any(source(rq)->fleet, in->id, &ans);
	out->ret = ans.active;
	keep(rq, in->id, &class, out);
	return TARS_OK;
}

/* The out structs of the other look-ups are alike but distinct types. */
#define ANSWER(out, ans) \
	do { \
		(out)->ret = (ans).ret; \
		(out)->activeEp = (ans).active; \
		(out)->inactiveEp = (ans).inactive; \
	} while (0)

static int find_any(struct tars_req *rq, const struct tars_QueryF_findObjectById4Any_in *in,
		    struct tars_QueryF_findObjectById4Any_out *out)
{
	struct answer_class class = { .kind = ANSWER_ANY };
	struct route_answer ans;

	if (source(rq)->is_empty)
		return FORWARD(findObjectById4Any);
	if (answer_kept(rq, in->id, &class))
		return TARS_OK;
	route_any(source(rq)->fleet, in->id, &ans);
	ANSWER(out, ans);
	keep(rq, in->id, &class, out);
	return TARS_OK;
}

static int find_all(struct tars_req *rq, const struct tars_QueryF_findObjectById4All_in *in,
		    struct tars_QueryF_findObjectById4All_out *out)
{
	struct answer_class class = { .kind = ANSWER_GROUP, .group = group(rq) };
	struct route_answer ans;

	if (source(rq)->is_empty)
		return FORWARD(findObjectById4All);
	if (answer_kept(rq, in->id, &class))
		return TARS_OK;
	route_in_group(source(rq)->fleet, in->id, caller(rq), req_arena(rq), &ans);
	ANSWER(out, ans);
	keep(rq, in->id, &class, out);
	return TARS_OK;
}

static int find_in_group(struct tars_req *rq,
			 const struct tars_QueryF_findObjectByIdInSameGroup_in *in,
			 struct tars_QueryF_findObjectByIdInSameGroup_out *out)
{
	struct answer_class class = { .kind = ANSWER_GROUP, .group = group(rq) };
	struct route_answer ans;

	if (source(rq)->is_empty)
		return FORWARD(findObjectByIdInSameGroup);
	if (answer_kept(rq, in->id, &class))
		return TARS_OK;
	route_in_group(source(rq)->fleet, in->id, caller(rq), req_arena(rq), &ans);
	ANSWER(out, ans);
	keep(rq, in->id, &class, out);
	return TARS_OK;
}

static int find_in_station(struct tars_req *rq,
			   const struct tars_QueryF_findObjectByIdInSameStation_in *in,
			   struct tars_QueryF_findObjectByIdInSameStation_out *out)
{
	struct answer_class class = { .kind = ANSWER_STATION, .name = in->sStation };
	struct route_answer ans;

	if (source(rq)->is_empty)
		return FORWARD(findObjectByIdInSameStation);
	if (answer_kept(rq, in->id, &class))
		return TARS_OK;
	route_in_station(source(rq)->fleet, in->id, in->sStation, req_arena(rq), &ans);
	ANSWER(out, ans);
	if (!ans.ret)
		keep(rq, in->id, &class, out);
	return TARS_OK;
}

static int find_in_set(struct tars_req *rq,
		       const struct tars_QueryF_findObjectByIdInSameSet_in *in,
		       struct tars_QueryF_findObjectByIdInSameSet_out *out)
{
	struct answer_class class = {
		.kind = ANSWER_SET, .group = group(rq), .name = in->setId,
	};
	struct route_answer ans;

	if (source(rq)->is_empty)
		return FORWARD(findObjectByIdInSameSet);
	if (answer_kept(rq, in->id, &class))
		return TARS_OK;
	route_in_set(source(rq)->fleet, in->id, in->setId, caller(rq), req_arena(rq), &ans);
	ANSWER(out, ans);
	if (!ans.ret)
		keep(rq, in->id, &class, out);
	return TARS_OK;
}

/* Each node once. */
static void add_nodes(struct tars_req *rq, const struct tars_EndpointF_list *eps,
		      struct tars_string_list *nodes)
{
	for (uint32_t i = 0; i < eps->n; i++) {
		uint32_t k = 0;

		while (k < nodes->n && !str_is(nodes->v[k], eps->v[i].nodeName))
			k++;
		if (k == nodes->n)
			*TARS_PUSH(rq, nodes) = eps->v[i].nodeName;
	}
}

static int find_node_name(struct tars_req *rq,
			  const struct tars_QueryF_findObjectNodeName_in *in,
			  struct tars_QueryF_findObjectNodeName_out *out)
{
	struct route_answer ans;

	if (source(rq)->is_empty)
		return FORWARD(findObjectNodeName);
	route_any(source(rq)->fleet, in->id, &ans);
	out->ret = 0;
	add_nodes(rq, &ans.active, &out->nodeName);
	add_nodes(rq, &ans.inactive, &out->nodeName);
	return TARS_OK;
}

/* ---- what only a registry can say ---- */

static int node_get_locker(struct tars_req *rq, const struct tars_QueryF_getLocker_in *in,
			   struct tars_QueryF_getLocker_out *out)
{
	return FORWARD(getLocker);
}

#define LOOK_UPS \
	.findObjectById = find_by_id, \
	.findObjectById4Any = find_any, \
	.findObjectById4All = find_all, \
	.findObjectByIdInSameGroup = find_in_group, \
	.findObjectByIdInSameStation = find_in_station, \
	.findObjectByIdInSameSet = find_in_set, \
	.findObjectNodeName = find_node_name

const struct tars_QueryF registry_query = { LOOK_UPS, .getLocker = registry_get_locker };
const struct tars_QueryF node_query = { LOOK_UPS, .getLocker = node_get_locker };

static int watch(struct tars_req *rq, const struct tars_Watch_watch_in *in,
		 struct tars_Watch_watch_out *out)
{
	out->ret = 0;
	return watchers_add(source(rq)->watch, rq, &in->ids);
}

const struct tars_Watch query_watch = { .watch = watch };
