/* Files of the configuration centre: fetching, replacing the local one, backups. */
#include "core/rpc/remoteconf.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/io/pool.h"
#include "core/rpc/req.h"
#include "core/sys/files.h"
#include "if/ConfigF.h"

enum { MAX_BACKUPS = 5, MAX_NAME = 200, TRIES = 2 };

static struct tars_str str(const char *s)
{
	return (struct tars_str){ s ? s : "", s ? (uint32_t)strlen(s) : 0 };
}

/* It becomes part of a path, and comes from whoever may give commands. */
static int check_name(const char *file, struct err *e)
{
	if (!*file || *file == '.' || strchr(file, '/') || strlen(file) > MAX_NAME)
		return err_set(e, TARS_EARG, "'%.60s' is not a file name: no '/', no '.' at the "
			       "front, at most %d bytes", file, MAX_NAME);
	return TARS_OK;
}

/* ---- the centre ---- */

static int ask_by_info(const struct remoteconf *rc, struct tars_call *c, const char *file,
		       int32_t *ret, struct tars_str *text)
{
	struct tars_Config_loadConfigByInfo_in in = { .configInfo = {
		.appname = str(rc->app), .servername = str(rc->server), .filename = str(file),
		.bAppOnly = !*rc->server, .setdivision = str(rc->set),
	} };
	struct tars_Config_loadConfigByInfo_out out;
	int code = tars_Config_loadConfigByInfo(c, &in, &out);

	*ret = code ? 0 : out.ret;
	*text = code ? TARS_STR("") : out.config;
	return code;
}

static int ask_by_name(const struct remoteconf *rc, struct tars_call *c, const char *file,
		       int32_t *ret, struct tars_str *text)
{
	struct tars_Config_loadConfig_in in = {
		.app = str(rc->app), .server = str(rc->server), .filename = str(file),
	};
	struct tars_Config_loadConfig_out out;
	int code = tars_Config_loadConfig(c, &in, &out);

	*ret = code ? 0 : out.ret;
	*text = code ? TARS_STR("") : out.config;
	return code;
}

/* An empty file is no file: that is how the official centre says "not found". */
static int fetch(const struct remoteconf *rc, struct tars_req *rq, const char *file,
		 struct tars_str *text, struct err *e)
{
	struct tars_call c = { .to = rc->center, .rq = rq };
	int32_t ret = 0;
	int code = TARS_OK;

	if (!rc->center)
		return err_set(e, TARS_ECONF, "no configuration centre: "
			       "/tars/application/server<config> is empty");
	for (int i = 0; i < TRIES; i++) {
		code = rc->set ? ask_by_info(rc, &c, file, &ret, text) :
				 ask_by_name(rc, &c, file, &ret, text);
		if (!code)
			break;
	}
	if (code)
		return err_set(e, code < 0 ? code : TARS_EUNKNOWN, "%s", c.error);
	if (ret)
		return err_set(e, TARS_ENOTFOUND, "the configuration centre answered %d%s%.200s",
			       ret, text->n ? ": " : "", text->n ? text->p : "");
	if (!text->n)
		return err_set(e, TARS_ENOTFOUND, "the configuration centre has no such file");
	return TARS_OK;
}

/* ---- the local file ---- */

struct replace {
	const char *path;
	struct tars_str text;
	bool exists;
	int rc;
	struct err e;
};

static int move(const char *from, const char *to, struct err *e)
{
	if (rename(from, to) == 0 || errno == ENOENT)
		return TARS_OK;
	return err_set(e, TARS_ESYS, "rename %s to %s: %s", from, to, strerror(errno));
}

/* The current file keeps its name until the new one takes it: the newest backup is a second link. */
static int make_backup(const char *path, struct err *e)
{
	char from[PATH_MAX], to[PATH_MAX];
	int rc = TARS_OK;

	for (int i = MAX_BACKUPS - 1; i >= 1 && !rc; i--) {
		snprintf(from, sizeof(from), "%s.%d.bak", path, i);
		snprintf(to, sizeof(to), "%s.%d.bak", path, i + 1);
		rc = move(from, to, e);
	}
	if (!rc && link(path, from) < 0)
		rc = err_set(e, TARS_ESYS, "link %s to %s: %s", path, from, strerror(errno));
	return rc;
}

static bool is_same(const char *path, struct tars_str text, bool *exists)
{
	struct arena a;
	const char *old;
	size_t n;
	bool same;

	arena_init(&a, NULL, 0);
	*exists = file_read(path, SSIZE_MAX, &a, &old, &n, NULL) == 0;
	same = *exists && n == text.n && !memcmp(old, text.p, n);
	arena_clear(&a);
	return same;
}

static void run_replace(void *arg)
{
	struct replace *r = arg;
	bool exists;

	if (is_same(r->path, r->text, &exists))
		return;
	if (exists)
		r->rc = make_backup(r->path, &r->e);
	if (!r->rc)
		r->rc = file_write(r->path, r->text.p, r->text.n, 0644, &r->e);
}

static void run_exists(void *arg)
{
	struct replace *r = arg;

	r->exists = file_is_regular(r->path);
}

int remoteconf_load(const struct remoteconf *rc, struct tars_req *rq, const char *file,
		    struct err *e)
{
	struct replace r = { .text = TARS_STR("") };
	int code = check_name(file, e);

	if (code)
		return code;
	r.path = tars_strf(rq, "%s/%s", rc->base_path, file).p;
	code = fetch(rc, rq, file, &r.text, e);
	if (code) {
		pool_run(run_exists, &r);
		return r.exists ? REMOTECONF_LOCAL : code;
	}
	pool_run(run_replace, &r);
	if (r.rc)
		return err_set(e, r.rc, "%s", r.e.text);
	return REMOTECONF_FETCHED;
}
