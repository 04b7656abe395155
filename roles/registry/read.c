/* Rows of the database into the registry's memory: all of them, or those that have changed. */
#include "roles/registry/registry.h"

#include <inttypes.h>

#include "core/sys/log.h"
#include "proto/json.h"
#include "sql.h"

enum { PAGE_SERVERS = 4000 };   /* of one statement: others get their turn between two */

/* ---- the database, for requests that may outlive our connection to it ---- */

static int stopping(struct err *e)
{
	return err_set(e, TARS_ECANCEL, "this registry is stopping: ask another, or try again");
}

int registry_sql(struct registry *reg, const struct sql *sql, const char *const *params,
		 const struct tars_type *row, void *rows, struct arena *a, struct err *e)
{
	return reg->pg ? pg_query(reg->pg, sql, params, row, rows, a, e) : stopping(e);
}

int registry_begin(struct registry *reg, struct pg_tx **tx, struct err *e)
{
	return reg->pg ? pg_begin(reg->pg, tx, e) : stopping(e);
}

/* ---- small tables, always as a whole: NULL, or what registry_set_.. takes over ---- */

static struct base_rows *read_base(struct registry *reg, struct err *e)
{
	struct base_rows *b = base_rows_new();
	const struct {
		const struct sql *sql;
		const struct tars_type *type;
		void *rows;
	} parts[] = {
		{ &SQL_registry_rules, &Routes_GroupRule_type, &b->rows.rules },
		{ &SQL_registry_priorities, &Routes_GroupPriority_type, &b->rows.priorities },
		{ &SQL_registry_platform, &Routes_PlatformRow_type, &b->rows.platform },
		{ &SQL_registry_masters, &Routes_MasterRow_type, &b->rows.masters },
	};
	int rc = 0;

	for (unsigned i = 0; i < sizeof(parts) / sizeof(*parts) && rc >= 0; i++)
		rc = registry_sql(reg, parts[i].sql, PG_PARAMS(), parts[i].type, parts[i].rows,
				  &b->arena, e);
	if (rc >= 0)
		return b;
	base_rows_free(b);
	return NULL;
}

static struct node_list *read_nodes(struct registry *reg, struct err *e)
{
	struct node_list *l = node_list_new();
	int rc = registry_sql(reg, &SQL_registry_nodes, PG_PARAMS(), &Routes_NodeRow_type, &l->rows,
			      &l->arena, e);

	if (rc >= 0)
		return l;
	node_list_free(l);
	return NULL;
}

/* Both, or only what is wanted; they count when both have come. */
static int read_small(struct registry *reg, bool base, bool nodes, struct err *e)
{
	struct base_rows *b = base ? read_base(reg, e) : NULL;
	struct node_list *l = nodes && (b || !base) ? read_nodes(reg, e) : NULL;

	if ((base && !b) || (nodes && !l)) {
		if (b)
			base_rows_free(b);
		return e->code;
	}
	if (b)
		registry_set_base(reg, b);
	if (l)
		registry_set_nodes(reg, l);
	return 0;
}

/* ---- servers ---- */

static struct Routes_Server server_of(const struct Routes_Row *row)
{
	return (struct Routes_Server){
		.id = row->id, .application = row->application, .server_name = row->server_name,
		.node_name = row->node_name, .server_type = row->server_type,
		.setting_state = row->setting_state, .flow_state = row->flow_state,
		.bak_flag = row->bak_flag, .enable_group = row->enable_group,
		.ip_group_name = row->ip_group_name, .enable_set = row->enable_set,
		.set_name = row->set_name, .set_area = row->set_area, .set_group = row->set_group,
		.present_state = row->present_state,
	};
}

static void put_server(struct registry *reg, struct Routes_Server *s, struct arena *a)
{
	struct instance *in = fleet_find(reg->fleet, fleet_key(a, s->application, s->server_name,
							       s->node_name));
	const char *state;

	if (in) {
		state = state_name(reports_state(reg->reports, in,
						 state_code(s->present_state)));
		s->present_state = (struct tars_str){ state, (uint32_t)strlen(state) };
	}
	fleet_put(reg->fleet, s);
}

/* Rows of one server are adjacent. */
static void put_rows(struct registry *reg, const struct Routes_Row_list *rows, struct arena *a)
{
	for (uint32_t i = 0, k; i < rows->n; i = k) {
		struct Routes_Server s = server_of(&rows->v[i]);

		for (k = i; k < rows->n && rows->v[k].id == s.id; k++)
			;
		s.adapters.v = arena_alloc(a, (k - i) * sizeof(*s.adapters.v));
		for (uint32_t j = i; j < k; j++)
			if (rows->v[j].servant.n || rows->v[j].endpoint.n)
				s.adapters.v[s.adapters.n++] = (struct Routes_Adapter){
					rows->v[j].servant, rows->v[j].endpoint, rows->v[j].unready,
				};
		put_server(reg, &s, a);
	}
}

/* The servers behind *id, which moves on; the number of rows. */
static int read_page(struct registry *reg, int64_t *id, struct err *e)
{
	struct Routes_Row_list rows = { 0 };
	struct arena a;
	int rc;

	arena_init(&a, NULL, 0);
	rc = registry_sql(reg, &SQL_registry_servers,
			  PG_PARAMS(arena_strf(&a, "%" PRId64, *id),
				    arena_strf(&a, "%d", PAGE_SERVERS)),
			  &Routes_Row_type, &rows, &a, e);
	if (rc > 0) {
		put_rows(reg, &rows, &a);
		*id = rows.v[rows.n - 1].id;
	}
	arena_clear(&a);
	return rc;
}

static void warn_of_bad(struct registry *reg)
{
	if (reg->n_bad != reg->fleet->n_bad && reg->fleet->n_bad)
		log_warn(NULL, "registry: %u endpoint texts in t_adapter_conf and t_registry_info "
			 "cannot be read, their servants are not found (tars ctl list shows them)",
			 reg->fleet->n_bad);
	reg->n_bad = reg->fleet->n_bad;
}

static void begin_load(struct registry *reg)
{
	reports_load_begins(reg->reports, ++reg->load_seq);
}

int registry_read_all(struct registry *reg, struct err *e)
{
	struct Routes_Version_list version = { 0 };
	int64_t id = INT64_MIN;
	struct arena a;
	int rc;

	begin_load(reg);
	arena_init(&a, NULL, 0);
	/* Read first: what changes meanwhile has a higher one. */
	rc = registry_sql(reg, &SQL_registry_version, PG_PARAMS(), &Routes_Version_type, &version,
			  &a, e);
	reg->fleet->pass++;
	while (rc >= 0 && (rc = read_page(reg, &id, e)) > 0)
		;
	if (rc >= 0)
		rc = read_small(reg, true, true, e);
	if (rc >= 0) {
		fleet_sweep(reg->fleet);
		reg->version = version.n ? version.v[0].version : 0;
		warn_of_bad(reg);
	}
	arena_clear(&a);
	return rc;
}

/* ---- changes ---- */

struct dirty {
	bool base, nodes;
	struct tars_string_list servers;   /* "App.Server.node" */
};

static void sort_change(struct dirty *d, const struct Routes_Change *c)
{
	static const struct {
		const char *table;
		size_t place;
	} whole[] = {
		{ "t_group_priority", offsetof(struct dirty, base) },
		{ "t_node_info", offsetof(struct dirty, nodes) },
		{ "t_registry_info", offsetof(struct dirty, base) },
		{ "t_server_group_rule", offsetof(struct dirty, base) },
		{ "t_server_master", offsetof(struct dirty, base) },
	};

	if (str_is_text(c->table_name, "t_server_conf") ||
	    str_is_text(c->table_name, "t_adapter_conf"))
		d->servers.v[d->servers.n++] = c->changed_key;
	for (unsigned i = 0; i < sizeof(whole) / sizeof(*whole); i++)
		if (str_is_text(c->table_name, whole[i].table))
			*(bool *)((char *)d + whole[i].place) = true;
}

/* What is no row any more.  The fleet's keys are those of the notes, but for the first two dots. */
static void remove_gone(struct registry *reg, const struct tars_string_list *keys)
{
	for (uint32_t i = 0; i < keys->n; i++) {
		char *key = (char *)keys->v[i].p, *dot = strchr(key, '.');
		struct instance *in;

		for (int n = 0; n < 2 && dot; n++, dot = strchr(dot, '.'))
			*dot = '/';
		in = fleet_find(reg->fleet, keys->v[i]);
		if (in && in->seen != reg->fleet->pass)
			fleet_remove(reg->fleet, in);
	}
}

static int read_servers(struct registry *reg, const struct tars_string_list *keys,
			struct arena *a, struct err *e)
{
	struct Routes_Row_list rows = { 0 };
	struct buf json = BUF_INIT;
	int rc = json_put(&json, &tars_type_string_list, keys, JSON_COMPACT, e);

	if (rc == 0)
		rc = registry_sql(reg, &SQL_registry_servers_of, PG_PARAMS(buf_str(&json)),
				  &Routes_Row_type, &rows, a, e);
	buf_release(&json);
	if (rc < 0)
		return rc;
	reg->fleet->pass++;
	put_rows(reg, &rows, a);
	remove_gone(reg, keys);
	warn_of_bad(reg);
	return 0;
}

/* Servers first: who sees a node or a group that came with them finds them there. */
static int read_dirty(struct registry *reg, const struct dirty *d, struct arena *a,
		      struct err *e)
{
	int rc = d->servers.n ? read_servers(reg, &d->servers, a, e) : 0;

	return rc < 0 ? rc : read_small(reg, d->base, d->nodes, e);
}

int registry_read_changes(struct registry *reg, struct err *e)
{
	struct Routes_Change_list list = { 0 };
	struct dirty d = { 0 };
	struct arena a;
	int rc;

	begin_load(reg);
	arena_init(&a, NULL, 0);
	rc = registry_sql(reg, &SQL_registry_changes,
			  PG_PARAMS(arena_strf(&a, "%" PRId64, reg->version),
				    arena_strf(&a, "%d", REGISTRY_MAX_CHANGES)),
			  &Routes_Change_type, &list, &a, e);
	if (rc > 0 && list.v[0].version != reg->version + 1) {
		/* We were away so long that notes are gone. */
		rc = registry_read_all(reg, e);
	} else if (rc > 0) {
		d.servers.v = arena_alloc(&a, list.n * sizeof(*d.servers.v));
		for (uint32_t i = 0; i < list.n; i++)
			sort_change(&d, &list.v[i]);
		rc = read_dirty(reg, &d, &a, e);
		if (rc >= 0)
			reg->version = list.v[list.n - 1].version;
	}
	arena_clear(&a);
	return rc < 0 ? rc : (int)list.n;
}
