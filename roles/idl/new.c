/* tars idl new: a directory with a service that builds, runs and passes its own test. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "idl/write.h"
#include "roles/idl/commands.h"
#include "roles/idl/new_text.h"

const struct opt idl_new_opts[] = {
	OPT("out", struct idl_new_conf, out, NULL, OPT_FLAG_ONLY,
	    "directory for the files (default: one with the name of the server)"),
	{ 0 }
};

struct new_names {
	const char *app, *server, *servant;
	const char *dir;
	struct arena arena;
};

/* A copy with the names in place of their marks. */
static const char *fill(struct new_names *names, const char *text)
{
	const struct {
		const char *mark, *name;
	} marks[] = {
		{ "@APP@", names->app }, { "@SERVER@", names->server },
		{ "@SERVANT@", names->servant },
	};
	struct buf b = BUF_INIT;
	const char *filled;

	while (*text) {
		size_t i = 0;

		while (i < 3 && strncmp(text, marks[i].mark, strlen(marks[i].mark)) != 0)
			i++;
		if (i < 3) {
			buf_add_str(&b, marks[i].name);
			text += strlen(marks[i].mark);
		} else {
			buf_add_u8(&b, (uint8_t)*text++);
		}
	}
	filled = arena_strdup(&names->arena, buf_str(&b));
	buf_release(&b);
	return filled;
}

static int wrong_name(const char *what, const char *name)
{
	fprintf(stderr, "tars: idl: new: the %s '%s' is no name; expected letters and digits, a "
		"letter first\n", what, name);
	return EXIT_USAGE;
}

static bool is_name(const char *name)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ",
			  others[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";

	return *name && strchr(letters, *name) && !name[strspn(name, others)];
}

/* The compiler knows what else cannot be a name: keywords, "tars", one for both. */
static int check_idl(const char *path, const char *text)
{
	struct idl idl;
	int status = EXIT_ASKED;

	idl_init(&idl, NULL);
	if (!idl_load_text(&idl, path, text, strlen(text))) {
		idl_show_errors(&idl);
		status = EXIT_USAGE;
	}
	idl_release(&idl);
	return status;
}

/* Names of files and targets of the directory. */
static bool is_used(const char *name)
{
	static const char *const used[] = { "all", "clean", "client", "server", "test" };

	for (size_t i = 0; i < sizeof(used) / sizeof(*used); i++)
		if (!strcmp(name, used[i]))
			return true;
	return false;
}

static int check_names(struct new_names *names)
{
	size_t n;

	if (!is_name(names->app))
		return wrong_name("application", names->app);
	if (!is_name(names->server))
		return wrong_name("server", names->server);
	if (!is_name(names->servant))
		return wrong_name("servant", names->servant);
	/* The object is ServantObj, whichever of both was given. */
	n = strlen(names->servant);
	if (n > 3 && !strcmp(names->servant + n - 3, "Obj"))
		names->servant = arena_memdup(&names->arena, names->servant, n - 3);
	if (is_used(names->server) || is_used(names->servant)) {
		fprintf(stderr, "tars: idl: new: 'all', 'clean', 'client', 'server' and 'test' are "
			"used for files of the directory; expected other names\n");
		return EXIT_USAGE;
	}
	return check_idl(fill(names, new_files[0].name), fill(names, new_files[0].text));
}

static int complain(const char *what, const char *path)
{
	fprintf(stderr, "tars: idl: new: cannot %s '%s': %s\n", what, path, strerror(errno));
	return EXIT_FAILED;
}

/* Nothing that is there is overwritten. */
static int check_free(struct new_names *names)
{
	for (const struct new_file *f = new_files; f->name; f++) {
		const char *path = arena_strf(&names->arena, "%s/%s", names->dir,
					      fill(names, f->name));

		if (!access(path, F_OK)) {
			fprintf(stderr, "tars: idl: new: '%s' exists; name another directory with "
				"--out\n", path);
			return EXIT_FAILED;
		}
	}
	return EXIT_ASKED;
}

static int write_files(struct new_names *names)
{
	if (mkdir(names->dir, 0777) && errno != EEXIST)
		return complain("make the directory", names->dir);
	for (const struct new_file *f = new_files; f->name; f++) {
		const char *path = arena_strf(&names->arena, "%s/%s", names->dir,
					      fill(names, f->name));
		struct buf text = BUF_INIT;
		struct err e = { 0 };
		int rc;

		buf_add_str(&text, fill(names, f->text));
		rc = idl_write_file(path, &text, &e);
		buf_release(&text);
		if (rc) {
			fprintf(stderr, "tars: idl: new: %s\n", e.text);
			return EXIT_FAILED;
		}
		if (f->is_program && chmod(path, 0755))
			return complain("make a program of", path);
	}
	printf("%s: service %s.%s with object %s.%s.%sObj; now: make -C %s test\n", names->dir,
	       names->app, names->server, names->app, names->server, names->servant, names->dir);
	return EXIT_ASKED;
}

int idl_cmd_new(const struct role_call *call)
{
	const struct idl_new_conf *conf = call->own;
	struct new_names names = {
		.app = call->argv[0], .server = call->argv[1], .servant = call->argv[2],
		.dir = conf->out ? conf->out : call->argv[1],
	};
	int status;

	arena_init(&names.arena, NULL, 0);
	status = check_names(&names);
	if (status == EXIT_ASKED)
		status = check_free(&names);
	if (status == EXIT_ASKED)
		status = write_files(&names);
	arena_clear(&names.arena);
	return status;
}
