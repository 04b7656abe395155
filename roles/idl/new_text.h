/*
 * The files that `tars idl new` writes: @APP@, @SERVER@ and @SERVANT@ stand for its arguments.
 *
 * Constant.  Thread: any.
 */
#ifndef ROLES_IDL_NEW_TEXT_H
#define ROLES_IDL_NEW_TEXT_H

#include <stdbool.h>

struct new_file {
	const char *name;        /* with the same marks; NULL ends the list */
	const char *text;
	bool is_program;
};

extern const struct new_file new_files[];

#endif
