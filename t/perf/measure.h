/* What the benchmarks measure with: the clock, a latency histogram, CPU time of processes. */
#ifndef T_PERF_MEASURE_H
#define T_PERF_MEASURE_H

#include <dirent.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

static inline int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* ---- latencies: 64 buckets for each power of two ---- */

enum { SUB_BITS = 6, SUBS = 1 << SUB_BITS, BUCKETS = (64 - SUB_BITS) * SUBS };

struct histogram {
	uint64_t n, buckets[BUCKETS];
};

static inline void histogram_add(struct histogram *h, int64_t took_ns)
{
	uint64_t ns = took_ns > 0 ? (uint64_t)took_ns : 0;
	int shift = ns < SUBS ? 0 : 63 - SUB_BITS - __builtin_clzll(ns) + 1;

	h->buckets[(size_t)shift * SUBS / 2 + (ns >> shift)]++;
	h->n++;
}

/* part: 0.5 is the median. */
static inline double histogram_us(const struct histogram *h, double part)
{
	uint64_t wanted = (uint64_t)((double)h->n * part), seen = 0;

	for (size_t i = 0; i < BUCKETS; i++) {
		size_t shift = i < SUBS ? 0 : i / (SUBS / 2) - 1;

		seen += h->buckets[i];
		if (seen > wanted)
			return (double)((i - shift * (SUBS / 2)) << shift) / 1e3;
	}
	return 0;
}

/* ---- a process ---- */

/* Resident memory; -1 if there is no such process. */
static inline long resident_kb(int pid)
{
	char path[64], line[256];
	long kb = -1;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	f = fopen(path, "r");
	while (f && kb < 0 && fgets(line, sizeof(line), f))
		if (sscanf(line, "VmRSS: %ld", &kb) != 1)
			kb = -1;
	if (f)
		fclose(f);
	return kb;
}

/* Of all threads of a process, from the scheduler's account; -1 if there is no such process. */
static inline int64_t cpu_ns(int pid)
{
	char path[64 + 256];
	int64_t sum = 0;
	long long ns;
	struct dirent *d;
	DIR *dir;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	dir = opendir(path);
	if (!dir)
		return -1;
	while ((d = readdir(dir))) {
		if (d->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "/proc/%d/task/%s/schedstat", pid, d->d_name);
		f = fopen(path, "r");
		if (f && fscanf(f, "%lld", &ns) == 1)
			sum += ns;
		if (f)
			fclose(f);
	}
	closedir(dir);
	return sum;
}

#endif
