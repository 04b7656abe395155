/* The table of operations. */
#include "roles/ops.h"

#include "roles/ctl.h"
#include "sql.h"

const char *const op_rights[] = { "read", "operate", "admin" };

/* ---- options: members of the requests ---- */

static const struct opt no_opts[] = { { 0 } };

#define REQ_OPT(type, name, field, def, help, ...) \
	OPT(name, struct type, field, def, OPT_FLAG_ONLY, help, ##__VA_ARGS__)

static const struct opt deploy_opts[] = {
	REQ_OPT(ctl_deploy, "exe", req.exe, "", "the program that runs, or the .so of a service in C"),
	REQ_OPT(ctl_deploy, "monitor-script", req.monitorScript, "",
		"script that tells whether it lives"),
	REQ_OPT(ctl_deploy, "node", req.node, "", "the node to run on (default: the only one)"),
	REQ_OPT(ctl_deploy, "profile", req.profile, "",
		"file with the server's own part of its configuration"),
	REQ_OPT(ctl_deploy, "protocol", protocol, "tars", "what its servants speak",
		.choices = "tars|not_tars"),
	REQ_OPT(ctl_deploy, "servant", servant, NULL,
		"a servant, \"HelloObj@tcp -h HOST -p PORT\"; may be given several times"),
	REQ_OPT(ctl_deploy, "set", req.set, "", "its set, name.area.group"),
	REQ_OPT(ctl_deploy, "start", req.start, "yes", "start it too"),
	REQ_OPT(ctl_deploy, "start-script", req.startScript, "", "script that starts it"),
	REQ_OPT(ctl_deploy, "stop-script", req.stopScript, "", "script that stops it"),
	REQ_OPT(ctl_deploy, "template", req.templateName, "",
		"configuration template (default: the type's)"),
	REQ_OPT(ctl_deploy, "threads", threads, "5", "of each servant"),
	REQ_OPT(ctl_deploy, "type", req.type, "tars_c",
		"tars_c, tars_cpp, tars_go, tars_java, tars_nodejs, tars_php or not_tars"),
	{ 0 }
};

static const struct opt logs_opts[] = {
	REQ_OPT(ctl_logs, "context", req.query.context, "0", "lines around each that is found",
		.letter = 'C'),
	REQ_OPT(ctl_logs, "grep", req.query.grep, "", "only lines with this text"),
	REQ_OPT(ctl_logs, "ignore-case", req.query.ignoreCase, "no", "of that text", .letter = 'i'),
	REQ_OPT(ctl_logs, "invert", req.query.invert, "no", "only lines without it", .letter = 'v'),
	REQ_OPT(ctl_logs, "node", req.node, "", "the node (default: the only one that has it)"),
	REQ_OPT(ctl_logs, "range", range, "", "bytes FROM:TO, each may be left out; -N: so far "
		"before the end"),
	REQ_OPT(ctl_logs, "tail", req.query.tail, "0", "only so many lines of the end; 0: all"),
	{ 0 }
};

static const struct opt metrics_opts[] = {
	REQ_OPT(tars_MetricsReq, "last", last, "1", "so many reports of each node, the youngest"),
	{ 0 }
};

static const struct opt token_opts[] = {
	REQ_OPT(tars_TokenReq, "name", name, "", "the only node that may use it (default: any new one)"),
	OPT_DURATION("ttl", struct tars_TokenReq, ttlMs, "1h", OPT_FLAG_ONLY, "how long it is good"),
	REQ_OPT(tars_TokenReq, "uses", uses, "1", "so many machines may join with it"),
	{ 0 }
};

static const struct opt events_opts[] = {
	REQ_OPT(tars_EventsReq, "last", last, "50", "so many, the youngest"), { 0 }
};

#define ADAPTER_OPT(name, help) REQ_OPT(tars_AdapterSetReq, #name, name, NULL, help)
static const struct opt adapter_opts[] = {
	REQ_OPT(tars_AdapterSetReq, "allow", allow, "", "addresses that may connect"),
	REQ_OPT(tars_AdapterSetReq, "endpoint", endpoint, "", "\"tcp -h HOST -p PORT\""),
	ADAPTER_OPT(maxconns, "connections at most"),
	REQ_OPT(tars_AdapterSetReq, "protocol", protocol, "", "tars or not_tars"),
	ADAPTER_OPT(queuecap, "requests that may wait"),
	ADAPTER_OPT(queuetimeout, "milliseconds that one may wait"),
	ADAPTER_OPT(threads, "that run its requests"),
	{ 0 }
};

static const struct opt probe_opts[] = {
	REQ_OPT(tars_AdapterProbeReq, "liveness", liveness, "",
		"its node restarts it when this fails, \"tars_ping interval=5s failures=2\"; none"),
	REQ_OPT(tars_AdapterProbeReq, "readiness", readiness, "",
		"callers find it only while this passes: tcp, tars_ping, \"http /PATH\", "
		"\"script FILE ARG...\"; none"),
	{ 0 }
};

static const struct opt server_set_opts[] = {
	REQ_OPT(tars_ServerSetReq, "args", args, "", "words behind its command; none: no others"),
	REQ_OPT(tars_ServerSetReq, "env", env, "", "its environment, 'NAME=value;NAME=value', as it "
		"stands; none: no other"),
	REQ_OPT(tars_ServerSetReq, "user", user, "", "account that it runs as, on a node that runs as "
		"root; none: the node's"),
	{ 0 }
};

static const struct opt template_view_opts[] = {
	REQ_OPT(tars_TemplateViewReq, "merged", merged, "no", "with what it inherits"), { 0 }
};

static const struct opt template_set_opts[] = {
	REQ_OPT(tars_TemplateSetReq, "parent", parent, "", "the template that it inherits from"),
	{ 0 }
};

static const struct opt idc_opts[] = {
	REQ_OPT(tars_IdcRow, "allow", allow, "", "addresses of the group, like '10.1.*|10.2.3.4'"),
	REQ_OPT(tars_IdcRow, "deny", deny, "", "addresses that are not in it"),
	REQ_OPT(tars_IdcRow, "order", order, "denny_allow", "which rule is asked first",
		.choices = "denny_allow|allow_denny"),
	REQ_OPT(tars_IdcRow, "remark", remark, "", "for people"),
	{ 0 }
};

static const struct opt station_opts[] = {
	REQ_OPT(tars_StationRow, "order", order, "0", "the lower one counts first"),
	REQ_OPT(tars_StationRow, "station", station, "", "the station that the groups are in"),
	{ 0 }
};

static const struct opt iplist_opts[] = {
	REQ_OPT(tars_IplistReq, "caller", caller, "", "address or node of who asks"),
	REQ_OPT(tars_IplistReq, "set", set, "", "in this set"),
	REQ_OPT(tars_IplistReq, "station", station, "", "in this station"),
	{ 0 }
};

#define FLEET_OPTS \
	REQ_OPT(ctl_fleet, "file", file, NULL, "YAML or JSON of the fleet; -: standard input", \
		.letter = 'f'), \
	REQ_OPT(ctl_fleet, "prune", req.prune, "no", \
		"undeploy servers of the applications in the file that are not in it")
static const struct opt fleet_opts[] = { FLEET_OPTS, { 0 } };

static const struct opt top_opts[] = {
	OPT_DURATION("every", struct ctl_top, every_ms, "2s", OPT_FLAG_ONLY, "between two looks"),
	OPT("rounds", struct ctl_top, rounds, "0", OPT_FLAG_ONLY, "so many looks; 0: for ever"),
	{ 0 }
};

/* ---- the rows ---- */

#define OP(name, args, summary, options, own, example, ...) \
	{ name, args, summary, options, sizeof(own), ctl_run, &(const struct op){ __VA_ARGS__ }, \
	  example }

#define SERVER_COLUMNS "server node type wanted state flow pid|version set templateName exe|endpoints"

const struct role_command ops[] = {
	OP("adapter delete", "App.Server OBJ NODE", "takes a servant away", no_opts,
	   struct tars_AdapterReq, "tars ctl adapter delete App.Server HelloObj node1",
	   .func = "adapterDelete", .right = OP_OPERATE, .changes = true,
	   .sql = &SQL_ops_adapter_delete, .members = "server servant node"),
	OP("adapter list", "[FILTER]", "servants, their endpoints and limits", no_opts,
	   struct tars_FilterReq, "tars ctl adapter list App.Server", .func = "adapterList",
	   .sql = &SQL_ops_adapter_list, .members = "filter",
	   .columns = "server node servant endpoint threads|maxconns queuecap queuetimeout protocol "
		      "allow liveness readiness ready"),
	OP("adapter probe", "App.Server OBJ NODE", "how its node finds out whether it works",
	   probe_opts, struct tars_AdapterProbeReq,
	   "tars ctl adapter probe App.Server HelloObj node1 --readiness 'tcp interval=5s'",
	   .func = "adapterProbe", .right = OP_OPERATE, .changes = true,
	   .members = "server servant node"),
	OP("adapter set", "App.Server OBJ NODE", "adds a servant, or changes one", adapter_opts,
	   struct tars_AdapterSetReq, "tars ctl adapter set App.Server HelloObj node1 --threads 8",
	   .func = "adapterSet", .right = OP_OPERATE, .changes = true, .sql = &SQL_ops_adapter_set,
	   .members = "server servant node"),
	OP("app list", "[FILTER]", "applications", no_opts, struct tars_FilterReq,
	   "tars ctl app list", .func = "appList", .sql = &SQL_ops_app_list, .members = "filter",
	   .columns = "app servers instances active nodes"),
	OP("apply", NULL, "makes the fleet what a file declares, after showing it",
	   fleet_opts, struct ctl_fleet, "tars ctl apply -f fleet.yaml", .func = "apply",
	   .right = OP_ADMIN, .changes = true, .prepare = ctl_prepare_fleet, .run = ctl_apply,
	   .columns = "action kind name node difference"),
	{ "doctor", NULL, "looks for what is wrong, and says what to do", no_opts, 1, ctl_doctor,
	  NULL, "tars ctl doctor" },
	OP("idc delete", "NAME", "forgets a group", no_opts, struct tars_NameReq,
	   "tars ctl idc delete shenzhen", .func = "idcDelete", .right = OP_ADMIN, .changes = true,
	   .sql = &SQL_ops_idc_delete, .members = "name"),
	OP("idc list", "[FILTER]", "groups of addresses", no_opts, struct tars_FilterReq,
	   "tars ctl idc list", .func = "idcList", .sql = &SQL_ops_idc_list, .members = "filter",
	   .columns = "name order allow deny remark"),
	OP("idc set", "NAME", "adds or replaces a group", idc_opts, struct tars_IdcRow,
	   "tars ctl idc set shenzhen --allow '10.1.*'", .func = "idcSet", .right = OP_ADMIN,
	   .changes = true, .sql = &SQL_ops_idc_set, .members = "name"),
	OP("iplist", "OBJ", "the endpoints that a caller finds", iplist_opts, struct tars_IplistReq,
	   "tars ctl iplist App.Server.HelloObj --caller 10.1.2.3", .func = "iplist",
	   .members = "object", .columns = "endpoint active node|set group weight"),
	OP("node drain", "NODE", "callers find none of its servers any more; they run on", no_opts,
	   struct tars_NameReq, "tars ctl node drain node1", .func = "nodeDrain",
	   .right = OP_OPERATE, .changes = true, .sql = &SQL_ops_node_flow, .param = "inactive",
	   .members = "name"),
	OP("node list", "[FILTER]", "nodes, and when each was last heard of", no_opts,
	   struct tars_FilterReq, "tars ctl node list -o wide", .func = "nodeList",
	   .sql = &SQL_ops_node_list, .members = "filter",
	   .columns = "node state heartbeat servers active load|version address dataDir templateName addresses"),
	OP("node metrics", "[FILTER]", "CPU, memory, disks and clock of machines", metrics_opts,
	   struct tars_MetricsReq, "tars ctl node metrics node1 --last 60", .func = "nodeMetrics",
	   .sql = &SQL_ops_node_metrics, .members = "filter",
	   .columns = "node time cpu load memTotalMb memFreeMb diskPercent clockDiff|swapUsedMb "
		      "processors disks"),
	OP("node ping", "NODE", "asks a node whether it is there", no_opts, struct tars_NameReq,
	   "tars ctl node ping node1", .func = "nodePing", .members = "name"),
	OP("node remove", "NODE", "forgets a node that is gone", no_opts, struct tars_NameReq,
	   "tars ctl node remove node1", .func = "nodeRemove", .right = OP_ADMIN, .changes = true,
	   .sql = &SQL_ops_node_remove, .members = "name"),
	OP("node resume", "NODE", "callers find its servers again", no_opts, struct tars_NameReq,
	   "tars ctl node resume node1", .func = "nodeResume", .right = OP_OPERATE, .changes = true,
	   .sql = &SQL_ops_node_flow, .param = "active", .members = "name"),
	OP("node token", NULL, "a token with which a machine joins (tars node install)", token_opts,
	   struct tars_TokenReq, "tars ctl node token --name node1 --ttl 1h", .func = "nodeToken",
	   .right = OP_ADMIN, .changes = true, .is_secret = true),
	OP("operations", "[FILTER]", "this table", no_opts, struct tars_FilterReq,
	   "tars ctl operations -o json", .func = "operations", .members = "filter",
	   .columns = "operation function right changes summary|example"),
	OP("plan", NULL, "shows what `apply` would do", fleet_opts, struct ctl_fleet,
	   "tars ctl plan -f fleet.yaml", .func = "plan", .prepare = ctl_prepare_fleet,
	   .columns = "action kind name node difference"),
	OP("server deploy", "App.Server [\"Obj@ENDPOINT\"...]", "puts a server on a node and starts it",
	   deploy_opts, struct ctl_deploy,
	   "tars ctl deploy App.Server --exe ./Server 'HelloObj@tcp -p 18600'",
	   .func = "serverDeploy", .right = OP_OPERATE, .changes = true, .members = "server",
	   .files = "profile", .prepare = ctl_prepare_deploy),
	OP("server drain", "App.Server [NODE]", "callers find it no more; it runs on", no_opts,
	   struct tars_ServerReq, "tars ctl drain App.Server node1", .func = "serverDrain",
	   .right = OP_OPERATE, .changes = true, .sql = &SQL_ops_server_flow, .param = "inactive",
	   .members = "server node", .each_node = true),
	OP("server events", "[FILTER]", "what was done to servers and nodes, and became of them",
	   events_opts,
	   struct tars_EventsReq, "tars ctl events App.Server --last 10", .func = "serverEvents",
	   .sql = &SQL_ops_server_events, .members = "filter",
	   .columns = "time server node from event"),
	OP("server exits", "App.Server [NODE]", "how its last process ended, and its last lines",
	   no_opts, struct tars_ServerReq, "tars ctl server exits App.Server node1",
	   .func = "serverExits", .members = "server node", .each_node = true),
	OP("server list", "[FILTER]", "servers; FILTER: an App, an App.Server or a node", no_opts,
	   struct tars_FilterReq, "tars ctl list 'App.*' -o wide", .func = "serverList",
	   .sql = &SQL_ops_server_list, .members = "filter", .columns = SERVER_COLUMNS),
	OP("server logs", "App.Server [FILE]", "its log files, or a part of one", logs_opts,
	   struct ctl_logs, "tars ctl logs App.Server --tail 50 --grep error",
	   .func = "serverLogs", .members = "server file", .run = ctl_logs,
	   .columns = "name size changed readable"),
	OP("server restart", "App.Server [NODE]", "stops and starts it, one node after the other",
	   no_opts, struct tars_ServerReq, "tars ctl restart App.Server", .func = "serverRestart",
	   .right = OP_OPERATE, .changes = true, .members = "server node", .each_node = true),
	OP("server resume", "App.Server [NODE]", "callers find it again", no_opts,
	   struct tars_ServerReq, "tars ctl resume App.Server node1", .func = "serverResume",
	   .right = OP_OPERATE, .changes = true, .sql = &SQL_ops_server_flow, .param = "active",
	   .members = "server node", .each_node = true),
	OP("server send", "App.Server COMMAND [NODE]", "a management command for it", no_opts,
	   struct tars_SendReq, "tars ctl send App.Server 'tars.setloglevel DEBUG'",
	   .func = "serverSend", .right = OP_OPERATE, .changes = true,
	   .members = "server command node", .each_node = true),
	OP("server set", "App.Server [NODE]", "environment, arguments and account of its process",
	   server_set_opts, struct tars_ServerSetReq,
	   "tars ctl server set App.Server --env 'MODE=fast;LIMIT=7' --user www", .func = "serverSet",
	   .right = OP_ADMIN, .changes = true, .is_secret = true, .sql = &SQL_ops_server_set,
	   .members = "server node", .each_node = true),
	OP("server start", "App.Server [NODE]", "starts it where it is", no_opts,
	   struct tars_ServerReq, "tars ctl start App.Server", .func = "serverStart",
	   .right = OP_OPERATE, .changes = true, .members = "server node", .each_node = true),
	OP("server state", "[FILTER]", "what is wanted, known, and said by the nodes themselves",
	   no_opts, struct tars_FilterReq, "tars ctl state App.Server", .func = "serverState",
	   .members = "filter", .columns = "server node wanted state inNode pid version remark|patched lastExit"),
	OP("server stop", "App.Server [NODE]", "stops it", no_opts, struct tars_ServerReq,
	   "tars ctl stop App.Server node1", .func = "serverStop", .right = OP_OPERATE,
	   .changes = true, .members = "server node", .each_node = true),
	OP("server undeploy", "App.Server [NODE]", "stops it and forgets it", no_opts,
	   struct tars_ServerReq, "tars ctl undeploy App.Server node1", .func = "serverUndeploy",
	   .right = OP_OPERATE, .changes = true, .members = "server node", .each_node = true),
	OP("set assign", "App.Server NAME.AREA.GROUP|none NODE", "puts a server into a set", no_opts,
	   struct tars_SetAssignReq, "tars ctl set assign App.Server mall.sz.1 node1",
	   .func = "setAssign", .right = OP_OPERATE, .changes = true, .sql = &SQL_ops_set_assign,
	   .members = "server set node"),
	OP("set list", "[FILTER]", "sets", no_opts, struct tars_FilterReq, "tars ctl set list",
	   .func = "setList", .sql = &SQL_ops_set_list, .members = "filter",
	   .columns = "set instances active servers"),
	OP("station delete", "NAME", "forgets a priority", no_opts, struct tars_NameReq,
	   "tars ctl station delete south", .func = "stationDelete", .right = OP_ADMIN,
	   .changes = true, .sql = &SQL_ops_station_delete, .members = "name"),
	OP("station list", "[FILTER]", "priorities of groups, and their stations", no_opts,
	   struct tars_FilterReq, "tars ctl station list", .func = "stationList",
	   .sql = &SQL_ops_station_list, .members = "filter", .columns = "name groups order station"),
	OP("station set", "NAME GROUP,GROUP", "adds or replaces a priority", station_opts,
	   struct tars_StationRow, "tars ctl station set south 1,2 --station south",
	   .func = "stationSet", .right = OP_ADMIN, .changes = true, .sql = &SQL_ops_station_set,
	   .members = "name groups"),
	OP("template delete", "NAME", "forgets a template that nobody uses", no_opts,
	   struct tars_NameReq, "tars ctl template delete mine", .func = "templateDelete",
	   .right = OP_ADMIN, .changes = true, .sql = &SQL_ops_template_delete, .members = "name"),
	OP("template list", "[FILTER]", "configuration templates", no_opts, struct tars_FilterReq,
	   "tars ctl template list 'tars.*'", .func = "templateList", .sql = &SQL_ops_template_list,
	   .members = "filter", .columns = "name parent servers changed"),
	OP("template set", "NAME FILE", "adds or replaces a template", template_set_opts,
	   struct tars_TemplateSetReq, "tars ctl template set mine mine.conf --parent tars.default",
	   .func = "templateSet", .right = OP_ADMIN, .changes = true, .sql = &SQL_ops_template_set,
	   .members = "name profile", .files = "profile"),
	OP("template view", "NAME", "the text of a template", template_view_opts,
	   struct tars_TemplateViewReq, "tars ctl template view tars.default --merged",
	   .func = "templateView", .members = "name"),
	{ "top", NULL, "servers and nodes, again and again", top_opts, sizeof(struct ctl_top), ctl_top,
	  NULL, "tars ctl top --every 1s" },
	{ 0 }
};

const struct role_command *op_find(const char *func)
{
	for (const struct role_command *c = ops; c->name; c++) {
		const struct op *op = c->detail;

		if (op && !strcmp(op->func, func))
			return c;
	}
	return NULL;
}
