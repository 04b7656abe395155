/* Results of PostgreSQL: errors in one line, and rows decoded by column name into structs. */
#include "core/sys/pg_int.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "proto/text.h"

/* ---- errors ---- */

static int code_of_state(const char *state)
{
	if (!strcmp(state, "23505"))
		return TARS_EEXISTS;
	if (!strncmp(state, "22", 2) || !strncmp(state, "23", 2))
		return TARS_EARG;
	return TARS_EDB;
}

/* A table, column or function is not there: the schema is older than this program. */
static bool is_schema_missing(const char *state)
{
	return !strcmp(state, "42P01") || !strcmp(state, "42703") || !strcmp(state, "42883");
}

int pg_result_error(const PGresult *res, const struct sql *sql, struct err *e)
{
	const char *state = PQresultErrorField(res, PG_DIAG_SQLSTATE);
	const char *message = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);
	const char *detail = PQresultErrorField(res, PG_DIAG_MESSAGE_DETAIL);
	int code;

	state = state ? state : "";
	code = code_of_state(state);
	err_set(e, code, "statement \"%s\": %.220s%s%.160s (SQLSTATE %s)%s", sql->name,
		message ? message : "no message", detail ? ": " : "", detail ? detail : "", state,
		is_schema_missing(state) ? "; run `tars db migrate`" : "");
	for (char *p = e ? e->text : NULL; p && *p; p++)
		if (*p == '\n')
			*p = ' ';
	return code;
}

/* ---- one value ---- */

/* A value's text and where it stands, for messages. */
struct cell {
	const struct sql *sql;
	const char *column;
	const char *text;
	size_t n;
	struct arena *arena;
	struct err *e;
};

static int bad_value(const struct cell *c, const struct tars_type *t)
{
	return err_set(c->e, TARS_EDB, "statement \"%s\": column \"%s\": '%.80s' is not a %s",
		       c->sql->name, c->column, c->text, t->name);
}

static int decode_integer(const struct cell *c, const struct tars_type *t, void *value)
{
	static const struct { int64_t min, max; } ranges[] = {
		[TARS_I8] = { INT8_MIN, INT8_MAX },    [TARS_I16] = { INT16_MIN, INT16_MAX },
		[TARS_I32] = { INT32_MIN, INT32_MAX }, [TARS_I64] = { INT64_MIN, INT64_MAX },
		[TARS_U8] = { 0, UINT8_MAX },          [TARS_U16] = { 0, UINT16_MAX },
		[TARS_U32] = { 0, UINT32_MAX },        [TARS_ENUM] = { INT32_MIN, INT32_MAX },
	};
	char *end;
	int64_t v;

	errno = 0;
	v = strtoll(c->text, &end, 10);
	if (errno || end == c->text || *end || v < ranges[t->kind].min || v > ranges[t->kind].max)
		return bad_value(c, t);
	switch (t->size) {
	case 1:
		*(int8_t *)value = (int8_t)v;
		break;
	case 2:
		*(int16_t *)value = (int16_t)v;
		break;
	case 4:
		*(int32_t *)value = (int32_t)v;
		break;
	default:
		*(int64_t *)value = v;
	}
	return 0;
}

static int decode_float(const struct cell *c, const struct tars_type *t, void *value)
{
	char *end;
	double v = strtod(c->text, &end);

	if (end == c->text || *end)
		return bad_value(c, t);
	if (t->kind == TARS_F32)
		*(float *)value = (float)v;
	else
		*(double *)value = v;
	return 0;
}

static int decode_bool(const struct cell *c, const struct tars_type *t, void *value)
{
	if (strcmp(c->text, "t") != 0 && strcmp(c->text, "f") != 0)
		return bad_value(c, t);
	*(bool *)value = c->text[0] == 't';
	return 0;
}

static int decode_enum(const struct cell *c, const struct tars_type *t, void *value)
{
	for (unsigned i = 0; i < t->n_fields; i++) {
		if (!strcmp(t->items[i].name, c->text)) {
			*(int32_t *)value = t->items[i].value;
			return 0;
		}
	}
	return decode_integer(c, t, value);
}

/* bytea in its hex form: \x6869 */
static int decode_bytes(const struct cell *c, const struct tars_type *t, void *value)
{
	size_t n = c->n >= 2 ? (c->n - 2) / 2 : 0;
	uint8_t *p = arena_alloc(c->arena, n + 1);

	if (c->n < 2 || strncmp(c->text, "\\x", 2) != 0 || !text_hex(c->text + 2, c->n - 2, p))
		return bad_value(c, t);
	*(struct tars_bytes *)value = (struct tars_bytes){ .p = p, .n = (uint32_t)n };
	return 0;
}

static int decode_list(const struct cell *c, const struct tars_type *t, void *value);

static int decode_value(const struct cell *c, const struct tars_type *t, void *value)
{
	switch (t->kind) {
	case TARS_BOOL:
		return decode_bool(c, t, value);
	case TARS_F32:
	case TARS_F64:
		return decode_float(c, t, value);
	case TARS_STRING:
		*(struct tars_str *)value = (struct tars_str){
			.p = arena_memdup(c->arena, c->text, c->n), .n = (uint32_t)c->n };
		return 0;
	case TARS_BYTES:
		return decode_bytes(c, t, value);
	case TARS_ENUM:
		return decode_enum(c, t, value);
	case TARS_LIST:
		return decode_list(c, t, value);
	case TARS_MAP:
	case TARS_STRUCT:
		return err_set(c->e, TARS_EDB, "statement \"%s\": column \"%s\": a %s cannot be "
			       "read from a column", c->sql->name, c->column, t->name);
	default:
		return decode_integer(c, t, value);
	}
}

/* Storage of every list: { T *v; uint32_t n; }. */
struct any_list {
	void *v;
	uint32_t n;
};

static void put_list(void *value, void *v, uint32_t n)
{
	struct any_list list = { .v = v, .n = n };

	memcpy(value, &list.v, sizeof(list.v));
	memcpy((char *)value + offsetof(struct any_list, n), &list.n, sizeof(list.n));
}

/* One element of {a,"b \"c\"",NULL} from *p into text; false at a syntax that is not ours. */
static bool next_element(const char **p, char *text, size_t *n)
{
	const char *s = *p;
	bool quoted = *s == '"';

	*n = 0;
	if (quoted)
		s++;
	while (*s && (quoted ? *s != '"' : *s != ',' && *s != '}')) {
		if (*s == '{' && !quoted)
			return false;
		if (*s == '\\' && s[1])
			s++;
		text[(*n)++] = *s++;
	}
	if (quoted && *s++ != '"')
		return false;
	text[*n] = '\0';
	*p = s;
	return *s == ',' || *s == '}';
}

/* A one-dimensional array in its text form. */
static int decode_list(const struct cell *c, const struct tars_type *t, void *value)
{
	char *v, *text = arena_alloc(c->arena, c->n + 1);
	const char *p = c->text;
	uint32_t max = 1, n = 0;

	for (const char *s = p; *s; s++)
		max += *s == ',';
	v = arena_alloc(c->arena, (size_t)max * t->elem->size);
	if (*p++ != '{')
		return bad_value(c, t);
	while (*p != '}' || n) {
		struct cell element = *c;
		int rc;

		if (!next_element(&p, text, &element.n))
			return bad_value(c, t);
		element.text = text;
		rc = decode_value(&element, t->elem, v + (size_t)n++ * t->elem->size);
		if (rc < 0)
			return rc;
		if (*p++ == '}')
			break;
	}
	put_list(value, v, n);
	return 0;
}

/* ---- rows ---- */

/* PQfnumber would take the name as SQL does, in lower case. */
static bool has_column(const PGresult *res, const char *name)
{
	for (int i = 0; i < PQnfields(res); i++)
		if (!strcmp(PQfname(res, i), name))
			return true;
	return false;
}

/* Matches columns to fields: both ways, each exactly once. */
static int match_columns(const PGresult *res, const struct sql *sql, const struct tars_type *row,
			 const struct tars_field **fields, struct err *e)
{
	int n = PQnfields(res);

	for (int i = 0; i < n; i++) {
		const char *column = PQfname(res, i);
		unsigned k = 0;

		while (k < row->n_fields && strcmp(row->fields[k].name, column) != 0)
			k++;
		if (k == row->n_fields)
			return err_set(e, TARS_EDB, "statement \"%s\": column \"%s\" is no field "
				       "of %s", sql->name, column, row->name);
		fields[i] = &row->fields[k];
	}
	for (unsigned k = 0; k < row->n_fields; k++)
		if (!has_column(res, row->fields[k].name))
			return err_set(e, TARS_EDB, "statement \"%s\": no column for the field "
				       "\"%s\" of %s", sql->name, row->fields[k].name, row->name);
	if (n != row->n_fields)
		return err_set(e, TARS_EDB, "statement \"%s\": a column stands there twice",
			       sql->name);
	return 0;
}

static int decode_row(const PGresult *res, int r, const struct tars_type *row,
		      const struct tars_field *const *fields, struct cell *c, char *value)
{
	int n = PQnfields(res), rc = 0;

	tars_type_init(row, value);
	for (int i = 0; i < n && rc == 0; i++) {
		if (PQgetisnull(res, r, i))
			continue;
		c->column = PQfname(res, i);
		c->text = PQgetvalue(res, r, i);
		c->n = (size_t)PQgetlength(res, r, i);
		rc = decode_value(c, fields[i]->type, value + fields[i]->offset);
	}
	return rc;
}

int pg_rows_decode(const PGresult *res, const struct sql *sql, const struct tars_type *row,
		   void *rows, struct arena *a, struct err *e)
{
	int n = PQntuples(res), n_columns = PQnfields(res), rc;
	struct cell c = { .sql = sql, .arena = a, .e = e };
	const struct tars_field **fields;
	char *v;

	fields = arena_alloc(a, (size_t)n_columns * sizeof(*fields));
	rc = match_columns(res, sql, row, fields, e);
	if (rc < 0)
		return rc;
	v = arena_alloc(a, (size_t)n * row->size);
	for (int r = 0; r < n; r++) {
		rc = decode_row(res, r, row, fields, &c, v + (size_t)r * row->size);
		if (rc < 0)
			return rc;
	}
	put_list(rows, v, (uint32_t)n);
	return n;
}
