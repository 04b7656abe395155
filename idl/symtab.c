/* Symbol table: names in scopes, as one open hash. */
#include "idl/lex.h"

#include <stdlib.h>
#include <string.h>

#include "proto/hash.h"

struct symbol {
	const void *scope;
	const char *name;    /* NULL: free */
	uint64_t hash;
	void *value;
};

struct idl_symtab {
	struct symbol *v;
	size_t n, cap;       /* cap is a power of two */
};

struct idl_symtab *idl_symtab_new(void)
{
	struct idl_symtab *t = xcalloc(1, sizeof(*t));

	t->cap = 64;
	t->v = xcalloc(t->cap, sizeof(*t->v));
	return t;
}

void idl_symtab_free(struct idl_symtab *t)
{
	if (!t)
		return;
	free(t->v);
	free(t);
}

static uint64_t symbol_hash(const void *scope, const char *name)
{
	uint64_t by_scope = (uint64_t)(uintptr_t)scope * 0x9e3779b97f4a7c15u >> 7;

	return hash_fnv(name, strlen(name)) ^ by_scope;
}

/* The symbol, or the free place for it. */
static struct symbol *symbol_place(const struct idl_symtab *t, const void *scope, const char *name,
				   uint64_t hash)
{
	for (size_t i = hash & (t->cap - 1);; i = (i + 1) & (t->cap - 1)) {
		struct symbol *s = &t->v[i];

		if (!s->name || (s->hash == hash && s->scope == scope && !strcmp(s->name, name)))
			return s;
	}
}

static void symtab_double(struct idl_symtab *t)
{
	struct idl_symtab bigger = { .n = t->n, .cap = t->cap * 2 };

	bigger.v = xcalloc(bigger.cap, sizeof(*bigger.v));
	for (size_t i = 0; i < t->cap; i++) {
		const struct symbol *s = &t->v[i];

		if (s->name)
			*symbol_place(&bigger, s->scope, s->name, s->hash) = *s;
	}
	free(t->v);
	*t = bigger;
}

void *idl_symtab_add(struct idl_symtab *t, const void *scope, const char *name, void *value)
{
	uint64_t hash = symbol_hash(scope, name);
	struct symbol *s = symbol_place(t, scope, name, hash);

	if (s->name)
		return s->value;
	*s = (struct symbol){ scope, name, hash, value };
	if (++t->n * 2 > t->cap)
		symtab_double(t);
	return NULL;
}

void *idl_symtab_find(const struct idl_symtab *t, const void *scope, const char *name)
{
	return symbol_place(t, scope, name, symbol_hash(scope, name))->value;
}
