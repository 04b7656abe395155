/* HTTP/1.0 and 1.1: bytes to requests, over llhttp in its strict mode; responses to bytes. */
#include "proto/h1.h"

#include <string.h>
#include <strings.h>

/* ---- callbacks of llhttp: a refusal stops the parser ---- */

static int refuse(struct h1 *p, int status)
{
	p->status = status;
	return status ? HPE_USER : HPE_OK;
}

static int add_piece(struct h1 *p, const char *at, size_t n)
{
	int status = http_count_head(p->rq, n, p->e);

	if (!status)
		buf_add(&p->line, at, n);
	return refuse(p, status);
}

static int on_url(llhttp_t *parser, const char *at, size_t n)
{
	struct h1 *p = parser->data;

	if (buf_size(&p->line) + n > HTTP_MAX_TARGET)
		return refuse(p, http_set_target(p->rq, NULL, HTTP_MAX_TARGET + 1, p->e));
	return add_piece(p, at, n);
}

static int on_url_complete(llhttp_t *parser)
{
	struct h1 *p = parser->data;
	int status = http_set_target(p->rq, (const char *)buf_head(&p->line), buf_size(&p->line),
				     p->e);

	buf_clear(&p->line);
	return refuse(p, status);
}

static int on_field(llhttp_t *parser, const char *at, size_t n)
{
	return add_piece(parser->data, at, n);
}

static int on_field_complete(llhttp_t *parser)
{
	struct h1 *p = parser->data;

	p->n_name = buf_size(&p->line);
	return HPE_OK;
}

static int on_value_complete(llhttp_t *parser)
{
	struct h1 *p = parser->data;
	const char *name = (const char *)buf_head(&p->line);
	int status;

	/* What follows a chunked body could contradict the head. */
	if (p->at_head) {
		buf_clear(&p->line);
		return HPE_OK;
	}
	status = http_add_header(p->rq, name, p->n_name, name + p->n_name,
				 buf_size(&p->line) - p->n_name, p->e);
	buf_clear(&p->line);
	return refuse(p, status);
}

static unsigned count_header(const struct http_request *rq, const char *name)
{
	unsigned n = 0;

	for (uint32_t i = 0; i < rq->headers.n; i++)
		n += !strcmp(rq->headers.v[i].name.p, name);
	return n;
}

/* What llhttp does not know: 0, or the status of the refusal. */
static int check_head(struct h1 *p)
{
	struct http_request *rq = p->rq;
	const struct tars_str *coding = http_header(rq, "transfer-encoding");
	const struct tars_str *expect = http_header(rq, "expect");
	unsigned hosts = count_header(rq, "host");
	const char *method = llhttp_method_name(p->parser.method);

	http_set_method(rq, method, strlen(method));
	p->is_http10 = p->parser.http_minor == 0;
	if (p->parser.http_major != 1 || p->parser.method == HTTP_CONNECT) {
		err_set(p->e, TARS_EPROTO, "only HTTP/1.0, HTTP/1.1 and HTTP/2 are spoken here");
		return p->parser.http_major == 1 ? 501 : 505;
	}
	if (hosts > 1 || (!hosts && !p->is_http10)) {
		err_set(p->e, TARS_EPROTO, "there must be one host header, not %u", hosts);
		return 400;
	}
	if (coding && (count_header(rq, "transfer-encoding") > 1 || p->is_http10 ||
		       strcasecmp(coding->p, "chunked"))) {
		err_set(p->e, TARS_EPROTO, "transfer-encoding: '%.40s' is not supported, only "
			"chunked", coding->p);
		return p->is_http10 ? 400 : 501;
	}
	if (expect && strcasecmp(expect->p, "100-continue")) {
		err_set(p->e, TARS_EPROTO, "expect: '%.40s' is not supported", expect->p);
		return 417;
	}
	p->expects_continue = expect && !p->is_http10;
	p->keep_alive = llhttp_should_keep_alive(&p->parser);
	return 0;
}

static int on_head(llhttp_t *parser)
{
	struct h1 *p = parser->data;
	int status = check_head(p);

	if (!status && !(parser->flags & F_CHUNKED))
		status = http_check_length(p->rq, parser->content_length, p->e);
	p->at_head = true;
	return status ? refuse(p, status) : HPE_PAUSED;
}

static int on_body(llhttp_t *parser, const char *at, size_t n)
{
	struct h1 *p = parser->data;

	return p->drops_body ? HPE_OK : refuse(p, http_add_body(p->rq, at, n, p->e));
}

static int on_end(llhttp_t *parser)
{
	struct h1 *p = parser->data;

	p->at_end = true;
	return HPE_PAUSED;
}

static const llhttp_settings_t callbacks = {
	.on_url = on_url, .on_url_complete = on_url_complete,
	.on_header_field = on_field, .on_header_field_complete = on_field_complete,
	.on_header_value = on_field, .on_header_value_complete = on_value_complete,
	.on_headers_complete = on_head, .on_body = on_body, .on_message_complete = on_end,
};

/* ---- requests ---- */

void h1_init(struct h1 *p)
{
	memset(p, 0, sizeof(*p));
	llhttp_init(&p->parser, HTTP_REQUEST, &callbacks);
	p->parser.data = p;
}

void h1_release(struct h1 *p)
{
	buf_release(&p->line);
}

void h1_begin(struct h1 *p, struct http_request *rq)
{
	p->rq = rq;
	p->at_head = p->at_end = p->drops_body = false;
	buf_clear(&p->line);
}

void h1_drop_body(struct h1 *p)
{
	p->drops_body = true;
}

static enum h1_event bad(struct h1 *p, enum llhttp_errno error)
{
	if (p->status)
		return H1_BAD;
	p->status = error == HPE_INVALID_VERSION ? 505 : error == HPE_INVALID_METHOD ? 501 : 400;
	err_set(p->e, TARS_EPROTO, "not HTTP: %s", llhttp_get_error_reason(&p->parser));
	return H1_BAD;
}

static enum h1_event event_of(struct h1 *p, enum llhttp_errno error)
{
	if (error != HPE_PAUSED)
		return error == HPE_OK ? H1_NEED : bad(p, error);
	llhttp_resume(&p->parser);
	return p->at_end ? H1_REQUEST : H1_HEAD;
}

size_t h1_feed(struct h1 *p, const uint8_t *data, size_t n, enum h1_event *event, struct err *e)
{
	const char *start = (const char *)data, *at = start;
	enum llhttp_errno error;

	p->e = e;
	p->status = 0;
	/* What follows an upgrade that was asked for, but not made, is the next request. */
	while ((error = llhttp_execute(&p->parser, at, n - (size_t)(at - start))) ==
	       HPE_PAUSED_UPGRADE) {
		at = llhttp_get_error_pos(&p->parser);
		llhttp_resume_after_upgrade(&p->parser);
	}
	*event = event_of(p, error);
	if (*event == H1_NEED)
		return n;
	return (size_t)(llhttp_get_error_pos(&p->parser) - start);
}

/* ---- responses ---- */

void h1_put_continue(struct buf *b)
{
	buf_add_str(b, "HTTP/1.1 100 Continue\r\n\r\n");
}

void h1_put_response(struct buf *b, const struct http_response *r, const char *date, int flags)
{
	buf_addf(b, "HTTP/1.1 %d %s\r\ndate: %s\r\n", r->status, http_reason(r->status), date);
	if (r->type)
		buf_addf(b, "content-type: %s\r\n", r->type);
	if (r->status != 204)
		buf_addf(b, "content-length: %zu\r\n", buf_size(&r->body));
	for (uint32_t i = 0; i < r->headers.n; i++)
		buf_addf(b, "%s: %s\r\n", r->headers.v[i].name.p, r->headers.v[i].value.p);
	if (flags & H1_CLOSE)
		buf_add_str(b, "connection: close\r\n");
	else if (flags & H1_KEEP_ALIVE)
		buf_add_str(b, "connection: keep-alive\r\n");
	buf_add_str(b, "\r\n");
	if (!(flags & H1_NO_BODY))
		buf_add(b, buf_head(&r->body), buf_size(&r->body));
}
