#!/usr/bin/env bash
test_description='recorded servers get the files, commands and surroundings of the official node'
. "$(dirname "$0")/test-lib.sh"
. "$t_dir/lib-tars.sh"
. "$t_dir/lib-service.sh"
. "$t_dir/lib-node.sh"
. "$t_dir/lib-stand-in.sh"

# Of the rows of one of the two nodes that were recorded.
replay () {
	python3 "$t_dir/helper/node-files.py" "$1" "$PWD/n1" "$node_port" "$registry_port" \
		"$other_port" "$t_dir/data/node-files.jsonl" \
		"$t_dir/data/node-files-differences.tsv"
}

test_expect_success 'a node with one registry' '
	other_port=$(free_port) && start_stand_in && registries "$registry_port" &&
	start_node --name 127.0.0.1 --no-mirror &&
	{ replay a >out || { cat out; false; }; } &&
	sed -n "\$s/^/# /p" out >&3
'

test_expect_success 'a node called otherwise than its address, with two registries' '
	stop_role node && registries "$registry_port" "$other_port" &&
	start_node --name node-b.example --no-mirror --listen "tcp -h localhost -p $node_port" &&
	{ replay b >out || { cat out; false; }; } &&
	sed -n "\$s/^/# /p" out >&3
'

test_done
