/* Which nodes are let in: tokens with which machines join, and the credentials that they get. */
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <sys/random.h>

#include "core/sys/log.h"
#include "if/RegistryF.h"
#include "roles/platform.h"
#include "roles/registry/ops.h"
#include "sql.h"

enum { SECRET_BYTES = 32, MAX_NAME = 128, MAX_USES = 10000 };
static const int64_t MAX_TTL_MS = INT64_C(366) * 24 * 3600 * 1000;

static const char *hex(const unsigned char *p, size_t n, struct arena *a)
{
	static const char digits[] = "0123456789abcdef";
	char *text = arena_alloc(a, 2 * n + 1);

	for (size_t i = 0; i < n; i++) {
		text[2 * i] = digits[p[i] >> 4];
		text[2 * i + 1] = digits[p[i] & 15];
	}
	return text;
}

/* What is stored of a secret: who reads the database cannot join with it. */
static const char *hash_of(const char *secret, struct arena *a)
{
	unsigned char md[EVP_MAX_MD_SIZE];
	unsigned n;

	BUG_ON(!EVP_Digest(secret, strlen(secret), md, &n, EVP_sha256(), NULL));
	return hex(md, n, a);
}

static const char *new_secret(struct arena *a)
{
	unsigned char bytes[SECRET_BYTES];

	while (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
		;
	return hex(bytes, sizeof(bytes), a);
}

/* It goes into configuration files and onto command lines of people. */
static int check_name(struct tars_str name, struct err *e)
{
	if (name.n <= MAX_NAME && *name.p != '-' &&
	    strspn(name.p, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._:-") ==
		    name.n)
		return 0;
	return err_set(e, TARS_EARG, "'%.64s' is not a node's name: up to %d letters, digits, '.', "
		       "'_', ':' and '-'", name.p, MAX_NAME);
}

/* ---- who is it ---- */

static bool is_secret(const struct Routes_NodeRow *row, const char *secret, struct arena *a)
{
	return row && row->secret_hash.n && secret && *secret &&
	       str_is_text(row->secret_hash, hash_of(secret, a));
}

/* The node beside us in `tars up` need not join. */
static bool is_own_part(const struct registry *reg, const char *secret)
{
	const char *own = reg->run->part_secret;

	return own && secret && strlen(secret) == strlen(own) &&
	       CRYPTO_memcmp(secret, own, strlen(own)) == 0;
}

int registry_admit(struct tars_req *rq, struct registry *reg, struct tars_str node, struct err *e)
{
	const struct Routes_NodeRow *row = registry_node(reg, node);
	const char *secret = tars_context(rq, PLATFORM_NODE_SECRET), *why = "shows a wrong credential";

	if (!reg->conf->require_token || is_secret(row, secret, req_arena(rq)) ||
	    is_own_part(reg, secret))
		return 0;
	if (!row || !row->secret_hash.n)
		why = "has not joined";
	else if (!secret)
		why = "shows no credential";
	log_every(10000, LOG_LEVEL_WARN, NULL, "registry: node %.128s, %s, %s: refused", node.p,
		  tars_peer(rq), why);
	return err_set(e, TARS_EUNKNOWN, "node %.128s %s, and this registry wants one: make a token "
		       "(tars ctl node token --name %.128s) and run tars node install --token TOKEN "
		       "on the node", node.p, why, node.p);
}

/* ---- joining ---- */

struct tars_str registry_peer_host(struct tars_req *rq)
{
	const char *peer = tars_peer(rq), *colon = strrchr(peer, ':');
	size_t n = colon ? (size_t)(colon - peer) : strlen(peer);

	if (n > 2 && *peer == '[') { /* "[::1]:80" */
		peer++;
		n -= 2;
	}
	return tars_strndup(rq, peer, n);
}

static int join(struct tars_req *rq, const struct tars_NodeJoin *j, struct tars_NodeJoined *joined,
		struct err *e)
{
	struct registry *reg = tars_data(rq);
	struct arena *a = req_arena(rq);
	const char *secret = new_secret(a);
	struct tars_str text = TARS_STR("");
	int rc = check_name(j->nodeName, e);

	if (rc == 0 && !j->token.n)
		return err_set(e, TARS_EARG, "node %s has not joined with the credential that it has: "
			       "make a token (tars ctl node token)", j->nodeName.p);
	if (rc == 0)
		rc = ops_change(reg, &SQL_registry_node_join,
				PG_PARAMS(hash_of(j->token.p, a), j->nodeName.p, registry_peer_host(rq).p,
					  hash_of(secret, a)), &text, a, e);
	if (rc == TARS_ENOTFOUND)
		return err_set(e, rc, "this registry does not know the token: make one (tars ctl node "
			       "token)");
	if (rc == -1 && text.n)
		return err_set(e, TARS_EARG, "%s", text.p);
	if (rc < 0)
		return rc;
	joined->nodeName = text;
	joined->secret = tars_strf(rq, "%s", secret);
	return 0;
}

int registry_join_node(struct tars_req *rq, const struct tars_Registry_joinNode_in *in,
		       struct tars_Registry_joinNode_out *out)
{
	const struct tars_NodeJoin *j = &in->join;
	struct err e = { 0 };

	out->ret = 0;
	if (is_secret(registry_node(tars_data(rq), j->nodeName), j->secret.p, req_arena(rq))) {
		out->joined = (struct tars_NodeJoined){ j->nodeName, j->secret };
		return TARS_OK;
	}
	if (join(rq, j, &out->joined, &e) == 0) {
		log_info(NULL, "registry: node %s joined from %s", out->joined.nodeName.p,
			 tars_peer(rq));
		return TARS_OK;
	}
	log_every(1000, LOG_LEVEL_WARN, NULL, "registry: %s cannot join: %s", tars_peer(rq), e.text);
	out->ret = ops_ret(e.code);
	out->result = tars_strf(rq, "%s", e.text);
	return TARS_OK;
}

/* ---- tokens ---- */

OP_HANDLER(nodeToken)
{
	const struct tars_TokenReq *r = &in->req;
	struct arena *a = req_arena(rq);
	const char *token = new_secret(a);
	struct err e = { 0 };
	int rc = check_name(r->name, &e);

	if (rc == 0 && (r->ttlMs < 1 || r->ttlMs > MAX_TTL_MS))
		rc = err_set(&e, TARS_EARG, "ttl: a token is good for 1 ms to 366 days");
	if (rc == 0 && (r->uses < 1 || r->uses > MAX_USES))
		rc = err_set(&e, TARS_EARG, "uses: %d is not within 1..%d", r->uses, MAX_USES);
	if (rc == 0 && r->name.n && r->uses > 1)
		rc = err_set(&e, TARS_EARG, "a token for one node (%s) has one use", r->name.p);
	if (rc == 0)
		rc = registry_sql(tars_data(rq), &SQL_ops_token_add,
				  PG_PARAMS(hash_of(token, a), r->name.p, arena_strf(a, "%d", r->uses),
					    arena_strf(a, "%lld", (long long)r->ttlMs)),
				  NULL, NULL, a, &e);
	out->ret = rc < 0 ? ops_ret(rc) : 0;
	out->result = tars_strf(rq, "%s", rc < 0 ? e.text : token);
	return TARS_OK;
}
