/*
 * Rules for .tars text that is correct, and yet will hurt somebody.
 *
 * Findings can be switched off by rule, and in the text by a comment: "lint:disable RULE, RULE"
 * holds for its line if it stands behind something, else for the definition or member that follows;
 * without rules it means all.  One thread at a time.
 */
#ifndef IDL_LINT_H
#define IDL_LINT_H

#include "idl/idl.h"

enum lint_severity { LINT_HINT, LINT_WARNING, LINT_ERROR };

struct lint;

struct lint_rule {
	const char *name;
	enum lint_severity severity;
	const char *text;            /* what it is about, for the list of rules */
	void (*on_file)(struct lint *l, const struct idl_file *file);
	void (*on_def)(struct lint *l, const struct idl_def *def);
};
extern const struct lint_rule lint_rules[]; /* ends with { 0 } */
extern const char *const lint_severities[]; /* "hint", .. */

struct lint_finding {
	const struct lint_rule *rule;
	struct idl_loc loc;
	const char *text;
	uint32_t order;
};

/* Lines of the text for which a comment switches rules off. */
struct lint_quiet {
	uint32_t first, last;
	const char *rules;           /* "a, b"; "" for all */
	uint32_t n;
};

struct lint {
	struct idl *idl;             /* loaded without errors; owns all that is found */
	const struct idl_file *file;
	const struct lint_rule *rule; /* that runs */
	struct lint_quiet *quiet;
	uint32_t n_quiet;
	struct idl_loc *includes;    /* where each of the file's stands */
	uint32_t n_includes;
	struct lint_finding *findings;
	uint32_t n_findings;
};

/* Checks one file of an idl and fills l->findings, in the order of places.  `disabled`: names of
 * rules with ',' between them, or NULL. */
int lint_run(struct lint *l, struct idl *idl, const struct idl_file *file, const char *disabled,
	     struct err *e);
bool lint_is_rule(const char *name, size_t n);

/* For rules: adds a finding. */
void lint_add(struct lint *l, const struct idl_loc *loc, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* lint_words.c: the languages whose official generators cannot live with a name. */
enum lint_language {
	LINT_CPP = 1 << 0, LINT_JAVA = 1 << 1, LINT_GO = 1 << 2, LINT_JAVASCRIPT = 1 << 3,
};
/* Because it is a word of theirs. */
unsigned lint_target_word(const char *name);
/* As a parameter, because generated code has a variable of this name. */
unsigned lint_local_name(const char *name);
/* "C++, Java" */
const char *lint_languages(struct arena *a, unsigned languages);

#endif
