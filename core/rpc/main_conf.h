/*
 * The official configuration of a service, read into what tars_main needs.
 *
 * Texts point into the configuration tree, whose arena must stay.  Thread: any.
 */
#ifndef CORE_RPC_MAIN_CONF_H
#define CORE_RPC_MAIN_CONF_H

#include "core/rpc/app.h"
#include "proto/tarsconf.h"

struct main_conf {
	const struct tarsconf *tree;    /* NULL: --listen */
	struct app_conf app;
	const char *application, *server;
	const char *name;               /* "App.Server" */
	const char *node;               /* object string; NULL: no heartbeats */
	const char *version;
	const char *appcache_path;      /* contract 6; NULL: no datapath */
	int64_t grace_ms;
	struct adapter_conf local;      /* name NULL: none */
	struct adapter_conf *adapters;
	const char **servants;          /* of each adapter */
	unsigned n_adapters;
	struct tars_security *security; /* of the client, and of its objects */
	unsigned n_security;
};

/* Reads a configuration file. */
int main_conf_load(const char *path, struct tarsconf *tree, struct err *e);
/* What reports need, which may be read again at run time. */
int main_conf_read_report(const struct tarsconf *tree, struct reporter_conf *c, struct err *e);
/* TARS_ECONF names the path of the key that is wrong. */
int main_conf_read(const struct tarsconf *tree, struct main_conf *c, struct arena *a,
		   struct err *e);
/* For --listen: all servants on one port, no node, no registry. */
int main_conf_direct(const char *listen, const char *servant, struct main_conf *c, struct arena *a,
		     struct err *e);

#endif
