/*
 * Access-key authentication of connections, endpoint option "-e 1" (contract 1.10, 3.13).
 *
 * The first packet of a client is a request whose body is a BasicAuthPackage, signed with the
 * secret key and the time; the server answers it with AUTH_SUCC or closes.  The secret key itself
 * does not travel, and who records the packet can use it for an hour: only TLS prevents that.
 * The bytes are those of the official C++ SDK.  Thread: any.
 */
#ifndef PROTO_AUTH_H
#define PROTO_AUTH_H

#include "proto/packet.h"

enum {
	AUTH_MAX_PACKET = 65535,    /* longer ones no official server reads */
	AUTH_TOLERANCE_S = 3600,    /* clocks may differ by less */
	AUTH_SIGNATURE_SIZE = 48,
};

/* What the official server makes of a package. */
enum auth_state {
	AUTH_SUCC = 0,
	AUTH_PROTO_ERR = -100,      /* it cannot be decoded */
	AUTH_WRONG_OBJ = -101,
	AUTH_WRONG_AK = -102,
	AUTH_WRONG_TIME = -103,
	AUTH_NOT_SUPPORT_ENC = -104,
	AUTH_ERROR = -106,          /* the signature is not that of the secret key */
};

struct auth_key {
	struct tars_str object, access_key, secret_key;
};

/* The whole packet with which a client begins, at this time. */
void auth_put_request(struct buf *b, const struct auth_key *key, int64_t now_s);
/* The server's answer to a good one. */
void auth_put_reply(struct buf *b, const struct request_packet *request);
/* True if this is the answer to a good one. */
bool auth_is_granted(const struct response_packet *reply);

/*
 * The body of a client's first packet against the key that the server has for it.  An empty
 * key->object stands for all objects; *object_r, which may be NULL, is what the client wants to call
 * then.  The arena, which must live as long as that, is for decoding.
 */
enum auth_state auth_check(const uint8_t *data, size_t n, const struct auth_key *key,
			   int64_t now_s, struct arena *a, struct tars_str *object_r);
/* "the clocks differ by an hour or more". */
const char *auth_state_text(enum auth_state state);

/* ---- parts, for tests ---- */

/* Signature of the time with the secret key. */
void auth_sign(const struct tars_str *secret_key, int64_t time_s,
	       uint8_t signature[AUTH_SIGNATURE_SIZE]);
/* 3DES-EDE-ECB with PKCS#7; appends to b.  auth_decrypt: false if the padding is wrong. */
void auth_encrypt(struct buf *b, const uint8_t key[24], const uint8_t *p, size_t n);
bool auth_decrypt(struct buf *b, const uint8_t key[24], const uint8_t *p, size_t n);

#endif
