/* HTTP requests as calls: paths, headers and bodies to the head of a request. */
#include "proto/http_call.h"

#include <string.h>

#include "proto/frame.h"
#include "proto/grpc.h"
#include "proto/json.h"
#include "proto/text.h"

#define CONTEXT_PREFIX "tars-ctx-"

/* ---- routes ---- */

static const struct route_row {
	const char *path;            /* one that ends in '/' is followed by <obj>/<func> */
	enum http_route route;
	unsigned methods;
	const char *allow;
} routes[] = {
	{ "/v1/call/", ROUTE_CALL, METHOD_POST, "POST, OPTIONS" },
	{ "/json/", ROUTE_JSON, METHOD_POST, "POST, OPTIONS" },
	{ "/json", ROUTE_ENVELOPE, METHOD_POST, "POST, OPTIONS" },
	{ "/tup", ROUTE_TUP, METHOD_POST, "POST, OPTIONS" },
	{ "/healthz", ROUTE_HEALTH, METHOD_GET | METHOD_HEAD, "GET, HEAD, OPTIONS" },
	{ "/metrics", ROUTE_METRICS, METHOD_GET | METHOD_HEAD, "GET, HEAD, OPTIONS" },
};

/* %XX to bytes, in place; what is no such code stays as it is. */
static size_t percent_decode(char *p, size_t n)
{
	size_t out = 0;

	for (size_t i = 0; i < n; i++, out++) {
		int high = p[i] == '%' && i + 2 < n ? text_hex_digit(p[i + 1]) : -1;
		int low = high >= 0 ? text_hex_digit(p[i + 2]) : -1;

		p[out] = p[i];
		if (low >= 0) {
			p[out] = (char)(high << 4 | low);
			i += 2;
		}
	}
	return out;
}

/* Path of the target, decoded: without scheme and host of a proxy's form, query and fragment. */
static struct tars_str path_of(struct http_request *rq)
{
	const char *p = rq->target.p, *host;
	struct tars_str path;
	char *own;

	if (rq->target.n && *p != '/' && (host = strstr(p, "://"))) {
		p = strchr(host + 3, '/');
		if (!p)
			return TARS_STR("/");
	}
	path.n = (uint32_t)strcspn(p, "?#");
	own = arena_memdup(&rq->arena, p, path.n);
	path.n = (uint32_t)percent_decode(own, path.n);
	own[path.n] = '\0';
	path.p = own;
	return path;
}

/* "<obj>/<func>", both not empty. */
static bool split_names(const char *p, size_t n, struct request_packet *head)
{
	const char *slash = memchr(p, '/', n);

	if (!slash || slash == p || slash == p + n - 1 ||
	    memchr(slash + 1, '/', (size_t)(p + n - slash - 1)))
		return false;
	head->servant = (struct tars_str){ p, (uint32_t)(slash - p) };
	head->func = (struct tars_str){ slash + 1, (uint32_t)(p + n - slash - 1) };
	return true;
}

/* Any path, told by the type of the body. */
static const struct route_row *grpc_route(const struct http_request *rq,
					  const struct tars_str *path, struct http_call *call)
{
	static const struct route_row row = { "/", ROUTE_GRPC, METHOD_POST, "POST" };

	call->coding = rq->is_http2 ? grpc_coding_of(http_header(rq, "content-type")) : GRPC_NONE;
	if (!call->coding || !path->n || !split_names(path->p + 1, path->n - 1, &call->head))
		return NULL;
	return &row;
}

static const struct route_row *find_route(const struct tars_str *path, struct http_call *call)
{
	for (size_t i = 0; i < sizeof(routes) / sizeof(*routes); i++) {
		const struct route_row *r = &routes[i];
		size_t n = strlen(r->path);

		if (path->n < n || memcmp(path->p, r->path, n))
			continue;
		if (path->n == n ? r->path[n - 1] != '/' :
		    r->path[n - 1] == '/' && split_names(path->p + n, path->n - n, &call->head))
			return r;
	}
	return NULL;
}

/* Pages of other sites that a browser shows must not make calls in the user's network. */
static bool is_foreign_page(const struct http_request *rq)
{
	const struct tars_str *origin = http_header(rq, "origin"), *host = http_header(rq, "host");
	const char *site;

	if (!origin)
		return false;
	site = strstr(origin->p, "://");
	return !host || !site || strcmp(site + 3, host->p);
}

int http_route(struct http_request *rq, struct http_call *call, struct err *e)
{
	const struct tars_str *coding = http_header(rq, "content-encoding");
	struct tars_str path = path_of(rq);
	const struct route_row *r;

	*call = (struct http_call){ .head.version = VERSION_JSON };
	r = grpc_route(rq, &path, call);
	if (!r)
		r = find_route(&path, call);
	if (!r) {
		err_set(e, TARS_ENOTFOUND, "no such path: '%.200s'; calls go to "
			"/v1/call/<object>/<function>, /json or /tup", path.p);
		return 404;
	}
	call->route = rq->method == METHOD_OPTIONS ? ROUTE_OPTIONS : r->route;
	call->allow = r->allow;
	if (call->route == ROUTE_OPTIONS)
		return 0;
	if (!(rq->method & r->methods)) {
		err_set(e, TARS_EARG, "%s takes %s", path.p, r->allow);
		return 405;
	}
	if (!http_is_call(call))
		return 0;
	if (is_foreign_page(rq)) {
		err_set(e, TARS_EARG, "calls from web pages of other sites are refused (origin "
			"%.100s): put a gateway in between", http_header(rq, "origin")->p);
		return 403;
	}
	if (coding && strcmp(coding->p, "identity")) {
		err_set(e, TARS_EARG, "content-encoding: '%.40s' is not supported", coding->p);
		return 415;
	}
	return 0;
}

/* ---- calls ---- */

static void map_push(struct arena *a, struct tars_string_string_map *m, struct tars_str key,
		     struct tars_str val)
{
	/* Its capacity is the next power of two. */
	if (!(m->n & (m->n - 1))) {
		void *v = arena_alloc(a, (m->n ? m->n * 2 : 1) * sizeof(*m->v));

		if (m->n)
			memcpy(v, m->v, m->n * sizeof(*m->v));
		m->v = v;
	}
	m->v[m->n++] = (struct tars_string_string_pair){ key, val };
}

/* Headers that are members of the context, or of the status with their bit, on the wire. */
static const struct carried_row {
	const char *header;
	struct tars_str key;
	int status_bit;              /* 0: context */
} carried_rows[] = {
	{ "traceparent", TARS_STR("traceparent"), 0 },
	{ "tracestate", TARS_STR("tracestate"), 0 },
	{ "tars-dyeing-key", TARS_STR("STATUS_DYED_KEY"), MESSAGE_DYED },
	{ "tars-set", TARS_STR("STATUS_SETNAME_VALUE"), MESSAGE_SETNAME },
};

static struct tars_str decoded(struct arena *a, const struct tars_str *value)
{
	char *own = arena_memdup(a, value->p, value->n);
	size_t n = percent_decode(own, value->n);

	own[n] = '\0';
	return (struct tars_str){ own, (uint32_t)n };
}

static void get_carried(struct http_request *rq, const struct http_header *h,
			struct request_packet *head)
{
	for (size_t i = 0; i < sizeof(carried_rows) / sizeof(*carried_rows); i++) {
		const struct carried_row *row = &carried_rows[i];

		if (strcmp(h->name.p, row->header))
			continue;
		map_push(&rq->arena, row->status_bit ? &head->status : &head->context, row->key,
			 h->value);
		head->message_type |= row->status_bit;
	}
}

static int get_headers(struct http_request *rq, struct request_packet *head, struct err *e)
{
	const struct tars_str *timeout = http_header(rq, "tars-timeout-ms");
	size_t skip = strlen(CONTEXT_PREFIX);
	int64_t ms;

	if (timeout && !text_int(timeout->p, timeout->n, 1, INT32_MAX, &ms)) {
		err_set(e, TARS_EDECODE, "tars-timeout-ms: '%.40s' is not a number of milliseconds",
			timeout->p);
		return 400;
	}
	if (timeout)
		head->timeout_ms = (int32_t)ms;
	for (uint32_t i = 0; i < rq->headers.n; i++) {
		const struct http_header *h = &rq->headers.v[i];

		if (h->name.n <= skip || memcmp(h->name.p, CONTEXT_PREFIX, skip)) {
			get_carried(rq, h, head);
			continue;
		}
		map_push(&rq->arena, &head->context,
			 (struct tars_str){ h->name.p + skip, h->name.n - (uint32_t)skip },
			 decoded(&rq->arena, &h->value));
	}
	return 0;
}

struct envelope {
	int64_t reqid;
	struct tars_str obj, func, data;
	struct tars_string_string_map context, status;
	int32_t timeout, msgtype;
};

#define ENVELOPE_FIELD(member, n, required, t) \
	{ .name = #member, .tag = n, .flags = required, \
	  .offset = offsetof(struct envelope, member), .type = &(t) }
static const struct tars_field envelope_fields[] = {
	ENVELOPE_FIELD(reqid, 0, 0, tars_type_long),
	ENVELOPE_FIELD(obj, 1, TARS_REQUIRED, tars_type_string),
	ENVELOPE_FIELD(func, 2, TARS_REQUIRED, tars_type_string),
	ENVELOPE_FIELD(data, 3, 0, tars_type_string),
	ENVELOPE_FIELD(context, 4, 0, tars_type_string_string_map),
	ENVELOPE_FIELD(status, 5, 0, tars_type_string_string_map),
	ENVELOPE_FIELD(timeout, 6, 0, tars_type_int), ENVELOPE_FIELD(msgtype, 7, 0, tars_type_int),
};
static const struct tars_type envelope_type = {
	.name = "envelope", .kind = TARS_STRUCT, .size = sizeof(struct envelope),
	.n_fields = sizeof(envelope_fields) / sizeof(*envelope_fields), .fields = envelope_fields,
};
static const struct tars_field reply_fields[] = {
	ENVELOPE_FIELD(reqid, 0, 0, tars_type_long), ENVELOPE_FIELD(data, 1, 0, tars_type_string),
};
static const struct tars_type reply_type = {
	.name = "envelope", .kind = TARS_STRUCT, .size = sizeof(struct envelope),
	.n_fields = sizeof(reply_fields) / sizeof(*reply_fields), .fields = reply_fields,
};

static int get_envelope(struct http_request *rq, struct http_call *call, struct err *e)
{
	struct request_packet *head = &call->head;
	struct envelope v;

	if (json_get_params((const char *)buf_head(&rq->body), buf_size(&rq->body), &envelope_type,
			    &v, &rq->arena, e)) {
		err_wrap(e, "the envelope");
		return 400;
	}
	call->envelope_id = v.reqid;
	head->request_id = (int32_t)v.reqid;
	head->servant = v.obj;
	head->func = v.func;
	head->body = (struct tars_bytes){ (const uint8_t *)v.data.p, v.data.n };
	head->context = v.context;
	head->status = v.status;
	head->timeout_ms = v.timeout;
	head->message_type = v.msgtype;
	return 0;
}

/* The W3C trace means the same in whatever form a call comes.  A context that names one itself is
 * nearer to the caller than what is in between. */
static void get_trace(struct http_request *rq, struct request_packet *head)
{
	static const char *const names[] = { "traceparent", "tracestate" };
	const struct tars_string_string_map given = head->context;

	if (!http_header(rq, names[0]) || packet_map_find(&given, names[0]))
		return;
	head->context = (struct tars_string_string_map){ 0 };
	for (uint32_t i = 0; i < given.n; i++)
		map_push(&rq->arena, &head->context, given.v[i].key, given.v[i].val);
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		const struct tars_str *value = http_header(rq, names[i]);

		if (value)
			map_push(&rq->arena, &head->context,
				 (struct tars_str){ names[i], (uint32_t)strlen(names[i]) }, *value);
	}
}

static int get_packet(struct http_request *rq, struct http_call *call, struct err *e)
{
	const uint8_t *p = buf_head(&rq->body);
	size_t n = buf_size(&rq->body), size = 0;

	switch (frame_next(p, n, rq->max_body, &size, e)) {
	case FRAME_BAD:
		return 400;
	case FRAME_NEED:
		err_set(e, TARS_EPROTO, "the body has %zu bytes, the packet in it %zu", n, size);
		return 400;
	case FRAME_OK:
		break;
	}
	if (size != n) {
		err_set(e, TARS_EPROTO, "the body has %zu bytes, the packet in it %zu", n, size);
		return 400;
	}
	return packet_get_request(p + FRAME_LENGTH_SIZE, n - FRAME_LENGTH_SIZE, &call->head,
				  &rq->arena, e) ? 400 : 0;
}

static int get_grpc(struct http_request *rq, struct request_packet *head, struct err *e)
{
	const struct tars_str *timeout = http_header(rq, "grpc-timeout");
	const struct tars_str *object = http_header(rq, "tars-object");

	if (get_headers(rq, head, e) || grpc_get_message(&rq->body, &head->body, e) ||
	    (timeout && grpc_get_timeout(timeout, &head->timeout_ms, e)))
		return 400;
	if (object)
		head->servant = *object;
	return 0;
}

int http_get_call(struct http_request *rq, struct http_call *call, struct err *e)
{
	struct request_packet *head = &call->head;
	int status = 0;

	if (call->route == ROUTE_TUP)
		return get_packet(rq, call, e);
	if (call->route == ROUTE_GRPC)
		return get_grpc(rq, head, e);
	head->body = (struct tars_bytes){ buf_head(&rq->body), (uint32_t)buf_size(&rq->body) };
	if (call->route == ROUTE_ENVELOPE)
		status = get_envelope(rq, call, e);
	if (call->route == ROUTE_CALL)
		status = get_headers(rq, head, e);
	else if (!status)
		get_trace(rq, head);
	/* No arguments at all. */
	if (!head->body.n)
		head->body = (struct tars_bytes){ (const uint8_t *)"{}", 2 };
	return status;
}

/* ---- replies ---- */

int http_call_status(enum http_route route, int code)
{
	if (!code || route == ROUTE_TUP || route == ROUTE_GRPC)
		return 200;
	if (route == ROUTE_CALL)
		return err_http_status(code);
	return code == TARS_ENOSERVANT ? 404 : code == TARS_ETIMEOUT ? 504 : 502;
}

int http_put_envelope(struct buf *b, int64_t id, const struct tars_str *data, struct err *e)
{
	struct envelope v = { .reqid = id, .data = *data };

	return json_put(b, &reply_type, &v, JSON_COMPACT, e);
}

void http_put_context(struct http_response *r, struct arena *a,
		      const struct tars_string_string_map *context)
{
	size_t skip = strlen(CONTEXT_PREFIX);

	for (uint32_t i = 0; i < context->n; i++) {
		const struct tars_string_string_pair *pair = &context->v[i];
		char *name = arena_alloc(a, skip + pair->key.n + 1);

		memcpy(name, CONTEXT_PREFIX, skip);
		memcpy(name + skip, pair->key.p, pair->key.n);
		if (http_lower_name(name, skip + pair->key.n))
			http_put_header(&r->headers, a, name, pair->val.p, pair->val.n);
	}
}
