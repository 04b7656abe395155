/* Runs a fuzz target over its corpus files, where libFuzzer is not there to do it. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static int replay_file(const char *path)
{
	FILE *f = fopen(path, "rb");
	uint8_t *data = NULL;
	size_t n = 0, got;

	if (!f)
		return -1;
	do {
		data = realloc(data, n + 65536);
		if (!data)
			abort();
		got = fread(data + n, 1, 65536, f);
		n += got;
	} while (got);
	fclose(f);
	LLVMFuzzerTestOneInput(data, n);
	/* Every prefix too: truncation is the commonest damage. */
	for (size_t cut = 0; cut < n && cut < 256; cut++) {
		uint8_t *part = malloc(cut ? cut : 1); /* its own block, so that ASan sees overruns */

		if (!part)
			abort();
		memcpy(part, data, cut);
		LLVMFuzzerTestOneInput(part, cut);
		free(part);
	}
	free(data);
	return 0;
}

int main(int argc, char **argv)
{
	const char *name = strrchr(argv[0], '/') ? strrchr(argv[0], '/') + 1 : argv[0];
	char dir[512], path[1024];
	struct dirent *entry;
	int files = 0;
	DIR *d;

	snprintf(dir, sizeof(dir), "t/fuzz/corpus/%s", argc > 1 ? argv[1] : name + strlen("fuzz-"));
	d = opendir(dir);
	if (!d) {
		printf("1..1\nnot ok 1 - %s: no corpus in %s\n", name, dir);
		return 1;
	}
	while ((entry = readdir(d))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", dir, entry->d_name);
		if (!replay_file(path))
			files++;
	}
	closedir(d);
	printf("1..1\n%s 1 - %s: %d inputs and their prefixes\n", files ? "ok" : "not ok", name, files);
	return !files;
}
