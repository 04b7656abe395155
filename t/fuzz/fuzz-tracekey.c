/* Fuzz: trace keys and traceparent; what is accepted is clean, and prints to what parses again. */
#include "proto/tracekey.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check_key(const struct trace_key *k)
{
	char w3c[W3C_ID_SIZE];
	struct buf b = BUF_INIT;
	struct trace_key again;

	BUG_ON(!k->trace.n || k->trace.n > TRACE_ID_MAX || !k->span.n ||
	       k->span.n > TRACE_SPAN_MAX || !k->id.n);
	BUG_ON(k->id.p + k->id.n != k->trace.p + k->trace.n || k->data > TRACE_DATA_ALL ||
	       k->max_kb > TRACE_MAX_KB);
	trace_id_to_w3c(&k->id, w3c);
	BUG_ON(strspn(w3c, "0123456789abcdef") != W3C_ID_SIZE - 1);
	buf_addf(&b, "%.*s|%.*s", (int)k->trace.n, k->trace.p, (int)k->span.n, k->span.p);
	BUG_ON(trace_key_parse(buf_str(&b), buf_size(&b), &again, NULL));
	BUG_ON(again.data != k->data || again.max_kb != k->max_kb);
	/* Nothing that would make another field or line of a log. */
	for (size_t i = 0; i < buf_size(&b); i++)
		BUG_ON(b.data[i] <= ' ' || b.data[i] > '~');
	buf_release(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const char *text = (const char *)data;
	struct traceparent t, again;
	char printed[TRACEPARENT_SIZE];
	struct trace_key k;
	struct err e;

	if (!trace_key_parse(text, n, &k, &e))
		check_key(&k);
	if (!traceparent_parse(text, n, &t, &e)) {
		traceparent_print(printed, &t);
		BUG_ON(traceparent_parse(printed, strlen(printed), &again, NULL));
		BUG_ON(memcmp(&t, &again, sizeof(t)));
		BUG_ON(memcmp(text + 2, printed + 2, TRACEPARENT_SIZE - 3));
	}
	if (tracestate_is_ok(text, n))
		BUG_ON(memchr(text, '\n', n) || memchr(text, '\0', n));
	return 0;
}
