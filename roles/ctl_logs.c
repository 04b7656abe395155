/* tars ctl logs: log files of a server, and what stands in them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/text.h"
#include "roles/ctl.h"

static bool read_offset(const char *p, size_t n, int64_t min, int64_t *v)
{
	return !n || text_int(p, n, min, INT64_MAX, v);
}

static int read_range(struct ctl *c, const char *range, struct tars_LogQuery *q)
{
	const char *colon = strchr(range, ':');

	if (!*range)
		return 0;
	if (!colon || !read_offset(range, (size_t)(colon - range), INT64_MIN, &q->from) ||
	    !read_offset(colon + 1, strlen(colon + 1), 0, &q->to))
		return ctl_complain(c, EXIT_USAGE, "--range %s is not FROM:TO", range);
	return 0;
}

int ctl_logs(struct ctl *c, void *own)
{
	struct ctl_logs *l = own;
	struct tars_LogQuery *q = &l->req.query;
	struct tars_Ctl_serverLogs_out *out = tars_alloc(c->rq, sizeof(*out));
	int status = read_range(c, l->range, q);

	/* Whoever asks for a part means the log that every server has. */
	if (!l->req.file.n && (q->tail || q->grep.n || *l->range))
		l->req.file = tars_strf(c->rq, "%s.log", l->req.server.p);
	if (!status)
		status = ctl_call(c, "serverLogs", &l->req, out);
	if (status)
		return status;
	if (!l->req.file.n) {
		if (out->result.n)
			fprintf(stderr, "tars: ctl %s: %s\n", c->name, out->result.p);
		return ctl_print_rows(c, &tars_LogFile_type, &out->rows);
	}
	fwrite(out->part.data.p, 1, out->part.data.n, stdout);
	if (fflush(stdout))
		return ctl_complain(c, EXIT_FAILED, "standard output: %m");
	if (out->part.more && q->tail)
		fprintf(stderr, "tars: ctl %s: there are more lines: ask for fewer, or for a --range\n",
			c->name);
	else if (out->part.more)
		fprintf(stderr, "tars: ctl %s: there is more: --range %lld:\n", c->name,
			(long long)out->part.next);
	return EXIT_ASKED;
}
