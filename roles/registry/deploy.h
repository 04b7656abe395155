/*
 * Deployments: a server that shall be on a node from now on.
 *
 * Fill rq, reg, req and a; then check, write and start, each if the one before went well.
 * Thread: a coroutine of the registry's reactor.
 */
#ifndef ROLES_REGISTRY_DEPLOY_H
#define ROLES_REGISTRY_DEPLOY_H

#include "if/Ctl.h"
#include "proto/endpoint.h"
#include "roles/registry/registry.h"

struct deploy {
	struct tars_req *rq;
	struct registry *reg;
	const struct tars_DeployReq *req;
	struct arena *a;
	/* Templates that will be there by then, or NULL. */
	const struct tars_FleetTemplate_list *new_templates;
	/* ---- by deploy_check: what is stored ---- */
	struct server_ref ref;
	struct tars_str set[3];                  /* name, area, group */
	const char *template_name;
	const char **servant_of, **endpoint_of;  /* for each servant */
	struct endpoint *eps;
	struct err e;                            /* why it was refused */
};

/* Names, node, template, profile, set, servants and ports.  Negative: d->e. */
int deploy_check(struct deploy *d);
int deploy_write(struct deploy *d);
/* The node starts it, or loads it if it shall not run.  result: what happened. */
int deploy_start(struct deploy *d, struct tars_str *result);

/* "App.Server" -> app and server of *ref.  TARS_EARG. */
int ops_split_server(struct tars_str text, struct server_ref *ref, struct arena *a, struct err *e);

#endif
