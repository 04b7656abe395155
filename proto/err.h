/*
 * An error with its code and a text that names object, cause and fix.
 *
 * Functions that can fail return 0 or a negative enum tars_code and take `struct err *` last.
 * The text is written once, where the cause is known; callers wrap it with context only where that
 * helps.  `e` may be NULL everywhere.  An err is a plain value: no release.  Thread: any.
 */
#ifndef PROTO_ERR_H
#define PROTO_ERR_H

#include "proto/code.h"

struct err {
	int code;
	char text[512]; /* one line, no newline at the end */
};

/* Both return the code, so that `return err_set(e, TARS_EARG, ...)` reads well. */
int err_set(struct err *e, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
int err_wrap(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void err_clear(struct err *e);

/* HTTP status of a code; application codes give 500. */
int err_http_status(int code);
/* Status of a gRPC call; application codes give 2, UNKNOWN. */
int err_grpc_status(int code);
/* Code as it may travel in iRet: local codes become TARS_EUNKNOWN. */
int err_wire_code(int code);
/* What the official SDKs call that: "SERVERNOFUNCERR"; "" for application codes. */
const char *err_wire_name(int code);

/* Our own bugs: always compiled in, aborts with file and line.  Never for input. */
#define BUG_ON(cond) \
	do { \
		if (__builtin_expect(!!(cond), 0)) \
			bug_at(__FILE__, __LINE__, #cond); \
	} while (0)
_Noreturn void bug_at(const char *file, int line, const char *what);

#endif
