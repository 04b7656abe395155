-- Changes of servers are noted by server and node: a registry reads those rows again, and no others.

DROP TRIGGER note_insert ON t_server_conf;
DROP TRIGGER note_update ON t_server_conf;
DROP TRIGGER note_delete ON t_server_conf;
DROP TRIGGER note_insert ON t_adapter_conf;
DROP TRIGGER note_update ON t_adapter_conf;
DROP TRIGGER note_delete ON t_adapter_conf;

CALL tars_watch('t_server_conf', 'application,server_name,node_name',
	'registry_timestamp,process_id,patch_version,patch_time,patch_user,tars_version,posttime,'
	'lastuser,server_important_type,source');
CALL tars_watch('t_adapter_conf', 'application,server_name,node_name',
	'registry_timestamp,posttime,lastuser');

-- By the key of the notes.
CREATE INDEX t_server_conf_key ON t_server_conf
	((application || '.' || server_name || '.' || node_name));
