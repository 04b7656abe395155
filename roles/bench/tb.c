/* tb: a benchmark with the flags and case files of TarsBenchmark. */
#include <stdlib.h>
#include <string.h>

#include "proto/text.h"
#include "roles/bench/bench.h"
#include "roles/bench/tbcase.h"

enum { MAX_SECONDS = 365 * 86400 };

struct tb_conf {
	const char *hosts, *protocol, *transport, *servant, *method, *cases;
	int connections, port, seconds, interval, speed, processes, timeout_ms;
};

static const struct opt tb_opts[] = {
	OPT("connections", struct tb_conf, connections, "0", OPT_FLAG_ONLY | OPT_REQUIRED,
	    "connections to each host", .letter = 'c'),
	OPT("case", struct tb_conf, cases, NULL, OPT_FLAG_ONLY,
	    "file with types and values (-p tars), or PREFIX of PREFIX.case and PREFIX.desc (-p json; "
	    "default: the method)", .letter = 'C'),
	OPT("hosts", struct tb_conf, hosts, NULL, OPT_FLAG_ONLY | OPT_REQUIRED,
	    "addresses of the service, with ',' or ';' between them", .letter = 'D'),
	OPT("interval", struct tb_conf, interval, "5", OPT_FLAG_ONLY,
	    "seconds between lines of progress", .letter = 'i'),
	OPT("method", struct tb_conf, method, NULL, OPT_FLAG_ONLY | OPT_REQUIRED,
	    "the function to call", .letter = 'M'),
	OPT("port", struct tb_conf, port, "0", OPT_FLAG_ONLY | OPT_REQUIRED, "of all hosts",
	    .letter = 'P'),
	OPT("processes", struct tb_conf, processes, "0", OPT_FLAG_ONLY,
	    "threads that send; 0: one for each processor", .letter = 'n'),
	OPT("protocol", struct tb_conf, protocol, "tars", OPT_FLAG_ONLY,
	    "which case files: tars (plain) or json; the calls are in TARS with both", .letter = 'p'),
	OPT("seconds", struct tb_conf, seconds, "3600", OPT_FLAG_ONLY, "how long", .letter = 'I'),
	OPT("servant", struct tb_conf, servant, NULL, OPT_FLAG_ONLY | OPT_REQUIRED,
	    "the object, App.Server.Obj", .letter = 'S'),
	OPT("speed", struct tb_conf, speed, "0", OPT_FLAG_ONLY,
	    "calls a second to each host (open loop); 0: as fast as they are answered (closed loop)",
	    .letter = 's'),
	OPT("timeout", struct tb_conf, timeout_ms, "3000", OPT_FLAG_ONLY,
	    "milliseconds to wait for an answer", .letter = 't'),
	OPT("transport", struct tb_conf, transport, "tcp", OPT_FLAG_ONLY, "tcp", .letter = 'T'),
	{ 0 }
};

static int complain(const char *option, const char *text)
{
	fprintf(stderr, "tars: tb: %s: %s\n", option, text);
	return EXIT_USAGE;
}

static int check(const struct tb_conf *conf)
{
	if (!strcmp(conf->protocol, "http"))
		return complain("-p http", "only Tars services can be loaded; take wrk or h2load for HTTP");
	if (strcmp(conf->protocol, "tars") != 0 && strcmp(conf->protocol, "json") != 0)
		return complain("-p", "must be tars or json");
	if (!strcmp(conf->transport, "udp"))
		return complain("-T udp", "only tcp can be loaded: datagrams that are lost would be "
				"counted as calls that time out");
	if (strcmp(conf->transport, "tcp") != 0)
		return complain("-T", "must be tcp");
	if (conf->port < 1 || conf->port > 65535)
		return complain("-P", "must be between 1 and 65535");
	if (conf->seconds < 1 || conf->seconds > MAX_SECONDS)
		return complain("-I", "must be between 1 and 31536000 seconds");
	if (conf->interval < 1 || conf->interval > MAX_SECONDS)
		return complain("-i", "must be between 1 and 31536000 seconds");
	if (conf->timeout_ms < 1)
		return complain("-t", "must be 1 at least");
	if (conf->connections < 1 || conf->connections > BENCH_MAX_CONNECTIONS)
		return complain("-c", "must be between 1 and 100000");
	if (conf->processes < 0 || conf->speed < 0)
		return complain("-n and -s", "must not be negative");
	if (!conf->cases && !strcmp(conf->protocol, "tars"))
		return complain("-C", "give the file with the types and values of the arguments");
	return 0;
}

/* "Obj@tcp -h HOST -p PORT -t MS:tcp ..." */
static int put_object(struct buf *b, const struct tb_conf *conf)
{
	const char *p = conf->hosts;
	unsigned n_hosts = 0;

	buf_addf(b, "%s@", conf->servant);
	while (*p) {
		size_t n = strcspn(p, ",;");
		const char *host = p;
		size_t n_host = n;

		text_trim(&host, &n_host);
		if (strcspn(host, " \t") < n_host)
			return complain("-D", "must be addresses with ',' or ';' between them");
		if (n_host)
			buf_addf(b, "%stcp -h %.*s -p %d -t %d", n_hosts++ ? ":" : "", (int)n_host,
				 host, conf->port, conf->timeout_ms);
		p += n + (p[n] != '\0');
	}
	return n_hosts ? 0 : complain("-D", "names no host");
}

static int make_cases(struct bench *b, const struct tb_conf *conf)
{
	b->cases.remote = &b->remote;
	b->cases.func = conf->method;
	b->cases.variants = 1000;
	if (!strcmp(conf->protocol, "tars"))
		return tbcase_add_plain(&b->cases, conf->method, conf->cases);
	return tbcase_add_json(&b->cases, conf->method, conf->cases ? conf->cases : conf->method);
}

static int load(struct bench *b, const struct tb_conf *conf)
{
	int status = bench_find_targets(b);

	if (!status)
		status = make_cases(b, conf);
	b->plan.connections = (unsigned)conf->connections * b->plan.n_targets;
	b->plan.threads = (unsigned)conf->processes;
	b->plan.rate = (double)conf->speed * b->plan.n_targets;
	b->duration_ms = conf->seconds * INT64_C(1000);
	b->interval_ms = conf->interval * INT64_C(1000);
	if (!status)
		status = bench_check_plan(b);
	if (!status)
		status = bench_run(b);
	cases_release(&b->cases);
	return status;
}

static int tb_main(int argc, char **argv, const void *values)
{
	const struct tb_conf *conf = values;
	struct remote_conf remote = { .timeout_ms = conf->timeout_ms };
	struct bench_telling telling = { 0 };
	struct bench b = { .style = &bench_style, .style_data = &telling };
	struct buf object = BUF_INIT;
	int status = check(conf);

	(void)argc, (void)argv;
	if (!status)
		status = put_object(&object, conf);
	if (!status) {
		status = remote_open(&b.remote, "tb", &remote, buf_str(&object));
		if (!status)
			status = load(&b, conf);
		remote_close(&b.remote);
	}
	buf_release(&object);
	return status;
}

const struct role tb_role = {
	.name = "tb",
	.summary = "tars bench with the flags and case files of TarsBenchmark",
	.opts = tb_opts,
	.conf_size = sizeof(struct tb_conf),
	.main = tb_main,
	.notes = "A plain case file has the types, then a line for each value:\n"
		 "  vector<string>|struct<string, int>|map<string, string>\n"
		 "  #####\n"
		 "  <a, b>\n"
		 "  <abc, [1-100]>\n"
		 "  [k1=v1, k2=v2]\n"
		 "[1-100] is a number that is drawn, [a,b,c] one of these.\n"
		 "A link to tars that is named tb is this tool, too.\n",
};
