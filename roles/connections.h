/*
 * Captured IP packets to TARS packets: connections by their ends, each with two streams.
 *
 * Thread: one at a time.
 */
#ifndef ROLES_CONNECTIONS_H
#define ROLES_CONNECTIONS_H

#include "roles/capture.h"

struct connections;

struct connections *connections_new(const struct capture_sink *sink);
/* An IP packet as far as it was captured. */
void connections_add(struct connections *c, int64_t time_us, const uint8_t *ip, size_t n);
/* The end of the capture: what waits for missing bytes is given up. */
void connections_free(struct connections *c);

#endif
