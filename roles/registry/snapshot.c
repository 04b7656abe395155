/*
 * A fleet on disk: look-ups can be answered after a restart while its source is away.
 *
 *   | magic 8 | version 4 | size 4 | FNV-1a of the rest 8 | struct Snapshot, encoded (size bytes) |
 */
#include "roles/registry/snapshot.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/codec.h"
#include "proto/hash.h"

enum {
	SAVE_MS = 200,
	SERVERS_PER_MS = 100,   /* a large one is written less often */
	SNAPSHOT_VERSION = 2, SNAPSHOT_MAX = 1 << 30,
};

struct header {
	char magic[8];
	uint32_t version, size;
	uint64_t sum;
};

enum { PRESENT_STATE_TAG = 15 };  /* of struct Routes_Server */

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

/* 0: the content, in the arena. */
static int read_snapshot(const char *path, struct Routes_Snapshot *s, struct arena *a,
			 struct err *e)
{
	struct header h;
	uint8_t *data = NULL;
	size_t n = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC), rc;

	if (fd < 0)
		return err_set(e, errno == ENOENT ? TARS_ENOTFOUND : TARS_ESYS, "snapshot %s: %m",
			       path);
	rc = read_file(fd, path, a, &data, &n, e);
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
	rc = codec_get_flat(data, n, &Routes_Snapshot_type, s, a, e);
	return rc < 0 ? err_wrap(e, "snapshot %s", path) : 0;
}

int snapshot_read(const char *path, struct fleet *f, struct Routes_Snapshot *rest_r,
		  struct arena *a, struct err *e)
{
	int rc = read_snapshot(path, rest_r, a, e);

	if (rc < 0)
		return rc;
	for (uint32_t i = 0; i < rest_r->servers.n; i++)
		fleet_put(f, &rest_r->servers.v[i]);
	fleet_set_base(f, &rest_r->base);
	return 0;
}

/* ---- writing ---- */

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

int snapshot_write(const char *path, struct buf *content, struct err *e)
{
	struct header h = { .version = SNAPSHOT_VERSION };
	struct buf temp = BUF_INIT;
	int fd, rc = 0;

	memcpy(h.magic, magic, sizeof(magic));
	h.size = (uint32_t)(content->len - sizeof(h));
	h.sum = hash_fnv(content->data + sizeof(h), h.size);
	memcpy(content->data, &h, sizeof(h));
	buf_addf(&temp, "%s.new", path);
	fd = open(buf_str(&temp), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || write_all(fd, content) < 0 || rename(buf_str(&temp), path) < 0)
		rc = err_set(e, TARS_ESYS, "snapshot %s is not up to date: %m", path);
	if (fd >= 0)
		close(fd);
	buf_release(&temp);
	return rc;
}

static void put_server(struct buf *b, const struct instance *in)
{
	const char *state = state_name(in->state);

	buf_add_u8(b, WIRE_STRUCT_BEGIN);
	buf_add(b, in->data, in->n);
	codec_put_string(b, PRESENT_STATE_TAG, state, strlen(state));
	buf_add_u8(b, WIRE_STRUCT_END);
}

/* As codec_put_flat of a struct Snapshot: the servers are encoded already. */
static void put_servers(struct buf *b, const struct fleet *f)
{
	buf_add_u8(b, WIRE_LIST);
	codec_put_int(b, 0, f->n);
	for (unsigned i = 0; i < FLEET_BUCKETS; i++)
		for (uint32_t k = 0; k < f->buckets[i].n; k++)
			put_server(b, f->buckets[i].v[k]);
}

void snapshot_put(struct buf *b, const struct fleet *f, const struct Routes_Snapshot *rest)
{
	buf_add(b, &(struct header){ 0 }, sizeof(struct header));
	put_servers(b, f);
	codec_put_flat(b, &Routes_Snapshot_type, rest, 0);
}

int64_t snapshot_pause_ms(const struct fleet *f)
{
	return SAVE_MS + f->n / SERVERS_PER_MS;
}
