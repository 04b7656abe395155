/*
 * The C generator's state, shared by gen_c*.c.
 *
 * Internal to idl/.  Names first (gen_c_name.c), then the header (gen_c_head.c, gen_c_iface.c) and
 * the code (gen_c_desc.c, gen_c_iface.c).  Output depends on the text and its includes only.
 */
#ifndef IDL_GEN_C_H
#define IDL_GEN_C_H

#include "idl/comment.h"
#include "idl/lex.h"

struct gen {
	struct idl *idl;
	struct arena *arena;      /* for names: idl's; then for the text of one definition */
	struct idl_file *file;
	struct idl_symtab *names; /* C names: whose they are */
	struct buf *h, *c;
	const struct idl_sink *sink; /* where h and c go; NULL: they are kept as a whole */
};

/* gen_c.c: a definition is done: its texts are released, the output may be handed on. */
void gen_done(struct gen *g);

/* gen_c_name.c: gives every definition, member and method of all files its C name. */
void gen_names(struct gen *g);
/* C type of a value: "int32_t", "struct tars_str", "struct TestApp_User_list". */
const char *gen_c_type(struct gen *g, const struct idl_type *t);
/* Name of a container's struct ("tars_int_list"), or of its pair ("tars_string_int_pair"). */
const char *gen_container(struct gen *g, const struct idl_type *t);
const char *gen_pair(struct gen *g, const struct idl_type *t);
/* Name of a type's descriptor. */
const char *gen_descriptor(struct gen *g, const struct idl_type *t);
/* Whether the runtime has this container already. */
bool gen_is_runtime_container(struct gen *g, const struct idl_type *t);
/* True once for each name: whether this output still lacks it. */
bool gen_is_first(struct gen *g, const void *output, const char *name);
/* Reports a container whose C name means something else already. */
void gen_claim_container(struct gen *g, const struct idl_type *t);

/* Parts of the output. */
void gen_head(struct gen *g);
void gen_code(struct gen *g);
void gen_iface_head(struct gen *g, const struct idl_def *def);
void gen_iface_code(struct gen *g, const struct idl_def *def);
/* gen_c_push.c: what comes with them if they are @push. */
void gen_push_head(struct gen *g, const struct idl_def *def);
void gen_push_code(struct gen *g, const struct idl_def *def);
/* Structs of the containers that a type needs; `self` is the struct that is not complete yet. */
void gen_containers(struct gen *g, const struct idl_type *t, const struct idl_def *self);
/* A struct's or parameter struct's members in C. */
void gen_member(struct gen *g, const struct idl_member *m);
/* Descriptor of a struct, of the containers in it first.  members holds n pointers. */
void gen_struct_descriptor(struct gen *g, const char *storage, const char *c_name,
			   const char *idl_name, const struct idl_member *const *members,
			   uint32_t n);

/* Its straight-line encoder and decoder; members by ascending tag. */
void gen_codec(struct gen *g, const char *c_name, const struct idl_member *const *members,
	       uint32_t n);

/* "head(arg, arg)tail", broken at 100 columns. */
void gen_wrap(struct buf *b, const char *head, const char *const *args, unsigned n,
	      const char *tail);
/* A string literal. */
void gen_string(struct buf *b, const char *s);
/* An integer or floating-point literal for a constant of this type. */
void gen_number(struct buf *b, const struct idl_type *t, const struct idl_value *v);

#endif
