#!/usr/bin/env bash
test_description='tars idl gen: the generated C, as golden files and as compilers see it'
. "$(dirname "$0")/test-lib.sh"

data=$tree/t/data/idl
golden=$tree/t/t1100
strict='-Wall -Wextra -Wpedantic -Wcast-function-type -Wshadow -Wmissing-prototypes -Wconversion
	-Werror'
SQ="'"
include="-I$tree -I$tree/core"

test_expect_success 'every construct: header and code are as expected' '
	mkdir out &&
	tars idl gen --out out "$data/Base.tars" "$data/All.tars" &&
	for f in Base.h Base.c All.h All.c
	do
		test_cmp "$golden/$f" out/$f || return 1
	done
'

test_expect_success 'the same again, from elsewhere: the same bytes' '
	mkdir again &&
	cp "$data"/*.tars . &&
	tars idl gen --out again ./All.tars &&
	test_cmp out/All.h again/All.h &&
	test_cmp out/All.c again/All.c
'

test_expect_success 'no line is longer than 100 columns, but for names' '
	expand out/All.h out/All.c >expanded &&
	! grep -nE "^.{101}" expanded
'

for cc in gcc clang
do
	if ! command -v $cc >/dev/null
	then
		test_skip "no $cc"
		continue
	fi
	test_expect_success "strict C11 with $cc" '
		for f in All Base
		do
			$cc -O2 -std=c11 $strict $include -Iout -c -o /dev/null out/$f.c || return 1
		done
	'
done

if command -v g++ >/dev/null
then
	test_expect_success 'the header is C++ too' '
		echo "#include \"All.h\"" >cxx.cc &&
		g++ -Wall -Wextra -Wpedantic -Werror $include -Iout -fsyntax-only cxx.cc
	'
else
	test_skip 'no g++'
fi

test_expect_success 'containers that two headers have are defined once' '
	cat >one.tars <<-\EOT &&
	module One { struct S { 0 require map<int, vector<long>> m; }; };
	EOT
	cat >two.tars <<-\EOT &&
	module Two { struct S { 0 require map<int, vector<long>> m; 1 require vector<long> v; }; };
	EOT
	tars idl gen one.tars two.tars &&
	cat >both.c <<-\EOT &&
	#include "one.h"
	#include "two.h"
	struct tars_int_long_list_map *both(struct One_S *a, struct Two_S *b);
	struct tars_int_long_list_map *both(struct One_S *a, struct Two_S *b)
	{
		b->v = a->m.v[0].val;
		return &b->m;
	}
	EOT
	${CC:-gcc} $strict $include -I. -fsyntax-only both.c
'

test_expect_success 'a value that is built, in C, from generated names' '
	cat >use.c <<-\EOT &&
	#include "All.h"
	int use(struct tars_req *rq, struct Test_Containers *c);
	int use(struct tars_req *rq, struct Test_Containers *c)
	{
		struct Test_Scalars s;

		Test_Scalars_init(&s);
		s.s = TARS_STR(Test_TEXT);
		s.c = Test_Color_GREEN;
		TARS_PUSH(rq, &c->points)->x = Test_OCTAL;
		TARS_PUSH(rq, &c->by_point)->val = Test_Color_BLUE;
		return Base_Point_compare(&c->points.v[0], &c->by_point.v[0].key);
	}
	EOT
	${CC:-gcc} -std=c11 $strict $include -Iout -fsyntax-only use.c
'

test_expect_success 'without straight-line code: the same but for that' '
	mkdir tables &&
	tars idl gen --tables --out tables "$data/Base.tars" "$data/All.tars" &&
	test_cmp out/All.h tables/All.h &&
	! grep -E "tars_codec|_put|_get\>" tables/All.c &&
	test_expect_code 1 diff out/All.c tables/All.c >difference &&
	! grep "^>" difference &&
	${CC:-gcc} -std=c11 $strict $include -Itables -fsyntax-only tables/All.c
'

test_expect_success 'members that are always written: their flags, and the same code otherwise' '
	mkdir always &&
	tars idl gen --write-defaults --out always "$data/Base.tars" "$data/All.tars" &&
	test_cmp out/All.h always/All.h &&
	sed -e "s/ | TARS_ALWAYS//" -e "s/, .flags = TARS_ALWAYS//" always/All.c >otherwise &&
	test_cmp_folded () { tr -s " \t\n" " " <"$1" >folded.1 && tr -s " \t\n" " " <"$2" >folded.2 &&
		test_cmp folded.1 folded.2; } &&
	test_cmp_folded out/All.c otherwise &&
	test "$(grep -c "TARS_ALWAYS" always/All.c)" -gt 25 &&
	! grep "TARS_REQUIRED.*TARS_ALWAYS" always/All.c &&
	${CC:-gcc} -O2 -std=c11 $strict $include -Ialways -c -o /dev/null always/All.c
'

test_expect_success 'several files: an error in one is reported, the others are written' '
	mkdir some &&
	echo "module M { struct S { 0 require Nix n; }; };" >bad.tars &&
	test_expect_code 1 tars idl gen --out some bad.tars one.tars 2>err &&
	cat >want <<-EOT &&
	bad.tars:1:33: type ${SQ}Nix${SQ} is not known; expected one that stands before this or in an included file
	module M { struct S { 0 require Nix n; }; };
	                                ^
	EOT
	test_cmp want err &&
	test -f some/one.h && test -f some/one.c &&
	test ! -e some/bad.h && test ! -e some/bad.c
'

# The code is larger than its header.
test_expect_success 'a disk that is full leaves both files as they were' '
	mkdir full && echo old >full/All.h && echo old >full/All.c && cp full/All.h old &&
	size=$(($(stat -c %s out/All.c) / 1024 - 1)) &&
	test "$size" -gt $(($(stat -c %s out/All.h) / 1024 + 1)) &&
	test_expect_code 1 bash -c "trap \"\" XFSZ; ulimit -f $size; exec tars idl gen --out full \"$data/All.tars\"" 2>err &&
	test_grep "^cannot write .full/All.c.: File too large$" err &&
	test_cmp old full/All.h && test_cmp old full/All.c && test "$(ls full)" = "$(printf "All.c\nAll.h")"
'

test_expect_success 'check: silent about good files, writes nothing' '
	mkdir quiet && cd quiet &&
	test_when_finished "cd .." &&
	tars idl check "$data/All.tars" >out 2>&1 &&
	test ! -s out &&
	test "$(ls)" = out
'

test_expect_success 'names that clash in C: apart within a file, an error between files' '
	echo "module A { struct B_C { 0 require int a; }; };" >first.tars &&
	cat >second.tars <<-\EOT &&
	#include "first.tars"
	module A_B { struct C { 0 require int a; }; };
	EOT
	test_expect_code 1 tars idl check second.tars 2>err &&
	cat >want <<-EOT &&
	second.tars:2:21: its C name ${SQ}A_B_C${SQ} is taken; rename one
	module A_B { struct C { 0 require int a; }; };
	                    ^
	first.tars:1:19: the other definition is here
	module A { struct B_C { 0 require int a; }; };
	                  ^
	EOT
	test_cmp want err &&
	cat first.tars >third.tars &&
	sed 1d second.tars >>third.tars &&
	tars idl gen third.tars &&
	test_grep "^struct A_B_C_ {" third.h
'

test_expect_success 'includes: next to the file, and with --include' '
	mkdir -p inc/a inc/b sub &&
	echo "module P { struct S { 0 require int a; }; };" >inc/b/p.tars &&
	echo "module Q { struct S { 0 require int a; }; };" >sub/q.tars &&
	echo "#include \"p.tars\"
	#include \"q.tars\"
	module R { struct S { 0 require P::S p; 1 require Q::S q; }; };" >sub/r.tars &&
	test_expect_code 1 tars idl check sub/r.tars 2>err &&
	test_grep "^sub/r.tars:1:1: include .p.tars. is not in the search path" err &&
	tars idl check --include inc/a:inc/b sub/r.tars
'

test_expect_success 'generated names keep clear of all that the public headers define' '
	sed "s,/\*.*\*/,," "$tree/core/tars.h" "$tree/proto/type.h" "$tree/proto/code.h" \
		"$tree/proto/member_put.h" "$tree/proto/member_get.h" |
	grep -v "^ \*" | grep -oE "\<tars_[a-z0-9_]*[a-z0-9]\>" | sort -u >public &&
	test -s public &&
	while read -r name
	do
		grep -q "\"$name\"" "$tree/idl/gen_c_name.c" || { echo "$name" >&2; return 1; }
	done <public
'

test_expect_success 'names of the platform want --with-tars' '
	echo "module tars { struct S { 0 require int a; }; };" >platform.tars &&
	test_expect_code 1 tars idl check platform.tars 2>err &&
	test_grep "^platform.tars:1:8: .tars.: names that start with .tars. belong to" err &&
	tars idl check --with-tars platform.tars
'

test_expect_success 'functions that a comment calls @idempotent, and others' '
	cat >Twice.tars <<-\EOT &&
	module Twice { interface I {
		// Gives it.  @idempotent
		int get(int n);
		/**
		 * Reads.
		 * @idempotent
		 */
		void read();
		int note(int n); // @idempotent
		// An @idempotently named one is not.
		int other(int n);
		// not-@idempotent2
		int put(int n);
	}; };
	EOT
	tars idl gen --out out Twice.tars &&
	sed -n "s/^\t{ \"\([a-z]*\)\".* \([A-Z_0]*\) },/\1 \2/p" out/Twice.c >actual &&
	printf "%s\n" "get TARS_IDEMPOTENT" "note TARS_IDEMPOTENT" "other 0" "put 0" \
		"read TARS_IDEMPOTENT" >expect &&
	test_cmp expect actual
'

test_expect_success 'interfaces that a comment calls @push: verbs and a handler table' '
	cat >News.tars <<-\EOT &&
	module News {
		// @push
		interface Out { int item(int n, out string text); void both(); };
		interface In { int item(int n); };
	};
	EOT
	tars idl gen --out out News.tars &&
	test_grep "int News_Out_item_push.struct tars_client \*to," out/News.h &&
	test_grep "void News_Out_set_push.struct tars_proxy \*to," out/News.h &&
	test_grep ! "News_In_.*push" out/News.h &&
	gcc -O2 -std=c11 $strict $include -Iout -c -o /dev/null out/News.c
'

test_expect_success 'wrong use' '
	test_expect_code 64 tars idl frobnicate one.tars 2>err &&
	test_grep "^tars: idl: .frobnicate. is not a command; there are .*check, .*gen, " err &&
	test_expect_code 64 tars idl gne one.tars 2>err &&
	test_grep "^tars: idl: .gne. is not a command \(did you mean gen\?\)$" err &&
	test_expect_code 64 tars idl gen 2>err &&
	test_grep "^tars: idl: gen: too few arguments: wants FILE" err &&
	test_expect_code 1 tars idl gen - <one.tars 2>err &&
	test_grep "^tars: idl: gen: standard input has no name" err &&
	test_expect_code 1 tars idl gen none.tars 2>err &&
	test_grep "cannot read .none.tars.: No such file" err &&
	test_expect_code 1 tars idl gen --out no/such/dir one.tars 2>err &&
	test_grep "cannot write .no/such/dir/one.h.: No such file" err
'

test_done
