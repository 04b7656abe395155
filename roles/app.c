/* tars app: runs a service that is built as a shared object. */
#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/tars.h"
#include "roles/role.h"

static int complain(int status, const char *file, const char *what)
{
	fprintf(stderr, "tars: app: %s: %s\n", file, what);
	return status;
}

/* argv is what follows "app": the file, then the options of every service (tars_main). */
static int app_main(int argc, char **argv, const void *conf)
{
	const struct tars_service *service;
	char path[PATH_MAX];
	void *so;

	(void)conf;
	if (argc < 1 || *argv[0] == '-') {
		fputs("tars: app: the first argument is the service: FILE.so (see --help)\n", stderr);
		return EXIT_USAGE;
	}
	/* A plain name means a file here, never one of the system's libraries. */
	if (!realpath(argv[0], path))
		return complain(EXIT_USAGE, argv[0], "no such file");
	so = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!so)
		return complain(EXIT_CONFIG, argv[0], dlerror());
	service = dlsym(so, "tars_service");
	if (!service)
		return complain(EXIT_CONFIG, argv[0],
				"has no `const struct tars_service tars_service` that is visible");
	return tars_main(argc, argv, service);
}

const struct role app_role = {
	.name = "app",
	.summary = "runs a service that is built as a shared object",
	.args = "FILE.so --config=FILE | --listen=HOST:PORT",
	.is_raw = true,
	.main = app_main,
};
