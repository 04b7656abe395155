# A platform that only answers what a test has prepared: t/helper/stand-in.c, for nodes under test.
# Source it after test-lib.sh, lib-tars.sh, lib-service.sh and lib-node.sh.
#
#	start_stand_in           on $registry_port; ./calls, ./answers; every object is looked up there
#	answer CALL JSON         from now on; a number: it fails with this code
#	no_answer CALL           empty again
#	registries PORT...       what findObjectById4All says

start_stand_in () {
	: "${registry_port:=$(free_port)}"
	mkdir -p answers && : >>calls &&
	answer findObjectByIdInSameGroup "{\"activeEp\": [$(endpoint_ "$registry_port")]}" &&
	answer getServers '{"tars_ret": []}' &&
	service=stand_in start_service stand-in --listen "127.0.0.1:$registry_port"
}

endpoint_ () {
	printf '{"host": "127.0.0.1", "port": %s, "timeout": 3000, "istcp": 1, "grid": 0,
		"qos": 0}' "$1"
}

answer () {
	printf '%s\n' "$2" >"answers/.new" && mv "answers/.new" "answers/$1"
}

no_answer () {
	rm -f "answers/$1"
}

registries () {
	local port list=
	for port; do
		list="$list${list:+, }$(endpoint_ "$port")"
	done
	answer findObjectById4All "{\"activeEp\": [$list]}"
}
