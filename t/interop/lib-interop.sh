# Official SDKs under test.  Source it after test-lib.sh, lib-tars.sh, lib-pg.sh and lib-node.sh.
#
#	need_tools SDK TOOL...      skips the script if one is missing; where all must be there
#	                            (TARS_T_ALL_SDKS), that is an error
#	build_sdk NAME              by NAME/build, into $sdks/NAME
#	deploy_echo TYPE SERVER EXE [OPTION...]
#	                            Interop.SERVER on n1, or $echo_node; sets $echo_port
#	deploy_node                 the server of the Node.js SDK as Interop.NodeServer, in ./n1
#	every_row SDK OBJECT        its client finds the object by name, and all of its rows are ok

sdks=$B/interop
export PATH=$PATH:/usr/local/go/bin

need_tools () {
	local tool sdk=$1
	shift
	for tool; do
		command -v "$tool" >/dev/null && continue
		test -z "${TARS_T_ALL_SDKS:-}" || {
			echo "Bail out! $sdk: '$tool' is missing (scripts/deps test)" >&3
			exit 1
		}
		test_skip_all "$sdk: '$tool' is not installed"
	done
}

# Scripts run at the same time: what one of them has built, the others do not touch.
build_sdk () {
	local built=$sdks/$1.built
	mkdir -p "$sdks" && (
		flock 7 &&
		if test -e "$built" && test -z "$(find "$t_dir/interop/$1" \
				"$t_dir/interop/Interop.tars" "$B/libtars.a" -newer "$built")"; then
			exit
		fi
		"$t_dir/interop/$1/build" "$sdks/$1" && touch "$built"
	) 7>"$sdks/$1.lock" || {
		echo "Bail out! $t_dir/interop/$1/build" >&3
		return 1
	}
}

deploy_echo () {
	local type=$1 server=$2 exe=$3
	shift 3
	echo_port=$(free_port)
	ctl deploy "Interop.$server" --node "${echo_node:-n1}" --type "$type" --exe "$exe" \
		--servant "EchoObj@tcp -h 127.0.0.1 -p $echo_port -t 60000" "$@"
}

# keep_rows SDK OBJECT FILE: what its client said, for the table (t/interop/table).
keep_rows () {
	local server=${2#Interop.}
	mkdir -p "$sdks/rows" && cp "$3" "$sdks/rows/$1-${server%%.*}.rows"
}

every_row () {
	local rows=$1-$2.rows
	"$sdks/$1/client" "$2" --locator "$(registry_object_)" >"$rows"
	cat "$rows"
	keep_rows "$1" "$2" "$rows" &&
	test "$(grep -c "^ok " "$rows")" = 16 && test_grep ! "^not ok" "$rows"
}

# There is no official agent to run it in: a start script runs it.
deploy_node () {
	cat >start-node <<-END
	#!/bin/sh
	TARS_CONFIG=$PWD/n1/tarsnode/data/\$1/conf/\$1.config.conf TARS_MONITOR=on
	export TARS_CONFIG TARS_MONITOR
	exec node "$sdks/node/server.js" "\$TARS_CONFIG"
	END
	chmod +x start-node
	echo_port=$(free_port)
	ctl deploy Interop.NodeServer --node "${echo_node:-n1}" --type tars_nodejs \
		--start-script "$PWD/start-node" \
		--servant "EchoObj@tcp -h 127.0.0.1 -p $echo_port -t 60000"
}
