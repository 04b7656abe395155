#!/usr/bin/env bash
test_description='access keys (-e 1): official configuration on both sides, wrong keys, with TLS'
. "$(dirname "$0")/test-lib.sh"
. "$t_dir/lib-service.sh"
. "$t_dir/lib-certs.sh"

# start_chain NAME ENDPOINT-TYPE ENDPOINT-OPTIONS ADAPTER-LINES CLIENT-LINES
start_chain () {
	cat >"$1.conf" <<-END
	<tars>
	<application>
	<server>
	app=T
	server=$1
	datapath=$PWD
	local=tcp -h 127.0.0.1 -p 0 -t 10000
	<T.$1.ChainObjAdapter>
	endpoint=$2 -h 127.0.0.1 -p 0 -t 60000 $3
	servant=T.$1.ChainObj
	$4
	</T.$1.ChainObjAdapter>
	</server>
	<client>
	$5
	</client>
	</application>
	</tars>
	END
	SERVANT=T.$1.ChainObj service=$1 start_service chain-service --config="$1.conf"
}

# One calls Two.
chain () {
	tars call "T.One.ChainObj@tcp -h 127.0.0.1 -p $One_port" pass \
		"{\"user\":\"u\",\"text\":\"t\",\"begin\":\"\",\"way\":[\"T.Two.ChainObj@${1:-tcp} -h 127.0.0.1 -p $Two_port -e 1\"]}"
}

call_two () {
	tars call "$@" "T.Two.ChainObj@tcp -h 127.0.0.1 -p $Two_port -e 1" pass \
		"{\"user\":\"u\",\"text\":\"t\",\"begin\":\"\",\"way\":[]}"
}

two_status () {
	local port=$(ss -Hltnp | sed -n "s/.*127.0.0.1:\([0-9]*\) .*pid=$Two_pid,.*/\1/p" |
		grep -vx "$Two_port")
	tars call "AdminObj@tcp -h 127.0.0.1 -p $port" notify '{"command":"tars.viewstatus"}'
}

test_expect_success 'keys of the adapter, and of the object in <client>' '
	start_chain Two tcp "-e 1" "accesskey=testak
secretkey=123456" &&
	start_chain One tcp "" "" "<T.Two.ChainObj>
accesskey=testak
secretkey=123456
</T.Two.ChainObj>" &&
	chain >out &&
	test_grep hops out &&
	stop_service One
'

test_expect_success 'tars call has them as options, and the secret in its environment' '
	call_two --access-key testak --secret-key 123456 &&
	TARS_CALL_SECRET_KEY=123456 call_two --access-key testak
'

test_expect_success 'a wrong key: closed, counted, said on both sides' '
	test_must_fail call_two --access-key testak --secret-key wrong 2>err &&
	test_grep "the server closed on our access key: accesskey, secretkey, the object or the clock is wrong" err &&
	test_must_fail call_two --access-key other --secret-key 123456 &&
	wait_for 10 "two_status | grep -q \"access-denied  *2\"" &&
	test_grep "warn T.Two.ChainObjAdapter: refused: 127.0.0.1:[0-9]+: access denied: signed with another secret key" Two.log
'

test_expect_success 'no key, and no -e 1: nothing is served' '
	test_must_fail call_two 2>err &&
	test_grep "no accesskey and secretkey are set for it" err &&
	test_must_fail tars call "T.Two.ChainObj@tcp -h 127.0.0.1 -p $Two_port" 2>err &&
	test_must_fail tars call "T.Two.ChainObj@tcp -h 127.0.0.1 -p $Two_port" tars_ping 2>err &&
	test_must_fail curl -s "http://127.0.0.1:$Two_port/healthz" >out &&
	test ! -s out &&
	wait_for 10 "two_status | grep -q \"access-denied  *[45]\"" &&
	test_expect_code 0 stop_service Two
'

test_expect_success 'with TLS' '
	make_ca ca && make_cert server &&
	start_chain Two ssl "-e 1" "accesskey=testak
secretkey=123456
cert=$PWD/server.pem
key=$PWD/server.key" &&
	start_chain One tcp "" "" "ca=$PWD/ca.pem
accesskey=testak
secretkey=123456" &&
	chain ssl >out &&
	test_grep hops out &&
	test_must_fail chain tcp &&
	stop_service One && stop_service Two
'

test_expect_success 'mistakes' '
	test_must_fail start_chain Two tcp "-e 1" "accesskey=testak" &&
	test_grep "T.Two.ChainObjAdapter: its endpoint has -e 1, which needs accesskey and secretkey" Two.log &&
	start_chain Two tcp "" "accesskey=testak
secretkey=123456" &&
	test_grep "warn T.Two.ChainObjAdapter: accesskey is set, but nobody is asked for it: its endpoint has no -e 1" Two.log &&
	stop_service Two
'

test_done
