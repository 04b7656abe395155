/* Fuzz: TARS configuration texts; parse, print, look up, join, and print again. */
#include "proto/tarsconf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void look_up(const struct tarsconf *domain)
{
	const struct tarsconf_key *key = NULL;
	struct tarsconf *child = NULL;

	while ((key = tarsconf_next_key(domain, key)))
		BUG_ON(!key->name || !key->value);
	while ((child = tarsconf_next_domain(domain, child)))
		look_up(child);
}

/* The text up to the first 0xff is one configuration, the rest another. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const char *text = (const char *)data;
	const char *cut = n ? memchr(text, 0xff, n) : NULL;
	size_t first = cut ? (size_t)(cut - text) : n;
	struct buf printed = BUF_INIT;
	struct tarsconf *conf, *other;
	struct arena a;
	struct err e;

	arena_init(&a, NULL, 0);
	conf = tarsconf_new(&a);
	other = tarsconf_new(&a);
	if (!tarsconf_parse(conf, text, first, &e) &&
	    (!cut || !tarsconf_parse(other, cut + 1, n - first - 1, &e))) {
		look_up(conf);
		if (!tarsconf_print(&printed, conf, &e))
			BUG_ON(tarsconf_parse(tarsconf_new(&a), buf_str(&printed),
					      buf_size(&printed), &e) == TARS_ELIMIT);
		tarsconf_join(conf, other, n & 1, &e);
		look_up(conf);
		tarsconf_get(conf, "/a/b<c>");
		tarsconf_domain_create(conf, "/a/b");
	}
	buf_release(&printed);
	arena_clear(&a);
	return 0;
}
