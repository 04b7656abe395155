-- The base schema: services, nodes, templates, groups, configuration files, releases and tasks.
--
-- Tables and columns that the official platform has keep their names.  Empty text, not NULL, means
-- "none"; times are NULL until they happened.

-- ---- changes ----
--
-- Each statement that changes what clients see takes the next version and leaves one row per
-- changed object, then NOTIFY rings: channel tars_change, payload "<table>:<key>".  A reader keeps
-- the last version it has seen and reads the rows after it, so lost notifications do no harm.  The
-- row of tars_version is locked until commit: versions become visible in order and without holes.

CREATE TABLE tars_version (
	only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
	version bigint NOT NULL
);
INSERT INTO tars_version (version) VALUES (0);

CREATE TABLE tars_change (
	version bigint NOT NULL,
	table_name text NOT NULL,
	key text NOT NULL,
	changed_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (version, table_name, key)
);

-- Key of a row: its key columns joined by '.'.
CREATE FUNCTION tars_row_key(r jsonb, key_columns text[]) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
	SELECT left(string_agg(coalesce(r ->> c, ''), '.' ORDER BY n), 1000)
	FROM unnest(key_columns) WITH ORDINALITY AS k (c, n)
$$;

-- Statement trigger.  Arguments: key columns; columns whose change is of no interest (both
-- separated by ',').  Rows older than 100000 versions are dropped now and then: a reader that is so
-- far behind finds the oldest version above its own and reads everything.
CREATE FUNCTION tars_note_change() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
	key_columns text[] := string_to_array(TG_ARGV[0], ',');
	quiet text[] := string_to_array(TG_ARGV[1], ',');
	keys text[];
	v bigint;
BEGIN
	IF TG_OP = 'INSERT' THEN
		SELECT array_agg(DISTINCT tars_row_key(to_jsonb(n), key_columns)) INTO keys
		FROM new_rows n;
	ELSIF TG_OP = 'DELETE' THEN
		SELECT array_agg(DISTINCT tars_row_key(to_jsonb(o), key_columns)) INTO keys
		FROM old_rows o;
	ELSE
		WITH o AS (SELECT to_jsonb(r) - quiet AS j FROM old_rows r),
		     n AS (SELECT to_jsonb(r) - quiet AS j FROM new_rows r),
		     changed AS ((TABLE o EXCEPT TABLE n) UNION (TABLE n EXCEPT TABLE o))
		SELECT array_agg(DISTINCT tars_row_key(j, key_columns)) INTO keys FROM changed;
	END IF;
	IF keys IS NULL THEN
		RETURN NULL;
	END IF;
	UPDATE tars_version SET version = version + 1 RETURNING version INTO v;
	INSERT INTO tars_change (version, table_name, key)
	SELECT v, TG_TABLE_NAME, k FROM unnest(keys) AS k;
	PERFORM pg_notify('tars_change', TG_TABLE_NAME || ':' || k) FROM unnest(keys) AS k;
	IF v % 1000 = 0 THEN
		DELETE FROM tars_change WHERE version < v - 100000;
	END IF;
	RETURN NULL;
END
$$;

-- The three triggers of a table (a trigger with transition tables serves one event only).
CREATE PROCEDURE tars_watch(tbl text, key_columns text, quiet text)
LANGUAGE plpgsql AS $$
DECLARE
	call text := format('FOR EACH STATEMENT EXECUTE FUNCTION tars_note_change(%L, %L)',
			    key_columns, quiet);
BEGIN
	EXECUTE format('CREATE TRIGGER note_insert AFTER INSERT ON %I '
		       'REFERENCING NEW TABLE AS new_rows ', tbl) || call;
	EXECUTE format('CREATE TRIGGER note_update AFTER UPDATE ON %I '
		       'REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows ', tbl) || call;
	EXECUTE format('CREATE TRIGGER note_delete AFTER DELETE ON %I '
		       'REFERENCING OLD TABLE AS old_rows ', tbl) || call;
END
$$;

-- Row triggers for the columns that say when a row was last changed.
CREATE FUNCTION tars_touch_registry_timestamp() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
	NEW.registry_timestamp := now();
	RETURN NEW;
END
$$;

CREATE FUNCTION tars_touch_modify_time() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
	NEW.modify_time := now();
	RETURN NEW;
END
$$;

-- ---- services ----

CREATE TABLE t_server_conf (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	application text NOT NULL CHECK (application <> ''),
	server_name text NOT NULL CHECK (server_name <> ''),
	node_group text NOT NULL DEFAULT '',
	node_name text NOT NULL CHECK (node_name <> ''),
	registry_timestamp timestamptz NOT NULL DEFAULT now(),
	base_path text NOT NULL DEFAULT '',
	exe_path text NOT NULL DEFAULT '',
	template_name text NOT NULL DEFAULT '',
	bak_flag int NOT NULL DEFAULT 0,
	setting_state text NOT NULL DEFAULT 'inactive'
		CHECK (setting_state IN ('active', 'inactive')),
	present_state text NOT NULL DEFAULT 'inactive'
		CHECK (present_state IN ('active', 'inactive', 'activating', 'deactivating',
					 'destroying', 'destroyed')),
	process_id int NOT NULL DEFAULT 0,
	patch_version text NOT NULL DEFAULT '',
	patch_time timestamptz,
	patch_user text NOT NULL DEFAULT '',
	tars_version text NOT NULL DEFAULT '',
	posttime timestamptz,
	lastuser text NOT NULL DEFAULT '',
	server_type text NOT NULL DEFAULT 'tars_cpp'
		CHECK (server_type IN ('tars_cpp', 'tars_go', 'tars_java', 'tars_nodejs', 'tars_php',
				       'tars_c', 'tars_dns', 'not_tars')),
	start_script_path text NOT NULL DEFAULT '',
	stop_script_path text NOT NULL DEFAULT '',
	monitor_script_path text NOT NULL DEFAULT '',
	enable_group text NOT NULL DEFAULT 'N' CHECK (enable_group IN ('Y', 'N')),
	enable_set text NOT NULL DEFAULT 'N' CHECK (enable_set IN ('Y', 'N')),
	set_name text NOT NULL DEFAULT '',
	set_area text NOT NULL DEFAULT '',
	set_group text NOT NULL DEFAULT '',
	ip_group_name text NOT NULL DEFAULT '',
	profile text NOT NULL DEFAULT '',
	source text NOT NULL DEFAULT '',
	config_center_port int NOT NULL DEFAULT 0,
	async_thread_num int NOT NULL DEFAULT 3,
	server_important_type text NOT NULL DEFAULT '0',
	grid_flag text NOT NULL DEFAULT 'NORMAL',
	flow_state text NOT NULL DEFAULT 'active' CHECK (flow_state IN ('active', 'inactive')),
	run_type text NOT NULL DEFAULT '',
	base_image_id bigint NOT NULL DEFAULT 0,
	UNIQUE (application, server_name, node_name)
);
CREATE INDEX t_server_conf_node ON t_server_conf (node_name);

CREATE TABLE t_adapter_conf (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	application text NOT NULL,
	server_name text NOT NULL,
	node_name text NOT NULL,
	adapter_name text NOT NULL DEFAULT '',
	registry_timestamp timestamptz NOT NULL DEFAULT now(),
	thread_num int NOT NULL DEFAULT 1,
	endpoint text NOT NULL DEFAULT '',
	max_connections int NOT NULL DEFAULT 1000,
	allow_ip text NOT NULL DEFAULT '',
	servant text NOT NULL DEFAULT '',
	queuecap int NOT NULL DEFAULT 0,
	queuetimeout int NOT NULL DEFAULT 0,
	posttime timestamptz,
	lastuser text NOT NULL DEFAULT '',
	protocol text NOT NULL DEFAULT 'tars',
	handlegroup text NOT NULL DEFAULT '',
	UNIQUE (application, server_name, node_name, adapter_name)
);
CREATE INDEX t_adapter_conf_node ON t_adapter_conf (node_name);
CREATE INDEX t_adapter_conf_servant ON t_adapter_conf (servant);

CREATE TRIGGER touch BEFORE UPDATE ON t_server_conf
	FOR EACH ROW EXECUTE FUNCTION tars_touch_registry_timestamp();
CREATE TRIGGER touch BEFORE UPDATE ON t_adapter_conf
	FOR EACH ROW EXECUTE FUNCTION tars_touch_registry_timestamp();
CALL tars_watch('t_server_conf', 'application,server_name',
	'registry_timestamp,process_id,patch_version,patch_time,patch_user,tars_version,posttime,'
	'lastuser,server_important_type,source');
CALL tars_watch('t_adapter_conf', 'application,server_name',
	'registry_timestamp,posttime,lastuser');

-- ---- nodes and registries ----

-- Heartbeats rewrite these rows all the time: room in the page and no index on what they change
-- keep the updates in place.
CREATE TABLE t_node_info (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	node_name text NOT NULL UNIQUE CHECK (node_name <> ''),
	node_obj text NOT NULL DEFAULT '',
	endpoint_ip text NOT NULL DEFAULT '',
	endpoint_port int NOT NULL DEFAULT 0,
	data_dir text NOT NULL DEFAULT '',
	load_avg1 real NOT NULL DEFAULT 0,
	load_avg5 real NOT NULL DEFAULT 0,
	load_avg15 real NOT NULL DEFAULT 0,
	last_reg_time timestamptz,
	last_heartbeat timestamptz,
	setting_state text NOT NULL DEFAULT 'inactive'
		CHECK (setting_state IN ('active', 'inactive')),
	present_state text NOT NULL DEFAULT 'inactive'
		CHECK (present_state IN ('active', 'inactive')),
	tars_version text NOT NULL DEFAULT '',
	template_name text NOT NULL DEFAULT '',
	modify_time timestamptz NOT NULL DEFAULT now(),
	group_id int NOT NULL DEFAULT -1,
	label text NOT NULL DEFAULT ''
) WITH (fillfactor = 70);

CREATE TABLE t_registry_info (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	locator_id text NOT NULL,
	servant text NOT NULL,
	endpoint text NOT NULL DEFAULT '',
	last_heartbeat timestamptz,
	present_state text NOT NULL DEFAULT 'inactive'
		CHECK (present_state IN ('active', 'inactive')),
	tars_version text NOT NULL DEFAULT '',
	modify_time timestamptz NOT NULL DEFAULT now(),
	enable_group text NOT NULL DEFAULT 'N' CHECK (enable_group IN ('Y', 'N')),
	UNIQUE (locator_id, servant)
) WITH (fillfactor = 70);

CREATE TRIGGER touch BEFORE UPDATE ON t_node_info
	FOR EACH ROW EXECUTE FUNCTION tars_touch_modify_time();
CREATE TRIGGER touch BEFORE UPDATE ON t_registry_info
	FOR EACH ROW EXECUTE FUNCTION tars_touch_modify_time();
CALL tars_watch('t_node_info', 'node_name',
	'load_avg1,load_avg5,load_avg15,last_reg_time,last_heartbeat,modify_time,tars_version');
CALL tars_watch('t_registry_info', 'servant', 'last_heartbeat,modify_time,tars_version');

-- ---- groups ----

CREATE TABLE t_server_group_rule (
	group_id int GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
	group_name text NOT NULL UNIQUE,
	group_name_cn text NOT NULL DEFAULT '',
	ip_order text NOT NULL DEFAULT 'denny_allow'
		CHECK (ip_order IN ('allow_denny', 'denny_allow')),
	allow_ip_rule text NOT NULL DEFAULT '',
	denny_ip_rule text NOT NULL DEFAULT '',
	lastuser text NOT NULL DEFAULT '',
	modify_time timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE t_group_priority (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	name text NOT NULL DEFAULT '',
	group_list text NOT NULL DEFAULT '',
	list_order int NOT NULL DEFAULT 0,
	station text NOT NULL DEFAULT ''
);

CREATE TRIGGER touch BEFORE UPDATE ON t_server_group_rule
	FOR EACH ROW EXECUTE FUNCTION tars_touch_modify_time();
CALL tars_watch('t_server_group_rule', 'group_name', 'modify_time,lastuser');
CALL tars_watch('t_group_priority', 'id', '');

-- ---- templates ----

CREATE TABLE t_profile_template (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	template_name text NOT NULL UNIQUE CHECK (template_name <> ''),
	parents_name text NOT NULL DEFAULT '',
	profile text NOT NULL DEFAULT '',
	posttime timestamptz,
	lastuser text NOT NULL DEFAULT ''
);
CALL tars_watch('t_profile_template', 'template_name', 'posttime,lastuser');

-- Each language's template only says what differs from tars.default.  Keys stand as key=value
-- without blanks, because not every SDK trims them; loglevel and logLevel, nodename and node_name
-- are both there, because each has its readers.
INSERT INTO t_profile_template (template_name, parents_name, posttime, lastuser, profile) VALUES
('tars.default', 'tars.default', now(), 'tars',
'<tars>
	<application>
		enableset=${enableset}
		setdivision=${setdivision}
		<server>
			app=${app}
			server=${server}
			nodename=${nodename}
			node_name=${nodename}
			localip=${localip}
			local=${local}
			basepath=${basepath}
			datapath=${datapath}
			logpath=${logpath}
			logsize=10M
			lognum=10
			logLevel=DEBUG
			loglevel=DEBUG
			config=tars.tarsconfig.ConfigObj
			notify=tars.tarsnotify.NotifyObj
			log=tars.tarslog.LogObj
			activating-timeout=60000
			deactivating-timeout=3000
			netthread=1
			closecout=0
			opencoroutine=0
			coroutinememsize=1G
			coroutinestack=128K
		</server>
		<client>
			locator=${locator}
			sync-invoke-timeout=3000
			async-invoke-timeout=5000
			refresh-endpoint-interval=60000
			report-interval=60000
			stat=tars.tarsstat.StatObj
			property=tars.tarsproperty.PropertyObj
			modulename=${modulename}
			asyncthread=${asyncthread}
		</client>
	</application>
</tars>
'),
('tars.c.default', 'tars.default', now(), 'tars',
'<tars>
	<application>
		<server>
			logsize=50M
			deactivating-timeout=10000
		</server>
	</application>
</tars>
'),
('tars.cpp.default', 'tars.default', now(), 'tars',
'<tars>
	<application>
		<client>
			min-timeout=10
		</client>
	</application>
</tars>
'),
('tars.go.default', 'tars.default', now(), 'tars',
'<tars>
	<application>
		<server>
			logsize=100M
			gracedowntimeout=60000
			deactivating-timeout=60000
		</server>
		<client>
			clientdialtimeout=3000
		</client>
	</application>
</tars>
'),
('tars.nodejs.default', 'tars.default', now(), 'tars',
'<tars>
	<application>
		<server>
			deactivating-timeout=6000
		</server>
	</application>
</tars>
'),
('tars.tarsjava.default', 'tars.default', now(), 'tars',
'<tars>
	<application>
		<server>
			mainclass=${mainclass}
			classpath=${basepath}/conf:${basepath}/WEB-INF/classes:${basepath}/WEB-INF/lib
			jvmparams=-Xms256m -Xmx1024m
			packageFormat=war
			backupfiles=classes/autoconf
			charsetname=UTF-8
			sessiontimeout=120000
			sessioncheckinterval=60000
			tcpnodelay=true
		</server>
		<client>
			charsetname=UTF-8
			connect-timeout=3000
		</client>
	</application>
</tars>
'),
('tars.springboot', 'tars.tarsjava.default', now(), 'tars',
'<tars>
	<application>
		<server>
			mainclass=-jar ${basepath}/${app}.${server}.jar
			packageFormat=jar
		</server>
	</application>
</tars>
'),
('tars.tarsphp.default', 'tars.default', now(), 'tars',
'<tars>
	<application>
		<server>
			php=php
			entrance=${basepath}/src/index.php
			worker_num=2
			task_worker_num=1
			dispatch_mode=2
			daemonize=1
			package_max_length=10485760
		</server>
	</application>
</tars>
'),
('tars.tarsnode', 'tars.default', now(), 'tars',
'<tars>
	<application>
		<server>
			logsize=20M
		</server>
	</application>
	<node>
		<keepalive>
			monitorInterval=3
			synStatInterval=60
			heartTimeout=45
		</keepalive>
		<hashmap>
			file=serversCache.dat
		</hashmap>
	</node>
	<app_conf>
		<default>
			ActivatorMaxCount=10
			ActivatorTimeInterval=60
			ActivatorPunishInterval=600
		</default>
	</app_conf>
</tars>
');

-- ---- configuration files ----

CREATE TABLE t_config_files (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	server_name text NOT NULL DEFAULT '',
	set_name text NOT NULL DEFAULT '',
	set_area text NOT NULL DEFAULT '',
	set_group text NOT NULL DEFAULT '',
	host text NOT NULL DEFAULT '',
	filename text NOT NULL CHECK (filename <> ''),
	config text NOT NULL DEFAULT '',
	posttime timestamptz,
	lastuser text NOT NULL DEFAULT '',
	level int NOT NULL DEFAULT 2 CHECK (level IN (1, 2, 3)),
	config_flag int NOT NULL DEFAULT 0,
	UNIQUE (server_name, filename, host, level, set_name, set_area, set_group)
);

CREATE TABLE t_config_references (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	config_id bigint NOT NULL,
	reference_id bigint NOT NULL REFERENCES t_config_files ON DELETE CASCADE,
	UNIQUE (config_id, reference_id)
);
CREATE INDEX t_config_references_reference ON t_config_references (reference_id);

CREATE TABLE t_config_history_files (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	configid bigint NOT NULL,
	reason text NOT NULL DEFAULT '',
	reason_select text NOT NULL DEFAULT '',
	content text NOT NULL DEFAULT '',
	posttime timestamptz,
	lastuser text NOT NULL DEFAULT ''
);
CREATE INDEX t_config_history_files_config ON t_config_history_files (configid, id);

-- ---- releases and tasks ----

CREATE TABLE t_server_patchs (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	server text NOT NULL DEFAULT '',
	version text NOT NULL DEFAULT '',
	tgz text NOT NULL DEFAULT '',
	update_text text NOT NULL DEFAULT '',
	reason_select text NOT NULL DEFAULT '',
	is_server_group int NOT NULL DEFAULT 0,
	publish int NOT NULL DEFAULT 0,
	publish_time timestamptz,
	publish_user text NOT NULL DEFAULT '',
	upload_time timestamptz,
	upload_user text NOT NULL DEFAULT '',
	posttime timestamptz,
	lastuser text NOT NULL DEFAULT '',
	is_release_version text NOT NULL DEFAULT 'true'
		CHECK (is_release_version IN ('true', 'false')),
	package_type int NOT NULL DEFAULT 0,
	group_id text NOT NULL DEFAULT '',
	default_version int NOT NULL DEFAULT 0,
	md5 text NOT NULL DEFAULT '',
	svn_version text NOT NULL DEFAULT ''
);
CREATE INDEX t_server_patchs_server ON t_server_patchs (server, id);

CREATE TABLE t_task (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	task_no text NOT NULL UNIQUE,
	serial boolean NOT NULL DEFAULT false,
	user_name text NOT NULL DEFAULT '',
	create_time timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE t_task_item (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	task_no text NOT NULL REFERENCES t_task (task_no) ON DELETE CASCADE,
	item_no text NOT NULL,
	application text NOT NULL DEFAULT '',
	server_name text NOT NULL DEFAULT '',
	node_name text NOT NULL DEFAULT '',
	set_name text NOT NULL DEFAULT '',
	command text NOT NULL DEFAULT '',
	parameters text NOT NULL DEFAULT '',
	start_time timestamptz,
	end_time timestamptz,
	status int NOT NULL DEFAULT 0,
	log text NOT NULL DEFAULT '',
	UNIQUE (item_no, task_no)
);
CREATE INDEX t_task_item_task ON t_task_item (task_no);
CREATE INDEX t_task_item_server ON t_task_item (application, server_name, command);

CREATE TABLE t_server_notifys (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	application text NOT NULL DEFAULT '',
	server_name text NOT NULL DEFAULT '',
	container_name text NOT NULL DEFAULT '',
	node_name text NOT NULL DEFAULT '',
	set_name text NOT NULL DEFAULT '',
	set_area text NOT NULL DEFAULT '',
	set_group text NOT NULL DEFAULT '',
	server_id text NOT NULL DEFAULT '',
	thread_id text NOT NULL DEFAULT '',
	command text NOT NULL DEFAULT '',
	result text NOT NULL DEFAULT '',
	notifytime timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX t_server_notifys_server ON t_server_notifys (server_id, notifytime);
CREATE INDEX t_server_notifys_time ON t_server_notifys (notifytime);
