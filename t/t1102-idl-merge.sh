#!/usr/bin/env bash
test_description='tars idl merge: a file and its includes as one text with the same meaning'
. "$(dirname "$0")/test-lib.sh"

data=$tree/t/data/idl

test_expect_success 'includes first, each once, comments kept' '
	mkdir inc &&
	printf "%s\n" "// The base." "module Base {" "  struct P { 0 require int x; }; };" >inc/base.tars &&
	printf "%s\n" "#include \"base.tars\"" "module Mid { struct M { 0 require Base::P p; }; };" \
		>inc/mid.tars &&
	printf "%s\n" "// About includes." "#include \"mid.tars\" // of mid" "#include \"base.tars\"" \
		"// Of the module." "module Base {" "  struct Top { 0 require Mid::M m; // its middle" \
		"}; };" >top.tars &&
	tars idl merge --include inc top.tars >actual &&
	tr "%" "\t" >expect <<-\EOT &&
	// inc/base.tars

	// The base.
	module Base
	{
	%struct P
	%{
	%%0 require int x;
	%};
	};

	// inc/mid.tars

	module Mid
	{
	%struct M
	%{
	%%0 require Base::P p;
	%};
	};

	// top.tars

	// About includes.
	// of mid

	// Of the module.
	module Base
	{
	%struct Top
	%{
	%%0 require Mid::M m; // its middle
	%};
	};
	EOT
	test_cmp expect actual &&
	tars idl check actual &&
	tars idl fmt --check actual
'

test_expect_success 'what the file has itself is generated as before' '
	mkdir one all &&
	tars idl gen --out one "$data/All.tars" "$data/Base.tars" &&
	tars idl merge --out all/All.tars "$data/All.tars" &&
	tars idl gen --out all all/All.tars &&
	for name in All Base
	do
		grep -h "^struct .* {$\|^	[a-z].*;$" one/$name.h
	done | sort >expect &&
	grep -h "^struct .* {$\|^	[a-z].*;$" all/All.h | sort >actual &&
	test "$(wc -l <actual)" -gt 100 &&
	test_cmp expect actual
'

test_expect_success 'standard input; what is missing or wrong' '
	tars idl merge --include inc - <top.tars >piped &&
	sed "s,^// -$,// top.tars," piped >actual &&
	tars idl merge --include inc top.tars >expect &&
	test_cmp expect actual &&
	test_expect_code 1 tars idl merge top.tars 2>err >out &&
	test_grep "^top.tars:2:1: include .mid.tars. is not in the search path" err &&
	test ! -s out &&
	test_expect_code 1 tars idl merge none.tars 2>err &&
	test_grep "cannot read .none.tars.: No such file" err
'

test_done
