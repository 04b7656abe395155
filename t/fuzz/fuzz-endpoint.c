/* Fuzz: endpoint, list and object strings; what is accepted prints to something that parses. */
#include "proto/endpoint.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check_round_trip(const struct endpoint *ep)
{
	struct buf first = BUF_INIT, second = BUF_INIT;
	struct endpoint again;

	endpoint_print(&first, ep);
	BUG_ON(endpoint_parse(buf_str(&first), buf_size(&first), &again, NULL));
	BUG_ON(endpoint_compare(ep, &again));
	/* The text leaves a weight 0 out, but all else comes back. */
	if (ep->weight) {
		endpoint_print(&second, &again);
		BUG_ON(strcmp(buf_str(&first), buf_str(&second)));
	}
	buf_release(&first);
	buf_release(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const char *text = (const char *)data;
	struct endpoint_list list;
	struct object_ref ref;
	struct endpoint ep;
	struct arena a;
	struct err e;

	arena_init(&a, NULL, 0);
	if (!endpoint_parse(text, n, &ep, &e))
		check_round_trip(&ep);
	if (!endpoint_list_parse(text, n, &list, &a, &e))
		for (uint32_t i = 0; i < list.n; i++)
			check_round_trip(&list.v[i]);
	if (!object_ref_parse(arena_memdup(&a, text, n), &ref, &a, &e))
		BUG_ON(ref.direct != (ref.eps.n > 0));
	arena_clear(&a);
	return 0;
}
