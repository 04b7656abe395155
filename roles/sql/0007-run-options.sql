-- What an operator sets of a server's process; '' each: nothing (roles/run_options.h).

ALTER TABLE t_server_conf
	ADD COLUMN run_env text NOT NULL DEFAULT '',   -- NAME=value, by ';'
	ADD COLUMN run_args text NOT NULL DEFAULT '',  -- words behind the command, by blanks
	ADD COLUMN run_user text NOT NULL DEFAULT '';  -- account
