/* Reads figures of machine and processes from /proc. */
#include "roles/node/host.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <mntent.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

enum { MAX_STAT = 1024 };

/* The start of a file in text, NUL-terminated; false if there is none. */
static int read_start(const char *path, char *text, size_t size)
{
	FILE *f = fopen(path, "re");
	size_t n = f ? fread(text, 1, size - 1, f) : 0;

	text[n] = '\0';
	if (f)
		fclose(f);
	return n > 0;
}

int host_cpu_percent(struct cpu_sample *last)
{
	uint64_t v[8] = { 0 }, busy, total = 0;
	char text[MAX_STAT], *p = text;
	struct cpu_sample before = *last;

	if (!read_start("/proc/stat", text, sizeof(text)) || strncmp(p, "cpu ", 4) != 0)
		return 0;
	p += 4;
	for (int i = 0; i < 8; i++) {
		v[i] = strtoull(p, &p, 10);
		total += v[i];
	}
	/* user nice system idle iowait irq softirq steal */
	busy = total - v[3] - v[4];
	last->busy = busy;
	last->total = total;
	if (!before.total || total <= before.total || busy < before.busy)
		return 0;
	return (int)(100 * (busy - before.busy) / (total - before.total));
}

int64_t host_start_time(uint64_t start_ticks)
{
	struct timespec now, up;

	clock_gettime(CLOCK_REALTIME, &now);
	clock_gettime(CLOCK_BOOTTIME, &up);
	return now.tv_sec - up.tv_sec + (int64_t)start_ticks / sysconf(_SC_CLK_TCK);
}

int64_t host_run_ms(uint64_t start_ticks)
{
	struct timespec up;
	int64_t ms;

	clock_gettime(CLOCK_BOOTTIME, &up);
	ms = up.tv_sec * 1000 + up.tv_nsec / 1000000 -
	     (int64_t)start_ticks * 1000 / sysconf(_SC_CLK_TCK);
	return ms > 0 ? ms : 0;
}

char host_process_state(pid_t pid)
{
	char path[32], text[MAX_STAT], *p;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	if (!read_start(path, text, sizeof(text)))
		return '?';
	/* The name before it is in parentheses and may contain anything. */
	p = strrchr(text, ')');
	return p && p[1] ? p[2] : '?';
}

static bool has_address(const struct sockaddr *sa, int family, const void *address)
{
	if (!sa || sa->sa_family != family)
		return false;
	if (family == AF_INET)
		return !memcmp(&((const struct sockaddr_in *)sa)->sin_addr, address, 4);
	return !memcmp(&((const struct sockaddr_in6 *)sa)->sin6_addr, address, 16);
}

bool host_is_own_address(const char *ip)
{
	int family = strchr(ip, ':') ? AF_INET6 : AF_INET;
	struct ifaddrs *all, *i;
	uint8_t address[16];
	bool is_own = false;

	if (inet_pton(family, ip, address) != 1)
		return false;
	if (family == AF_INET && address[0] == 127)
		return true;
	if (getifaddrs(&all) < 0)
		return false;
	for (i = all; i && !is_own; i = i->ifa_next)
		is_own = has_address(i->ifa_addr, family, address);
	freeifaddrs(all);
	return is_own;
}

/* "" for what says nothing to others. */
static const char *print_address(const struct sockaddr *sa, char *text, socklen_t size)
{
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)sa;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)sa;

	if (sa && sa->sa_family == AF_INET)
		return inet_ntop(AF_INET, &v4->sin_addr, text, size);
	if (sa && sa->sa_family == AF_INET6 && !IN6_IS_ADDR_LINKLOCAL(&v6->sin6_addr))
		return inet_ntop(AF_INET6, &v6->sin6_addr, text, size);
	return "";
}

static bool is_listed(const char *const *v, size_t n, const char *text)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(v[i], text))
			return true;
	return false;
}

size_t host_addresses(const char **v, size_t max, struct arena *a)
{
	struct ifaddrs *all;
	size_t n = 0;

	if (getifaddrs(&all) < 0)
		return 0;
	for (const struct ifaddrs *i = all; i && n < max; i = i->ifa_next) {
		char text[INET6_ADDRSTRLEN];
		const char *address;

		if (!(i->ifa_flags & IFF_UP) || (i->ifa_flags & IFF_LOOPBACK))
			continue;
		address = print_address(i->ifa_addr, text, sizeof(text));
		if (*address && !is_listed(v, n, address))
			v[n++] = arena_strdup(a, address);
	}
	freeifaddrs(all);
	return n;
}

static void add_lines(struct buf *b, const char *path, const char *const *names)
{
	char text[4 * MAX_STAT];

	if (!read_start(path, text, sizeof(text)))
		return;
	for (; *names; names++) {
		const char *line = strstr(text, *names);

		if (line)
			buf_addf(b, "%.*s\n", (int)strcspn(line, "\n"), line);
	}
}

void host_print_load(struct buf *b, pid_t pid)
{
	static const char *const memory[] = { "MemTotal:", "MemAvailable:", "SwapFree:", NULL };
	static const char *const process[] = { "Name:", "State:", "VmPeak:", "VmRSS:", "Threads:",
					       NULL };
	double avg[3];
	char path[32];

	if (getloadavg(avg, 3) == 3)
		buf_addf(b, "load: %.2f %.2f %.2f\n", avg[0], avg[1], avg[2]);
	buf_addf(b, "processors: %ld\n", sysconf(_SC_NPROCESSORS_ONLN));
	add_lines(b, "/proc/meminfo", memory);
	if (pid > 0) {
		snprintf(path, sizeof(path), "/proc/%d/status", pid);
		add_lines(b, path, process);
	}
}

/* ---- memory and disks ---- */

static int64_t kb_line(const char *text, const char *name)
{
	const char *line = strstr(text, name);

	return line ? strtoll(line + strlen(name), NULL, 10) * 1024 : 0;
}

void host_memory(struct host_memory *m)
{
	char text[4 * MAX_STAT];

	*m = (struct host_memory){ 0 };
	if (!read_start("/proc/meminfo", text, sizeof(text)))
		return;
	m->total = kb_line(text, "MemTotal:");
	m->available = kb_line(text, "MemAvailable:");
	m->swap_used = kb_line(text, "SwapTotal:") - kb_line(text, "SwapFree:");
}

struct disks {
	struct host_disk *v;
	dev_t *devices;
	size_t n, max;
	struct arena *arena;
};

static void add_disk(struct disks *d, const char *path)
{
	struct statvfs fs;
	struct stat st;

	if (d->n == d->max || stat(path, &st) < 0 || statvfs(path, &fs) < 0 || !fs.f_blocks)
		return;
	for (size_t i = 0; i < d->n; i++)
		if (d->devices[i] == st.st_dev)
			return;
	d->devices[d->n] = st.st_dev;
	d->v[d->n++] = (struct host_disk){
		.path = arena_strdup(d->arena, path),
		.total = (int64_t)(fs.f_blocks * fs.f_frsize),
		.free = (int64_t)(fs.f_bavail * fs.f_frsize),
	};
}

size_t host_disks(const char *also, struct host_disk *v, size_t max, struct arena *a)
{
	struct disks d = { .v = v, .max = max, .arena = a,
			   .devices = arena_alloc(a, max * sizeof(dev_t)) };
	FILE *f = setmntent("/proc/self/mounts", "re");
	char room[4096];
	struct mntent m;

	add_disk(&d, "/");
	/* Only devices: a server of files that is away would hold us up.  What is mounted to be read
	 * only, like a package that is a file system, is always full. */
	while (f && getmntent_r(f, &m, room, sizeof(room)))
		if (!strncmp(m.mnt_fsname, "/dev/", 5) && !hasmntopt(&m, "ro"))
			add_disk(&d, m.mnt_dir);
	if (f)
		endmntent(f);
	add_disk(&d, also);
	return d.n;
}
