/* What tools share: their output, the registry that they ask, exit statuses. */
#include <stdio.h>
#include <stdlib.h>

#include "proto/endpoint.h"
#include "roles/role.h"

int role_print(const char *who, const struct buf *text)
{
	size_t n = buf_size(text);
	bool failed = (n && fwrite(buf_head(text), 1, n, stdout) != n) || fflush(stdout);

	if (!failed)
		return EXIT_ASKED;
	fprintf(stderr, "tars: %s: stdout: the result could not be written: %m\n", who);
	return EXIT_FAILED;
}

const char *role_locator(const char *given)
{
	const char *env = getenv("TARS_LOCATOR");

	if (given && *given)
		return given;
	return env && *env ? env : ROLE_LOCATOR;
}

int role_registry_object(const char *given, const char *name, const char **object_r,
			 struct arena *a, struct err *e)
{
	const char *locator = role_locator(given);
	struct buf object = BUF_INIT;
	struct object_ref ref;

	if (object_ref_parse(locator, &ref, a, e) < 0)
		return err_wrap(e, "locator");
	if (!ref.direct)
		return err_set(e, TARS_EARG, "locator '%s' has no endpoint (%s)", locator, ROLE_LOCATOR);
	for (uint32_t i = 0; i < ref.eps.n; i++) {
		buf_add_str(&object, i ? ":" : "@");
		endpoint_print(&object, &ref.eps.v[i]);
	}
	*object_r = arena_strf(a, "%s%s", name, buf_str(&object));
	buf_release(&object);
	return 0;
}

int role_exit_status(int code)
{
	switch (code) {
	case TARS_OK:
		return EXIT_ASKED;
	case TARS_EARG:
		return EXIT_USAGE;
	case TARS_ECONF:
		return EXIT_CONFIG;
	case TARS_ECONNECT:
	case TARS_ETIMEOUT:
	case TARS_ENOENDPOINT:
	case TARS_ESEND:
	case TARS_EDB:
	case TARS_EDBUNCERTAIN:
		return EXIT_UNAVAILABLE;
	case TARS_ESYS:
	case TARS_EEXISTS:
	case TARS_EOVERLOAD:
	case TARS_EQUEUETIMEOUT:
		return EXIT_RETRY;
	case TARS_EBLOCK:
		return EXIT_BUG;
	default:
		return EXIT_FAILED;
	}
}

int role_check_locator(const char *given, struct err *e)
{
	struct object_ref ref;
	struct arena a;
	int rc = 0;

	arena_init(&a, NULL, 0);
	if (given && *given && (object_ref_parse(given, &ref, &a, NULL) < 0 || !ref.direct))
		rc = err_set(e, TARS_ECONF, "locator: '%s' is not an object with endpoints, like "
			     "'" ROLE_LOCATOR "'", given);
	arena_clear(&a);
	return rc;
}
