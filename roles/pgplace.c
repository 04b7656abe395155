/* Where a private PostgreSQL is: its programs, account, folders and socket. */
#include "roles/pgplace.h"

#include <errno.h>
#include <ftw.h>
#include <glob.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/sys/proc.h"

/* ---- programs ---- */

static bool has_programs(struct arena *a, const char *bin)
{
	return access(arena_strf(a, "%s/initdb", bin), X_OK) == 0 &&
	       access(arena_strf(a, "%s/postgres", bin), X_OK) == 0;
}

/* Major version that the cluster in data was made with, or 0. */
static int cluster_version(struct arena *a, const char *data)
{
	FILE *f = fopen(arena_strf(a, "%s/PG_VERSION", data), "r");
	int version = 0;

	if (!f)
		return 0;
	if (fscanf(f, "%d", &version) != 1)
		version = 0;
	fclose(f);
	return version;
}

static const char *find_in_path(struct arena *a)
{
	const char *path = getenv("PATH");

	for (size_t n; path && *path; path += n + (path[n] == ':')) {
		const char *bin;

		n = strcspn(path, ":");
		bin = arena_memdup(a, path, n);
		if (n && has_programs(a, bin))
			return bin;
	}
	return NULL;
}

/* Debian's and Red Hat's folders; the version asked for, or the newest (want 0). */
static const char *find_installed(struct arena *a, int want)
{
	static const char *const patterns[] = { "/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin" };
	const char *best = NULL;
	int best_version = 0;

	for (size_t i = 0; i < sizeof(patterns) / sizeof(*patterns); i++) {
		glob_t found = { 0 };

		if (glob(patterns[i], 0, NULL, &found) != 0)
			continue;
		for (size_t k = 0; k < found.gl_pathc; k++) {
			const char *bin = found.gl_pathv[k];
			int version = (int)strtol(bin + strcspn(bin, "0123456789"), NULL, 10);

			if (version > best_version && (!want || version == want) &&
			    has_programs(a, bin)) {
				best_version = version;
				best = arena_strdup(a, bin);
			}
		}
		globfree(&found);
	}
	return best;
}

/* An existing cluster only runs with programs of its own major version. */
static int find_programs(struct pgplace *p, struct arena *a, struct err *e)
{
	int version = cluster_version(a, p->data);
	const char *bin = version ? find_installed(a, version) : NULL;

	if (!bin)
		bin = find_in_path(a);
	if (!bin)
		bin = find_installed(a, 0);
	if (!bin)
		return err_set(e, TARS_ENOTFOUND, "PostgreSQL's programs initdb and postgres are "
			       "neither in PATH nor in /usr/lib/postgresql; install postgresql, or "
			       "name an existing server with --db");
	p->initdb = arena_strf(a, "%s/initdb", bin);
	p->postgres = arena_strf(a, "%s/postgres", bin);
	return 0;
}

/* ---- account and folders ---- */

static int find_account(struct pgplace *p, struct arena *a, struct err *e)
{
	enum { SIZE = 16 * 1024 };
	static const char *const names[] = { "postgres", "nobody" };
	struct passwd pw, *found = NULL;

	p->uid = geteuid();
	p->gid = getegid();
	if (p->uid != 0)
		return 0;
	for (size_t i = 0; !found && i < sizeof(names) / sizeof(*names); i++) {
		p->account = names[i];
		getpwnam_r(names[i], &pw, arena_alloc(a, SIZE), SIZE, &found);
	}
	if (!found)
		return err_set(e, TARS_ENOTFOUND, "PostgreSQL refuses to run as root, and there is "
			       "neither an account 'postgres' nor 'nobody'; create one");
	p->uid = pw.pw_uid;
	p->gid = pw.pw_gid;
	return 0;
}

/* A folder that only its account may enter.  One that is there must be such a folder already:
 * below /tmp it may be anybody's. */
static int make_folder(const struct pgplace *p, const char *path, struct err *e)
{
	struct stat st;

	if (mkdir(path, 0700) == 0) {
		if (p->account && chown(path, p->uid, p->gid) < 0)
			return err_set(e, TARS_ESYS, "'%s': cannot give it to account '%s': %s", path,
				       p->account, strerror(errno));
		return 0;
	}
	if (errno != EEXIST)
		return err_set(e, TARS_ESYS, "'%s': cannot create the folder: %s", path,
			       strerror(errno));
	if (lstat(path, &st) < 0 || !S_ISDIR(st.st_mode) || st.st_uid != p->uid ||
	    (st.st_mode & 077))
		return err_set(e, TARS_ESYS, "'%s': must be a folder of account '%s' with mode 0700; "
			       "move it away", path, p->account ? p->account : "(ours)");
	return 0;
}

/* As root: the account must get to the folder through all of its parents. */
static int check_reachable(const struct pgplace *p, struct err *e)
{
	const struct proc_spec spec = {
		.argv = (const char *const[]){ "true", NULL }, .cwd = p->dir, .user = p->account,
	};
	struct proc_id id = { 0 };
	int rc, status;

	rc = proc_spawn(&spec, &id.pid, e);
	if (rc < 0)
		return err_wrap(e, "account '%s' cannot use '%s' (choose another place)",
				p->account ? p->account : "(ours)", p->dir);
	return proc_wait(&id, 10000, &status, e);
}

/* A socket's path has at most 107 bytes: a short one is derived from a long folder's name. */
static int find_socket_dir(struct pgplace *p, struct arena *a, struct err *e)
{
	static const char name[] = "/.s.PGSQL.5432";
	struct sockaddr_un un;
	uint64_t h = 14695981039346656037u;

	p->socket_dir = p->dir;
	if (strlen(p->dir) + sizeof(name) <= sizeof(un.sun_path))
		return 0;
	for (const char *s = p->dir; *s; s++)
		h = (h ^ (uint8_t)*s) * 1099511628211u;
	p->socket_dir = arena_strf(a, "/tmp/tars-pg-%u-%016llx", (unsigned)p->uid,
				   (unsigned long long)h);
	return make_folder(p, p->socket_dir, e);
}

int pgplace_find(struct pgplace *p, const char *dir, struct arena *a, struct err *e)
{
	char cwd[PATH_MAX];
	int rc;

	*p = (struct pgplace){ 0 };
	/* The server changes its working directory, so relative paths would not do. */
	if (dir[0] != '/' && !getcwd(cwd, sizeof(cwd)))
		return err_set(e, TARS_ESYS, "current directory: %s", strerror(errno));
	p->dir = dir[0] == '/' ? arena_strdup(a, dir) : arena_strf(a, "%s/%s", cwd, dir);
	if (strpbrk(p->dir, "'\"\\,\n"))
		return err_set(e, TARS_EARG, "'%s': a path with quotes, commas or backslashes cannot "
			       "hold PostgreSQL's socket; choose another place", p->dir);
	p->data = arena_strf(a, "%s/data", p->dir);
	p->new_data = arena_strf(a, "%s/data.new", p->dir);
	p->log = arena_strf(a, "%s/log", p->dir);
	p->initdb_log = arena_strf(a, "%s/initdb.log", p->dir);
	rc = find_account(p, a, e);
	if (rc == 0)
		rc = make_folder(p, p->dir, e);
	if (rc == 0)
		rc = check_reachable(p, e);
	if (rc == 0)
		rc = find_programs(p, a, e);
	if (rc == 0)
		rc = find_socket_dir(p, a, e);
	if (rc < 0)
		return rc;
	p->socket_setting = arena_strf(a, "unix_socket_directories=%s", p->socket_dir);
	p->dsn = arena_strf(a, "host='%s' user=tars dbname=tars%s%s", p->socket_dir,
			    p->account ? " requirepeer=" : "", p->account ? p->account : "");
	return 0;
}

/* ---- the cluster's files ---- */

bool pgplace_has_cluster(const struct pgplace *p)
{
	/* Made in data.new and renamed when complete. */
	return access(p->data, F_OK) == 0;
}

static int remove_entry(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	(void)st;
	(void)kind;
	(void)ftw;
	return remove(path);
}

int pgplace_remove_new_data(const struct pgplace *p, struct err *e)
{
	if (nftw(p->new_data, remove_entry, 16, FTW_DEPTH | FTW_PHYS) < 0 && errno != ENOENT)
		return err_set(e, TARS_ESYS, "'%s': cannot remove: %s", p->new_data,
			       strerror(errno));
	return 0;
}

/* A server that runs has its pid in postmaster.pid and works in data; a pid that was reused does
 * not. */
pid_t pgplace_running(const struct pgplace *p)
{
	char path[PATH_MAX], cwd[PATH_MAX], real[PATH_MAX];
	ssize_t n;
	FILE *f;
	int pid = 0;

	snprintf(path, sizeof(path), "%s/postmaster.pid", p->data);
	f = fopen(path, "r");
	if (!f)
		return 0;
	if (fscanf(f, "%d", &pid) != 1)
		pid = 0;
	fclose(f);
	snprintf(path, sizeof(path), "/proc/%d/cwd", pid);
	n = pid > 0 ? readlink(path, cwd, sizeof(cwd) - 1) : -1;
	if (n < 0 || !realpath(p->data, real))
		return 0;
	cwd[n] = '\0';
	return strcmp(cwd, real) == 0 ? (pid_t)pid : 0;
}

void pgplace_last_line(const char *file, char *text, size_t size)
{
	FILE *f = fopen(file, "r");
	char line[512];

	text[0] = '\0';
	if (!f)
		return;
	/* Logs may be long; the end is enough. */
	if (fseek(f, -4096, SEEK_END) < 0)
		rewind(f);
	while (fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = '\0';
		if (line[0])
			snprintf(text, size, "%s", line);
	}
	fclose(f);
}
