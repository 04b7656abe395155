/*
 * TARS configuration text <a><b>key=value</b></a>: parse, look up, merge, print (contract 4.4).
 *
 * A tree of domains; keys print before sub-domains, both in first-insertion order, only the
 * outermost domains by name.  A tree lives in its arena and is freed with it.  Not thread-safe
 * while it is changed; Thread: any when read.
 */
#ifndef PROTO_TARSCONF_H
#define PROTO_TARSCONF_H

#include "proto/arena.h"
#include "proto/buf.h"
#include "proto/err.h"

#include <stdbool.h>

enum { TARSCONF_MAX_DEPTH = 64, TARSCONF_MAX_SIZE = 4 << 20 };

struct tarsconf;  /* one domain */

/* The root: has no name, and its keys are not printed. */
struct tarsconf *tarsconf_new(struct arena *a);
/* Parses text into the root (an existing key is overwritten and moves to the end: last wins;
 * domains merge).  After an error the tree holds what came before it. */
int tarsconf_parse(struct tarsconf *root, const char *text, size_t n, struct err *e);
/* TC_Config::tostr: the same bytes as the official code.  A '<' or '>' in a name or value cannot be
 * written: TARS_EARG, and b is as before. */
int tarsconf_print(struct buf *b, const struct tarsconf *root, struct err *e);
/* TC_Config::joinConfig: with update, keys of other win and move to the end of their domain; else
 * those of root do.  Fails as tarsconf_print does; root is as before then. */
int tarsconf_join(struct tarsconf *root, const struct tarsconf *other, bool update, struct err *e);

/* Value of "/tars/application/server<node>".  TARS_ENOTFOUND, or TARS_EARG if it is no path. */
int tarsconf_lookup(const struct tarsconf *conf, const char *path, const char **value,
		    struct err *e);
/* The same, with NULL or the fallback for every error. */
const char *tarsconf_get(const struct tarsconf *conf, const char *path);
const char *tarsconf_get_or(const struct tarsconf *conf, const char *path, const char *fallback);
/* Integer value; fallback if absent; an unreadable number is an error that names the path. */
int tarsconf_get_int(const struct tarsconf *conf, const char *path, int64_t fallback, int64_t *v,
		     struct err *e);

/* Domain by path "/tars/application/server"; "/" is conf itself.  NULL if it is not there. */
struct tarsconf *tarsconf_domain(const struct tarsconf *conf, const char *path);
/* The same, made where missing; NULL only if it is not a path or too deep. */
struct tarsconf *tarsconf_domain_create(struct tarsconf *conf, const char *path);
/* The child of exactly this name (any text), made if missing; NULL if too deep. */
struct tarsconf *tarsconf_domain_add(struct tarsconf *domain, const char *name);
/* A key of this very domain (not a path).  An existing one keeps its place. */
void tarsconf_set(struct tarsconf *domain, const char *key, const char *value);
bool tarsconf_erase(struct tarsconf *domain, const char *key);

/* Iteration in print order: start with prev = NULL; NULL at the end. */
struct tarsconf_key { const char *name, *value; };
const struct tarsconf_key *tarsconf_next_key(const struct tarsconf *domain,
					     const struct tarsconf_key *prev);
struct tarsconf *tarsconf_next_domain(const struct tarsconf *domain, const struct tarsconf *prev);
const char *tarsconf_name(const struct tarsconf *domain);

#endif
