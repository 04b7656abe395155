/* tars idl: the IDL compiler, as a table of commands. */
#include "roles/idl/commands.h"

#include <stdio.h>
#include <string.h>

#include "idl/doc.h"
#include "idl/fmt.h"
#include "idl/tree_json.h"
#include "idl/write.h"

/* ---- gen, proto ---- */

struct gen_conf {
	const char *out;
	bool tables, write_defaults;
};

static const struct opt gen_opts[] = {
	OPT("out", struct gen_conf, out, ".", OPT_FLAG_ONLY, "directory for generated files"),
	OPT("tables", struct gen_conf, tables, "no", OPT_FLAG_ONLY,
	    "no straight-line encoders and decoders: less code, half as fast"),
	OPT("write-defaults", struct gen_conf, write_defaults, "no", OPT_FLAG_ONLY,
	    "optional members are written even if they equal their default: for peers in Java"),
	{ 0 }
};

static const struct opt proto_opts[] = {
	OPT("out", struct gen_conf, out, ".", OPT_FLAG_ONLY, "directory for generated files"),
	{ 0 }
};

/* Files are called as their source. */
static bool has_name(const struct idl_env *env, const char *path)
{
	if (strcmp(path, "-") != 0)
		return true;
	fprintf(stderr, "tars: idl: %s: standard input has no name to call files by; give a file\n",
		env->call->command->name);
	return false;
}

static int gen_one(struct idl_env *env, const char *path, void *arg)
{
	const struct gen_conf *conf = env->call->own;

	(void)arg;
	if (!has_name(env, path))
		return TARS_EARG;
	env->opt.tables_only = conf->tables;
	env->opt.write_defaults = conf->write_defaults;
	return idl_write_c(&env->opt, path, conf->out, stderr);
}

static int gen(const struct role_call *call)
{
	return idl_env_each(call, gen_one, NULL);
}

static int proto_one(struct idl_env *env, const char *path, void *arg)
{
	const struct gen_conf *conf = env->call->own;

	(void)arg;
	return idl_write_proto(&env->opt, path, conf->out, stderr);
}

static int proto(const struct role_call *call)
{
	return idl_env_each(call, proto_one, NULL);
}

/* ---- check ---- */

/* Generating shows more than loading does: names that clash in C. */
static int check_one(struct idl_env *env, const char *path, void *arg)
{
	struct idl idl;
	struct idl_file *file = idl_env_load(env, &idl, path);
	int rc = TARS_EARG;

	(void)arg;
	if (file) {
		rc = idl_check_c(&idl, file);
		idl_show_errors(&idl);
	}
	idl_release(&idl);
	return rc;
}

static int check(const struct role_call *call)
{
	return idl_env_each(call, check_one, NULL);
}

/* ---- one text of all files ---- */

static const struct opt out_opts[] = {
	OPT("out", struct idl_out_conf, out, NULL, OPT_FLAG_ONLY,
	    "file to write instead of printing"),
	{ 0 }
};

static int make_json(const struct role_call *call, struct idl *idl, struct buf *out, struct err *e)
{
	(void)call;
	return idl_json(idl, out, e);
}

static int json(const struct role_call *call)
{
	return idl_env_text(call, ((const struct idl_out_conf *)call->own)->out, make_json);
}

static int make_merged(const struct role_call *call, struct idl *idl, struct buf *out,
		       struct err *e)
{
	(void)call;
	return idl_merge(idl, out, e);
}

static int merge(const struct role_call *call)
{
	return idl_env_text(call, ((const struct idl_out_conf *)call->own)->out, make_merged);
}

static const struct opt doc_opts[] = {
	OPT("object", struct idl_doc_conf, object, "%M.%IServer.%IObj", OPT_FLAG_ONLY,
	    "openapi: the object that serves; %I is the interface, %M its module"),
	OPT("openapi", struct idl_doc_conf, openapi, "no", OPT_FLAG_ONLY,
	    "OpenAPI 3.1 of calls by HTTP and JSON, instead of Markdown"),
	OPT("out", struct idl_doc_conf, out, NULL, OPT_FLAG_ONLY,
	    "file to write instead of printing"),
	{ 0 }
};

static int make_doc(const struct role_call *call, struct idl *idl, struct buf *out, struct err *e)
{
	const struct idl_doc_conf *conf = call->own;

	return conf->openapi ? idl_openapi(idl, conf->object, out, e) : idl_markdown(idl, out, e);
}

static int doc(const struct role_call *call)
{
	return idl_env_text(call, ((const struct idl_doc_conf *)call->own)->out, make_doc);
}

/* ---- the role ---- */

static const struct opt idl_opts[] = {
	OPT("include", struct idl_conf, include, NULL, OPT_FLAG_ONLY,
	    "directories to look for included files in, with ':' between them"),
	OPT("with-tars", struct idl_conf, with_tars, "no", OPT_FLAG_ONLY,
	    "allow names that start with 'tars', as the platform's own files have"),
	{ 0 }
};

static const struct role_command commands[] = {
	{ "breaking", "OLD NEW", "tells what of NEW old clients and servers cannot live with",
	  idl_breaking_opts, sizeof(struct idl_breaking_conf), idl_cmd_breaking },
	{ "check", "FILE...", "reports what is wrong with the files", .run = check },
	{ "doc", "FILE...", "prints documentation: Markdown, or OpenAPI for HTTP clients",
	  doc_opts, sizeof(struct idl_doc_conf), doc },
	{ "fmt", "FILE...", "prints the files in their canonical layout, comments kept",
	  idl_fmt_opts, sizeof(struct idl_fmt_conf), idl_cmd_fmt },
	{ "gen", "FILE...", "writes X.h and X.c for each X.tars", gen_opts,
	  sizeof(struct gen_conf), gen },
	{ "json", "FILE...", "prints all that the files and their includes say, as JSON",
	  out_opts, sizeof(struct idl_out_conf), json },
	{ "lint", "[FILE...]", "tells what is correct and will hurt somebody", idl_lint_opts,
	  sizeof(struct idl_lint_conf), idl_cmd_lint },
	{ "merge", "FILE...", "prints the files with all that they include, each once",
	  out_opts, sizeof(struct idl_out_conf), merge },
	{ "new", "APP SERVER SERVANT", "writes a service that builds, runs and tests itself",
	  idl_new_opts, sizeof(struct idl_new_conf), idl_cmd_new },
	{ "proto", "FILE...", "writes Module.proto for each module with interfaces", proto_opts,
	  sizeof(struct gen_conf), proto },
	{ 0 }
};

const struct role idl_role = {
	.name = "idl",
	.summary = "checks .tars files and makes other things of them (see tars idl --help)",
	.opts = idl_opts,
	.conf_size = sizeof(struct idl_conf),
	.commands = commands,
};
