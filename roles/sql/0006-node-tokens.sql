-- Machines join with a token, and get a credential of their own for it.

CREATE TABLE t_node_token (
	hash text PRIMARY KEY CHECK (hash <> ''),  -- SHA-256 of the token, which is kept nowhere
	node_name text NOT NULL DEFAULT '',        -- the only node that may use it; empty: any
	uses int NOT NULL CHECK (uses > 0),
	used int NOT NULL DEFAULT 0,
	expires_at timestamptz NOT NULL
);

-- SHA-256 of the credential that the node shows; empty: it has none.
ALTER TABLE t_node_info ADD COLUMN secret_hash text NOT NULL DEFAULT '';
