/* QueryObj: look-ups, answered from the model without waiting (contract 3.2). */
#include "if/QueryF.h"
#include "roles/registry/registry.h"

static const struct route_table *table(struct tars_req *rq)
{
	const struct registry *reg = tars_data(rq);

	return reg->model->table;
}

static struct tars_str caller(struct tars_req *rq)
{
	const char *host = tars_caller_host(rq);

	return (struct tars_str){ host, (uint32_t)strlen(host) };
}

static int find_by_id(struct tars_req *rq, const struct tars_QueryF_findObjectById_in *in,
		      struct tars_QueryF_findObjectById_out *out)
{
	struct route_answer ans;

	route_any(table(rq), in->id, &ans);
	out->ret = ans.active;
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
	struct route_answer ans;

	route_any(table(rq), in->id, &ans);
	ANSWER(out, ans);
	return TARS_OK;
}

static int find_all(struct tars_req *rq, const struct tars_QueryF_findObjectById4All_in *in,
		    struct tars_QueryF_findObjectById4All_out *out)
{
	struct route_answer ans;

	route_in_group(table(rq), in->id, caller(rq), req_arena(rq), &ans);
	ANSWER(out, ans);
	return TARS_OK;
}

static int find_in_group(struct tars_req *rq,
			 const struct tars_QueryF_findObjectByIdInSameGroup_in *in,
			 struct tars_QueryF_findObjectByIdInSameGroup_out *out)
{
	struct route_answer ans;

	route_in_group(table(rq), in->id, caller(rq), req_arena(rq), &ans);
	ANSWER(out, ans);
	return TARS_OK;
}

static int find_in_station(struct tars_req *rq,
			   const struct tars_QueryF_findObjectByIdInSameStation_in *in,
			   struct tars_QueryF_findObjectByIdInSameStation_out *out)
{
	struct route_answer ans;

	route_in_station(table(rq), in->id, in->sStation, req_arena(rq), &ans);
	ANSWER(out, ans);
	return TARS_OK;
}

static int find_in_set(struct tars_req *rq,
		       const struct tars_QueryF_findObjectByIdInSameSet_in *in,
		       struct tars_QueryF_findObjectByIdInSameSet_out *out)
{
	struct route_answer ans;

	route_in_set(table(rq), in->id, in->setId, caller(rq), req_arena(rq), &ans);
	ANSWER(out, ans);
	return TARS_OK;
}

const struct tars_QueryF registry_query = {
	.findObjectById = find_by_id,
	.findObjectById4Any = find_any,
	.findObjectById4All = find_all,
	.findObjectByIdInSameGroup = find_in_group,
	.findObjectByIdInSameStation = find_in_station,
	.findObjectByIdInSameSet = find_in_set,
};
