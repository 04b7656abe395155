/* Fuzz: INI files; every row has a section and a line within the file. */
#include <string.h>

#include "core/sys/inifile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct inifile f = { 0 };
	struct arena a;
	struct err e = { 0 };
	int lines = 1;

	arena_init(&a, NULL, 0);
	for (size_t i = 0; i < n; i++)
		lines += data[i] == '\n';
	if (inifile_parse(&f, "fuzz.ini", (const char *)data, n, &a, &e))
		BUG_ON(!*e.text || f.n);
	for (uint32_t i = 0; i < f.n; i++) {
		BUG_ON(f.v[i].line < 1 || f.v[i].line > lines);
		BUG_ON(strlen(f.v[i].section) > INIFILE_MAX_SECTION);
		BUG_ON(f.v[i].name && !f.v[i].value);
	}
	arena_clear(&a);
	return 0;
}
