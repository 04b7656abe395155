/*
 * An object that a tool calls: its proxy, its types (from a file or from the service itself), and
 * what a failed call means for a script.
 *
 * Owner: the tool's main(); all lives until remote_close().  Thread: the tool's.
 */
#ifndef ROLES_REMOTE_H
#define ROLES_REMOTE_H

#include "core/sys/opt.h"
#include "core/tars.h"
#include "idl/idl.h"
#include "proto/endpoint.h"
#include "roles/role.h"

struct remote_conf {
	const char *locator, *idl, *include, *interface, *set;
	const char *ca, *cert, *key, *access_key, *secret_key;
	bool json, tars, tup;
	int64_t timeout_ms;
};

/* The rows of these, for a conf that has them as its member `remote`. */
#define REMOTE_OPTS(conf) \
	OPT("access-key", conf, remote.access_key, NULL, 0, "for endpoints with -e 1"), \
	OPT("ca", conf, remote.ca, NULL, 0, \
	    "PEM file with who must have signed the certificate of an ssl endpoint"), \
	OPT("cert", conf, remote.cert, NULL, 0, \
	    "PEM file with our certificate, for ssl endpoints that ask for one"), \
	OPT("idl", conf, remote.idl, NULL, OPT_FLAG_ONLY, \
	    "take the types from this .tars file instead of asking the service"), \
	OPT("include", conf, remote.include, NULL, OPT_FLAG_ONLY, \
	    "directories to look for included files in, with ':' between them"), \
	OPT("interface", conf, remote.interface, NULL, OPT_FLAG_ONLY, \
	    "of the .tars file, as Module::Name, when several have the function"), \
	OPT("json", conf, remote.json, "no", OPT_FLAG_ONLY, "call in JSON (iVersion 5)"), \
	OPT("key", conf, remote.key, NULL, 0, "PEM file with the private key of cert"), \
	OPT("locator", conf, remote.locator, NULL, 0, \
	    "object of the registry (default: $TARS_LOCATOR, or this machine's)"), \
	OPT("secret-key", conf, remote.secret_key, NULL, OPT_SECRET, \
	    "of access-key; better in the configuration or the environment than here"), \
	OPT("set", conf, remote.set, NULL, OPT_FLAG_ONLY, \
	    "call as a member of this set, \"name.area.group\""), \
	OPT("tars", conf, remote.tars, "no", OPT_FLAG_ONLY, \
	    "call in TARS (iVersion 1), as without any of these"), \
	OPT_DURATION("timeout", conf, remote.timeout_ms, "3s", OPT_BARE_MS, \
		     "how long to wait for an answer; 500 is 500ms", .letter = 't'), \
	OPT("tup", conf, remote.tup, "no", OPT_FLAG_ONLY, "call in TUP (iVersion 3)")

struct remote {
	const char *who;             /* the tool: "call" */
	const struct remote_conf *conf;
	const char *object;          /* as given */
	enum tars_wire wire;
	struct tars_app *app;
	struct tars_req *rq;
	struct tars_proxy *proxy;
	struct arena arena;
	struct idl idl;
	struct idl_descs descs;
	struct tars_str text;        /* the interface's IDL; "" if it did not come from the service */
};

/* All of these give 0 or an exit status, and have said why then. */
int remote_open(struct remote *r, const char *who, const struct remote_conf *conf,
		const char *object);
void remote_close(struct remote *r);
int remote_load_types(struct remote *r);
/* The interface with this function; of all, or of --interface. */
int remote_find_func(struct remote *r, const char *name, const struct tars_iface **iface_r,
		     int *func_r);
/* "-" is standard input and "@file" a file; anything else is the text itself.  Appends to b. */
int remote_read(struct remote *r, const char *arg, struct buf *b);
/* The value of a function's arguments from JSON. */
int remote_get_arguments(struct remote *r, const struct tars_func *f, const struct buf *json,
			 void *in);
/* Where it is: the endpoints given, or those that the registry says.  *name_r: without them. */
int remote_endpoints(struct remote *r, const char **name_r, struct endpoint_list *eps);
/* Each function that the object has, in a line: "int greet(string name, out string text)". */
void remote_list(const struct remote *r, struct buf *b);

/* "tars: call: text", and gives the status. */
int remote_complain(const struct remote *r, int status, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* A call has failed with rc: says so, with what to do about it. */
int remote_fail(const struct remote *r, const char *error, int rc);
/* The exit status of a call that ended with rc (README: calls from scripts). */
int remote_status(int rc);

#endif
