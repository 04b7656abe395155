/* Rows that operators and plugins write: configuration files, plugins, releases. */
#include "roles/registry/store.h"

#include "if/AdminReg.h"
#include "sql.h"

int store_config_file(struct registry *reg, const struct config_ref *ref, struct tars_str content,
		      bool replace, struct arena *a, struct err *e)
{
	int rc = registry_sql(reg, &SQL_store_config_upsert,
			      PG_PARAMS(ref->server.p, ref->file.p, ref->host.p,
					arena_strf(a, "%d", ref->level), content.p,
					replace ? "t" : "f"),
			      NULL, NULL, a, e);

	if (rc == 0)
		return err_set(e, TARS_EEXISTS, "configuration file %s of %s exists already",
			       ref->file.p, ref->server.p);
	return rc < 0 ? rc : 0;
}

int store_config_id(struct registry *reg, const struct config_ref *ref, int64_t *id_r,
		    struct arena *a, struct err *e)
{
	struct Routes_RowId_list ids = { 0 };
	int rc = registry_sql(reg, &SQL_store_config_id,
			      PG_PARAMS(ref->server.p, ref->file.p, ref->host.p,
					arena_strf(a, "%d", ref->level)),
			      &Routes_RowId_type, &ids, a, e);

	if (rc == 0)
		return err_set(e, TARS_ENOTFOUND, "%s has no configuration file %s",
			       ref->server.p, ref->file.p);
	if (rc < 0)
		return rc;
	*id_r = ids.v[0].id;
	return 0;
}

int store_config_history(struct registry *reg, int64_t id, struct tars_str reason,
			 struct tars_str content, struct arena *a, struct err *e)
{
	int rc = registry_sql(reg, &SQL_store_config_history,
			      PG_PARAMS(arena_strf(a, "%lld", (long long)id), reason.p, content.p),
			      NULL, NULL, a, e);

	if (rc == 0)
		return err_set(e, TARS_ENOTFOUND, "there is no configuration file with id %lld",
			       (long long)id);
	return rc < 0 ? rc : 0;
}

int store_plugin(struct registry *reg, const struct tars_PluginConf *plugin, struct arena *a,
		 struct err *e)
{
	if (!plugin->name.n)
		return err_set(e, TARS_EARG, "a plugin needs a name");
	if (registry_sql(reg, &SQL_store_plugin_upsert,
			 PG_PARAMS(plugin->name.p, plugin->name_en.p, plugin->obj.p,
				   arena_strf(a, "%d", plugin->type), plugin->path.p,
				   plugin->k8s ? "t" : "f", arena_strf(a, "%d", plugin->fextern)),
			 NULL, NULL, a, e) < 0)
		return err_wrap(e, "plugin %s", plugin->name.p);
	return 0;
}

int store_package(struct registry *reg, struct tars_str app, struct tars_str server,
		  int default_version, struct Routes_Package *package_r, struct arena *a,
		  struct err *e)
{
	struct Routes_Package_list found = { 0 };
	int rc = registry_sql(reg, &SQL_store_package,
			      PG_PARAMS(arena_strf(a, "%s.%s", app.p, server.p),
					arena_strf(a, "%d", default_version)),
			      &Routes_Package_type, &found, a, e);

	if (rc == 0)
		return err_set(e, TARS_ENOTFOUND, "%s.%s has no such release", app.p, server.p);
	if (rc < 0)
		return rc;
	*package_r = found.v[0];
	return 0;
}
