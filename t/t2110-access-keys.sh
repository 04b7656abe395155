#!/usr/bin/env bash
test_description='access keys (-e 1): official configuration on both sides, wrong keys, with TLS'
. "$(dirname "$0")/test-lib.sh"
. "$t_dir/lib-service.sh"
. "$t_dir/lib-chain.sh"
. "$t_dir/lib-certs.sh"

# Two asks for a key; start_two [KEY=VALUE...]
start_two () {
	start_chain Two endpoint="tcp -h 127.0.0.1 -p 0 -t 60000 -e 1" "$@"
}

# One calls Two.
call_through () {
	chain One pass "{\"user\":\"u\",\"text\":\"t\",\"begin\":\"\",\"way\":[\"T.Two.ChainObj@${1:-tcp} -h 127.0.0.1 -p $Two_port -e 1\"]}"
}

call_two () {
	tars call "$@" "T.Two.ChainObj@tcp -h 127.0.0.1 -p $Two_port -e 1" pass \
		"{\"user\":\"u\",\"text\":\"t\",\"begin\":\"\",\"way\":[]}"
}

test_expect_success 'keys of the adapter, and of the object in <client>' '
	start_two adapter.accesskey=testak adapter.secretkey=123456 &&
	start_chain One "client.<T.Two.ChainObj>" client.accesskey=testak \
		client.secretkey=123456 "client.</T.Two.ChainObj>" &&
	call_through >out &&
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
	wait_for 10 "notify Two tars.viewstatus | grep -q \"access-denied  *2\"" &&
	test_grep "warn T.Two.ChainObjAdapter: refused: 127.0.0.1:[0-9]+: access denied: signed with another secret key" Two.log
'

test_expect_success 'no key, and no -e 1: nothing is served' '
	test_must_fail call_two 2>err &&
	test_grep "no accesskey and secretkey are set for it" err &&
	test_must_fail tars call "T.Two.ChainObj@tcp -h 127.0.0.1 -p $Two_port" 2>err &&
	test_must_fail tars call "T.Two.ChainObj@tcp -h 127.0.0.1 -p $Two_port" tars_ping 2>err &&
	test_must_fail curl -s "http://127.0.0.1:$Two_port/healthz" >out &&
	test ! -s out &&
	wait_for 10 "notify Two tars.viewstatus | grep -q \"access-denied  *[45]\"" &&
	test_expect_code 0 stop_service Two
'

test_expect_success 'with TLS' '
	make_ca ca && make_cert server &&
	start_two endpoint="ssl -h 127.0.0.1 -p 0 -t 60000 -e 1" adapter.accesskey=testak \
		adapter.secretkey=123456 adapter.cert="$PWD/server.pem" \
		adapter.key="$PWD/server.key" &&
	start_chain One client.ca="$PWD/ca.pem" client.accesskey=testak client.secretkey=123456 &&
	call_through ssl >out &&
	test_grep hops out &&
	test_must_fail call_through tcp &&
	stop_service One && stop_service Two
'

test_expect_success 'mistakes' '
	test_must_fail start_two adapter.accesskey=testak &&
	test_grep "T.Two.ChainObjAdapter: its endpoint has -e 1, which needs accesskey and secretkey" Two.log &&
	start_chain Two adapter.accesskey=testak adapter.secretkey=123456 &&
	test_grep "warn T.Two.ChainObjAdapter: accesskey is set, but nobody is asked for it: its endpoint has no -e 1" Two.log &&
	stop_service Two
'

test_done
