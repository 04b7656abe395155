#!/usr/bin/env bash
# Every option of every role stands in etc/tars.ini, with its default, and nothing else does.
test_description='etc/tars.ini documents every option'
. "$(dirname "$0")/test-lib.sh"

roles='registry node config stat log patch app up call ctl db down idl'

# "section name = default" of each row; options that only exist on the command line have none.
effective () {
	for role in $roles
	do
		HOME=/nowhere tars "$role" --show-config |
			sed -n "s/^\(# \)\{0,1\}\([a-z0-9-]* =[^#]*\).*/$role \2/p" | sed 's/ *$//'
	done | sort
}

documented () {
	awk '/^#?\[/ { gsub(/[#\[\]]/, ""); section = $1; next }
	/^#?[a-z0-9-]+ =/ { sub(/^#/, ""); print section, $0 }' "$tree/etc/tars.ini" |
		sed 's/ *$//' | sort
}

test_expect_success 'each option is there with its default, and no other' '
	effective | grep -v " config =" >effective &&
	test "$(wc -l <effective)" -gt 40 &&
	documented >documented &&
	test_cmp effective documented
'

test_expect_success 'the sample is accepted as it stands by every role' '
	for role in $roles
	do
		tars "$role" --config "$tree/etc/tars.ini" --show-config >/dev/null || return 1
	done
'

test_done
