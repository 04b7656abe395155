/* Reads figures of machine and processes from /proc. */
#include "roles/node/host.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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
