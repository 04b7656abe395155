/* Lists of addresses: parsing into addresses with masks, and looking one up. */
#include "proto/iplist.h"

#include <arpa/inet.h>
#include <string.h>

enum { MAX_ENTRY = 64, V4_OFFSET = 12 };

static const uint8_t mapped[V4_OFFSET] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };

static void set_mapped(struct ip_rule *r)
{
	memcpy(r->address.b, mapped, V4_OFFSET);
	memset(r->mask.b, 0xff, V4_OFFSET);
}

/* Decimal of at most three digits up to max; moves *p behind it. */
static bool get_number(const char **p, unsigned max, unsigned *v)
{
	const char *start = *p;

	for (*v = 0; **p >= '0' && **p <= '9' && *p - start < 3; (*p)++)
		*v = *v * 10 + (unsigned)(**p - '0');
	return *p > start && *v <= max;
}

/* "10.1.2.3", "10.*.2.3", "10.1.*": a star at the end stands for all that is left. */
static bool get_parts(const char *p, struct ip_rule *r)
{
	bool star = false;
	unsigned v;

	set_mapped(r);
	for (int i = V4_OFFSET; i < 16; i++) {
		star = *p == '*';
		if (star)
			p++;
		else if (!get_number(&p, 255, &v))
			return false;
		else
			r->address.b[i] = (uint8_t)v;
		r->mask.b[i] = star ? 0 : 0xff;
		if (!*p)
			return star || i == 15;
		if (*p++ != '.')
			return false;
	}
	return false;
}

static void set_prefix(struct ip_rule *r, unsigned bits)
{
	for (unsigned i = 0; i < 16; i++) {
		unsigned here = bits >= 8 ? 8 : bits;

		r->mask.b[i] = (uint8_t)(0xff00 >> here);
		r->address.b[i] &= r->mask.b[i];
		bits -= here;
	}
}

/* "10.0.0.0/8", "2001:db8::/32", "::1"; slash: where it is in the text, or NULL. */
static bool get_network(char *text, char *slash, struct ip_rule *r)
{
	unsigned bits = 0, max;
	const char *p;

	if (slash)
		*slash = '\0';
	if (inet_pton(AF_INET, text, r->address.b + V4_OFFSET) == 1) {
		set_mapped(r);
		max = 32;
	} else if (inet_pton(AF_INET6, text, r->address.b) == 1) {
		max = 128;
	} else {
		return false;
	}
	p = slash ? slash + 1 : "";
	if (slash && (!get_number(&p, max, &bits) || *p))
		return false;
	set_prefix(r, slash ? 128 - max + bits : 128);
	return true;
}

static bool get_entry(const char *p, size_t n, struct ip_rule *r)
{
	char text[MAX_ENTRY];
	char *slash;

	if (n >= sizeof(text))
		return false;
	memcpy(text, p, n);
	text[n] = '\0';
	*r = (struct ip_rule){ 0 };
	if (!strcmp(text, "*"))
		return true;   /* IPv6 too */
	slash = strchr(text, '/');
	if (!slash && !strchr(text, ':'))
		return get_parts(text, r);
	return get_network(text, slash, r);
}

int iplist_parse(const char *text, struct iplist *l, struct arena *a, struct err *e)
{
	static const char separators[] = "|,; \t\r\n";
	const char *end = text + strlen(text);
	/* At least two characters to an entry, but the last. */
	struct ip_rule *v = arena_alloc(a, ((size_t)(end - text) / 2 + 1) * sizeof(*v));
	uint32_t n = 0;

	for (const char *p = text + strspn(text, separators); *p; p += strspn(p, separators)) {
		size_t size = strcspn(p, separators);

		if (!get_entry(p, size, &v[n]))
			return err_set(e, TARS_ECONF, "'%.*s' is not an address (such as 10.0.0.7, "
				       "10.1.*, 10.0.0.0/8, ::1, 2001:db8::/32)",
				       size > MAX_ENTRY ? MAX_ENTRY : (int)size, p);
		n++;
		p += size;
	}
	l->v = v;
	l->n = n;
	return TARS_OK;
}

bool iplist_has(const struct iplist *l, const struct ip *ip)
{
	for (uint32_t i = 0; i < l->n; i++) {
		const struct ip_rule *r = &l->v[i];
		int differs = 0;

		for (int j = 0; j < 16; j++)
			differs |= (ip->b[j] ^ r->address.b[j]) & r->mask.b[j];
		if (!differs)
			return true;
	}
	return false;
}

bool ip_is_allowed(const struct ip_policy *p, const struct ip *ip)
{
	if (p->deny_first && iplist_has(&p->deny, ip))
		return false;
	if (iplist_has(&p->allow, ip))
		return true;
	return !p->allow.n && !iplist_has(&p->deny, ip);
}
