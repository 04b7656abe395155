/*
 * What the registry says of a server, and what follows from it: paths, configuration, settings.
 *
 * Made as a whole and replaced as a whole, under the server's lock.  Owner: the server.
 * Thread: the main reactor; spec_make in a coroutine (file work runs in a worker).
 */
#ifndef ROLES_NODE_SPEC_H
#define ROLES_NODE_SPEC_H

#include "if/RegistryF.h"
#include "roles/node/render.h"

struct node;
struct server;

struct heartbeat {
	const char *adapter;
	int64_t at_us;
};

struct spec {
	struct arena arena;
	struct tars_ServerDescriptor *desc;
	struct server_paths paths;
	struct service_conf conf;
	const char *text;           /* of the configuration file */
	struct heartbeat *beats;    /* one for each adapter, and AdminAdapter */
	uint32_t n_beats;
};

/* Copies d, makes the directories, writes the configuration file if it changed. */
int spec_make(struct server *s, const struct tars_ServerDescriptor *d, struct spec **spec_r,
	      struct err *e);
void spec_free(struct spec *spec);

/* What macros in texts for this service stand for. */
void spec_render_in(const struct node *n, const struct spec *spec, struct render_in *in);

/* The scripts decide over the process, not the generated command: not_tars, or a start script. */
bool spec_has_own_start(const struct spec *spec);

/* Where its stdout and stderr go, and where it runs: both live as long as the spec. */
const char *spec_output(const struct spec *spec);
const char *spec_cwd(const struct spec *spec);

#endif
