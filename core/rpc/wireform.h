/*
 * What calls look like on the wire: TARS, or TUP and JSON bodies as scripts and gateways send them.
 *
 * The mirror of format.h, for the calling side.  Thread: any.
 */
#ifndef CORE_RPC_WIREFORM_H
#define CORE_RPC_WIREFORM_H

#include "core/tars.h"
#include "proto/packet.h"

/* Appends the arguments as TUP or JSON; TARS_EENCODE if JSON cannot express them. */
int wire_put_args(struct buf *b, int wire, const struct tars_type *t, const void *in,
		  struct err *e);
int wire_get_result(int wire, const struct tars_bytes *body, const struct tars_type *t, void *out,
		    struct arena *a, struct err *e);

static inline bool wire_is_known(int version)
{
	return version == VERSION_TARS || version == VERSION_TUP || version == VERSION_JSON;
}

/* A TUP reply has the layout of a request: made a response, with code and text of its status. */
int wire_get_tup_response(const uint8_t *frame, size_t n, struct response_packet *r,
			  struct arena *a, struct err *e);
/* A reply of any form. */
static inline int wire_get_response(const uint8_t *frame, size_t n, struct response_packet *r,
				    struct arena *a, struct err *e)
{
	/* iVersion is the first field, and a byte of that size. */
	if (__builtin_expect(n > 1 && frame[0] == 0x10 && frame[1] == VERSION_TUP, 0))
		return wire_get_tup_response(frame, n, r, a, e);
	return packet_get_response(frame, n, r, a, e);
}

#endif
