/* ServerObj: what the services of this machine tell their node. */
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "if/NodeF.h"
#include "roles/node/node.h"

/* Only a process of this machine may say which one a server is: a stop would kill it. */
static bool is_local(const struct tars_req *rq)
{
	const char *peer = tars_peer(rq), *colon = strrchr(peer, ':');
	char ip[64];
	size_t n = colon ? (size_t)(colon - peer) : strlen(peer);

	if (!strncmp(peer, "unix:", 5))
		return true;
	if (*peer == '[' && n > 1) {
		peer++;
		n -= 2;
	}
	if (n >= sizeof(ip))
		return false;
	memcpy(ip, peer, n);
	ip[n] = '\0';
	return host_is_own_address(ip);
}

static bool is_possible(const struct tars_req *rq, const struct server *s, pid_t pid)
{
	return pid > 1 && pid != getpid() && (pid == s->proc.pid || is_local(rq));
}

static int beat(struct tars_req *rq, const struct tars_ServerInfo *info, bool is_activating)
{
	struct node *n = tars_data(rq);
	struct server *s = server_find(n, info->application.p, info->serverName.p);

	n->last_beat = time(NULL);
	if (!s) {
		log_every(10000, LOG_LEVEL_WARN, &n->log, "heartbeat of %s.%s, which is not "
			  "deployed here",
			  info->application.p, info->serverName.p);
		return -1;
	}
	if (!is_possible(rq, s, info->pid))
		log_every(10000, LOG_LEVEL_WARN, &s->log, "heartbeat from %s with pid %d: ignored",
			  tars_peer(rq), info->pid);
	else
		server_beat(s, info->adapter.p, info->pid, is_activating);
	return 0;
}

static int keep_alive(struct tars_req *rq, const struct tars_ServerF_keepAlive_in *in,
		      struct tars_ServerF_keepAlive_out *out)
{
	out->ret = beat(rq, &in->serverInfo, false);
	return 0;
}

static int keep_activing(struct tars_req *rq, const struct tars_ServerF_keepActiving_in *in,
			 struct tars_ServerF_keepActiving_out *out)
{
	out->ret = beat(rq, &in->serverInfo, true);
	return 0;
}

static int report_version(struct tars_req *rq, const struct tars_ServerF_reportVersion_in *in,
			  struct tars_ServerF_reportVersion_out *out)
{
	struct node *n = tars_data(rq);
	struct server *s = server_find(n, in->app.p, in->serverName.p);

	out->ret = s ? 0 : -1;
	if (s) {
		snprintf(s->version, sizeof(s->version), "%s", in->version.p);
		s->is_version_due = true;
		signal_raise(&n->report);
	}
	return 0;
}

static int latest(struct tars_req *rq, const struct tars_ServerF_getLatestKeepAliveTime_in *in,
		  struct tars_ServerF_getLatestKeepAliveTime_out *out)
{
	const struct node *n = tars_data(rq);

	(void)in;
	out->ret = (uint32_t)n->last_beat;
	return 0;
}

const struct tars_ServerF node_server_servant = {
	.keepAlive = keep_alive,
	.keepActiving = keep_activing,
	.reportVersion = report_version,
	.getLatestKeepAliveTime = latest,
};
