/* The driver of roles: their options, help, arguments and exit statuses. */
#include "roles/role.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/sys/log.h"

/* ---- options that roles have in common ---- */

const struct opt role_basic_opts[] = {
	OPT("config", struct role_common, config, NULL, 0, "INI file to read"),
	OPT("help", struct role_common, help, "no", OPT_FLAG_ONLY, "print this help"),
	OPT("log-file", struct role_common, log_file, NULL, 0,
	    "append diagnostics to this file instead of stderr"),
	OPT("log-level", struct role_common, log_level, NULL, 0,
	    "error, warn, info or debug (default: info, of tools warn)"),
	OPT("show-config", struct role_common, show_config, "no", OPT_FLAG_ONLY,
	    "print the effective configuration and where it comes from"),
	OPT("version", struct role_common, version, "no", OPT_FLAG_ONLY, "print the version"),
	{ 0 }
};

const struct opt role_service_opts[] = {
	OPT("detach", struct role_common, detach, "no", OPT_FLAG_ONLY,
	    "go to the background once the service is ready"),
	OPT_DURATION("grace", struct role_common, grace_ms, "10s", OPT_NORELOAD,
		     "how long requests may go on when the service is stopped"),
	OPT("locator", struct role_common, locator, NULL, OPT_NORELOAD,
	    "object string of the registry, for calls by name"),
	OPT("reactors", struct role_common, reactors, "1", OPT_NORELOAD,
	    "threads that serve connections"),
	OPT("ready-fd", struct role_common, ready_fd, "-1", OPT_FLAG_ONLY,
	    "write the ready line to this descriptor too"),
	{ 0 }
};

static const struct opt no_opts[] = { { 0 } };

static const struct opt *own_opts(const struct role *role)
{
	return role->opts ? role->opts : no_opts;
}

enum { MAX_SECTIONS = 32 };

/* Adds the options of the command that is named, if one is. */
static int add_command(struct role_conf *rc, const struct role *role, int argc, char **argv,
		       struct err *e)
{
	struct role_pick pick = role_command_pick(role, argc, argv, e);

	if (!pick.word)
		return 0;
	if (!pick.command)
		return TARS_EARG;
	rc->command = pick.command;
	rc->n_words = pick.n_words;
	rc->own = arena_alloc(&rc->conf.arena, rc->command->conf_size + 1);
	if (rc->command->opts)
		conf_add(&rc->conf, rc->command->opts, rc->own);
	return 0;
}

int role_conf_load(struct role_conf *rc, const struct role *role, int argc, char **argv,
		   struct err *e)
{
	struct conf_section known[MAX_SECTIONS] = {
		{ "tars", role_basic_opts }, { "tars", role_service_opts },
	};
	int n = 2, rc_load;

	for (const struct role *const *r = tars_roles; *r; r++) {
		BUG_ON(n == MAX_SECTIONS - 1);
		known[n++] = (struct conf_section){ (*r)->name, own_opts(*r) };
	}
	*rc = (struct role_conf){ 0 };
	conf_init(&rc->conf, role->name);
	rc->values = arena_alloc(&rc->conf.arena, role->conf_size + 1);
	conf_add(&rc->conf, own_opts(role), rc->values);
	conf_add(&rc->conf, role_basic_opts, &rc->common);
	if (role->init)
		conf_add(&rc->conf, role_service_opts, &rc->common);
	rc_load = add_command(rc, role, argc, argv, e);
	if (!rc_load)
		rc_load = conf_load(&rc->conf, argc, argv, known, e);
	if (!rc_load && (rc->common.reactors < 0 || rc->common.reactors > 64))
		rc_load = err_set(e, TARS_ECONF, "reactors: %d is not within 0..64",
				  rc->common.reactors);
	if (rc_load)
		role_conf_release(rc);
	return rc_load;
}

void role_conf_release(struct role_conf *rc)
{
	conf_release(&rc->conf);
}

/* ---- texts ---- */

static void print_help(struct buf *b, const struct role *role, const struct role_command *command)
{
	if (command) {
		role_print_command(b, role, command);
	} else {
		const char *args = role->commands && role->init ? "[COMMAND]" :
				   role->commands ? "COMMAND [ARG...]" : role->args;

		buf_addf(b, "usage: tars %s%s%s%s\n\n%s: %s\n", role->name,
			 role->is_raw ? "" : " [options]", args ? " " : "", args ? args : "",
			 role->name, role->summary);
	}
	if (role->is_raw)
		return;
	if (role->commands && !command)
		role_print_commands(b, role);
	if (own_opts(role)->name) {
		buf_addf(b, "\noptions%s:\n", role->commands && !role->init ? " of every command" : "");
		opt_print_help(b, own_opts(role));
	}
	buf_addf(b, "\noptions of every %s:\n", role->init ? "service" : "tool");
	opt_print_help(b, role_basic_opts);
	if (role->init)
		opt_print_help(b, role_service_opts);
	if (command)
		return;
	buf_addf(b, "\nEach can also be set in the --config file, as name = value under [%s]\n"
		 "(or [tars] for all roles), and in the environment as TARS_", role->name);
	for (const char *p = role->name; *p; p++)
		buf_add_u8(b, *p >= 'a' && *p <= 'z' ? (uint8_t)(*p - 'a' + 'A') : (uint8_t)*p);
	buf_add_str(b, "_NAME.\n");
	if (role->notes)
		buf_addf(b, "\n%s", role->notes);
}

void role_complain(const struct role *role, const struct err *e)
{
	fprintf(stderr, "tars: %s: %s\n", role->name, e->text);
}

static int print(const struct role *role, struct buf *b)
{
	int status = role_print(role->name, b);

	buf_release(b);
	return status;
}

/* ---- running ---- */

/* Checks the number of arguments; `prefix` ("gen: ") begins the message. */
static int check_number(const char *prefix, const char *args, int n, struct err *e)
{
	int least = 0, most = 0;

	for (const char *p = args ? args : ""; *p;) {
		size_t size = strcspn(p, " ");

		least += *p != '[';
		if (most < INT_MAX)
			most++;
		if (memmem(p, size, "...", 3))
			most = INT_MAX;
		p += size + strspn(p + size, " ");
	}
	if (n >= least && n <= most)
		return 0;
	if (!args)
		return err_set(e, TARS_EARG, "%stakes no arguments, only options (see --help)",
			       prefix);
	return err_set(e, TARS_EARG, "%stoo %s arguments: wants %s (see --help)", prefix,
		       n < least ? "few" : "many", args);
}

static int check_arguments(const struct role *role, const struct role_conf *rc, struct err *e)
{
	char prefix[64];

	if (!role->commands || (role->init && !rc->command))
		return check_number("", role->args, rc->conf.n_args, e);
	if (!rc->command)
		return check_number("", "COMMAND", 0, e);
	snprintf(prefix, sizeof(prefix), "%s: ", rc->command->name);
	return check_number(prefix, rc->command->args, rc->conf.n_args - rc->n_words, e);
}

static int open_log(bool is_service, const struct role_common *common, struct err *e)
{
	enum log_level level = is_service ? LOG_LEVEL_INFO : LOG_LEVEL_WARN;
	int rc = 0;

	if (common->log_level)
		rc = log_level_parse(common->log_level, &level, e);
	if (!rc && common->log_file)
		rc = log_open(common->log_file, e);
	if (!rc)
		log_set_level(level);
	return rc;
}

static int run(const struct role *role, struct role_conf *rc, int argc, char **argv)
{
	struct buf b = BUF_INIT;
	struct err e;
	int code;

	if (rc->common.show_config) {
		conf_show(&b, &rc->conf);
		return print(role, &b);
	}
	code = check_arguments(role, rc, &e);
	if (!code)
		code = conf_check(&rc->conf, &e);
	if (!code)
		code = role_check_locator(rc->common.locator, &e);
	if (!code)
		code = open_log(role->init && !rc->command, &rc->common, &e);
	if (code) {
		role_complain(role, &e);
		return role_exit_status(code);
	}
	if (rc->command)
		return rc->command->run(&(struct role_call){
			.role = role, .command = rc->command,
			.argc = rc->conf.n_args - rc->n_words, .argv = rc->conf.args + rc->n_words,
			.conf = rc->values, .own = rc->own, .all = rc,
		});
	if (role->init)
		return service_main(role, rc, argc, argv);
	return role->main(rc->conf.n_args, rc->conf.args, rc->values);
}

/* Help is given whatever else is wrong. */
static bool wants(int argc, char **argv, const char *flag)
{
	for (int i = 0; i < argc && strcmp(argv[i], "--"); i++)
		if (!strcmp(argv[i], flag))
			return true;
	return false;
}

int role_main(const struct role *role, int argc, char **argv)
{
	struct buf b = BUF_INIT;
	struct role_conf rc;
	struct err e;
	int status, code;

	if (wants(argc, argv, "--help") || wants(argc, argv, "-h")) {
		struct err unknown;

		print_help(&b, role, role_command_pick(role, argc, argv, &unknown).command);
		return print(role, &b);
	}
	if (wants(argc, argv, "--version")) {
		buf_addf(&b, "tars %s\n", TARS_VERSION);
		return print(role, &b);
	}
	if (role->is_raw)
		return role->main(argc, argv, NULL);
	code = role_conf_load(&rc, role, argc, argv, &e);
	if (code) {
		role_complain(role, &e);
		return role_exit_status(code);
	}
	status = run(role, &rc, argc, argv);
	role_conf_release(&rc);
	return status;
}
