/*
 * Result codes: one row each with name, value, HTTP and gRPC status, official
 * name and text.
 *
 * 0 is success.  -1 to -13 and -99 travel on the wire as ResponsePacket.iRet (contract 1.2).
 * Codes below -1000 are local to this process: put on the wire they become TARS_EUNKNOWN,
 * because official clients close the connection on an iRet below -99.  Positive codes belong to
 * the application (tars_fail).  Public: inlined into the installed tars.h.
 */
#ifndef PROTO_CODE_H
#define PROTO_CODE_H

/* Part of the public API: stays visible when the library hides everything else. */
#define TARS_API __attribute__((visibility("default")))

#define TARS_CODES(X) \
	X(OK, 0, 200, 0, "SERVERSUCCESS", "success") \
	X(EDECODE, -1, 400, 3, "SERVERDECODEERR", "the server could not decode the arguments") \
	X(EENCODE, -2, 500, 13, "SERVERENCODEERR", "the server could not encode the result") \
	X(ENOFUNC, -3, 404, 12, "SERVERNOFUNCERR", "no such function") \
	X(ENOSERVANT, -4, 404, 12, "SERVERNOSERVANTERR", "no such servant") \
	X(EGRID, -5, 503, 14, "SERVERRESETGRID", "reset by the grid") \
	X(EQUEUETIMEOUT, -6, 503, 14, "SERVERQUEUETIMEOUT", \
	  "the request waited too long in the server's queue") \
	X(ETIMEOUT, -7, 504, 4, "INVOKETIMEOUT", "no reply within the time-out") \
	X(ECONNECT, -8, 502, 14, "PROXYCONNECTERR", "cannot connect") \
	X(EOVERLOAD, -9, 503, 8, "SERVEROVERLOAD", "the server is overloaded") \
	X(ENOENDPOINT, -10, 404, 14, "ADAPTERNULL", "no usable endpoint") \
	X(ESET, -11, 403, 7, "INVOKEBYINVALIDESET", "the set rules forbid this call") \
	X(ECLIENTDECODE, -12, 502, 13, "CLIENTDECODEERR", "the client could not decode the reply") \
	X(ESEND, -13, 502, 14, "SENDREQUESTERR", "the request could not be sent") \
	X(EUNKNOWN, -99, 500, 2, "SERVERUNKNOWNERR", "unknown error") \
	X(EARG, -1001, 400, 3, "", "bad argument") \
	X(ECONF, -1002, 500, 13, "", "bad configuration") \
	X(ESYS, -1003, 500, 13, "", "system call failed") \
	X(EPROTO, -1004, 400, 3, "", "malformed data") \
	X(ELIMIT, -1005, 413, 8, "", "a limit is exceeded") \
	X(ENOTFOUND, -1006, 404, 5, "", "not found") \
	X(EEXISTS, -1007, 409, 6, "", "exists already") \
	X(EBLOCK, -1008, 500, 13, "", "would block a reactor: use a coroutine, a worker or an async call") \
	X(ECANCEL, -1009, 503, 14, "", "cancelled") \
	X(EDB, -1010, 503, 14, "", "the database failed; nothing was written") \
	X(EDBUNCERTAIN, -1011, 503, 2, "", "the database connection broke; a write may have happened")

enum tars_code {
#define TARS_CODE_ENUM(name, value, http, grpc, official, text) TARS_##name = (value),
	TARS_CODES(TARS_CODE_ENUM)
#undef TARS_CODE_ENUM
};

/* Text of a code; "application error" for positive and unknown ones.  Never NULL.  Thread: any. */
#ifdef __cplusplus
extern "C"
#endif
TARS_API const char *tars_strerror(int code);

#endif
