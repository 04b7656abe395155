/* The state machine of a managed server: its rows, their check and their picture. */
#include "roles/node/fsm.h"

#define ROW(from, event, to, action, text) \
	{ SERVER_##from, EVENT_##event, SERVER_##to, action, text }

const struct fsm_row fsm_rows[] = {
	ROW(INACTIVE, START, ACTIVATING, server_do_launch, "write its files, run its program"),
	ROW(INACTIVE, FOUND, ACTIVE, server_do_watch, "take over the running process"),
	ROW(INACTIVE, FOUND_STARTING, ACTIVATING, server_do_watch, "take over, wait for keepAlive"),
	ROW(INACTIVE, KEEP_ACTIVATING, ACTIVATING, server_do_note_activating,
	    "somebody else started it"),
	ROW(INACTIVE, KEEP_ALIVE, ACTIVE, server_do_note_alive, "somebody else started it"),
	ROW(INACTIVE, STOP, INACTIVE, NULL, "it does not run"),
	ROW(INACTIVE, DESTROY, DESTROYING, server_do_remove, "remove its files"),

	ROW(ACTIVATING, START, ACTIVATING, NULL, "it is being started already"),
	ROW(ACTIVATING, LAUNCHED, ACTIVATING, server_do_watch, "watch the process"),
	ROW(ACTIVATING, LAUNCH_FAILED, INACTIVE, server_do_went_down, "say why, perhaps try again"),
	ROW(ACTIVATING, KEEP_ACTIVATING, ACTIVATING, server_do_note_activating,
	    "it is initialising"),
	ROW(ACTIVATING, KEEP_ALIVE, ACTIVE, server_do_note_alive, "it serves"),
	ROW(ACTIVATING, EXITED, INACTIVE, server_do_went_down, "it died early: perhaps restart"),
	ROW(ACTIVATING, TOO_SLOW, DEACTIVATING, server_do_kill, "kill it, then start it again"),
	ROW(ACTIVATING, STOP, DEACTIVATING, server_do_shut_down, "ask it to stop"),

	ROW(ACTIVE, START, ACTIVE, NULL, "it runs already"),
	ROW(ACTIVE, LAUNCHED, ACTIVE, server_do_watch, "it was quicker than its start script"),
	ROW(ACTIVE, KEEP_ACTIVATING, ACTIVATING, server_do_note_activating,
	    "it initialises again"),
	ROW(ACTIVE, KEEP_ALIVE, ACTIVE, server_do_note_alive, "heartbeat"),
	ROW(ACTIVE, EXITED, INACTIVE, server_do_went_down, "it died: restart"),
	ROW(ACTIVE, SILENT, DEACTIVATING, server_do_shut_down,
	    "ask it to stop, then start it again"),
	ROW(ACTIVE, UNHEALTHY, DEACTIVATING, server_do_shut_down,
	    "its liveness probe fails: stop, then start it again"),
	ROW(ACTIVE, STOP, DEACTIVATING, server_do_shut_down, "ask it to stop"),

	ROW(DEACTIVATING, LAUNCHED, DEACTIVATING, server_do_kill, "stopped while it was launched"),
	ROW(DEACTIVATING, LAUNCH_FAILED, INACTIVE, server_do_went_down, "it never ran"),
	ROW(DEACTIVATING, KEEP_ACTIVATING, DEACTIVATING, NULL, "it is stopping all the same"),
	ROW(DEACTIVATING, KEEP_ALIVE, DEACTIVATING, NULL, "it is stopping all the same"),
	ROW(DEACTIVATING, STOP, DEACTIVATING, NULL, "it is being stopped already"),
	ROW(DEACTIVATING, NO_EXIT, DEACTIVATING, server_do_kill, "SIGKILL"),
	ROW(DEACTIVATING, EXITED, INACTIVE, server_do_went_down, "stopped"),

	ROW(DESTROYING, REMOVED, DESTROYED, server_do_forget, "forget it"),
};
const size_t fsm_n_rows = sizeof(fsm_rows) / sizeof(*fsm_rows);

const char *server_state_name(int state)
{
	static const char *const names[SERVER_STATES] = {
		"Inactive", "Activating", "Active", "Deactivating", "Destroying", "Destroyed",
	};

	return state >= 0 && state < SERVER_STATES ? names[state] : "?";
}

const char *server_event_name(int event)
{
	static const char *const names[SERVER_EVENTS] = {
		"start", "found", "found-starting", "launched", "launch-failed", "keep-activating",
		"keep-alive", "exited", "too-slow", "silent", "unhealthy", "stop", "no-exit",
		"destroy", "removed",
	};

	return event >= 0 && event < SERVER_EVENTS ? names[event] : "?";
}

const struct fsm_row *fsm_find(enum server_state from, enum server_event event)
{
	for (size_t i = 0; i < fsm_n_rows; i++)
		if (fsm_rows[i].from == from && fsm_rows[i].event == event)
			return &fsm_rows[i];
	return NULL;
}

/* Bit set of the states that can be reached from those in `reached`. */
static unsigned grow(const struct fsm_row *rows, size_t n, unsigned reached, int backwards)
{
	unsigned before;

	do {
		before = reached;
		for (size_t i = 0; i < n; i++) {
			unsigned from = 1u << rows[i].from, to = 1u << rows[i].to;

			if (backwards ? reached & to : reached & from)
				reached |= backwards ? from : to;
		}
	} while (reached != before);
	return reached;
}

int fsm_verify(const struct fsm_row *rows, size_t n, struct err *e)
{
	unsigned reached = grow(rows, n, 1u << SERVER_INACTIVE, 0);
	unsigned ending = grow(rows, n, 1u << SERVER_DESTROYED, 1);

	for (size_t i = 0; i < n; i++) {
		if (rows[i].from == SERVER_DESTROYED)
			return err_set(e, TARS_ECONF, "row %zu: nothing can happen to a Destroyed "
				       "server",
				       i);
		if (!rows[i].text || !*rows[i].text)
			return err_set(e, TARS_ECONF, "row %zu has no text", i);
		for (size_t k = 0; k < i; k++)
			if (rows[k].from == rows[i].from && rows[k].event == rows[i].event)
				return err_set(e, TARS_ECONF, "rows %zu and %zu are both for %s in "
					       "%s", k,
					       i, server_event_name(rows[i].event),
					       server_state_name(rows[i].from));
	}
	for (int s = 0; s < SERVER_STATES; s++) {
		if (!(reached & 1u << s))
			return err_set(e, TARS_ECONF, "no way leads to %s", server_state_name(s));
		if (!(ending & 1u << s))
			return err_set(e, TARS_ECONF, "no way leads out of %s",
				       server_state_name(s));
	}
	return 0;
}

void fsm_print(struct buf *b, int as_dot)
{
	if (as_dot)
		buf_add_str(b, "digraph server {\n");
	for (size_t i = 0; i < fsm_n_rows; i++) {
		const struct fsm_row *r = &fsm_rows[i];

		buf_addf(b, as_dot ? "\t%s -> %s [label=\"%s\" tooltip=\"%s\"];\n"
				   : "%-13s %-13s %-16s %s\n",
			 server_state_name(r->from), server_state_name(r->to),
			 server_event_name(r->event), r->text);
	}
	if (as_dot)
		buf_add_str(b, "}\n");
}
