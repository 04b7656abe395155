/*
 * Trace keys: what names a chain of calls and a call in it, in TARS (STATUS_TRACE_KEY, contract
 * 10.5) and as W3C Trace Context (traceparent), and how one is told in the other.
 *
 *	f.2-4bf92f3577b34da6a3ce929d0e0e4736|00f067aa0ba902b7     trace | span of the call
 *	| | `-- id
 *	| `---- KB that the data of a line may have, in decimal
 *	`------ lines with data: 1 CS, 2 CR, 4 SR, 8 SS, in hex
 *	00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01   version, trace, span, flags
 *
 * Pure bytes; parsed texts point into what was given.  Thread: any.
 */
#ifndef PROTO_TRACEKEY_H
#define PROTO_TRACEKEY_H

#include <stdbool.h>

#include "proto/buf.h"
#include "proto/err.h"
#include "proto/type.h"

enum {
	TRACE_ID_MAX = 128, TRACE_SPAN_MAX = 64,  /* longer ones are refused */
	TRACE_KEY_SIZE = TRACE_ID_MAX + TRACE_SPAN_MAX + 2,
	W3C_ID_SIZE = 33, W3C_SPAN_SIZE = 17, TRACEPARENT_SIZE = 56, /* with NUL */
	TRACESTATE_MAX = 512,
	TRACE_DATA_ALL = 15,
	TRACE_MAX_KB = 512,                       /* more is not kept, whoever asks for it */
};

struct trace_key {
	struct tars_str trace;    /* all of the first part: "f.2-4bf9..." */
	struct tars_str id;       /* the part behind its '-', or all of it */
	struct tars_str span;
	unsigned data;            /* 0..TRACE_DATA_ALL */
	unsigned max_kb;          /* 0: none given */
};

/* Parts are printable ASCII without blanks and '|', as they go into lines of logs. */
int trace_key_parse(const char *text, size_t n, struct trace_key *k, struct err *e);

struct traceparent {
	char id[W3C_ID_SIZE], span[W3C_SPAN_SIZE];  /* lower-case hex digits */
	uint8_t flags;
};
enum { TRACE_SAMPLED = 1 };

/* Version 00, and what higher versions have in common with it. */
int traceparent_parse(const char *text, size_t n, struct traceparent *t, struct err *e);
void traceparent_print(char text[TRACEPARENT_SIZE], const struct traceparent *t);
/* Whether a tracestate may go on: at most TRACESTATE_MAX printable bytes. */
bool tracestate_is_ok(const char *text, size_t n);

/* The W3C id of a TARS one: itself if it is 32 lower-case hex digits, else made from it in a way
 * that everybody who has the same gets the same. */
void trace_id_to_w3c(const struct tars_str *id, char w3c[W3C_ID_SIZE]);

/* Lower-case hex digits of n bytes, and a NUL. */
void trace_hex(char *text, const uint8_t *p, size_t n);

/* One line of the log _t_trace_, without its time: ends with "|", which must stand at its end. */
struct trace_line {
	struct tars_str trace;
	const char *span, *parent;        /* parent "*": none is known */
	const char *annotation;           /* "cs" "cr" "sr" "ss" "ts" "te" */
	const char *client, *server, *func;
	int64_t time_ms;
	int ret;
	struct tars_bytes data;           /* JSON; empty: none */
};
void trace_line_put(struct buf *b, const struct trace_line *l);

#endif
