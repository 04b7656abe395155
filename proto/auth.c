/* Access-key authentication: signing, the client's packet, the server's verdict. */
#include "proto/auth.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "proto/text.h"

enum { SHA1_SIZE = 20, HEX_SIZE = 2 * SHA1_SIZE, MD5_SIZE = 16, KEY_SIZE = 24, TIME_SIZE = 8 };

#define GRANTED "AUTH_SUCC"

/* ---- digests ---- */

static void hex_digest(char *hex, const char *name, const void *p, size_t n)
{
	unsigned char d[EVP_MAX_MD_SIZE];
	size_t size = 0;

	BUG_ON(!EVP_Q_digest(NULL, name, "-fips", n ? p : "", n, d, &size));
	text_put_hex(hex, d, size);
}

/* What is signed (s1), and what both sides can make the key of (s2). */
static void hash_secret(const struct tars_str *secret, char s1[HEX_SIZE], char s2[HEX_SIZE])
{
	hex_digest(s1, "SHA1", secret->p, secret->n);
	hex_digest(s2, "SHA1", s1, HEX_SIZE);
}

/* The time is or-ed into the beginning of s2 as its bytes lie in memory, lowest first. */
static void make_key(uint8_t key[KEY_SIZE], const char s2[HEX_SIZE], int64_t time_s)
{
	char mixed[HEX_SIZE], hex[2 * MD5_SIZE];

	memcpy(mixed, s2, HEX_SIZE);
	for (int i = 0; i < TIME_SIZE; i++)
		mixed[i] = (char)((uint8_t)mixed[i] | (uint8_t)((uint64_t)time_s >> 8 * i));
	hex_digest(hex, "MD5", mixed, HEX_SIZE);
	memcpy(key, hex, KEY_SIZE);
}

/* ---- 3DES ---- */

static bool des3(struct buf *b, const uint8_t key[KEY_SIZE], const uint8_t *p, size_t n, int encrypt)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	uint8_t *to = buf_reserve(b, n + EVP_MAX_BLOCK_LENGTH);
	int first = 0, last = 0;
	bool ok;

	BUG_ON(!ctx || n > AUTH_MAX_PACKET);
	ok = EVP_CipherInit_ex(ctx, EVP_des_ede3_ecb(), NULL, key, NULL, encrypt) == 1 &&
	     EVP_CipherUpdate(ctx, to, &first, p, (int)n) == 1 &&
	     EVP_CipherFinal_ex(ctx, to + first, &last) == 1;
	EVP_CIPHER_CTX_free(ctx);
	if (ok)
		b->len += (size_t)(first + last);
	return ok;
}

void auth_encrypt(struct buf *b, const uint8_t key[24], const uint8_t *p, size_t n)
{
	bool ok = des3(b, key, p, n, 1);

	BUG_ON(!ok);
}

bool auth_decrypt(struct buf *b, const uint8_t key[24], const uint8_t *p, size_t n)
{
	return des3(b, key, p, n, 0);
}

/* ---- the package ---- */

/* BasicAuthPackage. */
struct package {
	struct tars_str object, access_key;
	int64_t time;
	struct tars_str method, signature;
};

#define FIELD(name_, tag_, member, type_, ...) \
	{ .name = name_, .tag = tag_, .offset = offsetof(struct package, member), \
	  .type = &type_, __VA_ARGS__ }

static const struct tars_field package_fields[] = {
	FIELD("sObjName", 1, object, tars_type_string, .flags = TARS_REQUIRED),
	FIELD("sAccessKey", 2, access_key, tars_type_string, .flags = TARS_REQUIRED),
	FIELD("iTime", 3, time, tars_type_long, .flags = TARS_REQUIRED),
	FIELD("sHashMethod", 4, method, tars_type_string, .flags = TARS_HAS_DEFAULT, .s = "sha1"),
	FIELD("sSignature", 5, signature, tars_type_string, .flags = 0),
};

static const struct tars_type package_type = {
	.name = "BasicAuthPackage", .kind = TARS_STRUCT, .size = sizeof(struct package),
	.n_fields = sizeof(package_fields) / sizeof(*package_fields), .fields = package_fields,
};

void auth_sign(const struct tars_str *secret_key, int64_t time_s,
	       uint8_t signature[AUTH_SIGNATURE_SIZE])
{
	char s1[HEX_SIZE], s2[HEX_SIZE];
	struct buf b = BUF_INIT;
	uint8_t key[KEY_SIZE];

	hash_secret(secret_key, s1, s2);
	make_key(key, s2, time_s);
	auth_encrypt(&b, key, (const uint8_t *)s1, HEX_SIZE);
	BUG_ON(b.len != AUTH_SIGNATURE_SIZE);
	memcpy(signature, b.data, AUTH_SIGNATURE_SIZE);
	buf_release(&b);
}

void auth_put_request(struct buf *b, const struct auth_key *key, int64_t now_s)
{
	struct request_packet p = {
		.version = VERSION_TARS, .request_id = 1, .message_type = MESSAGE_AUTH,
		.servant = key->object, .func = TARS_STR("InnerAuthServer"),
	};
	struct package package = { .object = key->object, .access_key = key->access_key,
				   .time = now_s, .method = TARS_STR("sha1") };
	uint8_t signature[AUTH_SIGNATURE_SIZE];
	size_t mark;

	auth_sign(&key->secret_key, now_s, signature);
	package.signature = (struct tars_str){ (const char *)signature, sizeof(signature) };
	mark = packet_begin_request(b, &p);
	codec_put_flat(b, &package_type, &package, 0);
	packet_end_request(b, mark, &p);
}

void auth_put_reply(struct buf *b, const struct request_packet *request)
{
	struct response_packet p = {
		.version = request->version, .request_id = request->request_id,
		.message_type = request->message_type,
		.body = { (const uint8_t *)GRANTED, sizeof(GRANTED) - 1 },
	};

	packet_put_response(b, &p);
}

bool auth_is_granted(const struct response_packet *reply)
{
	return !reply->ret && reply->body.n == sizeof(GRANTED) - 1 &&
	       !memcmp(reply->body.p, GRANTED, sizeof(GRANTED) - 1);
}

/* ---- the verdict ---- */

static bool is_same(const struct tars_str *a, const struct tars_str *b)
{
	return a->n == b->n && !memcmp(a->n ? a->p : "", b->n ? b->p : "", a->n);
}

static bool is_signed(const struct package *p, const struct tars_str *secret)
{
	char s1[HEX_SIZE], s2[HEX_SIZE], opened_s2[HEX_SIZE];
	struct buf opened = BUF_INIT;
	uint8_t key[KEY_SIZE];
	bool ok;

	hash_secret(secret, s1, s2);
	make_key(key, s2, p->time);
	ok = auth_decrypt(&opened, key, (const uint8_t *)p->signature.p, p->signature.n);
	hex_digest(opened_s2, "SHA1", opened.data, ok ? opened.len : 0);
	ok = !CRYPTO_memcmp(opened_s2, s2, HEX_SIZE);
	buf_release(&opened);
	return ok;
}

enum auth_state auth_check(const uint8_t *data, size_t n, const struct auth_key *key,
			   int64_t now_s, struct arena *a, struct tars_str *object_r)
{
	struct package p;

	if (n > AUTH_MAX_PACKET || codec_get_flat(data, n, &package_type, &p, a, NULL) < 0)
		return AUTH_PROTO_ERR;
	if (object_r)
		*object_r = p.object;
	if (key->object.n && !is_same(&p.object, &key->object))
		return AUTH_WRONG_OBJ;
	if (!is_same(&p.access_key, &key->access_key))
		return AUTH_WRONG_AK;
	if (p.time <= now_s - AUTH_TOLERANCE_S || p.time >= now_s + AUTH_TOLERANCE_S)
		return AUTH_WRONG_TIME;
	if (!is_same(&p.method, &TARS_STR("sha1")))
		return AUTH_NOT_SUPPORT_ENC;
	return is_signed(&p, &key->secret_key) ? AUTH_SUCC : AUTH_ERROR;
}

const char *auth_state_text(enum auth_state state)
{
	switch (state) {
	case AUTH_SUCC:
		return "granted";
	case AUTH_PROTO_ERR:
		return "no authentication, though the endpoint has -e 1";
	case AUTH_WRONG_OBJ:
		return "for another object";
	case AUTH_WRONG_AK:
		return "unknown access key";
	case AUTH_WRONG_TIME:
		return "the clocks differ by an hour or more";
	case AUTH_NOT_SUPPORT_ENC:
		return "another hash method than sha1";
	case AUTH_ERROR:
		return "signed with another secret key";
	}
	return "unknown state";
}
