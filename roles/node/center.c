/* Files that the configuration centre keeps for a service: its scripts, and whatever else a service
 * without an SDK is to find beside its program. */
#include <limits.h>
#include <string.h>

#include "core/io/pool.h"
#include "core/rpc/req.h"
#include "core/sys/files.h"
#include "if/ConfigF.h"
#include "roles/node/node.h"

enum { CENTER_MS = 3000, MAX_FILES = 1000 };

/* ---- which ---- */

static bool is_file_name(const char *name)
{
	size_t n = strlen(name);

	return n > 0 && n <= NAME_MAX && *name != '.' && *name != '-' &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") ==
	       n;
}

static bool is_in_bin(const struct server_paths *p, const char *path, const char *name)
{
	size_t n = strlen(p->bin);

	return path && !strncmp(path, p->bin, n) && path[n] == '/' && !strcmp(path + n + 1, name);
}

static bool is_script(const struct server_paths *p, const char *name)
{
	const char *dot = strrchr(name, '.');

	return (dot && !strcmp(dot, ".sh")) || is_in_bin(p, p->start_script, name) ||
	       is_in_bin(p, p->stop_script, name) || is_in_bin(p, p->monitor_script, name);
}

/* What we write, and the program itself, are nobody else's. */
static bool is_taken(const struct server_paths *p, const char *name)
{
	return is_in_bin(p, p->start, name) || is_in_bin(p, p->stop, name) ||
	       is_in_bin(p, p->script_pid, name) || is_in_bin(p, p->exe, name);
}

/* ---- what ---- */

static struct tars_call to_center(const struct server *s, struct tars_req *rq)
{
	return (struct tars_call){ .to = tars_proxy(s->node->app, "tars.tarsconfig.ConfigObj"),
				   .rq = rq, .timeout_ms = CENTER_MS };
}

static struct tars_ConfigInfo info_of(const struct tars_ServerDescriptor *d, struct tars_str file)
{
	return (struct tars_ConfigInfo){ .appname = d->application, .servername = d->serverName,
					 .filename = file, .setdivision = d->setId };
}

/* Without a configuration centre there are no files. */
static int list(struct server *s, struct tars_req *rq, struct tars_string_list *names)
{
	const struct tars_ServerDescriptor *d = s->spec->desc;
	struct tars_call c = to_center(s, rq);
	int rc, ret;

	if (d->setId.n) {
		struct tars_Config_ListConfigByInfo_in in = { info_of(d, TARS_STR("")) };
		struct tars_Config_ListConfigByInfo_out out = { 0 };

		rc = tars_Config_ListConfigByInfo(&c, &in, &out);
		ret = out.ret;
		*names = out.vf;
	} else {
		struct tars_Config_ListConfig_in in = { d->application, d->serverName };
		struct tars_Config_ListConfig_out out = { 0 };

		rc = tars_Config_ListConfig(&c, &in, &out);
		ret = out.ret;
		*names = out.vf;
	}
	if (rc != 0)
		log_debug(&s->log, "no files from the configuration centre: %s", c.error);
	return rc ? rc : ret;
}

static int get(struct server *s, struct tars_req *rq, struct tars_str name, struct tars_str *text)
{
	const struct tars_ServerDescriptor *d = s->spec->desc;
	struct tars_call c = to_center(s, rq);
	int rc, ret;

	if (d->setId.n) {
		struct tars_Config_loadConfigByInfo_in in = { info_of(d, name) };
		struct tars_Config_loadConfigByInfo_out out = { 0 };

		rc = tars_Config_loadConfigByInfo(&c, &in, &out);
		ret = out.ret;
		*text = out.config;
	} else {
		struct tars_Config_loadConfig_in in = { d->application, d->serverName, name };
		struct tars_Config_loadConfig_out out = { 0 };

		rc = tars_Config_loadConfig(&c, &in, &out);
		ret = out.ret;
		*text = out.config;
	}
	if (rc != 0 || ret != 0)
		log_warn(&s->log, "cannot get %s from the configuration centre, what is there "
			 "stays: %s", name.p, rc ? c.error : text->p);
	return rc ? rc : ret;
}

/* ---- on disk ---- */

struct file {
	const char *path;
	struct buf text;
	mode_t mode;
	struct err err;
	int rc;
};

static void write_file(void *arg)
{
	struct file *f = arg;

	f->rc = file_update(f->path, NULL, buf_head(&f->text), buf_size(&f->text), f->mode,
			    &f->err);
}

static void take(struct server *s, struct tars_req *rq, struct tars_str name)
{
	const struct spec *spec = s->spec;
	bool is_run = is_script(&spec->paths, name.p);
	struct file f = { .mode = is_run ? 0755 : 0644 };
	struct render_in in;
	struct tars_str text;

	if (!is_run && spec->paths.type != TYPE_NOT_TARS)
		return;
	if (!is_file_name(name.p) || is_taken(&spec->paths, name.p)) {
		log_warn(&s->log, "the configuration centre has a file called '%.64s' for it: such "
			 "a name is not written to %s", name.p, spec->paths.bin);
		return;
	}
	if (get(s, rq, name, &text) != 0)
		return;
	f.path = tars_strf(rq, "%s/%s", spec->paths.bin, name.p).p;
	spec_render_in(s->node, spec, &in);
	if (is_run)
		render_script(&in, name.p, text.p, &rq->arena, &f.text);
	else
		buf_add(&f.text, text.p, text.n);
	pool_run(write_file, &f);
	buf_release(&f.text);
	if (f.rc < 0)
		log_warn(&s->log, "%s", f.err.text);
	else if (f.rc > 0)
		notify(s, false, "[succ] get remote file :%s", name.p);
}

void server_fetch_files(struct server *s)
{
	struct tars_req *rq = tars_begin(s->node->app);
	struct tars_string_list names = { 0 };

	s->are_files_due = false;
	if (list(s, rq, &names) == 0)
		for (uint32_t i = 0; i < names.n && i < MAX_FILES && !s->node->is_stopping; i++)
			take(s, rq, names.v[i]);
	tars_end(rq);
}
