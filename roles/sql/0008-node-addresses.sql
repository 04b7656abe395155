-- All addresses of a node's machine, by blanks, as it reported them last.

ALTER TABLE t_node_info ADD COLUMN addresses text NOT NULL DEFAULT '';
