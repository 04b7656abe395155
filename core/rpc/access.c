/* Access keys of connections, the server's side: nothing is served before the first packet is good. */
#include "core/rpc/access.h"

#include <time.h>

#include "core/rpc/app_int.h"
#include "core/rpc/server.h"
#include "proto/auth.h"

static enum auth_state verdict(const struct server_conn *sc, const struct request_packet *p,
			       struct arena *a)
{
	const struct adapter_conf *conf = &sc->adapter->conf;
	struct auth_key key = {
		.object = { conf->servant, conf->servant ? (uint32_t)strlen(conf->servant) : 0 },
		.access_key = { conf->access_key, (uint32_t)strlen(conf->access_key) },
		.secret_key = { conf->secret_key, (uint32_t)strlen(conf->secret_key) },
	};
	struct tars_str object;
	enum auth_state state = auth_check(p->body.p, p->body.n, &key, time(NULL), a, &object);

	if (state == AUTH_SUCC && !conf->servant && !servant_find(sc->loop->app, object.p, object.n))
		return AUTH_WRONG_OBJ;
	return state;
}

static int access_packet(struct server_conn *sc, const uint8_t *frame, size_t n, struct arena *a,
			 struct err *e)
{
	struct request_packet p;
	enum auth_state state = AUTH_PROTO_ERR;

	/* Function and message type are not looked at: no official server does. */
	if (!packet_get_request(frame, n, &p, a, e))
		state = verdict(sc, &p, a);
	if (state != AUTH_SUCC)
		return err_set(e, TARS_EPROTO, "%s: access denied: %s", sc->conn.peer_text,
			       auth_state_text(state));
	auth_put_reply(conn_out(&sc->conn), &p);
	conn_written(&sc->conn);
	sc->conn.class = &server_class;
	sc->conn.max_frame = sc->adapter->conf.max_frame;
	return 0;
}

static int access_frame(struct conn *c, uint8_t *data, size_t n, struct err *e)
{
	struct server_conn *sc = container_of(c, struct server_conn, conn);
	struct arena *a = &sc->loop->scratch;
	int rc = access_packet(sc, data + FRAME_LENGTH_SIZE, n - FRAME_LENGTH_SIZE, a, e);

	arena_clear(a);
	return rc;
}

/* The official answer to all that is not right is the end. */
const struct conn_class access_class = {
	.frame = access_frame, .down = server_conn_down, .release = server_conn_release,
};

void access_tick(struct server_conn *sc, int64_t now_us)
{
	int64_t limit_ms = sc->adapter->conf.handshake_ms;
	struct err e;

	if (sc->conn.class != &access_class || now_us - sc->opened_us < limit_ms * 1000)
		return;
	err_set(&e, TARS_EPROTO, "%s: access denied: no key within %lld ms", sc->conn.peer_text,
		(long long)limit_ms);
	conn_close(&sc->conn, &e);
}
