/* Stage 0 of the build: the IDL compiler by itself, for the platform's own interfaces. */
#include <stdio.h>
#include <string.h>

#include "idl/write.h"

static int usage(void)
{
	fputs("usage: idlc [--with-tars] [--tables] [-I DIR:DIR...] --out DIR FILE.tars...\n", stderr);
	return 64;
}

int main(int argc, char **argv)
{
	struct idl_options opt = { 0 };
	const char *out = NULL;
	int i;

	for (i = 1; i < argc && argv[i][0] == '-'; i++) {
		if (!strcmp(argv[i], "--with-tars"))
			opt.with_tars = true;
		else if (!strcmp(argv[i], "--tables"))
			opt.tables_only = true;
		else if (!strcmp(argv[i], "--out") && i + 1 < argc)
			out = argv[++i];
		else if (!strcmp(argv[i], "-I") && i + 1 < argc)
			opt.path = argv[++i];
		else
			return usage();
	}
	if (!out || i == argc)
		return usage();
	for (; i < argc; i++)
		if (idl_write_c(&opt, argv[i], out, stderr))
			return 1;
	return 0;
}
