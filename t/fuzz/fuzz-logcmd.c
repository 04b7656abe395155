/* Fuzz: commands for logs; what is accepted has bounded steps, and no control characters. */
#include "proto/buf.h"
#include "roles/node/logcmd.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct log_steps steps;
	struct err e = { 0 };

	if (log_command_parse((const char *)data, n, &steps, &e)) {
		BUG_ON(e.code != TARS_EARG || !*e.text);
		return 0;
	}
	BUG_ON(steps.n > LOG_STEPS);
	for (size_t i = 0; i < n; i++)
		BUG_ON((data[i] < ' ' && data[i] != '\t') || data[i] == 0x7f);
	for (unsigned i = 0; i < steps.n; i++) {
		const struct log_step *s = &steps.v[i];

		BUG_ON(s->op > LOG_GREP || s->n < 0 || s->n > LOG_LINES);
		BUG_ON(s->before < 0 || s->before > LOG_CONTEXT || s->after < 0 ||
		       s->after > LOG_CONTEXT);
		BUG_ON(strlen(s->text) > LOG_TEXT || (s->op != LOG_GREP && *s->text));
	}
	return 0;
}
