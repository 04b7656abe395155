/*
 * Case files of TarsBenchmark's `tb`: what to call a function with, and of which types that is.
 *
 * Plain (-p tars): types with '|' between them, then a line for each value.  '#' begins a comment
 * above the first value.
 *
 *	vector<string>|struct<string, int>|map<string, string>
 *	#####
 *	<a, b>
 *	<abc, [1-100]>
 *	[k1=v1, k2=v2]
 *
 * JSON (-p json): PREFIX.desc has the types, as members "TAG_NAME_TYPE" or "TAG_NAME_TYPE_unsigned"
 * whose values are defaults or, of struct, vector and map, the members in it; PREFIX.case has the
 * values.  Both are turned into IDL text and JSON, which the compiler and the codec then read.
 * Source: features.md E2.  Owner and thread: the benchmark's.
 */
#ifndef ROLES_BENCH_TBCASE_H
#define ROLES_BENCH_TBCASE_H

#include "roles/bench/cases.h"

/* Add the case of a file as packets; 0 or an exit status, and have said why then. */
int tbcase_add_plain(struct cases *c, const char *func, const char *path);
int tbcase_add_json(struct cases *c, const char *func, const char *prefix);

/* ---- what both kinds share ---- */

enum { TB_MAX_DEPTH = 32 };

/* The types read so far, as the text of structs of one module. */
struct tb_types {
	struct buf idl;
	unsigned n_structs;
	struct err *e;
};

/* Is the text of n bytes this word? */
bool tb_is_word(const char *p, size_t n, const char *word);
/* "int", "string" ... */
bool tb_is_scalar(const char *p, size_t n);
/* Makes a struct of the text of its members; its name is appended to b. */
void tb_put_struct(struct tb_types *types, struct buf *b, struct buf *members);
/* The type of the arguments, which are `members`; 0 or an exit status. */
int tb_compile(struct cases *c, struct tb_types *types, struct buf *members,
	       const char *path, const struct tars_type **in);
int tb_read_file(struct cases *c, const char *path, struct buf *text);

#endif
