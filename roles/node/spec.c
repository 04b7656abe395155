/* Makes a server's directories and configuration file from its description. */
#include "roles/node/spec.h"

#include <errno.h>
#include <netinet/in.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/io/pool.h"
#include "core/sys/files.h"
#include "proto/codec.h"
#include "roles/node/node.h"

enum {
	MAX_CONF = 16 << 20,
	LOCAL_PORT_MIN = 30000, LOCAL_PORT_MAX = 44999, LOCAL_PORT_TRIES = 200,
};

struct job {
	const struct node *node;
	struct spec *spec;
	const int *used_ports;
	uint32_t n_used;
	struct err err;
	int rc;
};

void spec_free(struct spec *spec)
{
	if (spec) {
		arena_clear(&spec->arena);
		free(spec);
	}
}

bool spec_has_own_start(const struct spec *spec)
{
	return spec->paths.type == TYPE_NOT_TARS || spec->paths.start_script;
}

static struct tars_ServerDescriptor *copied(struct arena *a, const struct tars_ServerDescriptor *d,
					    struct err *e)
{
	struct tars_ServerDescriptor *copy = ARENA_NEW(a, struct tars_ServerDescriptor);
	struct buf wire = BUF_INIT;
	int rc;

	codec_put_flat(&wire, &tars_ServerDescriptor_type, d, 0);
	rc = codec_get_flat(buf_head(&wire), buf_size(&wire), &tars_ServerDescriptor_type, copy, a,
			    e);
	buf_release(&wire);
	return rc < 0 ? NULL : copy;
}

static void make_beats(struct spec *spec, const struct spec *old)
{
	const struct tars_ServerDescriptor *d = spec->desc;

	spec->n_beats = d->adapters.n + 1;
	spec->beats = arena_alloc(&spec->arena, spec->n_beats * sizeof(*spec->beats));
	for (uint32_t i = 0; i < spec->n_beats; i++) {
		struct heartbeat *b = &spec->beats[i];

		b->adapter = i < d->adapters.n ? d->adapters.v[i].val.adapterName.p
			: "AdminAdapter";
		b->at_us = reactor_now();
		for (uint32_t k = 0; old && k < old->n_beats; k++)
			if (!strcmp(old->beats[k].adapter, b->adapter))
				b->at_us = old->beats[k].at_us;
	}
}

/* ---- the job, in a worker ---- */

static bool is_free(int port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool ok = fd >= 0 && bind(fd, (struct sockaddr *)&a, sizeof(a)) == 0;

	if (fd >= 0)
		close(fd);
	return ok;
}

static int random_port(const struct job *job, struct err *e)
{
	for (int try = 0; try < LOCAL_PORT_TRIES; try++) {
		uint32_t r, i = 0;
		int port;

		if (getrandom(&r, sizeof(r), 0) != sizeof(r))
			return err_set(e, TARS_ESYS, "getrandom: %s", strerror(errno));
		port = LOCAL_PORT_MIN + (int)(r % (LOCAL_PORT_MAX - LOCAL_PORT_MIN + 1));
		while (i < job->n_used && job->used_ports[i] != port)
			i++;
		if (i == job->n_used && is_free(port))
			return port;
	}
	return err_set(e, TARS_ELIMIT, "found no free port for its AdminObj between %d and %d in "
		       "%d tries", LOCAL_PORT_MIN, LOCAL_PORT_MAX, LOCAL_PORT_TRIES);
}

/* The port stays the same as long as the file is there: running services listen on it. */
static int local_port(const struct job *job, struct err *e)
{
	const char *text;
	size_t n;
	int port = 0;

	if (file_read(job->spec->paths.conf, MAX_CONF, &job->spec->arena, &text, &n, NULL) == 0)
		port = render_local_port(text, n);
	return port ? port : random_port(job, e);
}

/* The service's account owns what the service writes to. */
static int give_to_user(const struct job *job, const char *path, struct err *e)
{
	const char *user = server_user(job->node, job->spec);
	struct passwd pw, *found = NULL;
	char room[2048];

	if (!user || !*user || geteuid() != 0)
		return 0;
	if (getpwnam_r(user, &pw, room, sizeof(room), &found) != 0 || !found)
		return err_set(e, TARS_ECONF, "there is no account '%s' (the node's option user, or tars ctl server set)", user);
	if (chown(path, pw.pw_uid, pw.pw_gid) < 0)
		return err_set(e, TARS_ESYS, "give %s to %s: %s", path, user, strerror(errno));
	return 0;
}

static int make_dir(const struct job *job, const char *path, struct err *e)
{
	int rc = dir_make(path, e);

	return rc < 0 ? rc : give_to_user(job, path, e);
}

static int make_dirs(const struct job *job, struct err *e)
{
	const struct server_paths *p = &job->spec->paths;
	const char *const dirs[] = { p->bin, p->conf_dir, p->data };
	int rc = 0;

	for (unsigned i = 0; i < sizeof(dirs) / sizeof(*dirs) && rc == 0; i++)
		rc = make_dir(job, dirs[i], e);
	return rc;
}

/* What the installation of a platform service left is its first configuration. */
static int take_installed(const struct server_paths *p, struct arena *a, struct err *e)
{
	const char *text;
	size_t n;

	if (!p->installed_conf || file_is_regular(p->conf) ||
	    file_read(p->installed_conf, MAX_CONF, a, &text, &n, NULL) < 0)
		return 0;
	return file_write(p->conf, text, n, 0644, e);
}

void spec_render_in(const struct node *n, const struct spec *spec, struct render_in *in)
{
	*in = (struct render_in){
		.server = spec->desc, .paths = &spec->paths, .node_name = n->name, .host = n->host,
		.node_ep = n->service_ep, .log_path = n->paths.log, .locator = n->service_locator,
		.local_port = spec->conf.local.port,
	};
}

const char *spec_output(const struct spec *spec)
{
	return *spec->conf.redirect_path ? spec->conf.redirect_path : spec->paths.output;
}

/* A relative one would be a directory of the node's. */
const char *spec_cwd(const struct spec *spec)
{
	return *spec->conf.log_path == '/' ? spec->conf.log_path : spec->paths.dir;
}

static void make_files(void *arg)
{
	struct job *job = arg;
	struct spec *spec = job->spec;
	struct render_in in;

	spec_render_in(job->node, spec, &in);
	job->rc = make_dirs(job, &job->err);
	if (job->rc == 0)
		job->rc = take_installed(&spec->paths, &spec->arena, &job->err);
	if (job->rc == 0)
		job->rc = in.local_port = local_port(job, &job->err);
	if (job->rc > 0)
		job->rc = render_config(&in, &spec->arena, &spec->text, &spec->conf, &job->err);
	if (job->rc == 0)
		job->rc = file_update(spec->paths.conf, spec->paths.conf_bak, spec->text,
				      strlen(spec->text), 0644, &job->err);
	if (job->rc >= 0)
		job->rc = paths_log(spec->desc, spec->conf.log_path, &spec->arena, &spec->paths,
				    &job->err);
	if (job->rc == 0)
		job->rc = make_dir(job, spec->paths.log_dir, &job->err);
}

/* ---- on the reactor ---- */

static void note_used_ports(const struct server *self, struct job *job, struct arena *a)
{
	const struct server *s;
	uint32_t n = 0;
	int *ports;

	for (s = self->node->servers; s; s = s->next)
		n++;
	job->used_ports = ports = arena_alloc(a, (n + 1) * sizeof(*ports));
	for (s = self->node->servers; s; s = s->next)
		if (s != self && s->spec && s->spec->conf.has_local)
			ports[job->n_used++] = s->spec->conf.local.port;
}

int spec_make(struct server *s, const struct tars_ServerDescriptor *d, struct spec **spec_r,
	      struct err *e)
{
	struct spec *spec = xcalloc(1, sizeof(*spec));
	struct job job = { .node = s->node, .spec = spec };
	int rc;

	arena_init(&spec->arena, NULL, 0);
	spec->desc = copied(&spec->arena, d, &job.err);
	rc = spec->desc ? 0 : job.err.code;
	if (rc == 0)
		rc = paths_make(&s->node->paths, spec->desc, &spec->arena, &spec->paths, &job.err);
	if (rc == 0) {
		make_beats(spec, s->spec);
		note_used_ports(s, &job, &spec->arena);
		pool_run(make_files, &job);
		rc = job.rc;
	}
	if (rc < 0) {
		spec_free(spec);
		return err_set(e, rc, "%s", job.err.text);
	}
	*spec_r = spec;
	return 0;
}
