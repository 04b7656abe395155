/*
 * tars node install: joins this machine to a registry, and has systemd run its node.
 *
 * Everything is in the node's own directory but the unit file, so root is not needed.  A second run
 * changes what differs and nothing else.  Options of the node that are given become its
 * configuration.
 */
#include <errno.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/sys/files.h"
#include "core/tars.h"
#include "if/RegistryF.h"
#include "roles/node/credential.h"
#include "roles/node/node.h"

enum { CALL_MS = 10000 };

struct install_conf {
	const char *token, *unit;
	bool print, start;
};

static const struct opt install_opts[] = {
	OPT("print", struct install_conf, print, "no", OPT_FLAG_ONLY,
	    "only show the files: nothing is asked, nothing is written"),
	OPT("start", struct install_conf, start, "yes", OPT_FLAG_ONLY,
	    "have systemd start it, now and with the machine"),
	OPT("token", struct install_conf, token, "", OPT_FLAG_ONLY | OPT_SECRET,
	    "of `tars ctl node token`; not needed when the machine has joined before"),
	OPT("unit", struct install_conf, unit, "", OPT_FLAG_ONLY,
	    "the unit file (default: of root /etc/systemd/system/tars-node.service, of others "
	    "~/.config/systemd/user/tars-node.service)"),
	{ 0 }
};

struct install {
	const struct node_conf *conf;
	const struct install_conf *own;
	const struct role_conf *all;
	struct arena arena;
	const char *root, *config, *unit, *exe;
	bool is_system;                 /* the unit is one of root's systemd, not of a user's */
	struct credential credential;   /* node NULL: not joined yet */
	bool is_changed;                /* a file was written that a running node does not know */
};

__attribute__((format(printf, 2, 3)))
static int complain(int status, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fputs("tars: node install: ", stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
	return status;
}

/* ---- what is written ---- */

static bool is_ours(const char *option)
{
	return !strcmp(option, "name") || !strcmp(option, "path") || !strcmp(option, "locator") ||
	       !strcmp(option, "config");
}

/* Options that were given, wherever. */
static void put_config(struct install *in, struct buf *b)
{
	const struct conf *c = &in->all->conf;
	const char *name = in->credential.node ? in->credential.node : in->conf->name;

	buf_addf(b, "# Written by tars node install.\n[node]\nlocator = %s\n",
		 role_locator(in->all->common.locator));
	if (name && *name)
		buf_addf(b, "name = %s\n", name);
	buf_addf(b, "path = %s\n", in->root);
	for (int i = 0; i < c->n_groups; i++)
		for (const struct opt *o = c->group[i].opts; o->name; o++) {
			const struct conf_value *v = &c->group[i].value[o - c->group[i].opts];

			if (v->from != CONF_DEFAULT && v->text && !(o->flags & OPT_FLAG_ONLY) &&
			    !is_ours(o->name))
				buf_addf(b, "%s = %s\n", o->name, v->text);
		}
}

/* One word of ExecStart=: systemd knows quotes, and expands '%' and '$'. */
static void put_word(struct buf *b, const char *word)
{
	buf_add_u8(b, '"');
	for (; *word; word++) {
		if (*word == '"' || *word == '\\')
			buf_add_u8(b, '\\');
		if (*word == '%' || *word == '$')
			buf_add_u8(b, (uint8_t)*word);
		buf_add_u8(b, (uint8_t)*word);
	}
	buf_add_u8(b, '"');
}

static void put_unit(struct install *in, struct buf *b)
{
	buf_add_str(b, "# Written by tars node install.\n[Unit]\n"
		    "Description=tars node: starts and watches the services of this machine\n");
	if (in->is_system)
		buf_add_str(b, "After=network-online.target\nWants=network-online.target\n");
	buf_add_str(b, "\n[Service]\nExecStart=");
	put_word(b, in->exe);
	buf_add_str(b, " node --config ");
	put_word(b, in->config);
	buf_addf(b, "\nExecReload=/bin/kill -HUP $MAINPID\nRestart=always\nRestartSec=1\n"
		 "RestartPreventExitStatus=64 78\n"
		 "# Services outlive their node: only the node itself is stopped.\n"
		 "KillMode=process\nLimitNOFILE=1000000\nLimitCORE=infinity\n\n"
		 "[Install]\nWantedBy=%s\n", in->is_system ? "multi-user.target" : "default.target");
}

static int write_text(struct install *in, const char *path, struct buf *text)
{
	struct err e;
	int rc = file_update(path, NULL, buf_head(text), buf_size(text), 0644, &e);

	buf_release(text);
	if (rc < 0)
		return complain(EXIT_CONFIG, "%s", e.text);
	in->is_changed |= rc > 0;
	printf("%s: %s\n", path, rc > 0 ? "written" : "is as it should be");
	return 0;
}

static int write_files(struct install *in)
{
	struct buf config = BUF_INIT, unit = BUF_INIT;
	int status;

	put_config(in, &config);
	put_unit(in, &unit);
	status = write_text(in, in->config, &config);
	if (status)
		buf_release(&unit);
	return status ? status : write_text(in, in->unit, &unit);
}

static int print_files(struct install *in)
{
	struct buf b = BUF_INIT;
	int status;

	buf_addf(&b, "# ---- %s\n", in->config);
	put_config(in, &b);
	buf_addf(&b, "\n# ---- %s\n", in->unit);
	put_unit(in, &b);
	status = role_print("node install", &b);
	buf_release(&b);
	return status;
}

/* ---- joining ---- */

static int keep_credential(struct install *in, const struct tars_NodeJoined *joined)
{
	struct err e;
	bool is_new = !in->credential.node || strcmp(in->credential.secret, joined->secret.p) != 0;

	in->credential.node = arena_strdup(&in->arena, joined->nodeName.p);
	in->credential.secret = arena_strdup(&in->arena, joined->secret.p);
	if (is_new && credential_write(in->root, &in->credential, &in->arena, &e) < 0)
		return complain(EXIT_CONFIG, "%s", e.text);
	in->is_changed |= is_new;
	printf("node %s %s\n", in->credential.node, is_new ? "has joined" : "has joined before");
	return 0;
}

static int ask(struct install *in, struct tars_app *app, const char *object)
{
	const char *name = in->credential.node ? in->credential.node : in->conf->name;
	const char *secret = in->credential.secret;
	struct tars_req *rq = tars_begin(app);
	struct tars_call c = { .to = tars_proxy(app, object), .rq = rq, .timeout_ms = CALL_MS };
	struct tars_Registry_joinNode_in ask = { .join = {
		.nodeName = tars_strf(rq, "%s", name ? name : ""),
		.token = tars_strf(rq, "%s", in->own->token),
		.secret = tars_strf(rq, "%s", secret ? secret : ""),
	} };
	struct tars_Registry_joinNode_out out = { 0 };
	int rc = tars_Registry_joinNode(&c, &ask, &out), status;

	if (rc)
		status = complain(role_exit_status(rc), "the registry cannot be asked: %s", c.error);
	else if (out.ret)
		status = complain(out.ret == TARS_EDB ? EXIT_UNAVAILABLE : EXIT_FAILED, "%s",
				  out.result.p);
	else
		status = keep_credential(in, &out.joined);
	tars_end(rq);
	return status;
}

static int join(struct install *in)
{
	const char *object;
	struct err e = { 0 };
	char error[512];
	struct tars_app *app;
	int status;

	if (role_registry_object(in->all->common.locator, "tars.tarsregistry.RegistryObj", &object,
				 &in->arena, &e) < 0)
		return complain(EXIT_USAGE, "%s", e.text);
	app = tars_start(NULL, error, sizeof(error));
	if (!app)
		return complain(EXIT_BUG, "%s", error);
	status = ask(in, app, object);
	tars_stop(app);
	return status;
}

/* ---- systemd ---- */

/* Runs systemctl; what it prints is in `output` (may be NULL).  Its exit status, -1: none. */
static int systemctl(const struct install *in, const char *verb, const char *unit, char *output,
		     size_t size)
{
	char *argv[] = { "systemctl", in->is_system ? "--system" : "--user", (char *)(uintptr_t)verb,
			 (char *)(uintptr_t)unit, NULL };
	posix_spawn_file_actions_t actions;
	int fds[2], status = -1;
	size_t used = 0;
	ssize_t n;
	pid_t pid;

	if (pipe(fds) < 0)
		return -1;
	posix_spawn_file_actions_init(&actions);
	if (output) {
		posix_spawn_file_actions_adddup2(&actions, fds[1], STDOUT_FILENO);
		posix_spawn_file_actions_adddup2(&actions, fds[1], STDERR_FILENO);
	}
	posix_spawn_file_actions_addclose(&actions, fds[0]);
	posix_spawn_file_actions_addclose(&actions, fds[1]);
	n = posix_spawnp(&pid, argv[0], &actions, NULL, argv, environ) ? -1 : 1;
	posix_spawn_file_actions_destroy(&actions);
	close(fds[1]);
	while (n > 0 && output && used + 1 < size) {
		n = read(fds[0], output + used, size - 1 - used);
		if (n < 0 && errno == EINTR)
			n = 1;
		else if (n > 0)
			used += (size_t)n;
	}
	if (output)
		output[used] = '\0';
	close(fds[0]);
	if (n < 0)
		return -1;
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* The states in which it takes units; without systemd it says "offline", or cannot connect. */
static bool has_systemd(const struct install *in)
{
	static const char *const states[] = {
		"running\n", "degraded\n", "starting\n", "initializing\n", "maintenance\n",
	};
	char text[256] = "";

	systemctl(in, "is-system-running", NULL, text, sizeof(text));
	for (size_t i = 0; i < sizeof(states) / sizeof(*states); i++)
		if (!strcmp(text, states[i]))
			return true;
	return false;
}

static int start(struct install *in)
{
	const char *unit = strrchr(in->unit, '/') + 1;

	if (!in->own->start || !has_systemd(in)) {
		printf("start it with: %s node --config %s --detach\n", in->exe, in->config);
		return 0;
	}
	if (systemctl(in, "daemon-reload", NULL, NULL, 0) ||
	    systemctl(in, "enable", in->unit, NULL, 0) ||
	    systemctl(in, in->is_changed ? "restart" : "start", unit, NULL, 0))
		return complain(EXIT_FAILED, "systemd does not start %s: see journalctl %s -u %s",
				in->unit, in->is_system ? "--system" : "--user", unit);
	printf("%s is started, now and with the machine\n", unit);
	if (!in->is_system)
		puts("it ends with your last login, unless: loginctl enable-linger");
	return 0;
}

/* ---- the command ---- */

static int find_paths(struct install *in, struct err *e)
{
	const char *home = getenv("HOME"), *config = getenv("XDG_CONFIG_HOME");
	int rc = role_data_path(in->conf->path, &in->arena, &in->root, e);

	if (rc < 0)
		return rc;
	in->is_system = geteuid() == 0;
	in->config = arena_strf(&in->arena, "%s/tarsnode/node.ini", in->root);
	in->exe = node_executable(&in->arena);
	if (*in->own->unit == '/')
		in->unit = in->own->unit;
	else if (*in->own->unit)
		return err_set(e, TARS_EARG, "--unit '%s' is not absolute", in->own->unit);
	else if (in->is_system)
		in->unit = "/etc/systemd/system/tars-node.service";
	else if (config && *config == '/')
		in->unit = arena_strf(&in->arena, "%s/systemd/user/tars-node.service", config);
	else if (home && *home == '/')
		in->unit = arena_strf(&in->arena, "%s/.config/systemd/user/tars-node.service", home);
	else
		return err_set(e, TARS_EARG, "there is no $HOME: say where the unit file goes (--unit)");
	return 0;
}

static int make_dir_of(struct install *in, const char *file, struct err *e)
{
	const char *dir = arena_memdup(&in->arena, file, (size_t)(strrchr(file, '/') - file));
	int rc = dir_make(dir, e);

	if (rc == 0 && access(dir, W_OK | X_OK) < 0)
		rc = err_set(e, TARS_ECONF, "%s: %s: give another --path or --unit, or become who may "
			     "write there", dir, strerror(errno));
	return rc;
}

/* Before a token is used up: what it gives must find a place. */
static int prepare(struct install *in, struct err *e)
{
	const char *name = in->conf->name;
	int rc = make_dir_of(in, in->config, e);

	if (rc == 0)
		rc = make_dir_of(in, in->unit, e);
	if (rc == 0)
		rc = credential_read(in->root, &in->credential, &in->arena, e);
	if (rc == 0 && name && *name && strcmp(name, in->credential.node) != 0)
		return err_set(e, TARS_EARG, "%s is node %s already: for node %s give another --path, "
			       "or remove %s", in->root, in->credential.node, name,
			       credential_path(in->root, &in->arena));
	if (rc == TARS_ENOTFOUND)
		rc = *in->own->token ? 0 : err_set(e, TARS_EARG, "this machine has not joined yet: give "
						   "it a --token (tars ctl node token)");
	return rc;
}

static int install(const struct role_call *call)
{
	struct install in = { .conf = call->conf, .own = call->own, .all = call->all };
	struct err e = { 0 };
	int status, rc;

	arena_init(&in.arena, NULL, 0);
	rc = find_paths(&in, &e);
	if (rc == 0 && !in.own->print)
		rc = prepare(&in, &e);
	if (rc < 0)
		status = complain(rc == TARS_EARG ? EXIT_USAGE : EXIT_CONFIG, "%s", e.text);
	else
		status = in.own->print ? print_files(&in) : join(&in);
	if (!status && !in.own->print)
		status = write_files(&in);
	fflush(stdout);
	if (!status && !in.own->print)
		status = start(&in);
	arena_clear(&in.arena);
	return status;
}

const struct role_command node_commands[] = {
	{ "install", NULL, "joins this machine to a registry, and has systemd run its node",
	  install_opts, sizeof(struct install_conf), install, NULL,
	  "tars node install --locator 'tars.tarsregistry.QueryObj@tcp -h 10.0.0.1 -p 17890' "
	  "--token TOKEN" },
	{ 0 }
};
