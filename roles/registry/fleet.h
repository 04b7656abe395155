/*
 * Fleet: every server on every node, what look-ups need besides, and the objects made of them.
 *
 * The registry fills it from the database, a node from the registry.  Servers come, change and go
 * one by one; an object's endpoints are put together when it is asked for, and kept until one of
 * its servers changes.  A server is kept as it is encoded, about 150 bytes, its state apart.
 *
 * Two fleets are equal if their sums are: a sum is that of a bucket of servers, chosen by id, so
 * whoever differs can tell where.  Bytes and memory only.  Thread: one at a time.
 */
#ifndef ROLES_REGISTRY_FLEET_H
#define ROLES_REGISTRY_FLEET_H

#include <stdbool.h>

#include "if/Routes.h"
#include "proto/arena.h"
#include "proto/err.h"
#include "roles/registry/dict.h"
#include "roles/registry/index.h"

enum {
	FLEET_BUCKETS = 256,
	FLEET_BASE = FLEET_BUCKETS,     /* the place of the base's sum, behind those of the buckets */
	FLEET_SUMS,
};

/* What happened to a server since fleet_take_changes. */
enum { FLEET_STATE = 1, FLEET_ROWS = 2 };

/* One server on one node.  Owner: the fleet. */
struct instance {
	struct dict_entry entry;        /* "App/Server/node" */
	int64_t id;                     /* of its row: the order in answers */
	uint64_t sum;
	uint8_t *data;                  /* struct Routes_Server without present_state, encoded */
	uint32_t n;
	uint32_t seen;                  /* the last pass that found it */
	uint8_t state;                  /* tars_ServerState */
	uint8_t changed;
	char key[];
};

struct route_object;
struct route_priority {
	struct tars_str station;
	struct tars_int_list groups;
};

/* Replaced as a whole. */
struct fleet_base {
	struct arena arena;
	struct Routes_Base rows;
	struct index group_by_host;     /* entry of allow_ip_rule -> struct Routes_GroupRule */
	struct index group_by_name;
	struct route_priority *priorities;  /* in list_order */
	struct index masters;           /* "App/Server/" -> struct Routes_MasterRow */
};

struct instance_list {
	struct instance **v;            /* by id */
	uint32_t n, room;
};

struct fleet_changes {
	struct instance **v;            /* that are still there */
	uint32_t n, room;
	int64_t *removed;
	uint32_t n_removed, room_removed;
	bool base;
};

struct fleet {
	struct dict instances, objects;
	struct instance_list buckets[FLEET_BUCKETS];
	uint32_t n;                     /* servers */
	struct fleet_base *base;        /* never NULL */
	uint64_t sums[FLEET_SUMS];
	uint32_t pass;
	uint32_t n_endpoints;
	size_t kept_bytes;              /* of encoded answers */
	uint32_t n_bad;                 /* endpoint texts that cannot be read: not found by anybody */
	/* Called at the first change after fleet_take_changes; NULL: nobody wants to know. */
	void (*on_change)(void *arg);
	void *arg;
	/* Called for an object whose endpoints may be others now; may be NULL. */
	void (*on_object)(void *arg, struct tars_str id);
	void *object_arg;
	struct fleet_changes changes;
};

struct fleet *fleet_new(void);
void fleet_free(struct fleet *f);

/* The key of a server, in the arena. */
struct tars_str fleet_key(struct arena *a, struct tars_str app, struct tars_str server,
			  struct tars_str node);
/* NULL: there is no such server. */
struct instance *fleet_find(const struct fleet *f, struct tars_str key);
/* Its rows, in the arena. */
void fleet_server(const struct instance *in, struct Routes_Server *server_r, struct arena *a);

/* Adds the server or replaces what is known of it; it counts as seen in this pass. */
void fleet_put(struct fleet *f, const struct Routes_Server *s);
/* The same from its encoded form, which comes from outside; negative: it cannot be read. */
int fleet_put_data(struct fleet *f, int64_t id, uint8_t state, const uint8_t *data, uint32_t n,
		   struct err *e);
/* True if that changed anything. */
bool fleet_set_state(struct fleet *f, struct instance *in, uint8_t state);
void fleet_remove(struct fleet *f, struct instance *in);
/* NULL: none has this id. */
struct instance *fleet_by_id(const struct fleet *f, int64_t id);
/* Removes the servers that were not put since fleet->pass was set. */
void fleet_sweep(struct fleet *f);
/* The same of one bucket. */
void fleet_sweep_bucket(struct fleet *f, unsigned bucket);
/* Copied. */
void fleet_set_base(struct fleet *f, const struct Routes_Base *base);
/* The same from its encoded form. */
int fleet_put_base(struct fleet *f, const uint8_t *data, size_t n, struct err *e);

static inline unsigned fleet_bucket(int64_t id)
{
	return (unsigned)((uint64_t)id % FLEET_BUCKETS);
}
/* Of everything. */
uint64_t fleet_sum(const struct fleet *f);

/* The endpoints of an object, until the next change of the fleet; NULL: it has none. */
struct route_object *fleet_object(struct fleet *f, struct tars_str id);
/* Encoded answers of all objects. */
void fleet_forget_answers(struct fleet *f);

/* Since fleet_take_changes. */
bool fleet_is_unchanged(const struct fleet *f);
/* What has changed, until the fleet changes again; the caller sets each `changed` to 0. */
struct fleet_changes fleet_take_changes(struct fleet *f);
void fleet_changes_release(struct fleet_changes *c);

/* "active" for 2 and so on; NULL: not a state. */
const char *state_name(int32_t server_state);
/* The other way round; TARS_ServerState_Inactive for what is none. */
uint8_t state_code(struct tars_str name);

#endif
