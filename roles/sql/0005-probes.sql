-- Probes of servants, as texts (roles/probe.h), and what the readiness probe last said.

ALTER TABLE t_adapter_conf
	ADD COLUMN liveness text NOT NULL DEFAULT '',
	ADD COLUMN readiness text NOT NULL DEFAULT '',
	ADD COLUMN ready boolean NOT NULL DEFAULT true;   -- counts only with a readiness probe
