/* Address lists: every form of an entry, separators, precedence, and what is no address. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>

#include "proto/iplist.h"

static struct ip ip_of(const char *text)
{
	struct ip ip = { { [10] = 0xff, [11] = 0xff } };

	if (inet_pton(AF_INET, text, ip.b + 12) != 1)
		assert_int_equal(inet_pton(AF_INET6, text, ip.b), 1);
	return ip;
}

static bool has(const char *list, const char *address)
{
	struct ip ip = ip_of(address);
	struct iplist l;
	struct arena a;
	struct err e;
	bool found;

	arena_init(&a, NULL, 0);
	if (iplist_parse(list, &l, &a, &e))
		fail_msg("%s", e.text);
	found = iplist_has(&l, &ip);
	arena_clear(&a);
	return found;
}

static void test_forms(void **state)
{
	static const struct { const char *list, *in, *out; } rows[] = {
		{ "10.0.0.7", "10.0.0.7", "10.0.0.8" },
		{ "10.1.*", "10.1.200.3", "10.2.1.1" },
		{ "10.1.2.*", "10.1.2.255", "10.1.3.1" },
		{ "10.3.*.*", "10.3.0.1", "10.4.0.1" },
		{ "10.*.5.6", "10.99.5.6", "10.99.5.7" },
		{ "*.*.*.*", "1.2.3.4", "::1" },
		{ "10.0.0.0/8", "10.255.0.1", "11.0.0.1" },
		{ "10.0.0.9/30", "10.0.0.11", "10.0.0.12" },
		{ "10.0.0.7/32", "10.0.0.7", "10.0.0.6" },
		{ "0.0.0.0/0", "200.1.1.1", "2001:db8::1" },
		{ "::1", "::1", "::2" },
		{ "2001:db8::/32", "2001:db8:ffff::1", "2001:db9::1" },
		{ "fe80::/10", "febf::1", "fec0::1" },
		{ "::ffff:10.0.0.7", "10.0.0.7", "10.0.0.8" },
		{ "1.1.1.1|2.2.2.2,3.3.3.3;4.4.4.4 5.5.5.5", "5.5.5.5", "6.6.6.6" },
		{ " ,; 1.1.1.1 ;,", "1.1.1.1", "0.0.0.0" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		if (!has(rows[i].list, rows[i].in))
			fail_msg("%s lacks %s", rows[i].list, rows[i].in);
		if (has(rows[i].list, rows[i].out))
			fail_msg("%s has %s", rows[i].list, rows[i].out);
	}
	assert_true(has("*", "1.2.3.4"));
	assert_true(has("*", "2001:db8::1"));
	assert_true(has("::/0", "2001:db8::1"));
	assert_true(has("::/0", "1.2.3.4"));   /* mapped addresses are IPv6 addresses */
	assert_true(has(&"1|2.2.2.2"[2], "2.2.2.2"));
	assert_false(has("", "1.2.3.4"));
}

static void test_no_addresses(void **state)
{
	static const char *const bad[] = {
		"host", "10", "10.1", "10.1.2", "10.1.2.3.4", "10.1.2.256", "10.1.2.", ".1.2.3",
		"10.1.*.", "10.1.2.3/33", "10.1.2.3/", "10.1.2.3/x", "10.1.2.3/8x", "10.*/8",
		"2001:db8::/129", ":::1", "1.1.1.1x", "**", "*.*.*.*.*", "10.1.2.3/-1", "10.0001.1.1",
		"::1%lo", "0123456789012345678901234567890123456789012345678901234567890123456789",
	};
	struct iplist l;
	struct arena a;
	struct err e;

	(void)state;
	arena_init(&a, NULL, 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		if (iplist_parse(bad[i], &l, &a, &e) != TARS_ECONF)
			fail_msg("%s is taken", bad[i]);
		assert_non_null(strstr(e.text, "is not an address"));
	}
	assert_int_equal(iplist_parse("1.1.1.1;bad;2.2.2.2", &l, &a, &e), TARS_ECONF);
	assert_non_null(strstr(e.text, "'bad'"));
	arena_clear(&a);
}

static bool allowed(const char *allow, const char *deny, bool deny_first, const char *address)
{
	struct ip_policy p = { .deny_first = deny_first };
	struct ip ip = ip_of(address);
	struct arena a;
	bool ok;

	arena_init(&a, NULL, 0);
	assert_int_equal(iplist_parse(allow, &p.allow, &a, NULL), 0);
	assert_int_equal(iplist_parse(deny, &p.deny, &a, NULL), 0);
	ok = ip_is_allowed(&p, &ip);
	arena_clear(&a);
	return ok;
}

static void test_policy(void **state)
{
	(void)state;
	assert_true(allowed("", "", false, "1.1.1.1"));
	assert_true(allowed("", "", true, "1.1.1.1"));
	/* A list of those who may: nobody else. */
	assert_true(allowed("1.1.1.*", "", false, "1.1.1.1"));
	assert_false(allowed("1.1.1.*", "", false, "2.1.1.1"));
	assert_false(allowed("1.1.1.*", "", true, "2.1.1.1"));
	/* Only a list of those who may not: all others. */
	assert_false(allowed("", "1.1.1.*", false, "1.1.1.1"));
	assert_false(allowed("", "1.1.1.*", true, "1.1.1.1"));
	assert_true(allowed("", "1.1.1.*", false, "2.1.1.1"));
	assert_true(allowed("", "1.1.1.*", true, "2.1.1.1"));
	/* In both: the order decides. */
	assert_true(allowed("1.1.1.*", "1.1.1.1", false, "1.1.1.1"));
	assert_false(allowed("1.1.1.*", "1.1.1.1", true, "1.1.1.1"));
	assert_true(allowed("1.1.1.*", "1.1.1.1", true, "1.1.1.2"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forms),
		cmocka_unit_test(test_no_addresses),
		cmocka_unit_test(test_policy),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("iplist", tests, NULL, NULL);
}
