/* Tells the registry each state at once, and tarsnotify what people should know. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "if/NotifyF.h"
#include "roles/node/node.h"
#include "roles/node/probes.h"

/* A refusal may only mean that the database is away: it is asked again after so long. */
enum { CALL_MS = 3000, RECHECK_MS = 60000, REFUSED_MS = 3000 };

/* Before its processes were looked for, nobody knows that it is inactive. */
static bool is_known(const struct server *s)
{
	return s->is_searched || !s->spec || s->state != SERVER_INACTIVE;
}

static bool is_readiness_due(const struct server *s)
{
	return s->readiness_due_us && reactor_clock() >= s->readiness_due_us;
}

static bool is_state_due(const struct server *s)
{
	if (!is_known(s))
		return false;
	return s->reported_state != (int)s->state || s->reported_pid != s->proc.pid ||
	       s->is_version_due ||
	       (s->report_again_us && reactor_clock() >= s->report_again_us);
}

static bool is_due(const struct server *s)
{
	return is_readiness_due(s) || is_state_due(s);
}

static void fill(const struct server *s, struct tars_ServerStateInfo *info)
{
	info->serverState = (int)s->state;
	info->processId = s->proc.pid;
	info->nodeName = (struct tars_str){ s->node->name, (uint32_t)strlen(s->node->name) };
	info->application = (struct tars_str){ s->app, (uint32_t)strlen(s->app) };
	info->serverName = (struct tars_str){ s->name, (uint32_t)strlen(s->name) };
	info->settingState = s->is_enabled ? tars_ServerState_Active : tars_ServerState_Inactive;
}

static int report_version(struct server *s, struct tars_req *rq)
{
	struct tars_call c = link_call(s->node, rq, CALL_MS);
	struct tars_Registry_reportVersion_in in = {
		.app = tars_strf(rq, "%s", s->app), .serverName = tars_strf(rq, "%s", s->name),
		.nodeName = tars_strf(rq, "%s", s->node->name),
		.version = tars_strf(rq, "%s", s->version),
	};

	return tars_Registry_reportVersion_oneway(&c, &in);
}

/* Why it is in this state, of which the registry makes an event. */
static void put_cause(struct server *s, struct tars_req *rq, struct tars_ServerStateInfo *info)
{
	if (!*s->cause)
		return;
	*TARS_PUSH(rq, &info->exState) = (struct tars_string_string_pair){
		TARS_STR("cause"), tars_strf(rq, "%s", s->cause)
	};
	if (s->is_cause_alarm)
		*TARS_PUSH(rq, &info->exState) = (struct tars_string_string_pair){
			TARS_STR("alarm"), TARS_STR("y")
		};
}

/* What comes before it was reported is added: a death before a start. */
void report_cause(struct server *s, bool is_alarm, const char *fmt, ...)
{
	size_t n = strlen(s->cause);
	va_list ap;

	if (n)
		n += (size_t)snprintf(s->cause + n, sizeof(s->cause) - n, "; ");
	if (n >= sizeof(s->cause))
		return;
	va_start(ap, fmt);
	vsnprintf(s->cause + n, sizeof(s->cause) - n, fmt, ap);
	va_end(ap);
	s->is_cause_alarm |= is_alarm;
}

/* The IDL's names for the three texts are not the order that registries expect (contract 3.3). */
static int report_one(struct server *s, struct tars_req *rq)
{
	struct tars_call c = link_call(s->node, rq, CALL_MS);
	struct tars_Registry_updateServer_in in = { 0 };
	struct tars_Registry_updateServer_out out = { 0 };
	enum server_state state = s->state;
	pid_t pid = s->proc.pid;
	char cause[sizeof(s->cause)];
	int rc = 0;

	if (s->is_version_due) {
		s->is_version_due = false;
		rc = report_version(s, rq);
	}
	in.app = tars_strf(rq, "%s", s->node->name);
	in.serverName = tars_strf(rq, "%s", s->app);
	in.nodeName = tars_strf(rq, "%s", s->name);
	fill(s, &in.state);
	put_cause(s, rq, &in.state);
	memcpy(cause, s->cause, sizeof(cause));
	if (rc == 0)
		rc = tars_Registry_updateServer(&c, &in, &out);
	if (rc != 0) {
		log_every(10000, LOG_LEVEL_WARN, &s->log, "cannot report %s to the registry: %s",
			  server_state_name((int)state), c.error);
		return rc;
	}
	if (out.ret != 0)
		log_every(60000, LOG_LEVEL_WARN, &s->log, "the registry does not take its state %s "
			  "(%d): is it still deployed on node %s, is the database there?",
			  server_state_name((int)state), out.ret, s->node->name);
	s->report_again_us = out.ret ? reactor_clock() + REFUSED_MS * 1000LL : 0;
	s->reported_state = (int)state;
	s->reported_pid = pid;
	/* What was added meanwhile goes with the next state. */
	if (!out.ret && !strcmp(cause, s->cause)) {
		*s->cause = '\0';
		s->is_cause_alarm = false;
	}
	signal_raise(&s->changed);
	return 0;
}

static struct server *next_due(const struct node *n)
{
	for (struct server *s = n->servers; s; s = s->next)
		if (is_due(s))
			return s;
	return NULL;
}

/* How long to sleep when nobody is due. */
static int pause_ms(const struct node *n)
{
	for (const struct server *s = n->servers; s; s = s->next)
		if (s->report_again_us || s->readiness_due_us)
			return REFUSED_MS;
	return RECHECK_MS;
}

void report_run(struct tars_req *unused, void *arg)
{
	struct node *n = arg;

	(void)unused;
	while (!n->is_stopping) {
		struct server *s = n->is_heard ? next_due(n) : NULL;
		struct tars_req *rq;
		int rc;

		if (!s) {
			signal_wait(&n->report, pause_ms(n));
			continue;
		}
		rq = tars_begin(n->app);
		server_hold(s);
		/* First, so that nobody finds an active server that is not ready. */
		rc = is_readiness_due(s) ? probes_report(s, rq) : 0;
		if (rc == 0 && is_state_due(s))
			rc = report_one(s, rq);
		server_release(s);
		tars_end(rq);
		if (rc != 0) {
			/* The link finds out whether the registry is away, and comes back here. */
			signal_raise(&n->link);
			signal_wait(&n->report, n->conf->retry_ms);
		}
	}
}

/* Registries skip entries whose state they know, also when the pid is another (contract 3.3): this
 * repairs what they have wrong, and does not stand for report_one. */
int report_all(struct node *n, struct tars_req *rq, struct err *e)
{
	struct tars_call c = link_call(n, rq, CALL_MS);
	struct tars_Registry_updateServerBatch_in in = { 0 };
	struct tars_Registry_updateServerBatch_out out = { 0 };
	struct server *s;
	int rc;

	for (s = n->servers; s; s = s->next)
		if (is_known(s) && !s->readiness_due_us)
			fill(s, TARS_PUSH(rq, &in.vState));
	if (!in.vState.n)
		return 0;
	rc = tars_Registry_updateServerBatch(&c, &in, &out);
	if (rc != 0)
		return err_set(e, rc < 0 ? rc : TARS_EUNKNOWN, "report states: %s", c.error);
	return 0;
}

void report_again(struct node *n)
{
	for (struct server *s = n->servers; s; s = s->next)
		s->reported_state = -1;
	signal_raise(&n->report);
}

struct notice {
	struct node *node;
	char app[128], name[128], text[512];
	bool is_alarm;
};

static void send_notice(struct tars_req *rq, void *arg)
{
	struct notice *notice = arg;
	struct tars_call c = { .to = tars_proxy(notice->node->app, "tars.tarsnotify.NotifyObj"),
			       .rq = rq, .timeout_ms = CALL_MS };
	struct tars_Notify_reportNotifyInfo_in in = { 0 };

	in.info.sApp = tars_strf(rq, "%s", notice->app);
	in.info.sServer = tars_strf(rq, "%s", notice->name);
	in.info.sMessage = tars_strf(rq, "%s", notice->text);
	in.info.sNodeName = tars_strf(rq, "%s", notice->node->name);
	in.info.eLevel = notice->is_alarm ? tars_NOTIFYLEVEL_NOTIFYERROR
					  : tars_NOTIFYLEVEL_NOTIFYNORMAL;
	/* The log has it already: a platform without tarsnotify is no error. */
	(void)tars_Notify_reportNotifyInfo_oneway(&c, &in);
	free(notice);
}

void notify(struct server *s, bool is_alarm, const char *fmt, ...)
{
	struct notice *notice;
	va_list ap;

	if (s->node->is_stopping)
		return;
	notice = xcalloc(1, sizeof(*notice));
	notice->node = s->node;
	notice->is_alarm = is_alarm;
	snprintf(notice->app, sizeof(notice->app), "%s", s->app);
	snprintf(notice->name, sizeof(notice->name), "%s", s->name);
	va_start(ap, fmt);
	vsnprintf(notice->text, sizeof(notice->text), fmt, ap);
	va_end(ap);
	if (is_alarm)
		log_warn(&s->log, "%s", notice->text);
	else
		log_info(&s->log, "%s", notice->text);
	node_spawn(s->node, send_notice, notice);
}
