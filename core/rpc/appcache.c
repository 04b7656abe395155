/* The official AppCache: what a service must remember over restarts. */
#include "core/rpc/appcache.h"

#include <pthread.h>
#include <time.h>

#include "core/sys/files.h"
#include "proto/buf.h"
#include "proto/tarsconf.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* A file that cannot be read is an empty one: it is a cache. */
static struct tarsconf *load(const char *path, struct arena *a)
{
	struct tarsconf *tree = tarsconf_new(a);
	const char *text;
	size_t n;

	if (file_read(path, TARSCONF_MAX_SIZE, a, &text, &n, NULL) == 0 &&
	    tarsconf_parse(tree, text, n, NULL) < 0)
		tree = tarsconf_new(a);
	return tree;
}

const char *appcache_get(const char *path, const char *key, struct arena *a)
{
	const char *value = NULL;
	struct tarsconf *cache;

	if (!path)
		return "";
	cache = tarsconf_domain(load(path, a), "/cache");
	/* Official SDKs ignore a cache without this key. */
	if (cache && *tarsconf_get_or(cache, "/<tarsversion>", ""))
		value = tarsconf_get(cache, arena_strf(a, "/<%s>", key));
	return value ? value : "";
}

static int store(const char *path, const char *key, const char *value, struct arena *a,
		 struct err *e)
{
	struct tarsconf *tree = load(path, a), *cache = tarsconf_domain_add(tree, "cache");
	time_t now = time(NULL);
	struct buf text = BUF_INIT;
	char when[32];
	struct tm tm;
	int rc;

	localtime_r(&now, &tm);
	strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S", &tm);
	tarsconf_set(cache, key, value);
	tarsconf_set(cache, "tarsversion", TARS_VERSION);
	tarsconf_set(cache, "modify", when);
	rc = tarsconf_print(&text, tree, e);
	if (rc == 0)
		rc = file_write(path, buf_head(&text), buf_size(&text), 0644, e);
	buf_release(&text);
	return rc;
}

int appcache_set(const char *path, const char *key, const char *value, struct err *e)
{
	struct arena a;
	int rc;

	if (!path)
		return TARS_OK;
	arena_init(&a, NULL, 0);
	pthread_mutex_lock(&lock);
	rc = store(path, key, value, &a, e);
	pthread_mutex_unlock(&lock);
	arena_clear(&a);
	return rc;
}
