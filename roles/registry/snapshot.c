/*
 * The rows on disk: look-ups can be answered after a restart while the database is away.
 *
 *   | magic 8 | version 4 | size 4 | FNV-1a of the rows 8 | rows, TARS encoded (size bytes) |
 */
#include "roles/registry/registry.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/io/pool.h"
#include "core/sys/log.h"
#include "proto/codec.h"
#include "proto/hash.h"

enum { SAVE_MS = 200, SNAPSHOT_VERSION = 1, SNAPSHOT_MAX = 1 << 30 };

struct header {
	char magic[8];
	uint32_t version, size;
	uint64_t sum;
};

static const char magic[8] = "tarsrows";

/* ---- reading ---- */

static int read_file(int fd, const char *path, struct arena *a, uint8_t **data, size_t *n,
		     struct err *e)
{
	struct stat st;
	size_t got = 0;

	if (fstat(fd, &st) < 0)
		return err_set(e, TARS_ESYS, "snapshot %s: %m", path);
	if (st.st_size < (off_t)sizeof(struct header) || st.st_size > SNAPSHOT_MAX)
		return err_set(e, TARS_EPROTO, "snapshot %s: %lld bytes cannot be a snapshot", path,
			       (long long)st.st_size);
	*n = (size_t)st.st_size;
	*data = arena_alloc_raw(a, *n);
	while (got < *n) {
		ssize_t r = read(fd, *data + got, *n - got);

		if (r < 0 && errno == EINTR)
			continue;
		if (r <= 0)
			return err_set(e, TARS_ESYS, "snapshot %s: %s", path,
				       r ? strerror(errno) : "it became shorter while it was read");
		got += (size_t)r;
	}
	return 0;
}

int snapshot_load(const char *path, struct model *m, struct err *e)
{
	struct header h;
	uint8_t *data = NULL;
	size_t n = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC), rc;

	if (fd < 0)
		return err_set(e, errno == ENOENT ? TARS_ENOTFOUND : TARS_ESYS, "snapshot %s: %m",
			       path);
	rc = read_file(fd, path, &m->arena, &data, &n, e);
	close(fd);
	if (rc < 0)
		return rc;
	memcpy(&h, data, sizeof(h));
	data += sizeof(h);
	n -= sizeof(h);
	if (memcmp(h.magic, magic, sizeof(magic)) != 0 || h.version != SNAPSHOT_VERSION)
		return err_set(e, TARS_EPROTO, "snapshot %s: not a snapshot of this version", path);
	if (h.size != n || h.sum != hash_fnv(data, n))
		return err_set(e, TARS_EPROTO, "snapshot %s: it is damaged", path);
	rc = codec_get_flat(data, n, &Routes_Rows_type, &m->rows, &m->arena, e);
	return rc < 0 ? err_wrap(e, "snapshot %s", path) : 0;
}

/* ---- writing ---- */

struct save {
	const char *path;
	struct buf data;
	struct err e;
	int rc;
};

static int write_all(int fd, const struct buf *b)
{
	for (size_t done = 0; done < b->len; ) {
		ssize_t r = write(fd, b->data + done, b->len - done);

		if (r < 0 && errno != EINTR)
			return -1;
		if (r > 0)
			done += (size_t)r;
	}
	return fsync(fd);
}

/* Thread: a worker of the shared pool. */
static void write_file(void *arg)
{
	struct save *s = arg;
	struct buf temp = BUF_INIT;
	int fd;

	buf_addf(&temp, "%s.new", s->path);
	fd = open(buf_str(&temp), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || write_all(fd, &s->data) < 0 || rename(buf_str(&temp), s->path) < 0)
		s->rc = err_set(&s->e, TARS_ESYS, "snapshot %s is not up to date: %m", s->path);
	if (fd >= 0)
		close(fd);
	buf_release(&temp);
}

static void save(struct tars_req *rq, void *arg)
{
	struct registry *reg = arg;
	struct save s = { .path = reg->snapshot_path };
	struct header h = { .version = SNAPSHOT_VERSION };

	(void)rq;
	memcpy(h.magic, magic, sizeof(magic));
	buf_add(&s.data, &h, sizeof(h));
	codec_put_flat(&s.data, &Routes_Rows_type, &reg->model->rows, 0);
	h.size = (uint32_t)(s.data.len - sizeof(h));
	h.sum = hash_fnv(s.data.data + sizeof(h), h.size);
	memcpy(s.data.data, &h, sizeof(h));
	pool_run(write_file, &s);
	buf_release(&s.data);
	if (s.rc < 0)
		log_every(60000, LOG_LEVEL_WARN, NULL, "registry: %s", s.e.text);
	reg->saving = false;
	if (reg->save_again)
		registry_save_later(reg);
}

static void save_due(struct timer *t)
{
	struct registry *reg = container_of(t, struct registry, save_timer);

	reg->saving = true;
	reg->save_again = false;
	registry_spawn(reg, save);
}

void registry_save_later(struct registry *reg)
{
	if (!reg->snapshot_path || reg->stopping || timer_is_running(&reg->save_timer))
		return;
	if (reg->saving)
		reg->save_again = true;
	else
		timer_start(&reg->save_timer, SAVE_MS, save_due);
}
