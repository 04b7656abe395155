/* Errors: filling, wrapping, texts and HTTP statuses of the code table. */
#include "proto/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int err_set(struct err *e, int code, const char *fmt, ...)
{
	va_list ap;

	if (!e)
		return code;
	e->code = code;
	va_start(ap, fmt);
	vsnprintf(e->text, sizeof(e->text), fmt, ap);
	va_end(ap);
	return code;
}

int err_wrap(struct err *e, const char *fmt, ...)
{
	char context[sizeof(e->text)], cause[sizeof(e->text)];
	va_list ap;

	if (!e)
		return TARS_EUNKNOWN;
	va_start(ap, fmt);
	vsnprintf(context, sizeof(context), fmt, ap);
	va_end(ap);
	memcpy(cause, e->text, sizeof(cause));
	snprintf(e->text, sizeof(e->text), "%.200s: %.300s", context, cause);
	return e->code;
}

void err_clear(struct err *e)
{
	if (e) {
		e->code = 0;
		e->text[0] = '\0';
	}
}

static const struct code_row {
	int code, http, grpc;
	const char *official, *text;
} code_rows[] = {
#define CODE_ROW(name, value, http, grpc, official, text) { value, http, grpc, official, text },
	TARS_CODES(CODE_ROW)
#undef CODE_ROW
};

static const struct code_row *code_find(int code)
{
	for (size_t i = 0; i < sizeof(code_rows) / sizeof(*code_rows); i++)
		if (code_rows[i].code == code)
			return &code_rows[i];
	return NULL;
}

const char *tars_strerror(int code)
{
	const struct code_row *row = code_find(code);

	return row ? row->text : "application error";
}

int err_http_status(int code)
{
	const struct code_row *row = code_find(code);

	return row ? row->http : 500;
}

int err_grpc_status(int code)
{
	const struct code_row *row = code_find(code);

	return row ? row->grpc : 2;
}

int err_wire_code(int code)
{
	return code < TARS_EUNKNOWN ? TARS_EUNKNOWN : code;
}

const char *err_wire_name(int code)
{
	const struct code_row *row = code_find(err_wire_code(code));

	return row ? row->official : "";
}

void bug_at(const char *file, int line, const char *what)
{
	fprintf(stderr, "tars: BUG at %s:%d: %s (please report this)\n", file, line, what);
	abort();
}
