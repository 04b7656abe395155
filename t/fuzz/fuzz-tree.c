/* Trees of fields: any bytes give text or a clean error, and what is JSON can be read as such. */
#include <jansson.h>

#include "proto/tree.h"
#include "t/unit/interop-types.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* Whether all of the data are whole fields. */
static bool is_whole(const uint8_t *data, size_t n)
{
	struct cursor c = { data, n ? data + n : data, NULL };
	uint8_t tag, type;
	int rc;

	while ((rc = cursor_head(&c, &tag, &type)) > 0)
		if (cursor_skip(&c, type))
			return false;
	return !rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct buf lines = BUF_INIT, json = BUF_INIT;
	struct err e = { 0 };
	json_t *read;
	int rc = tree_put(&lines, data, n, TREE_LINES, 2, &e);

	BUG_ON(rc && (rc != e.code || !*e.text));
	BUG_ON(!rc != is_whole(data, n));
	BUG_ON(buf_size(&lines) && lines.data[lines.len - 1] != '\n');
	buf_add_u8(&json, 'x'); /* stays whatever happens */
	BUG_ON(tree_put(&json, data, n, TREE_JSON, 0, NULL) != rc);
	BUG_ON(rc && buf_size(&json) != 1);
	if (!rc) {
		read = json_loadb((char *)json.data + 1, json.len - 1, JSON_ALLOW_NUL, NULL);
		BUG_ON(!read);
		json_decref(read);
	}
	buf_release(&lines);
	buf_release(&json);
	return 0;
}
