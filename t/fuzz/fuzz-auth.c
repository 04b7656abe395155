/* Access keys: any bytes get a verdict; a good one only what the secret key has signed. */
#include "proto/auth.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static const struct auth_key key = {
	.object = { "App.Srv.Obj", 11 }, .access_key = { "testak", 6 }, .secret_key = { "123456", 6 },
};

enum { NOW = 1700000000 };

/* As the body of a packet, and as a packet. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct request_packet p;
	struct arena a;
	struct err e = { 0 };
	enum auth_state state;

	arena_init(&a, NULL, 0);
	state = auth_check(data, n, &key, NOW, &a, NULL);
	BUG_ON(!*auth_state_text(state) || !strcmp(auth_state_text(state), "unknown state"));
	if (!packet_get_request(data, n, &p, &a, &e)) {
		struct buf b = BUF_INIT;

		state = auth_check(p.body.p, p.body.n, &key, NOW, &a, NULL);
		BUG_ON(!*auth_state_text(state));
		auth_put_reply(&b, &p);
		BUG_ON(buf_size(&b) > 100);
		buf_release(&b);
	}
	arena_clear(&a);
	return 0;
}
