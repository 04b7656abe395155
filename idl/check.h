/*
 * Checks that check.c (definitions) and check_type.c (types and values in them) share.
 *
 * Internal to idl/.  Functions that return false have reported why.
 */
#ifndef IDL_CHECK_H
#define IDL_CHECK_H

#include "idl/lex.h"

struct checker {
	struct idl *idl;
	const char *module;      /* where unqualified names are looked up first */
};

/* Scopes of the symbol table; members, items and methods have their definition as scope. */
extern const char scope_types, scope_enumerators;

/* Resolves names and checks sizes and depth. */
bool check_type(struct checker *c, struct idl_type *t);
/* Checks that the value suits the type and brings it into its form: i for integers, bool and
 * enums, f for floating point, s for strings.  `what` names its owner in messages. */
bool check_value(struct checker *c, const struct idl_type *t, struct idl_value *v,
		 const char *what);
/* Value of an enumerator by name, "A" or "M::A" or "M::E::A". */
bool check_enumerator(struct checker *c, struct idl_value *v, const char *what);

#endif
