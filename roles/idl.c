/* tars idl: the IDL compiler, as a table of subcommands. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "idl/write.h"
#include "roles/role.h"

struct idl_conf {
	const char *include, *out;
	bool tables, with_tars;
};

static const struct opt idl_opts[] = {
	OPT("include", struct idl_conf, include, NULL, OPT_FLAG_ONLY,
	    "directories to look for included files in, with ':' between them"),
	OPT("out", struct idl_conf, out, ".", OPT_FLAG_ONLY, "directory for generated files"),
	OPT("tables", struct idl_conf, tables, "no", OPT_FLAG_ONLY,
	    "no straight-line encoders and decoders: less code, half as fast"),
	OPT("with-tars", struct idl_conf, with_tars, "no", OPT_FLAG_ONLY,
	    "allow names that start with 'tars', as the platform's own files have"),
	{ 0 }
};

enum { MAX_DIRS = 32 };

/* Splits "a:b" in place. */
static int split_dirs(char *text, const char **dirs, uint32_t *n)
{
	char *dir;

	while ((dir = strsep(&text, ":"))) {
		if (!*dir)
			continue;
		if (*n == MAX_DIRS) {
			fprintf(stderr, "tars: idl: --include: more than %d directories\n",
				MAX_DIRS);
			return EXIT_USAGE;
		}
		dirs[(*n)++] = dir;
	}
	return 0;
}

static int gen(const struct idl_options *opt, const struct idl_conf *conf, char **files)
{
	int failed = 0;

	for (; *files; files++)
		failed |= idl_write_c(opt, *files, conf->out, stderr);
	return failed ? EXIT_FAILED : EXIT_ASKED;
}

static int proto(const struct idl_options *opt, const struct idl_conf *conf, char **files)
{
	int failed = 0;

	for (; *files; files++)
		failed |= idl_write_proto(opt, *files, conf->out, stderr);
	return failed ? EXIT_FAILED : EXIT_ASKED;
}

/* Generating shows more than loading does: names that clash in C. */
static int check_file(const struct idl_options *opt, const char *path)
{
	struct buf header = BUF_INIT, code = BUF_INIT, errors = BUF_INIT;
	struct idl_file *file;
	struct idl idl;
	int rc;

	idl_init(&idl, opt);
	file = idl_load(&idl, path);
	rc = file ? idl_gen_c(&idl, file, &header, &code) : TARS_EARG;
	idl_put_errors(&idl, &errors);
	fputs(buf_str(&errors), stderr);
	buf_release(&header);
	buf_release(&code);
	buf_release(&errors);
	idl_release(&idl);
	return rc;
}

static int check(const struct idl_options *opt, const struct idl_conf *conf, char **files)
{
	int failed = 0;

	(void)conf;
	for (; *files; files++)
		failed |= check_file(opt, *files);
	return failed ? EXIT_FAILED : EXIT_ASKED;
}

static const struct subcommand {
	const char *name;
	int (*run)(const struct idl_options *opt, const struct idl_conf *conf, char **files);
} subcommands[] = {
	{ "check", check },  /* reports what is wrong with the files */
	{ "gen", gen },      /* writes X.h and X.c for each X.tars */
	{ "proto", proto },  /* writes Module.proto for each module with interfaces */
};

static const struct subcommand *find_subcommand(const char *name)
{
	const size_t n = sizeof(subcommands) / sizeof(*subcommands);

	for (size_t i = 0; i < n; i++)
		if (!strcmp(name, subcommands[i].name))
			return &subcommands[i];
	fprintf(stderr, "tars: idl: unknown subcommand '%s'; there are", name);
	for (size_t i = 0; i < n; i++)
		fprintf(stderr, "%s %s", i ? "," : "", subcommands[i].name);
	fputc('\n', stderr);
	return NULL;
}

static int idl_main(int argc, char **argv, const void *conf_)
{
	const struct idl_conf *conf = conf_;
	const struct subcommand *sub = find_subcommand(argv[0]);
	const char *dirs[MAX_DIRS];
	struct idl_options opt = { .dirs = dirs, .with_tars = conf->with_tars,
				   .tables_only = conf->tables };
	char *include = xstrdup(conf->include ? conf->include : "");
	int status = sub ? split_dirs(include, dirs, &opt.n_dirs) : EXIT_USAGE;

	(void)argc;
	if (!status)
		status = sub->run(&opt, conf, argv + 1);
	free(include);
	return status;
}

const struct role idl_role = {
	.name = "idl",
	.summary = "checks .tars files, generates C or .proto (subcommands: check, gen, proto)",
	.args = "SUBCOMMAND FILE...",
	.opts = idl_opts,
	.conf_size = sizeof(struct idl_conf),
	.main = idl_main,
};
