/* tars bench: load on an object, and how it bears it. */
#include <stdlib.h>
#include <string.h>

#include "roles/bench/bench.h"

struct bench_conf {
	struct remote_conf remote;
	const char *obj, *func, *data, *target, *cases, *compare, *with, *output;
	int64_t duration_ms, warm_up_ms, interval_ms, rate;
	int connections, in_flight, threads, variants;
	bool literal, template;
};

static const struct opt bench_opts[] = {
	REMOTE_OPTS(struct bench_conf),
	OPT("cases", struct bench_conf, cases, NULL, OPT_FLAG_ONLY,
	    "file with a call in each line, \"FUNC JSON\" or only JSON; they are sent in turn"),
	OPT("compare", struct bench_conf, compare, NULL, OPT_FLAG_ONLY,
	    "an earlier --output json: say what has changed since"),
	OPT("connections", struct bench_conf, connections, "16", 0, "connections", .letter = 'c'),
	OPT("data", struct bench_conf, data, NULL, OPT_FLAG_ONLY, "the same as JSON"),
	OPT_DURATION("duration", struct bench_conf, duration_ms, "10s", 0,
		     "how long to measure", .letter = 'd'),
	OPT("func", struct bench_conf, func, NULL, OPT_FLAG_ONLY, "the same as FUNC"),
	OPT("inflight", struct bench_conf, in_flight, "0", 0,
	    "calls under way on each connection; 0: 1, with --rate at most 256"),
	OPT_DURATION("interval", struct bench_conf, interval_ms, "1s", 0,
		     "how often to tell the progress, on stderr", .letter = 'i'),
	OPT("literal", struct bench_conf, literal, "no", OPT_FLAG_ONLY,
	    "\"[1-100]\" and \"[a,b]\" are texts like any other"),
	OPT("obj", struct bench_conf, obj, NULL, OPT_FLAG_ONLY, "the same as OBJ"),
	OPT("output", struct bench_conf, output, "text", OPT_FLAG_ONLY,
	    "how to tell the result: text or json", .choices = "text|json"),
	OPT("rate", struct bench_conf, rate, "0", OPT_FLAG_ONLY,
	    "calls a second, due at even distances whatever the service does (open loop); 0: the next "
	    "call as soon as one is answered (closed loop)", .letter = 'r'),
	OPT("target", struct bench_conf, target, NULL, OPT_FLAG_ONLY,
	    "endpoints to load instead of those that the registry knows, "
	    "\"tcp -h HOST -p PORT:tcp ..\" or \"OBJ@tcp ..\""),
	OPT("template", struct bench_conf, template, "no", OPT_FLAG_ONLY,
	    "print a case of FUNC with every member, to be edited"),
	OPT("threads", struct bench_conf, threads, "0", 0, "threads; 0: one for each processor"),
	OPT("variants", struct bench_conf, variants, "1000", 0,
	    "so many packets are made of a case that has values to be drawn"),
	OPT_DURATION("warm-up", struct bench_conf, warm_up_ms, "1s", 0,
		     "load that comes before and is not measured"),
	OPT("with", struct bench_conf, with, NULL, OPT_FLAG_ONLY,
	    "compare with this result instead of loading anything"),
	{ 0 }
};

static int complain(const char *text)
{
	fprintf(stderr, "tars: bench: %s\n", text);
	return EXIT_USAGE;
}

/* ---- no load at all ---- */

static int print(struct buf *text)
{
	int status = role_print("bench", text);

	buf_release(text);
	return status;
}

static int compare_files(const char *before, const char *after)
{
	struct buf text = BUF_INIT;
	json_t *was, *is = NULL;
	struct err e;
	int status;

	if (!before)
		return complain("--with: give --compare, too");
	was = bench_load_result(before, &e);
	if (was)
		is = bench_load_result(after, &e);
	if (is) {
		bench_put_comparison(&text, was, is);
		status = print(&text);
	} else {
		status = complain(e.text);
	}
	json_decref(was);
	json_decref(is);
	return status;
}

/* ---- load ---- */

/* The object with the endpoints of --target. */
static char *full_object(const char *obj, const char *target)
{
	struct buf b = BUF_INIT;
	char *text;

	if (!target)
		buf_add_str(&b, obj);
	else if (strchr(target, '@'))
		buf_add_str(&b, target);
	else
		buf_addf(&b, "%.*s@%s", (int)strcspn(obj, "@"), obj, target);
	text = strdup(buf_str(&b));
	BUG_ON(!text);
	buf_release(&b);
	return text;
}

static int make_cases(struct bench *b, const struct bench_conf *conf, const char *func,
		      const char *json)
{
	struct buf text = BUF_INIT;
	int status;

	b->cases.remote = &b->remote;
	b->cases.func = func;
	b->cases.variants = (unsigned)conf->variants;
	b->cases.literal = conf->literal;
	if (conf->variants < 1 || conf->variants > 1000000)
		return complain("--variants: must be between 1 and 1000000");
	if (conf->cases)
		return cases_add_file(&b->cases, conf->cases);
	status = remote_read(&b->remote, json, &text);
	if (!status)
		status = cases_add(&b->cases, func, buf_str(&text), buf_size(&text));
	buf_release(&text);
	return status;
}

static int print_template(struct bench *b, const char *func)
{
	struct buf text = BUF_INIT;
	int status;

	b->cases.remote = &b->remote;
	status = cases_print_template(&b->cases, func, &text);
	if (!status)
		return print(&text);
	buf_release(&text);
	return status;
}

static int load(struct bench *b, const struct bench_conf *conf, const char *func, const char *json)
{
	int status = remote_load_types(&b->remote);

	if (!status && conf->template)
		return print_template(b, func);
	if (!status)
		status = bench_find_targets(b);
	if (!status)
		status = make_cases(b, conf, func, json);
	if (!status && (conf->connections < 0 || conf->in_flight < 0 || conf->threads < 0))
		status = complain("--connections, --inflight and --threads: must not be negative");
	b->plan.connections = (unsigned)conf->connections;
	b->plan.in_flight = (unsigned)conf->in_flight;
	b->plan.threads = (unsigned)conf->threads;
	b->plan.rate = (double)conf->rate;
	b->duration_ms = conf->duration_ms;
	b->warm_up_ms = conf->warm_up_ms;
	b->interval_ms = conf->interval_ms;
	if (!status)
		status = bench_check_plan(b);
	if (!status)
		status = bench_run(b);
	cases_release(&b->cases);
	return status;
}

static int bench_main(int argc, char **argv, const void *values)
{
	const struct bench_conf *conf = values;
	struct bench_telling telling = { .json = !strcmp(conf->output, "json") };
	struct bench b = { .style = &bench_style, .style_data = &telling };
	const char *obj = argc > 0 ? argv[0] : conf->obj ? conf->obj : conf->target;
	const char *func = argc > 1 ? argv[1] : conf->func;
	const char *json = argc > 2 ? argv[2] : conf->data ? conf->data : "{}";
	char *object;
	struct err e;
	int status;

	if (conf->with)
		return compare_files(conf->compare, conf->with);
	if (!obj || (!func && (!conf->cases || conf->template)))
		return complain("wants OBJ and FUNC (see --help)");
	if (conf->compare) {
		telling.before = bench_load_result(conf->compare, &e);
		if (!telling.before)
			return complain(e.text);
	}
	object = full_object(obj, conf->target);
	status = remote_open(&b.remote, "bench", &conf->remote, object);
	if (!status)
		status = load(&b, conf, func, json);
	remote_close(&b.remote);
	json_decref(telling.before);
	free(object);
	return status;
}

const struct role bench_role = {
	.name = "bench",
	.summary = "calls a function of an object as fast as it bears, or at a rate",
	.args = "[OBJ [FUNC [JSON]]]",
	.opts = bench_opts,
	.conf_size = sizeof(struct bench_conf),
	.main = bench_main,
	.notes = "JSON: an object of parameters, - for standard input, @FILE for a file.  In it\n"
		 "\"[1-100]\" stands for a number that is drawn, \"[a,b,c]\" for one of these.\n"
		 "Ctrl-C ends the measurement and shows what there is.\n",
};
