-- Statements of the table of operations (roles/ops.c): their parameters are the members of the
-- request, in order.  Those that change something return what they did; no row: there is no such
-- thing.

-- name: ops_server_list
WITH want AS (
	SELECT replace(replace(replace(replace($1, '\', '\\'), '%', '\%'), '_', '\_'), '*', '%') AS p
)
SELECT s.application || '.' || s.server_name AS server, s.node_name AS node,
       s.server_type AS type, s.setting_state AS wanted, s.present_state AS state,
       s.flow_state AS flow, s.process_id AS pid,
       coalesce(nullif(s.patch_version, ''), s.tars_version) AS version,
       CASE s.enable_set WHEN 'Y' THEN concat_ws('.', s.set_name, s.set_area, s.set_group)
                         ELSE '' END AS "set",
       s.template_name AS "templateName", s.exe_path AS exe,
       coalesce((SELECT string_agg(a.servant || '@' || a.endpoint, ', ' ORDER BY a.id)
                 FROM t_adapter_conf a
                 WHERE a.application = s.application AND a.server_name = s.server_name
                   AND a.node_name = s.node_name AND a.servant <> ''), '') AS endpoints
FROM t_server_conf s, want
WHERE $1 = '' OR s.application LIKE p OR s.application || '.' || s.server_name LIKE p
   OR s.node_name LIKE p
ORDER BY s.application, s.server_name, s.id

-- name: ops_server_state
WITH want AS (
	SELECT replace(replace(replace(replace($1, '\', '\\'), '%', '\%'), '_', '\_'), '*', '%') AS p
)
SELECT s.application || '.' || s.server_name AS server, s.node_name AS node,
       s.setting_state AS wanted, s.present_state AS state, '' AS "inNode", s.process_id AS pid,
       coalesce(nullif(s.patch_version, ''), s.tars_version) AS version,
       coalesce(to_char(s.patch_time, 'YYYY-MM-DD HH24:MI:SS ') || s.patch_user, '') AS patched,
       '' AS remark, '' AS "lastExit"
FROM t_server_conf s, want
WHERE $1 = '' OR s.application LIKE p OR s.application || '.' || s.server_name LIKE p
   OR s.node_name LIKE p
ORDER BY s.application, s.server_name, s.id

-- name: ops_server_flow
UPDATE t_server_conf
SET flow_state = $3
WHERE application || '.' || server_name || '.' || node_name = $1 || '.' || $2
RETURNING 0 AS ret, format('%s on node %s: %s', $1::text, $2::text,
                           CASE $3 WHEN 'active' THEN 'callers find it'
                                   ELSE 'callers find it no more; it runs on' END) AS text

-- name: ops_server_set
UPDATE t_server_conf
SET run_env = CASE $3 WHEN '' THEN run_env WHEN 'none' THEN '' ELSE $3 END,
    run_args = CASE $4 WHEN '' THEN run_args WHEN 'none' THEN '' ELSE $4 END,
    run_user = CASE $5 WHEN '' THEN run_user WHEN 'none' THEN '' ELSE $5 END,
    posttime = now(), lastuser = 'ctl'
WHERE application || '.' || server_name || '.' || node_name = $1 || '.' || $2
RETURNING 0 AS ret,
          format('%s on node %s: environment %s, arguments %s, account %s; they count when it starts '
                 'again', $1::text, $2::text, coalesce(nullif(run_env, ''), 'none'),
                 coalesce(nullif(run_args, ''), 'none'),
                 coalesce(nullif(run_user, ''), 'the node''s')) AS text

-- name: ops_event_add
INSERT INTO t_server_notifys (application, server_name, node_name, server_id, thread_id, command,
                              result)
VALUES (split_part($1, '.', 1), split_part($1, '.', 2), $2, $1 || '_' || $2, $3, $4, $5)

-- name: ops_server_events
SELECT time, server, node, "from", event FROM (
	SELECT n.id, to_char(n.notifytime, 'YYYY-MM-DD HH24:MI:SS') AS time,
	       concat_ws('.', nullif(n.application, ''), nullif(n.server_name, '')) AS server,
	       n.node_name AS node,
	       n.thread_id AS "from", concat_ws(' ', n.command, n.result) AS event
	FROM t_server_notifys n,
	     (SELECT replace(replace(replace(replace($1, '\', '\\'), '%', '\%'), '_', '\_'), '*',
	                     '%') AS p) want
	WHERE $1 = '' OR n.application LIKE p OR n.application || '.' || n.server_name LIKE p
	   OR n.node_name LIKE p
	ORDER BY n.id DESC
	LIMIT least(greatest($2::int, 1), 10000)
) last
ORDER BY id

-- name: ops_node_metrics
SELECT n.node_name AS node, to_char(m.time AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS') AS time,
       m.cpu, format('%s %s %s', round(m.load_avg1::numeric, 2), round(m.load_avg5::numeric, 2),
                     round(m.load_avg15::numeric, 2)) AS load,
       (m.mem_total >> 20)::int AS "memTotalMb", (m.mem_available >> 20)::int AS "memFreeMb",
       (m.swap_used >> 20)::int AS "swapUsedMb", d.percent AS "diskPercent", d.text AS disks,
       coalesce(m.clock_diff::text, '') AS "clockDiff", m.processors,
       least(extract(epoch FROM now() - m.time), 2147483647)::int AS age
FROM t_node_info n
CROSS JOIN LATERAL (
	SELECT * FROM t_node_metrics
	WHERE node_name = n.node_name
	ORDER BY time DESC
	LIMIT least(greatest($2::int, 1), 50000)
) m
CROSS JOIN LATERAL (
	SELECT coalesce(max(p), 0)::int AS percent,
	       coalesce(string_agg(format('%s %s%% of %s GB', path, p,
	                                  round(total / 1073741824.0, 1)), ', ' ORDER BY i), '') AS text
	FROM (SELECT i, disk ->> 'path' AS path, (disk ->> 'total')::numeric AS total,
	             round(100 - 100 * (disk ->> 'free')::numeric
	                         / greatest((disk ->> 'total')::numeric, 1)) AS p
	      FROM jsonb_array_elements(m.disks) WITH ORDINALITY AS e(disk, i)) each
) d
WHERE $1 = '' OR n.node_name LIKE replace(replace(replace(replace($1, '\', '\\'), '%', '\%'), '_',
                                                  '\_'), '*', '%')
ORDER BY n.node_name, m.time
LIMIT 50000

-- name: ops_node_list
WITH want AS (
	SELECT replace(replace(replace(replace($1, '\', '\\'), '%', '\%'), '_', '\_'), '*', '%') AS p
)
SELECT n.node_name AS node, n.present_state AS state,
       coalesce(to_char(n.last_heartbeat AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS'), '')
       AS heartbeat,
       (SELECT count(*)::int FROM t_server_conf s WHERE s.node_name = n.node_name) AS servers,
       (SELECT count(*)::int FROM t_server_conf s
        WHERE s.node_name = n.node_name AND s.present_state = 'active') AS active,
       format('%s %s %s', round(n.load_avg1::numeric, 2), round(n.load_avg5::numeric, 2),
              round(n.load_avg15::numeric, 2)) AS load,
       n.tars_version AS version, n.node_obj AS address, n.data_dir AS "dataDir",
       n.template_name AS "templateName", n.addresses,
       coalesce(least(extract(epoch FROM now() - n.last_heartbeat), 2147483647)::int, -1) AS age
FROM t_node_info n, want
WHERE $1 = '' OR n.node_name LIKE p
ORDER BY n.node_name

-- name: ops_node_flow
WITH done AS (
	UPDATE t_server_conf SET flow_state = $2 WHERE node_name = $1 RETURNING 1
)
SELECT 0 AS ret, format('node %s: callers find its %s servers%s', $1::text, count(*),
                        CASE $2 WHEN 'active' THEN '' ELSE ' no more; they run on' END) AS text
FROM done
HAVING count(*) > 0

-- name: ops_node_remove
WITH node AS (
	SELECT n.present_state,
	       (SELECT count(*) FROM t_server_conf s WHERE s.node_name = $1) AS servers
	FROM t_node_info n
	WHERE n.node_name = $1
	FOR UPDATE
), gone AS (
	DELETE FROM t_node_info n
	USING node
	WHERE n.node_name = $1 AND node.present_state = 'inactive' AND node.servers = 0
	RETURNING 1
)
SELECT CASE WHEN EXISTS (SELECT FROM gone) THEN 0 ELSE -1 END AS ret,
       CASE WHEN node.present_state <> 'inactive'
            THEN format('node %s sends heartbeats: stop it first', $1::text)
            WHEN node.servers > 0
            THEN format('node %s has %s servers: undeploy them first (tars ctl server list %s)',
                        $1::text, node.servers, $1::text)
            ELSE format('node %s is removed', $1::text) END AS text
FROM node

-- name: ops_token_add
WITH old AS (
	DELETE FROM t_node_token WHERE expires_at < now() - interval '31 days'
)
INSERT INTO t_node_token (hash, node_name, uses, expires_at)
VALUES ($1, $2, $3, now() + $4::bigint * interval '1 ms')

-- name: ops_adapter_list
WITH want AS (
	SELECT replace(replace(replace(replace($1, '\', '\\'), '%', '\%'), '_', '\_'), '*', '%') AS p
)
SELECT a.application || '.' || a.server_name AS server, a.node_name AS node,
       a.adapter_name AS adapter, a.servant, a.endpoint, a.thread_num AS threads,
       a.max_connections AS maxconns, a.queuecap, a.queuetimeout, a.protocol,
       a.allow_ip AS allow, a.liveness, a.readiness,
       CASE WHEN a.readiness = '' THEN '' WHEN a.ready THEN 'yes' ELSE 'no' END AS ready
FROM t_adapter_conf a, want
WHERE $1 = '' OR a.application LIKE p OR a.application || '.' || a.server_name LIKE p
   OR a.node_name LIKE p OR a.servant LIKE p
ORDER BY a.application, a.server_name, a.node_name, a.id

-- name: ops_adapter_set
WITH server AS (
	SELECT application, server_name, node_name
	FROM t_server_conf
	WHERE application || '.' || server_name || '.' || node_name = $1 || '.' || $3
), old AS (
	UPDATE t_adapter_conf a
	SET endpoint = coalesce(nullif($4, ''), a.endpoint),
	    thread_num = coalesce(nullif($5::int, 0), a.thread_num),
	    max_connections = coalesce(nullif($6::int, 0), a.max_connections),
	    queuecap = coalesce(nullif($7::int, 0), a.queuecap),
	    queuetimeout = coalesce(nullif($8::int, 0), a.queuetimeout),
	    protocol = coalesce(nullif($9, ''), a.protocol),
	    allow_ip = coalesce(nullif($10, ''), a.allow_ip), posttime = now(), lastuser = 'ctl'
	FROM server s
	WHERE a.application = s.application AND a.server_name = s.server_name
	  AND a.node_name = s.node_name AND a.servant = $1 || '.' || $2
	RETURNING 1
), added AS (
	INSERT INTO t_adapter_conf (application, server_name, node_name, adapter_name, servant,
	                            endpoint, thread_num, max_connections, queuecap, queuetimeout,
	                            protocol, allow_ip, posttime, lastuser)
	SELECT application, server_name, node_name, $1 || '.' || $2 || 'Adapter', $1 || '.' || $2, $4,
	       coalesce(nullif($5::int, 0), 5), coalesce(nullif($6::int, 0), 100000),
	       coalesce(nullif($7::int, 0), 50000), coalesce(nullif($8::int, 0), 20000),
	       coalesce(nullif($9, ''), 'tars'), $10, now(), 'ctl'
	FROM server
	WHERE $4 <> '' AND NOT EXISTS (SELECT FROM old)
	RETURNING 1
)
SELECT CASE WHEN EXISTS (SELECT FROM old) OR EXISTS (SELECT FROM added) THEN 0 ELSE -1 END AS ret,
       CASE WHEN EXISTS (SELECT FROM old)
            THEN format('%s.%s on node %s is changed; it counts when the server starts again',
                        $1::text, $2::text, $3::text)
            WHEN EXISTS (SELECT FROM added)
            THEN format('%s.%s is added on node %s; it is there when the server starts again',
                        $1::text, $2::text, $3::text)
            ELSE format('%s has no servant %s on node %s yet: it needs an --endpoint', $1::text,
                        $2::text, $3::text) END AS text
FROM server

-- name: ops_adapter_probe
UPDATE t_adapter_conf
SET liveness = coalesce(nullif(CASE $4 WHEN '' THEN liveness ELSE $4 END, 'none'), ''),
    readiness = coalesce(nullif(CASE $5 WHEN '' THEN readiness ELSE $5 END, 'none'), ''),
    posttime = now(), lastuser = 'ctl'
WHERE application || '.' || server_name = $1 AND servant = $1 || '.' || $2 AND node_name = $3
RETURNING 0 AS ret,
          format('%s on node %s: liveness %s, readiness %s', servant, node_name,
                 coalesce(nullif(liveness, ''), 'none'),
                 coalesce(nullif(readiness, ''), 'none')) AS text

-- name: ops_adapter_delete
DELETE FROM t_adapter_conf
WHERE application || '.' || server_name = $1 AND servant = $1 || '.' || $2 AND node_name = $3
RETURNING 0 AS ret,
          format('%s is gone from node %s: callers find it no more', servant, node_name) AS text

-- name: ops_template_list
WITH want AS (
	SELECT replace(replace(replace(replace($1, '\', '\\'), '%', '\%'), '_', '\_'), '*', '%') AS p
)
SELECT t.template_name AS name, t.parents_name AS parent,
       (SELECT count(*)::int FROM t_server_conf s WHERE s.template_name = t.template_name)
       AS servers,
       coalesce(to_char(t.posttime, 'YYYY-MM-DD HH24:MI:SS'), '') AS changed, '' AS profile
FROM t_profile_template t, want
WHERE $1 = '' OR t.template_name LIKE p
ORDER BY t.template_name

-- name: ops_template_set
INSERT INTO t_profile_template AS t (template_name, profile, parents_name, posttime, lastuser)
VALUES ($1, $2, coalesce(nullif($3, ''), $1), now(), 'ctl')
ON CONFLICT (template_name) DO UPDATE
SET profile = excluded.profile, parents_name = coalesce(nullif($3, ''), t.parents_name),
    posttime = now(), lastuser = 'ctl'
RETURNING 0 AS ret, format('template %s is stored; servers have it when they start again', $1::text)
                    AS text

-- name: ops_template_delete
WITH template AS (
	SELECT (SELECT count(*) FROM t_server_conf s WHERE s.template_name = $1) AS servers,
	       (SELECT count(*) FROM t_profile_template c
	        WHERE c.parents_name = $1 AND c.template_name <> $1) AS children
	FROM t_profile_template
	WHERE template_name = $1
	FOR UPDATE
), gone AS (
	DELETE FROM t_profile_template t
	USING template
	WHERE t.template_name = $1 AND template.servers = 0 AND template.children = 0
	RETURNING 1
)
SELECT CASE WHEN EXISTS (SELECT FROM gone) THEN 0 ELSE -1 END AS ret,
       CASE WHEN EXISTS (SELECT FROM gone) THEN format('template %s is deleted', $1::text)
            ELSE format('template %s is in use: by %s servers, as the parent of %s templates',
                        $1::text, servers, children) END AS text
FROM template

-- name: ops_app_list
WITH want AS (
	SELECT replace(replace(replace(replace($1, '\', '\\'), '%', '\%'), '_', '\_'), '*', '%') AS p
)
SELECT s.application AS app, count(DISTINCT s.server_name)::int AS servers,
       count(*)::int AS instances,
       (count(*) FILTER (WHERE s.present_state = 'active'))::int AS active,
       string_agg(DISTINCT s.node_name, ', ' ORDER BY s.node_name) AS nodes
FROM t_server_conf s, want
WHERE $1 = '' OR s.application LIKE p
GROUP BY s.application
ORDER BY s.application

-- name: ops_idc_list
WITH want AS (
	SELECT replace(replace(replace(replace($1, '\', '\\'), '%', '\%'), '_', '\_'), '*', '%') AS p
)
SELECT r.group_name AS name, r.ip_order AS "order", r.allow_ip_rule AS allow,
       r.denny_ip_rule AS deny, r.group_name_cn AS remark
FROM t_server_group_rule r, want
WHERE $1 = '' OR r.group_name LIKE p
ORDER BY r.group_id

-- name: ops_idc_set
INSERT INTO t_server_group_rule (group_name, ip_order, allow_ip_rule, denny_ip_rule, group_name_cn,
                                 lastuser)
VALUES ($1, $2, $3, $4, $5, 'ctl')
ON CONFLICT (group_name) DO UPDATE
SET ip_order = excluded.ip_order, allow_ip_rule = excluded.allow_ip_rule,
    denny_ip_rule = excluded.denny_ip_rule, group_name_cn = excluded.group_name_cn,
    lastuser = 'ctl'
RETURNING 0 AS ret, format('group %s is number %s', group_name, group_id) AS text

-- name: ops_idc_delete
DELETE FROM t_server_group_rule
WHERE group_name = $1
RETURNING 0 AS ret, format('group %s is deleted', group_name) AS text

-- name: ops_station_list
WITH want AS (
	SELECT replace(replace(replace(replace($1, '\', '\\'), '%', '\%'), '_', '\_'), '*', '%') AS p
)
SELECT g.name, g.group_list AS groups, g.list_order AS "order", g.station
FROM t_group_priority g, want
WHERE $1 = '' OR g.name LIKE p OR g.station LIKE p
ORDER BY g.list_order, g.id

-- The table has no unique name: all rows of this name become one.
-- name: ops_station_set
WITH old AS (
	DELETE FROM t_group_priority WHERE name = $1
), added AS (
	INSERT INTO t_group_priority (name, group_list, list_order, station)
	VALUES ($1, $2, $3::int, $4)
)
SELECT 0 AS ret, format('priority %s is stored', $1::text) AS text

-- name: ops_station_delete
DELETE FROM t_group_priority
WHERE name = $1
RETURNING 0 AS ret, format('priority %s is deleted', name) AS text

-- name: ops_set_list
WITH want AS (
	SELECT replace(replace(replace(replace($1, '\', '\\'), '%', '\%'), '_', '\_'), '*', '%') AS p
)
SELECT concat_ws('.', s.set_name, s.set_area, s.set_group) AS "set", count(*)::int AS instances,
       (count(*) FILTER (WHERE s.present_state = 'active'))::int AS active,
       string_agg(DISTINCT s.application || '.' || s.server_name, ', ') AS servers
FROM t_server_conf s, want
WHERE s.enable_set = 'Y'
  AND ($1 = '' OR concat_ws('.', s.set_name, s.set_area, s.set_group) LIKE p)
GROUP BY s.set_name, s.set_area, s.set_group
ORDER BY 1

-- name: ops_set_assign
UPDATE t_server_conf
SET enable_set = CASE $2 WHEN 'none' THEN 'N' ELSE 'Y' END,
    set_name = CASE $2 WHEN 'none' THEN '' ELSE split_part($2, '.', 1) END,
    set_area = CASE $2 WHEN 'none' THEN '' ELSE split_part($2, '.', 2) END,
    set_group = CASE $2 WHEN 'none' THEN '' ELSE split_part($2, '.', 3) END,
    posttime = now(), lastuser = 'ctl'
WHERE application || '.' || server_name || '.' || node_name = $1 || '.' || $3
RETURNING 0 AS ret, format('%s on node %s is in %s', $1::text, $3::text,
                           CASE $2 WHEN 'none' THEN 'no set' ELSE 'the set ' || $2 END) AS text
