/* Calls by socket file, IPv6 and host name; a name with several addresses, some of them dead. */
#include "t/unit/rpc-test.h"

#include <netdb.h>

/* ---- our own names: what getaddrinfo says of "many.test" ---- */

static const char *const *many;   /* addresses, NULL at the end */

static struct addrinfo *make_found(const char *ip)
{
	struct sockaddr_any *a = calloc(1, sizeof(*a));
	struct addrinfo *i = calloc(1, sizeof(*i));

	assert_int_equal(sockaddr_from_ip(a, ip, 0), 0);
	i->ai_addr = &a->sa;
	i->ai_addrlen = a->len;
	i->ai_family = a->sa.sa_family;
	return i;
}

int getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
		struct addrinfo **found)
{
	struct addrinfo **end = found;

	(void)service;
	(void)hints;
	if (strcmp(host, "many.test"))
		return EAI_NONAME;
	for (const char *const *ip = many; *ip; ip++) {
		*end = make_found(*ip);
		end = &(*end)->ai_next;
	}
	return 0;
}

void freeaddrinfo(struct addrinfo *i)
{
	while (i) {
		struct addrinfo *next = i->ai_next;

		free(i->ai_addr);
		free(i);
		i = next;
	}
}

/* ---- a server at any host ---- */

static int echo(struct tars_req *rq, const struct T_Rpc_echo_in *in, struct T_Rpc_echo_out *out)
{
	(void)in;
	out->back = tars_strf(rq, "%s of %s", tars_peer(rq), tars_caller_host(rq));
	return TARS_OK;
}

static const struct T_Rpc impl = { .echo = echo };

struct at {
	struct rpc_server s;
	struct adapter_conf conf;
	int port, rc;
	struct err e;
	sem_t done;
};

static void listen_at(struct tars_req *rq, void *arg)
{
	struct at *at = arg;

	at->rc = app_listen(tars_app_of(rq), &at->conf, &at->port, &at->e);
	sem_post(&at->done);
}

static void at_start(struct at *at, const char *host)
{
	at->s.servants[0] = (struct tars_servant){ "T.S.Obj", &T_Rpc_iface, &impl, TARS_RUN_CORO };
	rpc_server_start(&at->s);
	at->conf = (struct adapter_conf){ .name = "T.S.AtAdapter", .idle_ms = 60000,
					  .ep.type = ENDPOINT_TCP };
	strcpy(at->conf.ep.host, host);
	sem_init(&at->done, 0, 0);
	app_spawn(at->s.app, listen_at, at);
	sem_wait(&at->done);
}

static int say(struct tars_app *client, const char *endpoints, char *back, size_t size)
{
	struct tars_req *rq = tars_begin(client);
	struct T_Rpc_echo_out out;
	struct tars_call c = { .rq = rq, .timeout_ms = 20000 };
	char text[256];
	int rc;

	snprintf(text, sizeof(text), "T.S.Obj@%s", endpoints);
	c.to = tars_proxy(client, text);
	rc = call_echo(&c, "x", &out);
	snprintf(back, size, "%s", rc ? c.error : out.back.p);
	tars_end(rq);
	return rc;
}

static void test_socket_file(void **state)
{
	struct tars_app *client = rpc_client();
	char path[64], text[128], back[512], want[128];
	struct at at = { 0 };

	(void)state;
	snprintf(path, sizeof(path), "/tmp/tars-u-address-%d.sock", getpid());
	at_start(&at, path);
	assert_int_equal(at.rc, 0);
	assert_int_equal(at.port, 0);
	snprintf(text, sizeof(text), "tcp -h %s -p 0 -t 3000", path);
	assert_int_equal(say(client, text, back, sizeof(back)), 0);
	snprintf(want, sizeof(want), "unix:uid=%u,pid=%d of unix", getuid(), getpid());
	assert_string_equal(back, want);
	tars_stop(client);
	rpc_server_stop(&at.s, 1000);
	assert_int_equal(access(path, F_OK), -1);
	client = rpc_client();
	assert_int_equal(say(client, text, back, sizeof(back)), TARS_ECONNECT);
	snprintf(want, sizeof(want), "at tcp unix:%s: ", path);
	assert_non_null(strstr(back, want));
	assert_non_null(strstr(back, "nothing listens there"));
	tars_stop(client);
}

static void test_long_path(void **state)
{
	struct tars_app *client = rpc_client();
	char text[200], back[512];

	(void)state;
	snprintf(text, sizeof(text), "tcp -h /%0130d -p 0", 1);
	assert_int_equal(say(client, text, back, sizeof(back)), TARS_ECONNECT);
	assert_non_null(strstr(back, "at most 107 bytes"));
	tars_stop(client);
}

static bool has_ipv6(void)
{
	struct sockaddr_any a;
	int fd = socket(AF_INET6, SOCK_STREAM, 0);
	bool ok;

	sockaddr_from_ip(&a, "::1", 0);
	ok = fd >= 0 && !bind(fd, &a.sa, a.len);
	close(fd);
	return ok;
}

static void call_at(const char *host, const char *from, const char *begin)
{
	struct tars_app *client = rpc_client();
	struct at at = { 0 };
	char text[128], back[512];

	at_start(&at, host);
	assert_string_equal(at.rc ? at.e.text : "", "");
	snprintf(text, sizeof(text), "tcp -h %s -p %d", from, at.port);
	assert_int_equal(say(client, text, back, sizeof(back)), 0);
	assert_memory_equal(back, begin, strlen(begin));
	tars_stop(client);
	rpc_server_stop(&at.s, 1000);
}

static void test_hosts(void **state)
{
	static const char *const v4[] = { "127.0.0.1", NULL };

	(void)state;
	many = v4;
	call_at("127.0.0.1", "127.0.0.1", "127.0.0.1:");
	call_at("0.0.0.0", "127.0.0.1", "127.0.0.1:");
	call_at("*", "many.test", "127.0.0.1:");
	call_at("many.test", "127.0.0.1", "127.0.0.1:");
	if (!has_ipv6())
		return;
	call_at("::1", "::1", "[::1]:");
	call_at("[::1]", "[::1]", "[::1]:");
	call_at("::", "127.0.0.1", "127.0.0.1:");
	call_at("*", "::1", "[::1]:");
}

/* Official clients know no IPv6: a server by name is where they look for it. */
static void test_server_prefers_ipv4(void **state)
{
	static const char *const both[] = { "::1", "127.0.0.1", NULL };

	(void)state;
	many = both;
	call_at("many.test", "127.0.0.1", "127.0.0.1:");
}

/* ---- names with several addresses ---- */

static void test_dead_addresses(void **state)
{
	static const char *const addresses[] = { "127.0.0.2", "127.0.0.3", "127.0.0.1", NULL };
	static const char *const dead[] = { "127.0.0.2", "127.0.0.3", NULL };
	struct tars_app *client = rpc_client();
	struct at at = { 0 };
	char text[128], back[512];

	(void)state;
	at_start(&at, "127.0.0.1");
	many = addresses;
	snprintf(text, sizeof(text), "tcp -h many.test -p %d", at.port);
	assert_int_equal(say(client, text, back, sizeof(back)), 0);
	assert_memory_equal(back, "127.0.0.1:", 10);
	tars_stop(client);
	client = rpc_client();
	many = dead;
	assert_int_equal(say(client, text, back, sizeof(back)), TARS_ECONNECT);
	assert_non_null(strstr(back, "connect to 127.0.0.3:"));   /* the last one that was tried */
	tars_stop(client);
	rpc_server_stop(&at.s, 1000);
}

/* What the name means is asked again for each connection. */
static void test_name_moves(void **state)
{
	static const char *const before[] = { "127.0.0.4", NULL }, *const after[] = {
		"127.0.0.1", NULL };
	struct tars_app *client = rpc_client();
	struct at at = { 0 };
	char text[128], back[512];

	(void)state;
	at_start(&at, "127.0.0.1");
	many = before;
	snprintf(text, sizeof(text), "tcp -h many.test -p %d", at.port);
	assert_int_equal(say(client, text, back, sizeof(back)), TARS_ECONNECT);
	many = after;
	assert_int_equal(say(client, text, back, sizeof(back)), 0);
	tars_stop(client);
	rpc_server_stop(&at.s, 1000);
}

static void test_unknown_name(void **state)
{
	struct tars_app *client = rpc_client();
	char back[512];

	(void)state;
	assert_int_equal(say(client, "tcp -h none.test -p 1", back, sizeof(back)), TARS_ECONNECT);
	assert_non_null(strstr(back, "host 'none.test': "));
	tars_stop(client);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_socket_file),
		cmocka_unit_test(test_long_path),
		cmocka_unit_test(test_hosts),
		cmocka_unit_test(test_server_prefers_ipv4),
		cmocka_unit_test(test_dead_addresses),
		cmocka_unit_test(test_name_moves),
		cmocka_unit_test(test_unknown_name),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("rpc-address", tests, NULL, NULL);
}
