/*
 * Inside of the reports: rows of call statistics, and what one report is made with.
 *
 * Pure but for report_take_rows; Thread: one at a time.
 */
#ifndef CORE_RPC_REPORT_INT_H
#define CORE_RPC_REPORT_INT_H

#include "core/rpc/mic.h"
#include "core/tars.h"
#include "if/StatF.h"
#include "proto/arena.h"
#include "proto/buf.h"

struct loop;

enum { REPORT_NAME_MAX = 127, REPORT_IP_MAX = 50, REPORT_MAX_KEPT = 20000 };

/* A head of StatF.reportMicMsg and what belongs to it. */
struct stat_row {
	bool from_client;
	struct tars_str master, slave, func, master_ip, slave_ip, set[3];
	int32_t port;
	struct mic_body body;
};

/* Who reports: cut and joined as official heads want it. */
struct report_names {
	const char *module;          /* "App.Server" */
	const char *set;             /* "name.area.group" or NULL */
	const char *version;
	const char *node_name;       /* or "" */
};

/* Without CR and TAB at the ends, cut to max bytes. */
struct tars_str report_trim(const char *text, size_t max);
/* Three parts of a set, the first two no '*'; else false, and the parts are "". */
bool report_set_parts(const char *set, struct tars_str parts[3]);
/* "App.Server" of "App.Server.Obj". */
size_t report_slave_length(const char *object);

/* Heads of calls that were served and that were made; the texts live in the arena. */
struct stat_row report_served_row(const struct report_names *n, const char *kind, const char *host,
				  const char *func, struct arena *a);
struct stat_row report_called_row(const struct report_names *n, const char *object,
				  const char *func, const char *host, int32_t port,
				  const char *endpoint_set, struct arena *a);

/* In the order of official maps, served ones first; equal heads become one row. */
uint32_t report_merge_rows(struct stat_row *rows, uint32_t n);

/* How many of the rows, at least one, go into a packet: they are of one direction, the official
 * estimate is not above max, nor are the bytes of the arguments. */
uint32_t report_cut_rows(const struct stat_row *rows, uint32_t n, size_t max);

/* The arguments of a packet with these rows; what they need lives in the arena. */
void report_put_rows(struct tars_StatF_reportMicMsg_in *in, const struct stat_row *rows, uint32_t n,
		     struct arena *a);

/* report_adapter.c: lengths of queues now; and what has added up since the last report. */
void adapters_sample(struct tars_app *app);
void adapters_measure(struct tars_app *app);

/* Empties the loop's rows into `out`: struct report_raw of calls since the last time. */
struct report_raw {
	bool from_client;
	const char *object;          /* served: the caller's kind */
	const char *func;
	char host[REPORT_IP_MAX + 1], set[64];
	int32_t port;
	struct mic_body body;
};
/* skip: proxies of the reports themselves, which official clients do not count. */
void report_take_rows(struct loop *l, struct tars_proxy *const skip[2], struct buf *out);

#endif
