#!/usr/bin/env bash
test_description='tars idl json: all that a file says, for other tools'
. "$(dirname "$0")/test-lib.sh"

data=$tree/t/data/idl

test_expect_success 'from the JSON alone the same C can be made again, docs included' '
	mkdir before after &&
	tars idl gen --out before "$data/All.tars" "$data/Base.tars" &&
	tars idl json "$data/All.tars" >tree.json &&
	for name in All Base
	do
		python3 "$tree/t/idl-from-json.py" tree.json $name >$name.tars || return 1
	done &&
	tars idl gen --out after All.tars Base.tars &&
	test "$(wc -l <before/All.c)" -gt 500 &&
	diff -r before after
'

# field FILE EXPRESSION: of the JSON in it, as `d`.
field () {
	python3 -c "import json,sys; d = json.load(open(sys.argv[1])); print(eval(sys.argv[2]))" "$@"
}

test_expect_success 'places, resolved names, sizes, and bytes that are no text' '
	printf "%s\n" "module B { enum E { X = 7 }; };" >b.tars &&
	{
		printf "%s\n" "#include \"b.tars\"" "module M {" \
			"  struct S { 0 optional B::E e; 1 optional int a[16]; };" &&
		printf "  const string GBK = \"\304\343\";\n};\n"
	} >m.tars &&
	tars idl json --out tree.json m.tars &&
	field tree.json "[f[\"path\"] for f in d[\"files\"]]" >actual &&
	field tree.json "d[\"files\"][1][\"includes\"]" >>actual &&
	members="d[\"files\"][1][\"modules\"][0][\"definitions\"][0][\"members\"]" &&
	field tree.json "[(m[\"line\"], m[\"col\"], m[\"tag\"], m[\"default\"]) for m in $members]" >>actual &&
	field tree.json "$members[0][\"type\"][\"name\"] + \" \" + $members[0][\"type\"][\"written\"]" >>actual &&
	field tree.json "$members[1][\"type\"][\"size\"], $members[1][\"type\"][\"element\"][\"kind\"]" >>actual &&
	field tree.json "d[\"files\"][1][\"modules\"][0][\"definitions\"][1][\"default_hex\"]" >>actual &&
	cat >expect <<-EOT &&
	['\''b.tars'\'', '\''m.tars'\'']
	['\''b.tars'\'']
	[(3, 30, 0, 7), (3, 48, 1, None)]
	B::E B::E
	(16, '\''int'\'')
	c4e3
	EOT
	test_cmp expect actual
'

test_expect_success 'standard input, several files, errors' '
	tars idl json - <b.tars >tree.json &&
	test "$(field tree.json "d[\"files\"][0][\"path\"]")" = - &&
	tars idl json b.tars m.tars >tree.json &&
	test "$(field tree.json "len(d[\"files\"])")" = 2 &&
	echo "module N { struct S { 0 require Nix n; }; };" >bad.tars &&
	test_expect_code 1 tars idl json bad.tars >out 2>err &&
	test_grep "^bad.tars:1:33: type .Nix. is not known" err &&
	test ! -s out &&
	test_expect_code 1 tars idl json none.tars 2>err &&
	test_grep "cannot read .none.tars.: No such file" err
'

test_done
