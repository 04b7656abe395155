/*
 * Mirror: the registry's side of the copies that nodes keep of its fleet.
 *
 * Owner: the registry.  Thread: its reactor.
 */
#ifndef ROLES_REGISTRY_MIRROR_H
#define ROLES_REGISTRY_MIRROR_H

struct mirror;
struct registry;

/* From now on changes of the registry's fleet are gathered and told. */
struct mirror *mirror_new(struct registry *reg);
/* No more of them. */
void mirror_stop(struct mirror *m);
/* After the last request. */
void mirror_free(struct mirror *m);
/* Something has changed. */
void mirror_changed(struct mirror *m);

struct tars_Mirror;
extern const struct tars_Mirror registry_mirror;

#endif
