/* What the commands of `tars idl` share: search path, standard input, errors, results. */
#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "idl/write.h"
#include "proto/text.h"
#include "roles/idl/commands.h"

static int read_input(struct idl_env *env, struct err *e)
{
	size_t n;

	while (env->input.len <= IDL_MAX_FILE_SIZE &&
	       (n = fread(buf_reserve(&env->input, 65536), 1, 65536, stdin)) > 0)
		env->input.len += n;
	if (ferror(stdin))
		return err_set(e, TARS_ESYS, "cannot read standard input: %s", strerror(errno));
	env->has_input = true;
	return 0;
}

/* "-" is standard input; a command may read it more than once. */
static int read_file(void *ctx, const char *path, struct buf *text, struct err *e)
{
	struct idl_env *env = ctx;
	int rc;

	if (strcmp(path, "-") != 0)
		return idl_read_file(NULL, path, text, e);
	rc = env->has_input ? 0 : read_input(env, e);
	if (!rc && env->input.len)
		buf_add(text, env->input.data, env->input.len);
	return rc;
}

void idl_env_init(struct idl_env *env, const struct role_call *call)
{
	const struct idl_conf *conf = call->conf;

	*env = (struct idl_env){ .call = call, .input = BUF_INIT };
	env->opt = (struct idl_options){
		.path = conf->include, .with_tars = conf->with_tars, .read = read_file, .ctx = env,
	};
}

void idl_env_release(struct idl_env *env)
{
	buf_release(&env->input);
}

/* A megabyte of IDL becomes 20 MB of tree, and fresh pages of 4 KB are a fourth of the compiler's
 * time: its heap grows at once, into large pages.  They are only asked for: without them, or with
 * another malloc, all is as before. */
static void prepare_heap(void)
{
	enum { ROOM = 64 << 20, MMAP_MAX = 32 << 20 };
	const uintptr_t large = 2 << 20;
	uintptr_t from = (uintptr_t)sbrk(0), to;
	void *volatile first;    /* a pair that is not optimized away */

	mallopt(M_TOP_PAD, ROOM);
	mallopt(M_TRIM_THRESHOLD, 2 * ROOM);
	mallopt(M_MMAP_THRESHOLD, MMAP_MAX);
	first = malloc(large);
	free(first);
	from = (from + large - 1) & ~(large - 1);
	to = (uintptr_t)sbrk(0) & ~(large - 1);
	if (from < to)
		madvise((void *)from, to - from, MADV_HUGEPAGE);
}

int idl_env_each(const struct role_call *call,
		 int (*one)(struct idl_env *env, const char *path, void *arg), void *arg)
{
	struct idl_env env;
	int status = 0;

	prepare_heap();
	idl_env_init(&env, call);
	for (int i = 0; i < call->argc; i++)
		if (one(&env, call->argv[i], arg))
			status = EXIT_FAILED;
	idl_env_release(&env);
	return status;
}

int idl_check_rules(const struct role_call *call, const char *option, const char *list,
		    bool (*is_rule)(const char *name, size_t n), const char *hint)
{
	const char *end = list ? list + strlen(list) : NULL, *name;
	size_t n;

	while (list && (name = text_list_next(&list, end, &n))) {
		if (is_rule(name, n))
			continue;
		fprintf(stderr, "tars: idl: %s: --%s: no rule is called '%.*s'; %s\n",
			call->command->name, option, (int)n, name, hint);
		return EXIT_USAGE;
	}
	return 0;
}

void idl_show_errors(const struct idl *idl)
{
	struct buf errors = BUF_INIT;

	idl_put_errors(idl, &errors);
	fputs(buf_str(&errors), stderr);
	buf_release(&errors);
}

int idl_env_text(const struct role_call *call, const char *out_path,
		 int (*make)(const struct role_call *call, struct idl *idl, struct buf *out,
			     struct err *e))
{
	struct buf out = BUF_INIT;
	struct err e = { 0 };
	struct idl_env env;
	struct idl idl;
	int status = 0;

	idl_env_init(&env, call);
	idl_init(&idl, &env.opt);
	for (int i = 0; i < call->argc && !status; i++)
		status = idl_load(&idl, call->argv[i]) ? 0 : EXIT_FAILED;
	if (idl.n_errors) {
		idl_show_errors(&idl);
	} else if (!status && make(call, &idl, &out, &e)) {
		role_complain(call->role, &e);
		status = EXIT_FAILED;
	}
	if (!status)
		status = idl_put_output(call, out_path, &out);
	idl_release(&idl);
	idl_env_release(&env);
	buf_release(&out);
	return status;
}

struct idl_file *idl_env_load(struct idl_env *env, struct idl *idl, const char *path)
{
	struct idl_file *file;

	idl_init(idl, &env->opt);
	file = idl_load(idl, path);
	if (!file)
		idl_show_errors(idl);
	return file;
}

int idl_put_output(const struct role_call *call, const char *path, const struct buf *text)
{
	struct err e = { 0 };

	if (!path || !strcmp(path, "-"))
		return role_print(call->role->name, text);
	if (!idl_write_file(path, text, &e))
		return EXIT_ASKED;
	role_complain(call->role, &e);
	return EXIT_FAILED;
}
