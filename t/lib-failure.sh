# What the failure tests measure: look-ups of the hello service, deadlines, memory.
# Source it after test-lib.sh and lib-node.sh.
#
#	held_hello               makes ./held-hello: HelloServer that starts while ./go is there
#	query FUNC               a look-up of $hello, the registry's answer as JSON
#	found                    it is in the simplest look-up: cheap enough to measure with
#	found_everywhere         it is in every kind of look-up
#	found_nowhere            it is in none
#	within_ms LIMIT COND WHAT   polls, and says how long it took; fails when it took longer than
#	                            that on a machine that is as slow as $test_patience allows
#	query FUNC               a look-up, at $query_object or the registry
#	sample_lookups           in the background, again and again, until
#	end_samples              ... which fails if any of them missed it
#	resident_kb PID          its resident memory
#	is_plain_build           no sanitizer: figures of memory mean something
#	pids_of FILE             processes that run this program

hello=TestApp.HelloServer.HelloObj

query () {
	tars call "${query_object:-tars.tarsregistry.QueryObj}" "$1" \
		"{\"id\": \"$hello\"${2:+, $2}}"
}

# every_query PATTERN: every kind of look-up answers like this.
every_query_ () {
	local query
	for query in findObjectById findObjectById4Any findObjectById4All \
			findObjectByIdInSameGroup 'findObjectByIdInSameSet "setId":"x.y.1"'; do
		# shellcheck disable=SC2086
		query $query | grep -qE "\"(tars_ret|activeEp)\":$1" || return 1
	done
}

found () {
	query findObjectById | grep -q '"tars_ret":\[{'
}

found_everywhere () {
	every_query_ '\[\{'
}

found_nowhere () {
	every_query_ '\[\]'
}

now_ms () {
	echo $((${EPOCHREALTIME/./} / 1000))
}

within_ms () {
	local from took
	from=$(now_ms)
	wait_for $(($1 / 1000 + 1)) "$2" || return
	took=$(($(now_ms) - from))
	echo "# $3: $took ms" | tee -a /dev/fd/3
	test "$took" -le $(($1 * test_patience))
}

sample_lookups () {
	rm -f sampled samples.end
	(
		until test -e samples.end; do
			query findObjectByIdInSameGroup 2>&1 || echo failed
		done >sampled
	) 3>&- &
	sampler=$!
	test_at_end '>samples.end; wait "$sampler"'
	wait_for 10 'test -s sampled'
}

end_samples () {
	>samples.end
	wait "$sampler"
	echo "# $(wc -l <sampled) look-ups meanwhile" | tee -a /dev/fd/3
	test_grep '"activeEp":\[\{' sampled &&
	! grep -v '"activeEp":\[{' sampled
}

resident_kb () {
	sed -n 's/^VmRSS:[^0-9]*\([0-9]*\) kB/\1/p' "/proc/$1/status"
}

is_plain_build () {
	! grep -qE '__(asan|tsan)_init' "$B/tars"
}

pids_of () {
	local exe
	for exe in /proc/[0-9]*/exe; do
		if test "$(readlink "$exe" 2>/dev/null)" = "$1"; then
			basename "${exe%/exe}"
		fi
	done
}

# As long without a heartbeat as the test looks at the gap.
held_hello () {
	>go
	cat >held-hello <<-EOF
		#!/usr/bin/env bash
		exec 7<>"$PWD/.pause"
		until test -e "$PWD/go"; do
			read -r -t 0.05 -u 7
		done
		exec 7>&-
		exec "$B/examples/hello/HelloServer" "\$@"
	EOF
	chmod 755 held-hello
}
