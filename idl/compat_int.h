/*
 * Inside of comparing versions, shared by compat*.c.
 *
 * Internal to idl/.
 */
#ifndef IDL_COMPAT_INT_H
#define IDL_COMPAT_INT_H

#include "idl/compat.h"
#include "idl/lex.h"

#define COMPAT_RULES(X) \
	X(INTERFACE_REMOVED, "interface-removed", COMPAT_BREAKING, COMPAT_NEW_READERS) \
	X(INTERFACE_ADDED, "interface-added", COMPAT_OK, 0) \
	X(FUNCTION_REMOVED, "function-removed", COMPAT_BREAKING, COMPAT_NEW_READERS) \
	X(FUNCTION_ADDED, "function-added", COMPAT_OK, 0) \
	X(RETURN_TYPE, "return-type", COMPAT_BREAKING, 0) \
	X(PARAM_REMOVED, "param-removed", COMPAT_BREAKING, COMPAT_OLD_READERS) \
	X(PARAM_ADDED, "param-added", COMPAT_BREAKING, COMPAT_NEW_READERS) \
	X(PARAM_MOVED, "param-moved", COMPAT_BREAKING, COMPAT_OLD_READERS | COMPAT_NEW_READERS) \
	X(PARAM_RENAMED, "param-renamed", COMPAT_BREAKING, COMPAT_NAMES) \
	X(PARAM_TYPE, "param-type", COMPAT_BREAKING, 0) \
	X(PARAM_DIRECTION, "param-direction", COMPAT_BREAKING, \
	  COMPAT_OLD_READERS | COMPAT_NEW_READERS) \
	X(PARAM_ROUTEKEY, "param-routekey", COMPAT_WARNING, 0) \
	X(FIELD_REMOVED, "field-removed", COMPAT_BREAKING, \
	  COMPAT_OLD_READERS | COMPAT_NEW_READERS) \
	X(FIELD_ADDED, "field-added", COMPAT_OK, 0) \
	X(FIELD_ADDED_REQUIRED, "field-added-required", COMPAT_BREAKING, COMPAT_NEW_READERS) \
	X(FIELD_RETAGGED, "field-retagged", COMPAT_BREAKING, \
	  COMPAT_OLD_READERS | COMPAT_NEW_READERS) \
	X(FIELD_RENAMED, "field-renamed", COMPAT_BREAKING, COMPAT_NAMES) \
	X(FIELD_TYPE, "field-type", COMPAT_BREAKING, 0) \
	X(FIELD_REQUIRED, "field-required", COMPAT_BREAKING, COMPAT_NEW_READERS) \
	X(FIELD_OPTIONAL, "field-optional", COMPAT_BREAKING, COMPAT_OLD_READERS) \
	X(FIELD_DEFAULT, "field-default", COMPAT_WARNING, 0) \
	X(TYPE_SPELLING, "type-spelling", COMPAT_OK, 0) \
	X(ENUMERATOR_REMOVED, "enumerator-removed", COMPAT_BREAKING, COMPAT_NEW_READERS) \
	X(ENUMERATOR_VALUE, "enumerator-value", COMPAT_BREAKING, \
	  COMPAT_OLD_READERS | COMPAT_NEW_READERS) \
	X(ENUMERATOR_RENAMED, "enumerator-renamed", COMPAT_BREAKING, COMPAT_NAMES) \
	X(ENUMERATOR_ADDED, "enumerator-added", COMPAT_OK, 0) \
	X(TYPE_REMOVED, "type-removed", COMPAT_WARNING, 0) \
	X(TYPE_ADDED, "type-added", COMPAT_OK, 0) \
	X(CONST_REMOVED, "const-removed", COMPAT_WARNING, 0) \
	X(CONST_CHANGED, "const-changed", COMPAT_WARNING, 0)

enum compat_rule_id {
#define RULE_ENUM(id, name, level, who) RULE_##id,
	COMPAT_RULES(RULE_ENUM)
#undef RULE_ENUM
	N_COMPAT_RULES,
};

/* Where values of a type travel. */
enum compat_use { USE_REQUESTS = 1 << 0, USE_REPLIES = 1 << 1 };

/* Adds a change.  who: 0 for what the rule says; use: 0 if it is not known. */
void compat_report(struct compat *c, enum compat_rule_id id, const struct idl_loc *loc,
		   const char *subject, unsigned who, unsigned use, const char *fmt, ...)
	__attribute__((format(printf, 7, 8)));

/* compat_type.c: who cannot read a value when its type changes; compares structs of different names
 * on the way. */
unsigned compat_types(struct compat *c, const struct idl_type *old, const struct idl_type *new);
/* Whether both are spelled alike. */
bool compat_same_text(struct compat *c, const struct idl_type *old, const struct idl_type *new);
/* "vector<M::S>", in the arena. */
const char *compat_type_text(struct compat *c, const struct idl_type *t);

/* compat_member.c: members of a struct or parameters of a method. */
struct compat_list {
	const char *subject;
	const struct idl_member *v;
	uint32_t n;
};
void compat_members(struct compat *c, const struct compat_list *old,
		    const struct compat_list *new, bool is_params, unsigned use);
/* Compares two structs once; `subject` names the new one. */
void compat_structs(struct compat *c, const struct idl_def *old, const struct idl_def *new);

#endif
