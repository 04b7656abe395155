/* AdminRegObj: lists of applications, servers and nodes, most of them from memory (contract 3.7). */
#include "roles/registry/admin.h"

#include "proto/endpoint.h"
#include "proto/json.h"
#include "roles/registry/profile.h"
#include "sql.h"

static struct registry *registry(struct tars_req *rq)
{
	return tars_data(rq);
}

ADMIN(getAllApplicationNames)
{
	struct Routes_Server_list servers = registry_servers(registry(rq), req_arena(rq));
	struct index seen;

	(void)in;
	index_init(&seen, servers.n, req_arena(rq));
	for (uint32_t i = 0; i < servers.n; i++) {
		void **slot = index_slot(&seen, servers.v[i].application);

		if (*slot)
			continue;
		*slot = &servers.v[i];
		*TARS_PUSH(rq, &out->ret) = servers.v[i].application;
	}
	return TARS_OK;
}

ADMIN(getAllNodeNames)
{
	const struct Routes_NodeRow_list *nodes = &registry(rq)->nodes->rows;

	(void)in;
	for (uint32_t i = 0; i < nodes->n; i++)
		if (str_is_text(nodes->v[i].present_state, "active"))
			*TARS_PUSH(rq, &out->ret) = nodes->v[i].node_name;
	return TARS_OK;
}

/* Its last heartbeat if the node is alive, else "". */
ADMIN(getNodeList)
{
	struct registry *reg = registry(rq);
	struct arena *a = req_arena(rq);
	struct Routes_Beat_list beats = { 0 };
	struct buf names = BUF_INIT;
	struct err e = { 0 };
	struct index by_node;
	int rc = json_put(&names, &tars_type_string_list, &in->nodeNames, JSON_COMPACT, &e);

	if (rc == 0)
		rc = registry_sql(reg, &SQL_registry_beats,
				  PG_PARAMS(buf_str(&names),
					    arena_strf(a, "%lld",
						       (long long)reg->conf->node_timeout_ms)),
				  &Routes_Beat_type, &beats, a, &e);
	buf_release(&names);
	if (rc < 0)
		return tars_fail(rq, TARS_EUNKNOWN, "getNodeList: %s", e.text);
	index_init(&by_node, beats.n, a);
	for (uint32_t i = 0; i < beats.n; i++)
		*index_slot(&by_node, beats.v[i].node_name) = &beats.v[i];
	for (uint32_t i = 0; i < in->nodeNames.n; i++) {
		const struct Routes_Beat *beat = index_find(&by_node, in->nodeNames.v[i]);
		struct tars_string_string_pair *pair = TARS_PUSH(rq, &out->heartbeats);

		pair->key = in->nodeNames.v[i];
		pair->val = beat ? beat->heartbeat_time : TARS_STR("");
	}
	return TARS_OK;
}

ADMIN(getNodeVesion)
{
	struct Routes_NodeRow_list rows = { 0 };
	struct err e = { 0 };
	int rc = registry_sql(registry(rq), &SQL_registry_node, PG_PARAMS(in->name.p),
			      &Routes_NodeRow_type, &rows, req_arena(rq), &e);

	out->ret = rc == 1 ? 0 : -1;
	if (rc == 1)
		out->version = rows.v[0].tars_version;
	else if (rc == 0)
		out->result = tars_strf(rq, "node %s is not registered (tars ctl node list)",
					in->name.p);
	else
		out->result = tars_strf(rq, "%s", e.text);
	return TARS_OK;
}

ADMIN(getAllServerIds)
{
	struct Routes_Server_list servers = registry_servers(registry(rq), req_arena(rq));

	(void)in;
	for (uint32_t i = 0; i < servers.n; i++) {
		const struct Routes_Server *row = &servers.v[i];
		struct tars_string_list *id = TARS_PUSH(rq, &out->ret);

		*TARS_PUSH(rq, id) = tars_strf(rq, "%s.%s_%s", row->application.p,
					       row->server_name.p, row->node_name.p);
		*TARS_PUSH(rq, id) = row->setting_state;
		*TARS_PUSH(rq, id) = row->present_state;
		*TARS_PUSH(rq, id) = row->server_type;
	}
	return TARS_OK;
}

ADMIN(getServerTree)
{
	struct Routes_Server_list servers = registry_servers(registry(rq), req_arena(rq));

	(void)in;
	for (uint32_t i = 0; i < servers.n; i++) {
		const struct Routes_Server *row = &servers.v[i];
		struct tars_ServerTree *t = TARS_PUSH(rq, &out->tree);

		t->application = row->application;
		t->server_name = row->server_name;
		t->enable_set = row->enable_set;
		t->set_name = row->set_name;
		t->set_area = row->set_area;
		t->set_group = row->set_group;
	}
	return TARS_OK;
}

/* ---- all instances of some servers ---- */

static void add_value(struct tars_req *rq, struct tars_string_string_map *m, const char *key,
		      struct tars_str value)
{
	struct tars_string_string_pair *pair = TARS_PUSH(rq, m);

	pair->key = (struct tars_str){ key, (uint32_t)strlen(key) };
	pair->val = value;
}

static bool is_asked(const struct tars_ApplicationServerName_list *names,
		     const struct Routes_DescriptorRow *row)
{
	for (uint32_t i = 0; i < names->n; i++)
		if (str_is(names->v[i].application, row->application) &&
		    str_is(names->v[i].serverName, row->server_name))
			return true;
	return false;
}

ADMIN(getServerNameList)
{
	struct Routes_DescriptorRow_list rows = { 0 };
	const struct Routes_DescriptorRow *last = NULL;
	struct err e = { 0 };

	if (in->fullServerName.n &&
	    registry_sql(registry(rq), &SQL_registry_descriptors, PG_PARAMS("", "", ""),
			 &Routes_DescriptorRow_type, &rows, req_arena(rq), &e) < 0)
		return tars_fail(rq, TARS_EUNKNOWN, "getServerNameList: %s", e.text);
	for (uint32_t i = 0; i < rows.n; i++) {
		const struct Routes_DescriptorRow *row = &rows.v[i];
		struct tars_string_string_map *m;

		if (!is_asked(&in->fullServerName, row) || (last && descriptor_is_of(row, last)))
			continue;
		last = row;
		m = TARS_PUSH(rq, &out->serverList);
		add_value(rq, m, "application", row->application);
		add_value(rq, m, "server_name", row->server_name);
		add_value(rq, m, "node_name", row->node_name);
		add_value(rq, m, "server_type", row->server_type);
		add_value(rq, m, "setting_state", row->setting_state);
		add_value(rq, m, "present_state", row->present_state);
		add_value(rq, m, "process_id", tars_strf(rq, "%d", row->process_id));
		add_value(rq, m, "patch_version", row->patch_version);
		add_value(rq, m, "patch_time", row->patch_time);
		add_value(rq, m, "tars_version", row->tars_version);
		add_value(rq, m, "enable_set", row->enable_set);
		add_value(rq, m, "set_name", row->set_name);
		add_value(rq, m, "set_area", row->set_area);
		add_value(rq, m, "set_group", row->set_group);
	}
	return TARS_OK;
}

/* ---- the platform itself ---- */

static void add_framework_server(struct tars_req *rq, struct tars_FrameworkServer_list *list,
				 struct tars_str server, struct tars_str node,
				 struct tars_str object)
{
	struct tars_FrameworkServer *s = TARS_PUSH(rq, list);

	s->serverName = server;
	s->nodeName = node;
	s->objName = object;
}

/* "tarsconfig" of tars.tarsconfig.ConfigObj. */
static struct tars_str server_of(struct tars_str servant)
{
	const char *end = servant.p + servant.n, *from = memchr(servant.p, '.', servant.n), *to;

	if (!from)
		return servant;
	from++;
	to = memchr(from, '.', (size_t)(end - from));
	return (struct tars_str){ from, (uint32_t)((to ? to : end) - from) };
}

static struct tars_str host_of(struct tars_req *rq, struct tars_str endpoint)
{
	struct endpoint ep;

	if (endpoint_parse(endpoint.p, endpoint.n, &ep, NULL) < 0)
		return TARS_STR("");
	return tars_strf(rq, "%s", ep.host);
}

/* Adapters of the application tars, the roles of this platform, and every node. */
ADMIN(getServers)
{
	const struct registry *reg = registry(rq);
	const struct Routes_PlatformRow_list *platform = &reg->fleet->base->rows.platform;
	struct Routes_Server_list servers = registry_servers(reg, req_arena(rq));

	(void)in;
	for (uint32_t i = 0; i < servers.n; i++) {
		const struct Routes_Server *s = &servers.v[i];

		for (uint32_t k = 0; k < s->adapters.n && str_is_text(s->application, "tars"); k++)
			if (s->adapters.v[k].servant.n)
				add_framework_server(rq, &out->servers, s->server_name, s->node_name,
						     tars_strf(rq, "%s@%s",
							       s->adapters.v[k].servant.p,
							       s->adapters.v[k].endpoint.p));
	}
	for (uint32_t i = 0; i < platform->n; i++) {
		const struct Routes_PlatformRow *row = &platform->v[i];

		add_framework_server(rq, &out->servers, server_of(row->servant),
				     host_of(rq, row->endpoint),
				     tars_strf(rq, "%s@%s", row->servant.p, row->endpoint.p));
	}
	for (uint32_t i = 0; i < reg->nodes->rows.n; i++)
		add_framework_server(rq, &out->servers, TARS_STR("tarsnode"),
				     reg->nodes->rows.v[i].node_name,
				     reg->nodes->rows.v[i].node_obj);
	return TARS_OK;
}

ADMIN(hasServer)
{
	struct Routes_Server_list servers = registry_servers(registry(rq), req_arena(rq));

	for (uint32_t i = 0; i < servers.n && !out->has; i++)
		out->has = str_is(servers.v[i].application, in->application) &&
			   str_is(servers.v[i].server_name, in->serverName);
	return TARS_OK;
}
