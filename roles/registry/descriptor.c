/* ServerDescriptors: rows of servers and adapters with the merged profile, as a node gets them. */
#include "roles/registry/profile.h"

#include "core/sys/log.h"
#include "sql.h"
#include "if/RegistryF.h"
#include "proto/text.h"
#include "proto/tarsconf.h"

/* The template chain with the private profile on top; *async_threads: what that says of them. */
static int merged_profile(const struct templates *t, const struct Routes_DescriptorRow *row,
			  struct tars_str *text, const char **async_threads, struct arena *a,
			  struct err *e)
{
	struct tarsconf *conf = templates_merge(t, row->template_name, a), *own = tarsconf_new(a);

	if (tarsconf_parse(own, row->profile.p, row->profile.n, e) < 0 ||
	    tarsconf_join(conf, own, true, e) < 0 || tarsconf_text(conf, text, a, e) < 0)
		return err_wrap(e, "the private profile of %s.%s on node %s cannot be read",
				row->application.p, row->server_name.p, row->node_name.p);
	*async_threads = tarsconf_get(own, "/tars/application/client<asyncthread>");
	return 0;
}

/* The private profile's number, else the column with the floor of its language (contract 4.4). */
static int32_t async_threads(const struct Routes_DescriptorRow *row, const char *own)
{
	int32_t floor = str_is_text(row->server_type, "tars_nodejs") ? 0 : 3;
	int64_t v;

	if (own && text_int(own, strlen(own), INT32_MIN, INT32_MAX, &v))
		return (int32_t)v;
	return row->async_thread_num > floor ? row->async_thread_num : floor;
}

static void fill_server(struct tars_ServerDescriptor *d, const struct Routes_DescriptorRow *row,
			const struct templates *t, struct arena *a)
{
	const char *own_threads = NULL;
	struct err e = { 0 };

	d->application = row->application;
	d->serverName = row->server_name;
	d->nodeName = row->node_name;
	d->basePath = row->base_path;
	d->exePath = row->exe_path;
	d->settingState = row->setting_state;
	d->presentState = row->present_state;
	/* One that cannot be read goes to the node as it is: the node fails that one server and
	 * reports the text (officially it blocked all servers of the node). */
	if (merged_profile(t, row, &d->profile, &own_threads, a, &e) < 0) {
		d->profile = row->profile;
		log_every(60000, LOG_LEVEL_WARN, NULL, "registry: %s", e.text);
	}
	d->patchVersion = row->patch_version;
	d->patchTime = row->patch_time;
	d->patchUser = row->patch_user;
	d->serverType = row->server_type;
	d->startScript = row->start_script_path;
	d->stopScript = row->stop_script_path;
	d->monitorScript = row->monitor_script_path;
	d->configCenterPort = row->config_center_port;
	d->asyncThreadNum = async_threads(row, own_threads);
	d->runType = row->run_type;
	d->baseImageId = row->base_image_id;
	d->runEnv = row->run_env;
	d->runArgs = row->run_args;
	d->runUser = row->run_user;
	if (str_is_yes(row->enable_set)) {
		d->setId.p = arena_strf(a, "%s.%s.%s", row->set_name.p, row->set_area.p,
					row->set_group.p);
		d->setId.n = (uint32_t)strlen(d->setId.p);
	}
}

static void fill_adapter(struct tars_AdapterDescriptor *d, const struct Routes_DescriptorRow *row)
{
	d->adapterName = row->adapter_name;
	d->threadNum = row->thread_num;
	d->endpoint = row->endpoint;
	d->maxConnections = row->max_connections;
	d->allowIp = row->allow_ip;
	d->servant = row->servant;
	d->queuecap = row->queuecap;
	d->queuetimeout = row->queuetimeout;
	d->protocol = row->protocol;
	d->handlegroup = row->handlegroup;
	d->liveness = row->liveness;
	d->readiness = row->readiness;
}

bool descriptor_is_of(const struct Routes_DescriptorRow *x, const struct Routes_DescriptorRow *y)
{
	return str_is(x->application, y->application) && str_is(x->server_name, y->server_name) &&
	       str_is(x->node_name, y->node_name);
}

int descriptors_load(struct tars_req *rq, struct registry *reg, struct tars_str app,
		     struct tars_str server, struct tars_str node,
		     struct tars_ServerDescriptor_list *list, struct err *e)
{
	struct arena *a = req_arena(rq);
	struct Routes_DescriptorRow_list rows = { 0 };
	struct templates *t;
	struct tars_ServerDescriptor *d = NULL;
	int rc = templates_load(reg, &t, a, e);

	if (rc >= 0)
		rc = registry_sql(reg, &SQL_registry_descriptors,
				  PG_PARAMS(app.p, server.p, node.p),
				  &Routes_DescriptorRow_type, &rows, a, e);
	if (rc < 0)
		return rc;
	for (uint32_t i = 0; i < rows.n; i++) {
		const struct Routes_DescriptorRow *row = &rows.v[i];

		if (str_is_text(row->server_type, "tars_dns"))
			continue;
		if (!d || !descriptor_is_of(row, &rows.v[i - 1])) {
			d = TARS_PUSH(rq, list);
			fill_server(d, row, t, a);
		}
		if (row->adapter_name.n) {
			struct tars_string_tars_AdapterDescriptor_pair *pair;

			pair = TARS_PUSH(rq, &d->adapters);
			pair->key = row->adapter_name;
			fill_adapter(&pair->val, row);
		}
	}
	return 0;
}

int server_profile(struct registry *reg, const struct server_ref *ref, struct tars_str *text,
		   struct arena *a, struct err *e)
{
	struct Routes_DescriptorRow_list rows = { 0 };
	const char *own_threads;
	struct templates *t;
	int rc = 0;

	/* Without a name the statement would take all of them. */
	if (ref->app.n && ref->server.n && ref->node.n)
		rc = registry_sql(reg, &SQL_registry_descriptors,
				  PG_PARAMS(ref->app.p, ref->server.p, ref->node.p),
				  &Routes_DescriptorRow_type, &rows, a, e);
	if (rc < 0)
		return rc;
	if (!rows.n)
		return server_unknown(ref, e);
	rc = templates_load(reg, &t, a, e);
	return rc < 0 ? rc : merged_profile(t, &rows.v[0], text, &own_threads, a, e);
}
