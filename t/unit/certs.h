/*
 * For tests of TLS: a folder of its own with an authority and the certificates that it signs.
 *
 *	struct certs c;
 *	certs_begin(&c);                                      ca.pem, other.pem (another authority)
 *	certs_make(&c, "server", "DNS:localhost", 30);        server.pem, server.key: 30 days
 *	certs_path(&c, "server.pem")
 *	certs_end(&c);
 */
#ifndef T_UNIT_CERTS_H
#define T_UNIT_CERTS_H

#include <dirent.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proto/arena.h"
#include "proto/err.h"

struct certs {
	char dir[64];
	X509 *ca, *other;
	EVP_PKEY *ca_key, *other_key;
	long serial;
	struct arena arena;      /* of paths */
};

static inline const char *certs_path(struct certs *c, const char *name)
{
	return arena_strf(&c->arena, "%s/%s", c->dir, name);
}

/* A new file in place of the old one, as renewing tools do it. */
static inline void certs_write(struct certs *c, const char *name, const X509 *cert,
			       const EVP_PKEY *key)
{
	FILE *f = fopen(certs_path(c, "new"), "w");

	BUG_ON(!f);
	if (cert)
		BUG_ON(!PEM_write_X509(f, (X509 *)cert));
	if (key)
		BUG_ON(!PEM_write_PrivateKey(f, (EVP_PKEY *)key, NULL, NULL, 0, NULL, NULL));
	fclose(f);
	BUG_ON(rename(certs_path(c, "new"), certs_path(c, name)));
}

static inline void certs_extend(X509 *cert, int nid, const char *value)
{
	X509_EXTENSION *x = X509V3_EXT_conf_nid(NULL, NULL, nid, value);

	BUG_ON(!x);
	X509_add_ext(cert, x, -1);
	X509_EXTENSION_free(x);
}

static inline X509 *certs_new(struct certs *c, const char *name, EVP_PKEY *key, int days)
{
	X509 *cert = X509_new();

	X509_set_version(cert, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(cert), ++c->serial);
	X509_gmtime_adj(X509_getm_notBefore(cert), -2 * 86400);
	X509_gmtime_adj(X509_getm_notAfter(cert), days * 86400L);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_ASC,
				   (const unsigned char *)name, -1, -1, 0);
	X509_set_pubkey(cert, key);
	return cert;
}

static inline X509 *certs_authority(struct certs *c, const char *name, EVP_PKEY **key)
{
	char file[32];
	X509 *cert;

	*key = EVP_EC_gen("P-256");
	cert = certs_new(c, name, *key, 365);
	X509_set_issuer_name(cert, X509_get_subject_name(cert));
	certs_extend(cert, NID_basic_constraints, "critical,CA:TRUE");
	X509_sign(cert, *key, EVP_sha256());
	snprintf(file, sizeof(file), "%s.pem", name);
	certs_write(c, file, cert, NULL);
	return cert;
}

static inline void certs_sign(struct certs *c, const char *name, const char *alt_names, int days,
			      const X509 *ca, EVP_PKEY *ca_key)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *cert = certs_new(c, name, key, days);
	char file[64];

	X509_set_issuer_name(cert, X509_get_subject_name(ca));
	if (alt_names)
		certs_extend(cert, NID_subject_alt_name, alt_names);
	X509_sign(cert, ca_key, EVP_sha256());
	snprintf(file, sizeof(file), "%s.pem", name);
	certs_write(c, file, cert, NULL);
	snprintf(file, sizeof(file), "%s.key", name);
	certs_write(c, file, NULL, key);
	X509_free(cert);
	EVP_PKEY_free(key);
}

/* Again with the same name: a new key and a new certificate, which is `days` from its end. */
static inline void certs_make(struct certs *c, const char *name, const char *alt_names, int days)
{
	certs_sign(c, name, alt_names, days, c->ca, c->ca_key);
}

/* One that "other" has signed. */
static inline void certs_make_foreign(struct certs *c, const char *name, const char *alt_names)
{
	certs_sign(c, name, alt_names, 30, c->other, c->other_key);
}

static inline void certs_begin(struct certs *c)
{
	*c = (struct certs){ .serial = 1000 };
	arena_init(&c->arena, NULL, 0);
	snprintf(c->dir, sizeof(c->dir), "/tmp/tars-certs-XXXXXX");
	BUG_ON(!mkdtemp(c->dir));
	c->ca = certs_authority(c, "ca", &c->ca_key);
	c->other = certs_authority(c, "other", &c->other_key);
}

static inline void certs_end(struct certs *c)
{
	DIR *d = opendir(c->dir);
	struct dirent *entry;

	while ((entry = readdir(d)))
		if (entry->d_name[0] != '.')
			unlink(certs_path(c, entry->d_name));
	closedir(d);
	rmdir(c->dir);
	X509_free(c->ca);
	X509_free(c->other);
	EVP_PKEY_free(c->ca_key);
	EVP_PKEY_free(c->other_key);
	arena_clear(&c->arena);
}

#endif
