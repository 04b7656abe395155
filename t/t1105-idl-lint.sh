#!/usr/bin/env bash
test_description='tars idl lint: what each rule finds, and how rules are switched off'
. "$(dirname "$0")/test-lib.sh"

SQ="'"

test_expect_success 'each rule finds what it is for, and nothing in its repaired form' '
	echo "module U { struct Q { 0 require int a; }; };" >u.tars &&
	while IFS="|" read -r rule severity bad good
	do
		printf "%b\n" "$bad" >bad.tars &&
		printf "%b\n" "$good" >good.tars &&
		tars idl lint --disable missing-doc good.tars >out || return 1
		test_cmp /dev/null out || return 1
		tars idl lint bad.tars >out
		test "$?" = $(test $severity = error && echo 1 || echo 0) || return 1
		test_grep "^bad.tars:[0-9]*:[0-9]*: $severity: .* \[$rule\]$" out || return 1
		tars idl lint --disable $rule bad.tars >out || return 1
		test_grep ! "\[$rule\]$" out || return 1
		echo $rule
	done >tested <<-\EOT &&
	case-clash|error|module M { struct S { 0 require int aa; 1 require int Aa; }; };|module M { struct S { 0 require int aa; 1 require int ab; }; };
	constant-name|warning|module M { enum E { a }; };|module M { enum E { A }; const int N = 1; };
	enum-default|warning|module M { enum E { A }; struct S { 0 optional E e; }; };|module M { enum E { A }; struct S { 0 optional E e = A; 1 optional int i; }; };
	length-ignored|hint|module M { struct S { 0 require int a[3]; }; };|module M { struct S { 0 require vector<int> a; }; };
	local-name|warning|module M { interface I { void f(int os); }; };|module M { interface I { void f(int so); }; };
	many-params|hint|module M { interface I { void m(int a, int b, int c, int d, int e, int f, int g, int h, int i, int j, int k); }; };|module M { interface I { void m(int a, int b, int c, int d, int e, int f, int g, int h, int i, int j); }; };
	map-key|warning|module M { struct K { 0 require int a; }; struct S { 0 require map<K, int> a; }; };|module M { struct K { 0 require int a; }; key[K, a]; struct S { 0 require map<K, int> a; }; };
	map-key|warning|module M { interface I { map<double, int> f(); }; };|module M { interface I { map<long, int> f(); }; };
	member-name|warning|module M { struct S { 0 require int Aa; }; };|module M { struct S { 0 require int aA; }; };
	missing-doc|hint|module M { interface I { void f(); }; };|module M {\n// Doc.\ninterface I { void f(); // note\n }; };
	module-name|warning|module m { enum E { A }; };|module M { enum E { A }; };
	require-late|warning|module M { struct S { 0 optional int a; 1 require int b; }; };|module M { struct S { 0 require int a; 1 optional int b; }; };
	same-value|warning|module M { enum E { A, B = 0 }; };|module M { enum E { A, B }; };
	tag-gap|hint|module M { struct S { 0 require int a; 2 require int b; }; };|module M { struct S { 5 require int a; 6 require int b; }; };
	tag-order|warning|module M { struct S { 1 require int a; 0 require int b; }; };|module M { struct S { 0 require int a; 1 require int b; }; };
	target-word|error|module M { struct S { 0 require int class; }; };|module M { struct S { 0 require int type; }; };
	target-word|error|module M { interface I { void f(int in); }; };|module M { interface I { void f(int input); }; };
	type-name|warning|module M { struct s { 0 require int a; }; };|module M { struct S { 0 require int a; }; };
	unused-include|warning|#include "u.tars"\nmodule M { enum E { A }; };|#include "u.tars"\nmodule M { struct S { 0 require U::Q q; }; };
	EOT
	tars idl lint --list | cut -d" " -f1 >expect &&
	sort -u tested >actual &&
	test_cmp expect actual
'

test_expect_success 'comments: for a line, a member, a definition, a module; by rule or all' '
	cat >in.tars <<-\EOT &&
	module M
	{
		struct S
		{
			0 require int class; // lint:disable target-word
			// lint:disable target-word
			1 require int new;
			/* lint:disable case-clash, target-word */
			2 require int delete;
			3 require int this; // lint:disable case-clash
			4 require int try;
		};
		// Text. lint:disable
		struct s
		{
			0 require int catch;
			9 require int Class;
		};
		struct T { 0 require int throw; };
	};
	EOT
	test_expect_code 1 tars idl lint in.tars >out &&
	sed "s/^in.tars:\([0-9]*\):.*\[\(.*\)\]$/\1 \2/" out >actual &&
	printf "%s\n" "10 target-word" "11 target-word" "19 target-word" >expect &&
	test_cmp expect actual &&
	{ echo "// lint:disable"; cat in.tars; } >all.tars &&
	tars idl lint all.tars >out &&
	test_cmp /dev/null out
'

test_expect_success 'such comments are no documentation' '
	printf "%s\n" "module M {" "// Of S." "// lint:disable tag-gap" "struct S { 0 require int a; }; };" >doc.tars &&
	tars idl gen doc.tars &&
	test_grep "^/\* Of S. \*/" doc.h &&
	test_grep ! lint doc.h
'

test_expect_success '--strict, several files, standard input' '
	echo "module m { enum E { A }; };" >warn.tars &&
	tars idl lint warn.tars &&
	test_expect_code 1 tars idl lint --strict warn.tars &&
	test_expect_code 1 tars idl lint --strict u.tars - <warn.tars >out &&
	echo "-:1:8: warning: module ${SQ}m${SQ} begins with a small letter [module-name]" >expect &&
	test_cmp expect out
'

test_expect_success 'included files are not judged; errors are shown' '
	sed "s/Q/q/" u.tars >u2.tars &&
	echo "#include \"u2.tars\"
	module M { struct S { 0 require U::q u; }; };" >in.tars &&
	tars idl lint --strict in.tars >out &&
	test_cmp /dev/null out &&
	echo "module M { struct S { 0 require Nix n; }; };" >bad.tars &&
	test_expect_code 1 tars idl lint bad.tars 2>err &&
	test_grep "^bad.tars:1:33: type .Nix. is not known" err &&
	test_expect_code 1 tars idl lint none.tars 2>err &&
	test_grep "cannot read .none.tars.: No such file" err
'

test_expect_success 'wrong use' '
	test_expect_code 64 tars idl lint 2>err &&
	test_grep "too few arguments" err &&
	test_expect_code 64 tars idl lint --disable tag-gap,nix u.tars 2>err &&
	test_grep "no rule is called .nix." err
'

test_done
