# Tests in git's style with TAP output.  A script sets test_description, sources this, runs
# test_expect_success for each fact and ends with test_done:
#
#	#!/usr/bin/env bash
#	test_description='what this script is about'
#	. "$(dirname "$0")/test-lib.sh"
#	test_expect_success 'one fact' '
#		command &&
#		command
#	'
#	test_done
#
# Every script runs in an empty folder of its own, $B/trash/<script>, which is kept when a test
# fails.  Options: -v shows the commands' output; --stress[=JOBS] runs the script again and again,
# JOBS at a time, until one fails or each has run --stress-limit=N times (20).

t_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
tree=${t_dir%/t}
test_script=$(cd "$(dirname "$0")" && pwd)/$(basename "$0")
test_name=$(basename "$0" .sh)
: "${B:=build/gcc-release}"
case $B in
/*) ;;
*) B=$tree/$B ;;
esac
export B LC_ALL=C TZ=UTC
export PATH="$B:$B/t:$PATH"
unset CDPATH PGHOST PGPORT PGUSER PGDATABASE PGPASSWORD PGSERVICE PGOPTIONS
for test_var in $(compgen -e TARS_); do
	case $test_var in
	TARS_T_*) ;;
	*) unset "$test_var" ;;
	esac
done

# How much slower than an idle machine this one may be: loaded, shared, with sanitizers.
test_patience=10
# Calls from the command line: their default of 3 s is for users.
export TARS_CALL_TIMEOUT=60s

test_verbose= test_stress= test_stress_limit=20
for test_arg; do
	case $test_arg in
	-v) test_verbose=1 ;;
	--stress) test_stress=4 ;;
	--stress=*) test_stress=${test_arg#*=} ;;
	--stress-limit=*) test_stress_limit=${test_arg#*=} ;;
	*)
		echo "$0: unknown option '$test_arg' (-v, --stress[=JOBS], --stress-limit=N)" >&2
		exit 64 ;;
	esac
done

if test -n "$test_stress"; then
	. "$t_dir/stress.sh"
	exit
fi

trash=$B/trash/$test_name${TARS_T_STRESS_JOB:+.$TARS_T_STRESS_JOB}
rm -rf "$trash"
mkdir -p "$trash" && cd "$trash" || exit 1
# A fifo that nobody writes to: reading from it with a time-out is a pause without a process.
mkfifo .pause && exec {test_pause_fd}<>.pause || exit 1
exec 3>&1 </dev/null
# What bash executes in a test: a test that fails shows the end of it.
exec {BASH_XTRACEFD}>>.trace
PS4='+ $LINENO: '

test_count=0 test_failed=0 test_at_end= test_is_done= test_current=
test_sanitizer_report='(ERROR|WARNING): [A-Za-z]*Sanitizer|: runtime error: '
echo "# ${test_description:?a test script sets test_description first}" >&3

# Runs when the current test ends, newest first.
test_when_finished () {
	test_cleanup="{ $*
	} || test_cleanup_failed=1; $test_cleanup"
}

# Runs when the script ends, newest first, also when it fails.
test_at_end () {
	test_at_end="{ $*
	}; $test_at_end"
}

test_report_ () {
	test_count=$((test_count + 1))
	if test "$1" = 0; then
		echo "ok $test_count - $2" >&3
		return
	fi
	test_failed=$((test_failed + 1))
	echo "not ok $test_count - $2" >&3
	{
		tail -n 100 .output
		echo "--- executed at the end (with the line of the test):"
		tail -n 32 .trace | head -n -2 | cut -c-200
		# One failure often makes the next: their logs say nothing new.
		test "$test_failed" -gt 3 || test_show_logs_
	} | sed 's/^/#   /' >&3
}

# The ends of all logs, those that were written last come last; what a sanitizer said comes whole.
test_show_logs_ () {
	local file
	find . -type f -name '*.log' -size +0 -printf '%T@ %p\n' | sort -n | tail -n 20 | cut -d' ' -f2- |
	while read -r file; do
		echo "--- $file"
		grep -m 1 -A 100 -E "$test_sanitizer_report" "$file" || tail -n 40 "$file"
	done | cut -c-300
}

test_eval_ () {
	if test -n "$test_verbose"; then
		eval "$1" > >(tee -a .output | sed 's/^/# /' >&2) 2>&1
	else
		eval "$1" >>.output 2>&1
	fi
}

# test_expect_success 'fact' 'commands': the commands, joined by &&, succeed.
test_expect_success () {
	local status test_cleanup= test_cleanup_failed=0
	test_current=$1
	: >.output >.trace
	# A break in the && chain would hide failures: with a false start nothing may run.
	test_eval_ "(exit 117) && $2"
	if test $? != 117; then
		echo "Bail out! $test_name: broken && chain in '$1'" >&3
		exit 1
	fi
	set -x
	test_eval_ "$2"
	status=$?
	set +x
	if test -n "$test_cleanup"; then
		test_eval_ "$test_cleanup"
	fi
	test_current=
	test_report_ $((status | test_cleanup_failed)) "$1"
}

test_skip () {
	test_count=$((test_count + 1))
	echo "ok $test_count # SKIP $*" >&3
}

test_skip_all () {
	echo "1..0 # SKIP $*" >&3
	test_is_done=1
	exit 0
}

# The command ends with exactly this status.
test_expect_code () {
	local want=$1 got
	shift
	"$@"
	got=$?
	test "$got" = "$want" && return 0
	echo "expected exit status $want, got $got: $*" >&2
	return 1
}

# The command fails by itself: not by a signal, not because it is missing.
test_must_fail () {
	local got
	"$@"
	got=$?
	test "$got" -gt 0 && test "$got" -lt 126 && return 0
	echo "expected a failure, got exit status $got: $*" >&2
	return 1
}

test_cmp () {
	diff -u "$1" "$2"
}

# test_grep [!] PATTERN FILE: the file has (has not) a line like this; shows the file if not.
test_grep () {
	local not=
	if test "$1" = '!'; then
		not=1
		shift
	fi
	if test ! -f "$2"; then
		echo "no file '$2'" >&2
		return 1
	fi
	if grep -qE -e "$1" "$2"; then
		test -z "$not" && return 0
		echo "unexpected line like /$1/ in $2:" >&2
	else
		test -n "$not" && return 0
		echo "no line like /$1/ in $2:" >&2
	fi
	cat "$2" >&2
	return 1
}

# Waits at most so long, or less.
pause () {
	read -r -t "$1" -u "$test_pause_fd" || :
}

# next_line PID FD SECONDS: the next line of what the process writes there, in $line.  Fails when the
# process or the time has ended before the line.
next_line () {
	local piece ended= deadline=$((SECONDS + $3))
	line=
	until read -r -t 0.1 -u "$2" piece; do
		# The time may have ended within the line: the next read begins behind this piece.
		line+=$piece
		test -n "$piece" || test -z "$ended" || return
		kill -0 "$1" 2>/dev/null && test "$SECONDS" -lt "$deadline" || ended=1
	done
	line+=$piece
}

# wait_for SECONDS 'condition': polls until the condition holds.  The seconds are those of an idle
# machine, so they say how long it usually takes; who wants to assert a duration must measure it.
wait_for () {
	local deadline=$((SECONDS + $1 * test_patience + 1)) hundredths=3
	until eval "$2"; do
		if test "$SECONDS" -ge "$deadline"; then
			echo "not within $(($1 * test_patience)) s: $2" >&2
			return 1
		fi
		pause "0.$((hundredths / 10))$((hundredths % 10))"
		# The condition itself may be what keeps the machine from getting there.
		hundredths=$((hundredths < 25 ? hundredths * 3 / 2 : 30))
	done
}

test_done () {
	test_is_done=1
	echo "1..$test_count" >&3
	test "$test_failed" = 0
	exit
}

# It ended by itself, or t/one has ended it.
test_end_early_ () {
	test_report_ 1 "${test_current:-$test_name} ended before test_done (status $1)"
	echo "1..$test_count" >&3
}

# A role may have ended with such a report after the last test has looked at it.
test_sanitizer_reports_ () {
	local file
	for file in $(find . -type f -name '*.log' -exec grep -lE "$test_sanitizer_report" {} +); do
		echo "# sanitizer report in $file:"
		grep -m 1 -A 100 -E "$test_sanitizer_report" "$file" | sed 's/^/#   /'
	done >&3
	test -n "${file:-}"
}

test_exit_ () {
	local status=$?
	set +x
	trap - EXIT
	trap : TERM
	test -n "$test_is_done" || {
		test_end_early_ "$status"
		status=1
	}
	eval "$test_at_end" >>.output 2>&1
	if test_sanitizer_reports_; then
		status=1
	fi
	if test "$status" = 0; then
		cd / && rm -rf "$trash"
	else
		echo "# kept: $trash" >&3
	fi
	exit "$status"
}
trap test_exit_ EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
