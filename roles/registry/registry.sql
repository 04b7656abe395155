-- Statements of the registry.  Parameters and results: the C code that names them.

-- name: platform_beat
INSERT INTO t_registry_info (locator_id, servant, endpoint, present_state, tars_version,
                             last_heartbeat)
VALUES ($1, $2, $3, $4, $5, now())
ON CONFLICT (locator_id, servant) DO UPDATE
SET endpoint = excluded.endpoint, present_state = excluded.present_state,
    tars_version = excluded.tars_version, last_heartbeat = excluded.last_heartbeat

-- name: registry_servers
SELECT s.id, s.application, s.server_name, s.node_name, s.server_type, s.setting_state,
       s.present_state, s.flow_state, s.bak_flag, s.enable_group, s.ip_group_name, s.enable_set,
       s.set_name, s.set_area, s.set_group, a.servant, a.endpoint,
       a.readiness <> '' AND NOT a.ready AS unready
FROM (SELECT * FROM t_server_conf WHERE id > $1::bigint ORDER BY id LIMIT $2::int) s
LEFT JOIN t_adapter_conf a USING (application, server_name, node_name)
ORDER BY s.id, a.id

-- name: registry_servers_of
SELECT s.id, s.application, s.server_name, s.node_name, s.server_type, s.setting_state,
       s.present_state, s.flow_state, s.bak_flag, s.enable_group, s.ip_group_name, s.enable_set,
       s.set_name, s.set_area, s.set_group, a.servant, a.endpoint,
       a.readiness <> '' AND NOT a.ready AS unready
FROM t_server_conf s
LEFT JOIN t_adapter_conf a USING (application, server_name, node_name)
WHERE s.application || '.' || s.server_name || '.' || s.node_name =
      ANY (ARRAY (SELECT jsonb_array_elements_text($1::jsonb)))
ORDER BY s.id, a.id

-- name: registry_changes
SELECT version, table_name, key AS changed_key
FROM tars_change
WHERE version > $1::bigint
ORDER BY version
FETCH FIRST ($2::int) ROWS WITH TIES

-- name: registry_platform
SELECT locator_id, servant, endpoint, present_state, tars_version, enable_group
FROM t_registry_info
ORDER BY endpoint COLLATE "C", id

-- name: registry_masters
SELECT application, server_name, node_name
FROM t_server_master
WHERE hides_slaves
ORDER BY application, server_name

-- One row if the lock is the caller's from now on; none if it is another's, or the server is not
-- deployed.  By the clock of the database alone.
-- name: master_take
INSERT INTO t_server_master AS m (application, server_name, node_name, hides_slaves, expires_at)
SELECT application, server_name, node_name, $4::boolean,
       clock_timestamp() + $5::bigint * interval '1 ms'
FROM t_server_conf
WHERE application = $1 AND server_name = $2 AND node_name = $3
ON CONFLICT (application, server_name) DO UPDATE
SET node_name = excluded.node_name, hides_slaves = excluded.hides_slaves,
    since = CASE WHEN m.node_name = excluded.node_name THEN m.since ELSE excluded.since END,
    expires_at = excluded.expires_at
WHERE m.node_name = excluded.node_name OR m.expires_at <= clock_timestamp()

-- name: registry_version
SELECT version FROM tars_version

-- name: registry_nodes
SELECT node_name, node_obj, present_state, template_name, tars_version, secret_hash,
       coalesce(extract(epoch FROM now() - last_heartbeat)::bigint, -1) AS heartbeat_age,
       to_char(last_heartbeat, 'YYYY-MM-DD HH24:MI:SS') AS heartbeat_time
FROM t_node_info
ORDER BY node_name

-- name: registry_node
SELECT node_name, node_obj, present_state, template_name, tars_version, secret_hash,
       coalesce(extract(epoch FROM now() - last_heartbeat)::bigint, -1) AS heartbeat_age,
       to_char(last_heartbeat, 'YYYY-MM-DD HH24:MI:SS') AS heartbeat_time
FROM t_node_info
WHERE node_name = $1

-- name: registry_rules
SELECT group_id, group_name, ip_order, allow_ip_rule, denny_ip_rule
FROM t_server_group_rule
ORDER BY group_id

-- name: registry_priorities
SELECT id, group_list, list_order, station
FROM t_group_priority
ORDER BY list_order, id

-- Rows are locked in one order: another registry may be writing others of them.  A process that its
-- node has seen end is no master any more.
-- name: registry_set_states
WITH said AS (
	SELECT *
	FROM jsonb_to_recordset($1::jsonb -> 'states')
	     AS v (app text, server text, node text, state text, pid int, cause text, alarm boolean)
), locked AS (
	SELECT s.id, said.*, s.present_state AS old_state, s.process_id AS old_pid
	FROM t_server_conf s
	JOIN said ON s.application = said.app AND s.server_name = said.server
	         AND s.node_name = said.node
	ORDER BY s.id
	FOR UPDATE OF s
), released AS (
	UPDATE t_server_master m
	SET expires_at = now()
	FROM said
	WHERE said.state = 'inactive' AND m.application = said.app AND m.server_name = said.server
	  AND m.node_name = said.node AND m.expires_at > now()
), noted AS (
	INSERT INTO t_server_notifys (application, server_name, node_name, server_id, thread_id,
	                              command, result)
	SELECT app, server, node, app || '.' || server || '_' || node, 'node',
	       CASE WHEN alarm THEN '[alarm]' ELSE '[normal]' END,
	       CASE state WHEN 'active' THEN 'active, pid ' || pid
	                  WHEN 'activating' THEN 'starting, pid ' || pid
	                  WHEN 'inactive' THEN CASE WHEN alarm THEN 'down' ELSE 'stopped' END
	                  ELSE state END
	       || CASE WHEN cause = '' THEN ''
	               WHEN state IN ('active', 'activating') THEN '; before: ' || cause
	               ELSE ': ' || cause END
	FROM locked
	WHERE cause <> '' OR (state <> 'deactivating'
	                      AND (state <> old_state OR (pid <> old_pid AND state = 'active')))
	ORDER BY id
)
UPDATE t_server_conf s
SET present_state = locked.state, process_id = locked.pid
FROM locked
WHERE s.id = locked.id
RETURNING s.application, s.server_name, s.node_name

-- name: registry_heartbeats
WITH v AS (
	SELECT *
	FROM jsonb_to_recordset($1::jsonb -> 'beats') AS b(node text, avg1 real, avg5 real, avg15 real)
), noted AS (
	INSERT INTO t_server_notifys (node_name, server_id, thread_id, command, result)
	SELECT n.node_name, n.node_name, 'registry', '[normal]', 'is back'
	FROM v JOIN t_node_info n ON n.node_name = v.node
	WHERE n.present_state <> 'active'
)
UPDATE t_node_info n
SET last_heartbeat = now(), present_state = 'active', load_avg1 = v.avg1, load_avg5 = v.avg5,
    load_avg15 = v.avg15
FROM v
WHERE n.node_name = v.node

-- name: registry_host_metrics
WITH here AS (
	SELECT coalesce(string_agg(a, ' ' ORDER BY n), '') AS addresses
	FROM jsonb_array_elements_text($2::jsonb -> 'addresses') WITH ORDINALITY AS t (a, n)
), moved AS (
	UPDATE t_node_info i SET addresses = here.addresses
	FROM here
	WHERE i.node_name = $1 AND i.addresses <> here.addresses
)
INSERT INTO t_node_metrics (node_name, cpu, processors, load_avg1, load_avg5, load_avg15, mem_total,
                            mem_available, swap_used, clock_diff, disks)
SELECT n.node_name, v.cpu, v.processors, v.avg1, v.avg5, v.avg15, v."memTotal", v."memAvailable",
       v."swapUsed", CASE WHEN v."clockKnown" THEN v."clockDiff" END, v.disks
FROM t_node_info n, jsonb_to_record($2::jsonb) AS v(cpu int, processors int, avg1 real, avg5 real,
	avg15 real, "memTotal" bigint, "memAvailable" bigint, "swapUsed" bigint, "clockDiff" bigint,
	"clockKnown" boolean, disks jsonb)
WHERE n.node_name = $1
ON CONFLICT DO NOTHING

-- name: registry_old_metrics
DELETE FROM t_node_metrics
WHERE time < now() - interval '31 days'

-- Changes of states also when there are too many: what people did stays for the whole time.
-- name: registry_old_events
DELETE FROM t_server_notifys
WHERE notifytime < now() - interval '31 days'
   OR (id <= (SELECT max(id) FROM t_server_notifys) - 1000000
       AND thread_id IN ('node', 'registry'))

-- name: registry_dead_nodes
WITH late AS (
	SELECT node_name, last_heartbeat
	FROM t_node_info
	WHERE present_state = 'active'
	  AND (last_heartbeat IS NULL OR last_heartbeat < now() - $1::bigint * interval '1 ms')
), believable AS (
	SELECT FROM late
	HAVING count(*) < $2::bigint OR count(*) * 100 <=
		$3::bigint * (SELECT count(*) FROM t_node_info WHERE present_state = 'active')
), dead AS (
	UPDATE t_node_info n
	SET present_state = 'inactive'
	FROM late, believable
	WHERE n.node_name = late.node_name
	  AND n.last_heartbeat IS NOT DISTINCT FROM late.last_heartbeat
	RETURNING n.node_name
), gone AS (
	UPDATE t_server_conf s
	SET present_state = 'inactive', process_id = 0
	FROM dead
	WHERE s.node_name = dead.node_name AND s.present_state <> 'inactive'
	  AND s.server_type <> 'tars_dns'
), noted AS (
	INSERT INTO t_server_notifys (node_name, server_id, thread_id, command, result)
	SELECT node_name, node_name, 'registry', '[alarm]',
	       format('lost: no heartbeat for %s s; its servers are out of routing', $1::bigint / 1000)
	FROM dead
)
SELECT late.node_name, dead.node_name IS NOT NULL AS is_dead
FROM late LEFT JOIN dead USING (node_name)

-- name: registry_dead_platform
UPDATE t_registry_info
SET present_state = 'inactive'
WHERE present_state = 'active'
  AND (last_heartbeat IS NULL OR last_heartbeat < now() - $1::bigint * interval '1 ms')

-- name: registry_node_upsert
WITH noted AS (
	INSERT INTO t_server_notifys (node_name, server_id, thread_id, command, result)
	SELECT $1::text, $1::text, 'registry', '[normal]',
	       CASE WHEN n.node_name IS NULL THEN 'joined' ELSE 'is back' END
	       || format(': %s, version %s', $2::text, $9::text)
	FROM (VALUES ($1::text)) AS v(name) LEFT JOIN t_node_info n ON n.node_name = v.name
	WHERE n.present_state IS DISTINCT FROM 'active'
)
INSERT INTO t_node_info (node_name, node_obj, endpoint_ip, endpoint_port, data_dir, load_avg1,
                         load_avg5, load_avg15, last_reg_time, last_heartbeat, setting_state,
                         present_state, tars_version)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, now(), now(), 'active', 'active', $9)
ON CONFLICT (node_name) DO UPDATE
SET node_obj = excluded.node_obj, endpoint_ip = excluded.endpoint_ip,
    endpoint_port = excluded.endpoint_port, data_dir = excluded.data_dir,
    load_avg1 = excluded.load_avg1, load_avg5 = excluded.load_avg5,
    load_avg15 = excluded.load_avg15, last_reg_time = excluded.last_reg_time,
    last_heartbeat = excluded.last_heartbeat, setting_state = 'active',
    present_state = 'active', tars_version = excluded.tars_version

-- name: registry_node_join
WITH token AS (
	SELECT node_name, uses, used, expires_at
	FROM t_node_token
	WHERE hash = $1
	FOR UPDATE
), want AS (
	SELECT CASE WHEN $2::text <> '' THEN $2
	            WHEN token.node_name <> '' THEN token.node_name
	            ELSE $3::text END AS name
	FROM token
), why AS (
	SELECT want.name,
	       CASE WHEN token.used >= token.uses
	            THEN 'the token was used already: make another (tars ctl node token)'
	            WHEN token.expires_at <= now()
	            THEN format('the token expired at %s UTC: make another (tars ctl node token)',
	                        to_char(token.expires_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS'))
	            WHEN token.node_name NOT IN ('', want.name)
	            THEN format('the token is for node %s, not for %s', token.node_name, want.name)
	            WHEN token.node_name = '' AND n.secret_hash <> ''
	            THEN format('node %s has joined already: give this one another --name, or make a '
	                        'token that is for it (tars ctl node token --name %s)', want.name,
	                        want.name)
	            ELSE '' END AS text
	FROM token, want
	LEFT JOIN t_node_info n ON n.node_name = want.name
), taken AS (
	UPDATE t_node_token t
	SET used = t.used + 1
	FROM why
	WHERE t.hash = $1 AND why.text = ''
), joined AS (
	INSERT INTO t_node_info (node_name, secret_hash)
	SELECT name, $4 FROM why WHERE text = ''
	ON CONFLICT (node_name) DO UPDATE SET secret_hash = excluded.secret_hash
)
SELECT CASE WHEN text = '' THEN 0 ELSE -1 END AS ret,
       CASE WHEN text = '' THEN name ELSE text END AS text
FROM why

-- name: registry_node_destroy
WITH node AS (
	UPDATE t_node_info SET present_state = 'inactive'
	WHERE node_name = $1 AND present_state <> 'inactive'
	RETURNING node_name
), noted AS (
	INSERT INTO t_server_notifys (node_name, server_id, thread_id, command, result)
	SELECT node_name, node_name, 'registry', '[normal]', 'left: it was stopped' FROM node
)
UPDATE t_server_conf
SET present_state = 'inactive', process_id = 0
WHERE node_name = $1 AND server_type <> 'tars_dns'

-- name: registry_descriptors
SELECT s.application, s.server_name, s.node_name, s.base_path, s.exe_path, s.setting_state,
       s.present_state, s.template_name, s.profile, s.patch_version,
       to_char(s.patch_time, 'YYYY-MM-DD HH24:MI:SS') AS patch_time, s.patch_user,
       s.server_type, s.start_script_path, s.stop_script_path, s.monitor_script_path,
       s.config_center_port, s.async_thread_num, s.enable_set, s.set_name, s.set_area,
       s.set_group, s.run_type, a.adapter_name, a.thread_num, a.endpoint, a.max_connections,
       a.allow_ip, a.servant, a.queuecap, a.queuetimeout, a.protocol, a.handlegroup,
       s.process_id, s.tars_version, s.base_image_id::text AS base_image_id, a.liveness, a.readiness,
       s.run_env, s.run_args, s.run_user
FROM t_server_conf s
LEFT JOIN t_adapter_conf a USING (application, server_name, node_name)
WHERE ($1 = '' OR s.application = $1) AND ($2 = '' OR s.server_name = $2)
  AND ($3 = '' OR s.node_name = $3)
ORDER BY s.id, a.id

-- name: registry_templates
SELECT template_name, parents_name, profile
FROM t_profile_template

-- name: registry_set_version
UPDATE t_server_conf
SET tars_version = $4
WHERE application = $1 AND server_name = $2 AND node_name = $3

-- name: registry_set_patched
UPDATE t_server_conf
SET patch_version = $4, patch_user = $5, patch_time = now()
WHERE application = $1 AND server_name = $2 AND node_name = $3

-- name: registry_set_setting
UPDATE t_server_conf
SET setting_state = $4
WHERE application = $1 AND server_name = $2 AND node_name = $3

-- name: registry_set_flow
UPDATE t_server_conf
SET flow_state = $3
WHERE application = $1 AND server_name = $2
  AND node_name IN (SELECT jsonb_array_elements_text($4::jsonb))

-- name: registry_ports
SELECT application, server_name, endpoint
FROM t_adapter_conf
WHERE node_name = $1 AND (application <> $2 OR server_name <> $3)

-- $12..$16, NULL: keep what is there.  $21: an existing row may be replaced.
-- name: registry_server_upsert
INSERT INTO t_server_conf AS s (application, server_name, node_name, base_path, exe_path,
                                template_name, setting_state, server_type, start_script_path,
                                stop_script_path, monitor_script_path, enable_set, set_name,
                                set_area, set_group, profile, async_thread_num, enable_group,
                                ip_group_name, posttime, lastuser)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, coalesce($12::text, 'N'),
        coalesce($13::text, ''), coalesce($14::text, ''), coalesce($15::text, ''),
        coalesce($16::text, ''), $17, $18, $19, now(), $20)
ON CONFLICT (application, server_name, node_name) DO UPDATE
SET base_path = excluded.base_path, exe_path = excluded.exe_path,
    template_name = excluded.template_name, setting_state = excluded.setting_state,
    server_type = excluded.server_type, start_script_path = excluded.start_script_path,
    stop_script_path = excluded.stop_script_path,
    monitor_script_path = excluded.monitor_script_path,
    enable_set = coalesce($12, s.enable_set), set_name = coalesce($13, s.set_name),
    set_area = coalesce($14, s.set_area), set_group = coalesce($15, s.set_group),
    profile = coalesce($16, s.profile), async_thread_num = excluded.async_thread_num,
    enable_group = excluded.enable_group, ip_group_name = excluded.ip_group_name,
    posttime = excluded.posttime, lastuser = excluded.lastuser
WHERE $21::boolean

-- $15, $16, NULL: keep what is there.  $14: an existing row may be replaced.
-- name: registry_adapter_upsert
INSERT INTO t_adapter_conf AS a (application, server_name, node_name, adapter_name, thread_num,
                                 endpoint, max_connections, allow_ip, servant, queuecap,
                                 queuetimeout, protocol, posttime, lastuser, liveness, readiness)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, now(), $13, coalesce($15::text, ''),
        coalesce($16::text, ''))
ON CONFLICT (application, server_name, node_name, adapter_name) DO UPDATE
SET thread_num = excluded.thread_num, endpoint = excluded.endpoint,
    max_connections = excluded.max_connections, allow_ip = excluded.allow_ip,
    servant = excluded.servant, queuecap = excluded.queuecap,
    queuetimeout = excluded.queuetimeout, protocol = excluded.protocol,
    posttime = excluded.posttime, lastuser = excluded.lastuser,
    liveness = coalesce($15, a.liveness), readiness = coalesce($16, a.readiness)
WHERE $14::boolean

-- name: registry_set_ready
UPDATE t_adapter_conf a
SET ready = (said ->> 'ready')::boolean
FROM jsonb_array_elements($1::jsonb -> 'endpoints') said
WHERE a.application = $1::jsonb ->> 'application' AND a.server_name = $1::jsonb ->> 'serverName'
  AND a.node_name = $1::jsonb ->> 'nodeName'
  AND a.servant = said ->> 'servant' AND a.endpoint = said ->> 'endpoint'
  AND a.ready <> (said ->> 'ready')::boolean

-- name: registry_adapters_delete
DELETE FROM t_adapter_conf
WHERE application = $1 AND server_name = $2 AND node_name = $3

-- name: registry_server_delete
WITH gone AS (
	DELETE FROM t_server_conf
	WHERE application = $1 AND server_name = $2 AND node_name = $3
	RETURNING application, server_name, node_name
)
DELETE FROM t_server_master m
USING gone
WHERE m.application = gone.application AND m.server_name = gone.server_name
  AND m.node_name = gone.node_name

-- name: registry_beats
SELECT node_name, to_char(last_heartbeat, 'YYYY-MM-DD HH24:MI:SS') AS heartbeat_time
FROM t_node_info
WHERE present_state = 'active' AND last_heartbeat > now() - $2::bigint * interval '1 ms'
  AND node_name IN (SELECT jsonb_array_elements_text($1::jsonb))

-- name: store_config_upsert
INSERT INTO t_config_files (server_name, filename, host, level, config, posttime, lastuser)
VALUES ($1, $2, $3, $4, $5, now(), 'admin')
ON CONFLICT (server_name, filename, host, level, set_name, set_area, set_group) DO UPDATE
SET config = excluded.config, posttime = excluded.posttime, lastuser = excluded.lastuser
WHERE $6::boolean

-- name: store_config_id
SELECT id
FROM t_config_files
WHERE server_name = $1 AND filename = $2 AND host = $3 AND level = $4
ORDER BY id
LIMIT 1

-- name: store_config_history
INSERT INTO t_config_history_files (configid, reason, content, posttime, lastuser)
SELECT id, $2, $3, now(), 'admin'
FROM t_config_files
WHERE id = $1

-- name: store_plugin_upsert
INSERT INTO t_plugin (name, name_en, obj, type, path, k8s, extern)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (name) DO UPDATE
SET name_en = excluded.name_en, obj = excluded.obj, type = excluded.type, path = excluded.path,
    k8s = excluded.k8s, extern = excluded.extern

-- name: store_package
SELECT id, md5
FROM t_server_patchs
WHERE server = $1 AND default_version = $2
ORDER BY id
LIMIT 1
