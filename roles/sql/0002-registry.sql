-- Plugins of consoles, masters among servers, and rows as other platforms have them.

-- There are servers without a node (tars_dns), and letters that only mean something as Y or y.
ALTER TABLE t_server_conf
	DROP CONSTRAINT t_server_conf_node_name_check,
	DROP CONSTRAINT t_server_conf_enable_group_check,
	DROP CONSTRAINT t_server_conf_enable_set_check;

CREATE TABLE t_plugin (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	name text NOT NULL UNIQUE CHECK (name <> ''),
	name_en text NOT NULL DEFAULT '',
	obj text NOT NULL DEFAULT '',
	type int NOT NULL DEFAULT 0,
	path text NOT NULL DEFAULT '',
	k8s boolean NOT NULL DEFAULT false,
	extern int NOT NULL DEFAULT 0
);

-- Who is the master of servers of which only one may work at a time, and until when nobody else can be.  A renewal changes only the time, which
-- routing does not depend on.
CREATE TABLE t_server_master (
	application text NOT NULL,
	server_name text NOT NULL,
	node_name text NOT NULL,
	hides_slaves boolean NOT NULL,
	since timestamptz NOT NULL DEFAULT now(),
	expires_at timestamptz NOT NULL,
	PRIMARY KEY (application, server_name)
) WITH (fillfactor = 70);
CALL tars_watch('t_server_master', 'application,server_name', 'since,expires_at');
