/* Captures by libpcap: their link layers, down to IP. */
#include "roles/capture.h"

#include <dlfcn.h>
#include <pcap/pcap.h>
#include <string.h>

#include "roles/connections.h"

/* ---- libpcap ---- */

/* It brings D-Bus and systemd along, which services have no use for: so it comes when it is asked for. */
static struct {
	__typeof__(pcap_fopen_offline) *fopen_offline;
	__typeof__(pcap_next_ex) *next_ex;
	__typeof__(pcap_datalink) *datalink;
	__typeof__(pcap_geterr) *geterr;
	__typeof__(pcap_close) *close;
} lib;

static int load_library(struct err *e)
{
	static const struct { const char *name; void **function; } rows[] = {
		{ "pcap_fopen_offline", (void **)&lib.fopen_offline },
		{ "pcap_next_ex", (void **)&lib.next_ex },
		{ "pcap_datalink", (void **)&lib.datalink },
		{ "pcap_geterr", (void **)&lib.geterr },
		{ "pcap_close", (void **)&lib.close },
	};
	void *handle = dlopen("libpcap.so.0.8", RTLD_NOW | RTLD_LOCAL);

	if (!handle)
		return err_set(e, TARS_ESYS, "captures are read by libpcap (apt-get install libpcap0.8): "
			       "%s", dlerror());
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		*rows[i].function = dlsym(handle, rows[i].name);
		if (!*rows[i].function)
			return err_set(e, TARS_ESYS, "this libpcap has no %s", rows[i].name);
	}
	return 0;
}

bool capture_is_it(const uint8_t *data, size_t n)
{
	static const uint32_t magics[] = {
		0xa1b2c3d4, 0xd4c3b2a1, /* pcap, in both orders of bytes */
		0xa1b23c4d, 0x4d3cb2a1, /* with nanoseconds */
		0x0a0d0d0a,             /* pcapng */
	};
	uint32_t first;

	if (n < sizeof(first))
		return false;
	memcpy(&first, data, sizeof(first));
	for (size_t i = 0; i < sizeof(magics) / sizeof(*magics); i++)
		if (first == magics[i])
			return true;
	return false;
}

/* ---- link layers ---- */

enum { ETHERTYPE_V4 = 0x0800, ETHERTYPE_VLAN = 0x8100, ETHERTYPE_V6 = 0x86dd,
       ETHERTYPE_SERVICE_VLAN = 0x88a8 };

/* Offset of what is behind a link's head of this size whose last two bytes before it, or those at
 * `type_at`, are an ether type; 0: it is not IP. */
static size_t skip_ether_type(const uint8_t *p, size_t n, size_t type_at, size_t size)
{
	for (;;) {
		unsigned type;

		if (size > n)
			return 0;
		type = (unsigned)p[type_at] << 8 | p[type_at + 1];
		if (type == ETHERTYPE_V4 || type == ETHERTYPE_V6)
			return size;
		if (type != ETHERTYPE_VLAN && type != ETHERTYPE_SERVICE_VLAN)
			return 0;
		type_at = size + 2;
		size += 4;
	}
}

/* Where IP begins in a captured packet; n or more: nowhere. */
static size_t find_ip(int link, const uint8_t *p, size_t n)
{
	size_t at;

	switch (link) {
	case DLT_EN10MB:
		at = skip_ether_type(p, n, 12, 14);
		break;
	case DLT_LINUX_SLL:
		at = skip_ether_type(p, n, 14, 16);
		break;
	case DLT_LINUX_SLL2:
		at = skip_ether_type(p, n, 0, 20);
		break;
	case DLT_NULL:
	case DLT_LOOP:
		return 4; /* an address family; IP itself says which */
	default: /* raw IP */
		return 0;
	}
	return at ? at : n;
}

static int check_link(int link, struct err *e)
{
	switch (link) {
	case DLT_EN10MB:
	case DLT_LINUX_SLL:
	case DLT_LINUX_SLL2:
	case DLT_NULL:
	case DLT_LOOP:
	case DLT_RAW:
	case DLT_IPV4:
	case DLT_IPV6:
		return 0;
	default:
		return err_set(e, TARS_EPROTO, "captures of link type %d are not understood: only "
			       "Ethernet, loopback, Linux cooked and raw IP", link);
	}
}

static int read_packets(pcap_t *pcap, const struct capture_sink *sink, struct err *e)
{
	struct connections *connections;
	struct pcap_pkthdr *head;
	const uint8_t *p;
	int link = lib.datalink(pcap), rc = check_link(link, e);

	if (rc)
		return rc;
	connections = connections_new(sink);
	while ((rc = lib.next_ex(pcap, &head, &p)) == 1) {
		size_t n = head->caplen, at = find_ip(link, p, n);

		if (at < n)
			connections_add(connections, (int64_t)head->ts.tv_sec * 1000000 + head->ts.tv_usec,
					p + at, n - at);
	}
	connections_free(connections);
	return rc == PCAP_ERROR_BREAK ? 0 :
	       err_set(e, TARS_EPROTO, "the capture is damaged: %s", lib.geterr(pcap));
}

int capture_read(FILE *f, const struct capture_sink *sink, struct err *e)
{
	char why[PCAP_ERRBUF_SIZE];
	pcap_t *pcap = NULL;
	int rc = load_library(e);

	if (!rc) {
		pcap = lib.fopen_offline(f, why);
		if (!pcap)
			rc = err_set(e, TARS_EPROTO, "the capture cannot be read: %s", why);
	}
	if (!pcap) {
		fclose(f);
		return rc;
	}
	rc = read_packets(pcap, sink, e);
	lib.close(pcap); /* and f */
	return rc;
}
