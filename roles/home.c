/* Where a platform keeps everything: the default of option path. */
#include <stdlib.h>
#include <unistd.h>

#include "roles/role.h"

int role_data_path(const char *given, struct arena *a, const char **path_r, struct err *e)
{
	const char *home = getenv("HOME");

	/* The node puts it into files that are used from other directories. */
	if (given && *given && *given != '/')
		return err_set(e, TARS_ECONF, "path: '%s' is not absolute: write the whole path, "
			       "like \"$PWD/%s\"", given, given);
	if (given && *given)
		*path_r = given;
	else if (geteuid() != 0 && home && *home == '/')
		*path_r = arena_strf(a, "%s/.tars", home);
	else
		*path_r = "/usr/local/app/tars";
	return 0;
}
