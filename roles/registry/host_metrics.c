/* What nodes say of their machines: stored, and removed when it is old; so are events. */
#include <arpa/inet.h>
#include <string.h>
#include <time.h>

#include "core/sys/log.h"
#include "if/RegistryF.h"
#include "proto/json.h"
#include "roles/registry/registry.h"
#include "sql.h"

enum { MAX_DISKS = 64, MAX_ADDRESSES = 64, MAX_PATH = 4096, FORGET_MS = 3600 * 1000 };
static const int64_t MAX_MEMORY = INT64_C(1) << 50, MAX_BYTES = INT64_C(1) << 60;

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static bool is_load(float v)
{
	return v >= 0 && v < 1e9f;
}

static bool is_disk(const struct tars_HostDisk *d)
{
	return d->path.n <= MAX_PATH && d->total >= 0 && d->total <= MAX_BYTES && d->free >= 0 &&
	       d->free <= d->total;
}

static bool is_address(struct tars_str text)
{
	uint8_t address[16];

	return strlen(text.p) == text.n && (inet_pton(AF_INET, text.p, address) == 1 ||
					    inet_pton(AF_INET6, text.p, address) == 1);
}

/* One row that cannot be computed with would spoil the answers about all nodes. */
static int check(const struct tars_HostMetrics *m, struct err *e)
{
	bool ok = m->cpu >= 0 && m->cpu <= 100 && m->processors >= 0 && is_load(m->avg1) &&
		  is_load(m->avg5) && is_load(m->avg15) && m->memTotal >= 0 &&
		  m->memTotal <= MAX_MEMORY && m->memAvailable >= 0 &&
		  m->memAvailable <= m->memTotal && m->swapUsed >= 0 && m->swapUsed <= MAX_MEMORY &&
		  m->disks.n <= MAX_DISKS && m->addresses.n <= MAX_ADDRESSES;

	for (uint32_t i = 0; ok && i < m->addresses.n; i++)
		ok = is_address(m->addresses.v[i]);
	for (uint32_t i = 0; ok && i < m->disks.n; i++)
		ok = is_disk(&m->disks.v[i]);
	return ok ? 0 : err_set(e, TARS_EARG, "a figure is out of its range");
}

int registry_report_host(struct tars_req *rq, const struct tars_Registry_reportHost_in *in,
			 struct tars_Registry_reportHost_out *out)
{
	struct buf json = BUF_INIT;
	struct err e = { 0 };
	int rc;

	/* As it was when the report came: the caller halves the time of the whole call. */
	out->registryTime = now_ms();
	if (registry_admit(rq, tars_data(rq), in->nodeName, &e) < 0)
		return tars_fail(rq, NODE_REFUSED, "%s", e.text);
	rc = check(&in->metrics, &e);
	if (rc == 0)
		rc = json_put(&json, &tars_HostMetrics_type, &in->metrics, JSON_COMPACT, &e);
	if (rc == 0)
		rc = registry_sql(tars_data(rq), &SQL_registry_host_metrics,
				  PG_PARAMS(in->nodeName.p, buf_str(&json)), NULL, NULL,
				  req_arena(rq), &e);
	buf_release(&json);
	out->ret = rc < 0 ? -1 : 0;
	if (rc < 0)
		log_debug(NULL, "registry: metrics of node %s were not stored: %s", in->nodeName.p,
			  e.text);
	return TARS_OK;
}

void registry_forget_old(struct registry *reg, struct arena *a)
{
	struct err e = { 0 };
	int rc;

	if (!reg->db_up_since_us)
		return;
	if (reg->forgotten_us && reactor_clock() - reg->forgotten_us < FORGET_MS * INT64_C(1000))
		return;
	rc = registry_sql(reg, &SQL_registry_old_metrics, PG_PARAMS(NULL), NULL, NULL, a, &e);
	if (rc >= 0)
		rc = registry_sql(reg, &SQL_registry_old_events, PG_PARAMS(NULL), NULL, NULL, a, &e);
	if (rc < 0)
		log_debug(NULL, "registry: old metrics and events were not removed: %s", e.text);
	else
		reg->forgotten_us = reactor_clock();
}
