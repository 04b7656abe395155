-- What nodes say of their machines: a row a minute, kept for 31 days.

CREATE TABLE t_node_metrics (
	node_name text NOT NULL,
	time timestamptz NOT NULL DEFAULT now(),
	cpu int NOT NULL,                 -- percent of all processors
	processors int NOT NULL,
	load_avg1 real NOT NULL,
	load_avg5 real NOT NULL,
	load_avg15 real NOT NULL,
	mem_total bigint NOT NULL,        -- bytes, as all sizes
	mem_available bigint NOT NULL,
	swap_used bigint NOT NULL,
	clock_diff bigint,                -- milliseconds before the registry's clock; NULL: unknown
	disks jsonb NOT NULL,             -- [{"path": "/", "total": bytes, "free": bytes}, ...]
	PRIMARY KEY (node_name, time)
);
-- For the removal of what is too old: rows lie in the order of their times.
CREATE INDEX t_node_metrics_time ON t_node_metrics USING brin (time);
