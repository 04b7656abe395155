/* Connection: what stops reading and starts it again, and what closes it: output and debts. */
#include "core/io/conn_int.h"

void conn_pause(struct conn *c)
{
	c->paused = 1;
	conn_set_events(c);
}

void conn_resume(struct conn *c)
{
	if (!c->paused || c->closed)
		return;
	c->paused = 0;
	conn_set_events(c);
	if (buf_size(&c->in) || c->eof)
		conn_queue_again(c);
}

void conn_is_full(struct conn *c)
{
	if (c->full || c->closed)
		return;
	c->full = 1;
	conn_set_events(c);
}

static void conn_has_room(struct conn *c)
{
	c->full = 0;
	if (c->closed)
		return;
	conn_set_events(c);
	if (buf_size(&c->in) || c->eof)
		conn_queue_again(c);
}

void conn_paid(struct conn *c, size_t n)
{
	c->owed--;
	c->owed_bytes -= n;
	if (__builtin_expect(c->full, 0) && c->owed <= c->max_owed / 2 &&
	    c->owed_bytes <= c->max_owed_bytes / 2)
		conn_has_room(c);
	/* Not at once: frames that came before the end may be on their way through serve_frames. */
	if (!c->owed && c->eof && !c->closed)
		conn_queue_again(c);
}

void conn_much_output(struct conn *c)
{
	struct err e;

	if (!c->above_water) {
		c->above_water = 1;
		conn_set_events(c);
	}
	/* What the peer would take right now is not what it leaves lying about. */
	if (buf_size(&c->out) > c->max_out && !c->write_blocked)
		conn_flush(c);
	if (buf_size(&c->out) > c->max_out && !c->closed) {
		err_set(&e, TARS_ELIMIT, "%s does not read: %zu bytes wait for it, more than the "
			"limit of %zu", c->peer_text, buf_size(&c->out), c->max_out);
		conn_close(c, &e);
	}
}
