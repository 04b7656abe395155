/*
 * Calls T::Chain.pass with a packet whose head says what the test wants.
 *
 *	chain-call PORT OBJECT [type=BITS] [status.KEY=VALUE] [context.KEY=VALUE] [oneway]
 *		[user=..] [text=..] [begin=..] [way=OBJECT@ENDPOINT]...
 *
 * Prints "ret CODE TEXT" and the result as JSON.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "Chain.h"
#include "proto/json.h"
#include "proto/packet.h"

enum { MAX_ENTRIES = 16 };

struct request {
	struct request_packet head;
	struct tars_string_string_pair status[MAX_ENTRIES], context[MAX_ENTRIES];
	struct tars_str way[MAX_ENTRIES];
	struct T_Chain_pass_in in;
};

static struct tars_str str(const char *s)
{
	return (struct tars_str){ s, (uint32_t)strlen(s) };
}

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static void add_entry(struct tars_string_string_map *m, char *text)
{
	char *value = strchr(text, '=');

	if (m->n == MAX_ENTRIES || !value)
		exit(64);
	*value++ = '\0';
	m->v[m->n++] = (struct tars_string_string_pair){ str(text), str(value) };
}

static void parse(struct request *r, char *arg)
{
	static const struct {
		const char *name;
		size_t offset;
	} texts[] = {
		{ "user=", offsetof(struct T_Chain_pass_in, user) },
		{ "text=", offsetof(struct T_Chain_pass_in, text) },
		{ "begin=", offsetof(struct T_Chain_pass_in, begin) },
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		if (strncmp(arg, texts[i].name, strlen(texts[i].name)))
			continue;
		*(struct tars_str *)((char *)&r->in + texts[i].offset) =
			str(arg + strlen(texts[i].name));
		return;
	}
	if (!strncmp(arg, "type=", 5))
		r->head.message_type = (int32_t)strtol(arg + 5, NULL, 0);
	else if (!strncmp(arg, "status.", 7))
		add_entry(&r->head.status, arg + 7);
	else if (!strncmp(arg, "context.", 8))
		add_entry(&r->head.context, arg + 8);
	else if (!strncmp(arg, "way=", 4) && r->in.way.n < MAX_ENTRIES)
		r->way[r->in.way.n++] = str(arg + 4);
	else if (!strcmp(arg, "oneway"))
		r->head.packet_type = PACKET_ONEWAY;
	else
		exit(64);
}

static const struct tars_func *pass(void)
{
	return &T_Chain_iface.funcs[tars_iface_find(&T_Chain_iface, "pass", 4)];
}

static void print_reply(const uint8_t *frame, size_t n, struct arena *a)
{
	struct T_Chain_pass_out out;
	struct response_packet reply;
	struct buf b = BUF_INIT;
	struct err e;

	if (packet_get_response(frame, n, &reply, a, &e) ||
	    (!reply.ret && codec_get_flat(reply.body.p, reply.body.n, pass()->out, &out, a, &e))) {
		fprintf(stderr, "%s\n", e.text);
		exit(1);
	}
	printf("ret %d %.*s\n", reply.ret, (int)reply.desc.n, reply.desc.n ? reply.desc.p : "");
	if (!reply.ret && !json_put(&b, pass()->out, &out, JSON_COMPACT, &e))
		puts(buf_str(&b));
	buf_release(&b);
}

int main(int argc, char **argv)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct request r = { .head = { .version = VERSION_TARS, .request_id = 7,
				       .func = TARS_STR("pass"), .timeout_ms = 20000 } };
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	struct buf b = BUF_INIT;
	struct arena a;
	uint32_t n;
	size_t mark;

	if (argc < 3)
		return 64;
	arena_init(&a, NULL, 0);
	r.head.status.v = r.status;
	r.head.context.v = r.context;
	r.in.way.v = r.way;
	r.head.servant = str(argv[2]);
	for (int i = 3; i < argc; i++)
		parse(&r, argv[i]);
	mark = packet_begin_request(&b, &r.head);
	codec_put_flat(&b, pass()->in, &r.in, 0);
	packet_end_request(&b, mark, &r.head);
	to.sin_port = htons((uint16_t)strtoul(argv[1], NULL, 10));
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) ||
	    send(fd, buf_head(&b), buf_size(&b), 0) != (ssize_t)buf_size(&b))
		fail("send");
	buf_clear(&b);
	if (r.head.packet_type == PACKET_ONEWAY)
		goto done;
	if (recv(fd, &n, sizeof(n), MSG_WAITALL) != sizeof(n))
		fail("reply");
	n = ntohl(n) - (uint32_t)sizeof(n);
	if (recv(fd, buf_reserve(&b, n), n, MSG_WAITALL) != (ssize_t)n)
		fail("reply");
	print_reply(b.data, n, &a);
done:
	buf_release(&b);
	arena_clear(&a);
	close(fd);
	return 0;
}
