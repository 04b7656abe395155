/*
 * What changed between two versions of definitions, and who cannot read whom because of it.
 *
 * Definitions are matched by full name, members by tag, parameters by position.  The idls of both
 * sides are the caller's, have no errors and outlive the struct.  One thread at a time.
 */
#ifndef IDL_COMPAT_H
#define IDL_COMPAT_H

#include "idl/idl.h"

enum compat_level { COMPAT_OK, COMPAT_WARNING, COMPAT_BREAKING };

/* Who reads whose data wrongly, or not at all. */
enum compat_who {
	COMPAT_OLD_READERS = 1 << 0, /* ... of what new code writes */
	COMPAT_NEW_READERS = 1 << 1, /* ... of what old code writes */
	COMPAT_NAMES = 1 << 2,       /* both, in calls by TUP and JSON only */
};

struct compat_rule {
	const char *name;
	enum compat_level level;     /* by itself, whoever reads */
	unsigned who;                /* 0: told with the change */
};

struct compat_change {
	const struct compat_rule *rule;
	enum compat_level level;
	struct idl_loc loc;          /* in the new version, of what is gone in the old one */
	const char *subject;         /* "M::S.member" */
	const char *text;
};

struct compat_options {
	bool servers_first;          /* servers are replaced before their clients */
	bool binary_only;            /* nobody calls by TUP or JSON */
	const char *ignore;          /* names of rules, with ',' between them; may be NULL */
};

struct compat_side {
	struct idl_def **defs;
	uint32_t n_defs;
	struct idl_symtab *names;
	struct idl_symtab *used;     /* structs and enums: in requests, in replies */
};

struct compat {
	struct arena arena;
	struct compat_options opt;
	struct compat_side old, new;
	struct compat_change *changes;
	uint32_t n_changes;
	struct idl_symtab *pairs;    /* structs of different names that were compared */
};

void compat_init(struct compat *c, const struct compat_options *opt);
void compat_release(struct compat *c);
/* Adds the definitions of all files; of several with the same name the first counts. */
void compat_add(struct compat *c, struct compat_side *side, const struct idl *idl);
/* Fills changes, in the order of the definitions. */
void compat_run(struct compat *c);
bool compat_is_rule(const char *name, size_t n);

#endif
