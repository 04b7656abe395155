/* HTTP: any bytes, in pieces of any size, give the same requests, calls or refusals. */
#include "proto/h1.h"
#include "proto/http_call.h"
#include "proto/json.h"
#include "proto/pb.h"
#include "t/unit/interop-types.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum { MAX_BODY = 4096 };

/* What a server does with a request, without a server; `seen` notes it. */
static void serve(struct http_request *rq, struct buf *seen)
{
	struct http_response r = { 0 };
	struct http_call call;
	struct Containers in;
	struct err e = { 0 };
	int status;

	rq->is_http2 = http_header(rq, "te");   /* as if: it decides what a path may mean */
	status = http_route(rq, &call, &e);
	BUG_ON(status == 405 && !call.allow);
	if (!status && http_is_call(&call))
		status = http_get_call(rq, &call, &e);
	BUG_ON(status && (status < 400 || status > 599 || !*e.text));
	buf_addf(seen, "%d %.*s %.*s %zu;", status, call.head.servant.n, call.head.servant.p,
		 call.head.func.n, call.head.func.p, buf_size(&rq->body));
	if (status) {
		r.status = status;
		r.type = http_problem(&r.body, status, -(int)(buf_size(&rq->body) % 100), e.text);
	} else if (http_is_call(&call)) {
		struct tars_str text = { (const char *)call.head.body.p, call.head.body.n };

		json_get_params(text.p, text.n, interop_structs[0], &in, &rq->arena, NULL);
		http_put_context(&r, &rq->arena, &call.head.context);
		http_put_context(&r, &rq->arena, &call.head.status);
		if (call.route == ROUTE_GRPC) {
			pb_get(call.head.body.p, call.head.body.n, interop_structs[3], &in,
			       &rq->arena, NULL);
			grpc_put_status(&r.headers, &rq->arena, call.head.timeout_ms, e.text);
		}
		http_put_envelope(&r.body, call.envelope_id, &text, NULL);
		r.status = http_call_status(call.route, call.head.timeout_ms);
	}
	h1_put_response(seen, &r, "", 0);
	http_response_release(&r);
}

static void run(const uint8_t *data, size_t n, size_t step, struct buf *seen)
{
	enum h1_event event = H1_NEED;
	struct http_request rq;
	struct err e = { 0 };
	size_t at = 0;
	struct h1 p;

	h1_init(&p);
	http_request_init(&rq, MAX_BODY);
	h1_begin(&p, &rq);
	while ((at < n || event != H1_NEED) && event != H1_BAD) {
		size_t piece = n - at < step ? n - at : step;
		size_t used = h1_feed(&p, data + at, piece, &event, &e);

		BUG_ON(used > piece || (event == H1_NEED && used != piece));
		BUG_ON(buf_size(&rq.body) > MAX_BODY || rq.headers.n > HTTP_MAX_HEADERS);
		at += used;
		if (event == H1_REQUEST) {
			serve(&rq, seen);
			http_request_release(&rq);
			http_request_init(&rq, MAX_BODY);
			h1_begin(&p, &rq);
		} else if (event == H1_HEAD && rq.headers.n % 16 == 15) {
			h1_drop_body(&p);
		}
	}
	BUG_ON(event == H1_BAD && (p.status < 400 || p.status > 599 || !*e.text));
	http_request_release(&rq);
	h1_release(&p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct buf whole = BUF_INIT, pieces = BUF_INIT;

	if (!n)
		return 0;
	run(data + 1, n - 1, SIZE_MAX, &whole);
	run(data + 1, n - 1, 1 + data[0] % 64, &pieces);
	BUG_ON(buf_size(&whole) != buf_size(&pieces) ||
	       (buf_size(&whole) && memcmp(buf_head(&whole), buf_head(&pieces), buf_size(&whole))));
	buf_release(&whole);
	buf_release(&pieces);
	return 0;
}
