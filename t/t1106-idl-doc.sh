#!/usr/bin/env bash
test_description='tars idl doc: Markdown with links, and OpenAPI that tells the truth about HTTP calls'
. "$(dirname "$0")/test-lib.sh"
. "$t_dir/lib-service.sh"

SQ="'"
data=$tree/t/data/idl
golden=$tree/t/t1106

test_expect_success 'Markdown: modules, interfaces, structs, enums, constants and their comments' '
	tars idl doc "$golden/in.tars" >actual &&
	test_cmp "$golden/out.md" actual &&
	tars idl doc --out file.md - <"$golden/in.tars" &&
	test_cmp "$golden/out.md" file.md
'

test_expect_success 'all links lead somewhere, and no place has two names' '
	tars idl doc "$data/All.tars" >out.md &&
	grep -o "](#[^)]*)" out.md | sed "s/..#\(.*\).$/\1/" | sort -u >links &&
	grep -o "<a id=\"[^\"]*\"" out.md | cut -d\" -f2 | sort >places &&
	test "$(wc -l <links)" -gt 20 &&
	uniq -d places >twice &&
	test_cmp /dev/null twice &&
	comm -23 links places >nowhere &&
	test_cmp /dev/null nowhere
'

if python3 -c 'import jsonschema' 2>/dev/null
then
	test_expect_success 'OpenAPI: what it says can be sent is taken, and what it says comes back comes' '
		tars idl doc --openapi --object Interop.EchoServer.EchoObj \
			"$tree/t/helper/Interop.tars" >api.json &&
		start_service interop-service --listen 127.0.0.1:0 &&
		python3 "$tree/t/openapi-check.py" api.json http://127.0.0.1:$service_port >actual &&
		grep -c " 200$" actual >count &&
		test "$(cat count)" = 20 &&
		test "$(grep -v " 200$" actual)" = "fail 502
fail 502" &&
		test_expect_code 0 stop_service
	'
else
	test_skip 'no python3-jsonschema'
fi

test_expect_success 'OpenAPI: objects by default, docs, idempotent functions' '
	cat >in.tars <<-\EOT &&
	// In front of all.
	module M { interface Get {
		// Gets it.
		// @idempotent
		long get(string name);
	}; };
	EOT
	tars idl doc --openapi in.tars >api.json &&
	python3 - >actual <<-\EOT &&
	import json
	d = json.load(open("api.json"))
	op = d["paths"]["/json/M.GetServer.GetObj/get"]["post"]
	print(op["operationId"], op["summary"], op["x-tars-idempotent"])
	print(op["responses"]["200"]["content"]["application/json"]["schema"]["properties"])
	EOT
	cat >expect <<-EOT &&
	M.Get.get Gets it. True
	{${SQ}tars_ret${SQ}: {${SQ}type${SQ}: ${SQ}integer${SQ}, ${SQ}format${SQ}: ${SQ}int64${SQ}}}
	EOT
	test_cmp expect actual
'

test_expect_success 'several files; two interfaces that one object cannot have; errors' '
	sed "s/Get /Put /" in.tars >more.tars &&
	tars idl doc in.tars more.tars >out.md &&
	test_grep "interface-M::Put" out.md && test_grep "interface-M::Get" out.md &&
	test_expect_code 1 tars idl doc --openapi --object A.B.Obj in.tars more.tars >out 2>err &&
	test_grep "two interfaces have ./json/A.B.Obj/get." err &&
	test ! -s out &&
	echo "module N { struct S { 0 require Nix n; }; };" >bad.tars &&
	test_expect_code 1 tars idl doc bad.tars 2>err &&
	test_grep "^bad.tars:1:33: type .Nix. is not known" err &&
	test_expect_code 1 tars idl doc none.tars 2>err &&
	test_grep "cannot read .none.tars.: No such file" err
'

test_done
