/* Rows of call statistics: from the loops, as official heads, merged, and cut into packets. */
#include <stdlib.h>
#include <string.h>

#include "core/rpc/app_int.h"
#include "core/rpc/proxy.h"
#include "core/rpc/report_int.h"
#include "core/rpc/server.h"

/* ---- from the loops ---- */

static const char *const kind_names[] = {
	[CALLER_TARS] = "stat_from_server", [CALLER_TUP] = "tup_client",
	[CALLER_ONEWAY] = "one_way_client",
};

static void copy_text(char *to, size_t size, const char *from)
{
	size_t n = strlen(from);

	if (n >= size)
		n = size - 1;
	memcpy(to, from, n);
	to[n] = '\0';
}

static void take_served(struct call_row *row, struct buf *out)
{
	struct report_raw raw = { .object = kind_names[row->kind], .func = row->name,
				  .body = row->body };

	if (mic_is_empty(&row->body))
		return;
	copy_text(raw.host, sizeof(raw.host), row->caller->host);
	memset(&row->body, 0, sizeof(row->body));
	buf_add(out, &raw, sizeof(raw));
}

static void take_called(struct call_stat *row, struct tars_proxy *const skip[2], struct buf *out)
{
	struct report_raw raw = { .from_client = true, .object = row->proxy->name,
				  .func = row->func->name, .port = row->ep.port,
				  .body = row->body };

	if (mic_is_empty(&row->body))
		return;
	memset(&row->body, 0, sizeof(row->body));
	if (row->proxy == skip[0] || row->proxy == skip[1])
		return;
	copy_text(raw.host, sizeof(raw.host), row->ep.host);
	copy_text(raw.set, sizeof(raw.set), row->ep.set);
	buf_add(out, &raw, sizeof(raw));
}

void report_take_rows(struct loop *l, struct tars_proxy *const skip[2], struct buf *out)
{
	struct loop_stats *s = &l->stats;

	for (unsigned h = 0; h < STATS_HOST_BUCKETS; h++)
		for (struct caller *c = s->hosts[h]; c; c = c->next)
			for (unsigned i = 0; i < STATS_ROW_BUCKETS; i++)
				for (struct call_row *row = c->rows[i]; row; row = row->next)
					take_served(row, out);
	stats_callers_drop(s);
	for (unsigned i = 0; i < STATS_CALL_BUCKETS; i++)
		for (struct call_stat *row = s->calls[i]; row; row = row->next)
			take_called(row, skip, out);
	stats_calls_drop(s, false);
}

/* ---- heads ---- */

struct tars_str report_trim(const char *text, size_t max)
{
	size_t n;

	text += strspn(text, "\r\t");
	n = strlen(text);
	while (n && (text[n - 1] == '\r' || text[n - 1] == '\t'))
		n--;
	return (struct tars_str){ text, (uint32_t)(n < max ? n : max) };
}

bool report_set_parts(const char *set, struct tars_str parts[3])
{
	const char *dot1 = set ? strchr(set, '.') : NULL;
	const char *dot2 = dot1 ? strchr(dot1 + 1, '.') : NULL;

	for (unsigned i = 0; i < 3; i++)
		parts[i] = TARS_STR("");
	if (!dot2 || strchr(dot2 + 1, '.') || dot1 == set || dot2 == dot1 + 1 || !dot2[1] ||
	    (set[0] == '*' && dot1 == set + 1) || (dot1[1] == '*' && dot2 == dot1 + 2))
		return false;
	parts[0] = (struct tars_str){ set, (uint32_t)(dot1 - set) };
	parts[1] = (struct tars_str){ dot1 + 1, (uint32_t)(dot2 - dot1 - 1) };
	parts[2] = (struct tars_str){ dot2 + 1, (uint32_t)strlen(dot2 + 1) };
	return true;
}

size_t report_slave_length(const char *object)
{
	const char *dot = strchr(object, '.');

	dot = dot ? strchr(dot + 1, '.') : NULL;
	return dot ? (size_t)(dot - object) : strlen(object);
}

/* "App.Server", and ".namearea1" behind it if there is a set. */
static const char *with_set(struct arena *a, struct tars_str name, const struct tars_str parts[3])
{
	if (!parts[0].n)
		return arena_memdup(a, name.p, name.n);
	return arena_strf(a, "%.*s.%.*s%.*s%.*s", (int)name.n, name.p, (int)parts[0].n, parts[0].p,
			  (int)parts[1].n, parts[1].p, (int)parts[2].n, parts[2].p);
}

static struct tars_str dup(struct arena *a, struct tars_str s)
{
	return (struct tars_str){ arena_memdup(a, s.p, s.n), s.n };
}

static void dup_parts(struct stat_row *row, const struct tars_str parts[3], struct arena *a)
{
	for (unsigned i = 0; i < 3; i++)
		row->set[i] = dup(a, parts[i]);
}

struct stat_row report_served_row(const struct report_names *n, const char *kind, const char *host,
				  const char *func, struct arena *a)
{
	struct tars_str module = report_trim(n->module, REPORT_NAME_MAX), parts[3];
	struct stat_row row = {
		.master = report_trim(kind, REPORT_NAME_MAX),
		.master_ip = dup(a, report_trim(host, REPORT_IP_MAX)),
		.slave_ip = TARS_STR(""),
		.func = report_trim(func, REPORT_NAME_MAX),
	};

	report_set_parts(n->set, parts);
	row.slave = report_trim(with_set(a, module, parts), REPORT_NAME_MAX);
	dup_parts(&row, parts, a);
	return row;
}

struct stat_row report_called_row(const struct report_names *n, const char *object,
				  const char *func, const char *host, int32_t port,
				  const char *endpoint_set, struct arena *a)
{
	struct tars_str module = { n->module, (uint32_t)strlen(n->module) }, parts[3];
	struct tars_str slave = { object, (uint32_t)report_slave_length(object) };
	struct stat_row row = {
		.from_client = true, .port = port,
		.master_ip = report_trim(n->node_name, REPORT_IP_MAX),
		.slave_ip = dup(a, report_trim(host, REPORT_IP_MAX)),
		.func = report_trim(func, REPORT_NAME_MAX),
	};

	report_set_parts(n->set, parts);
	row.master = report_trim(arena_strf(a, "%s@%s", with_set(a, module, parts), n->version),
				 REPORT_NAME_MAX);
	report_set_parts(endpoint_set, parts);
	row.slave = report_trim(with_set(a, slave, parts), REPORT_NAME_MAX);
	dup_parts(&row, parts, a);
	return row;
}

/* ---- merging ---- */

static int compare_texts(struct tars_str a, struct tars_str b)
{
	uint32_t n = a.n < b.n ? a.n : b.n;
	int order = n ? memcmp(a.p, b.p, n) : 0;

	return order ? order : (a.n > b.n) - (a.n < b.n);
}

/* As the key of StatMicMsgHead in the IDL says. */
static int compare_rows(const void *x, const void *y)
{
	const struct stat_row *a = x, *b = y;
	int order = a->from_client - b->from_client;

	if (!order)
		order = compare_texts(a->master, b->master);
	if (!order)
		order = compare_texts(a->slave, b->slave);
	if (!order)
		order = compare_texts(a->func, b->func);
	if (!order)
		order = compare_texts(a->master_ip, b->master_ip);
	if (!order)
		order = compare_texts(a->slave_ip, b->slave_ip);
	if (!order)
		order = (a->port > b->port) - (a->port < b->port);
	for (unsigned i = 0; i < 3 && !order; i++)
		order = compare_texts(a->set[i], b->set[i]);
	return order;
}

uint32_t report_merge_rows(struct stat_row *rows, uint32_t n)
{
	uint32_t kept = 0;

	if (n)
		qsort(rows, n, sizeof(*rows), compare_rows);
	for (uint32_t i = 0; i < n; i++) {
		if (kept && !compare_rows(&rows[kept - 1], &rows[i]))
			mic_merge(&rows[kept - 1].body, &rows[i].body);
		else
			rows[kept++] = rows[i];
	}
	return kept;
}

/* ---- cutting ---- */

/* What the official SDK takes a row for. */
static size_t official_size(const struct stat_row *row)
{
	enum { ROW_ITSELF = 100 };

	return ROW_ITSELF + row->master.n + row->slave.n + row->func.n + row->set[0].n +
	       row->set[1].n + row->set[2].n;
}

static size_t number_size(int64_t v)
{
	return !v ? 1 : v == (int8_t)v ? 2 : v == (int16_t)v ? 3 : v == (int32_t)v ? 5 : 9;
}

static size_t optional_size(struct tars_str s)
{
	return s.n ? s.n + 2 : 0;
}

/* Bytes of its map entry on the wire. */
static size_t real_size(const struct stat_row *row)
{
	size_t n = 4 + 2 * 5 + row->master.n + row->slave.n + row->func.n + row->master_ip.n +
		   row->slave_ip.n + number_size(row->port) + 1 /* returnValue */ + 3 /* map */;

	for (unsigned i = 0; i < 3; i++)
		n += optional_size(row->set[i]);
	for (unsigned i = 0; i < MIC_INTERVALS; i++)
		n += number_size(mic_bounds[i]) + number_size(row->body.intervals[i]);
	return n + number_size(row->body.count) + number_size(row->body.timeouts) +
	       number_size(row->body.failures) + number_size(row->body.total_ms) +
	       number_size(row->body.max_ms) + number_size(row->body.min_ms);
}

uint32_t report_cut_rows(const struct stat_row *rows, uint32_t n, size_t max)
{
	size_t estimate = 0, bytes = 5; /* head and count of the map, bFromClient */
	uint32_t i = 0;

	for (; i < n && rows[i].from_client == rows[0].from_client; i++) {
		estimate += official_size(&rows[i]);
		bytes += real_size(&rows[i]);
		if (i && (estimate > max || bytes > max))
			break;
	}
	return i;
}

/* ---- packets ---- */

static void put_body(struct tars_StatMicMsgBody *to, const struct mic_body *from, struct arena *a)
{
	struct tars_int_int_map *map = &to->intervalCount;

	*to = (struct tars_StatMicMsgBody){
		.count = from->count, .timeoutCount = from->timeouts, .execCount = from->failures,
		.totalRspTime = from->total_ms, .maxRspTime = from->max_ms,
		.minRspTime = from->min_ms,
	};
	map->v = arena_alloc(a, MIC_INTERVALS * sizeof(*map->v));
	for (; map->n < MIC_INTERVALS; map->n++) {
		map->v[map->n].key = mic_bounds[map->n];
		map->v[map->n].val = from->intervals[map->n];
	}
}

void report_put_rows(struct tars_StatF_reportMicMsg_in *in, const struct stat_row *rows, uint32_t n,
		     struct arena *a)
{
	*in = (struct tars_StatF_reportMicMsg_in){ .bFromClient = rows[0].from_client };
	in->msg.v = arena_alloc(a, n * sizeof(*in->msg.v));
	for (; in->msg.n < n; in->msg.n++) {
		const struct stat_row *row = &rows[in->msg.n];

		in->msg.v[in->msg.n].key = (struct tars_StatMicMsgHead){
			.masterName = row->master, .slaveName = row->slave,
			.interfaceName = row->func, .masterIp = row->master_ip,
			.slaveIp = row->slave_ip, .slavePort = row->port,
			.slaveSetName = row->set[0], .slaveSetArea = row->set[1],
			.slaveSetID = row->set[2], .tarsVersion = TARS_STR(""),
		};
		put_body(&in->msg.v[in->msg.n].val, &row->body, a);
	}
}
