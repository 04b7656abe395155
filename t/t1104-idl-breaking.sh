#!/usr/bin/env bash
test_description='tars idl breaking: each change with its place and reason, and a status for CI'
. "$(dirname "$0")/test-lib.sh"

# changes OPTIONS OLD NEW: what the command says of two bodies of a module, as "level rule" lines.
changes () {
	echo "module M { $2 };" >old.tars &&
	echo "module M { $3 };" >new.tars &&
	{ tars idl breaking $1 old.tars new.tars >out; echo $? >status; } &&
	sed "s/^[a-z.]*:[0-9]*:[0-9]*: \([a-z]*\): .* \[\(.*\)\]$/\1 \2/" out >actual
}

# Of struct S in both directions.
SQ="'"
use="interface I { S f(S s); };"

test_expect_success 'structs and enums: each change by itself' '
	while IFS="|" read -r old new want
	do
		changes --all "$old $use" "$new $use" &&
		echo "$want" | tr , "\n" | sed -e "s/^ *//" -e "/^$/d" >expect &&
		test_cmp expect actual || { echo "$old -> $new"; return 1; }
		case $want in
		*breaking*) test "$(cat status)" = 1 ;;
		*) test "$(cat status)" = 0 ;;
		esac || return 1
	done <<-\EOT
	struct S { 9 optional bool z; 0 require int a; };|struct S { 9 optional bool z; };|breaking field-removed
	struct S { 9 optional bool z; 0 optional int a; };|struct S { 9 optional bool z; };|breaking field-removed
	struct S { 9 optional bool z; };|struct S { 9 optional bool z; 0 optional int a; };|compatible field-added
	struct S { 9 optional bool z; };|struct S { 9 optional bool z; 0 require int a; };|breaking field-added-required
	struct S { 9 optional bool z; 0 require int a; };|struct S { 9 optional bool z; 1 require int a; };|breaking field-retagged
	struct S { 9 optional bool z; 0 require int a; };|struct S { 9 optional bool z; 0 require int b; };|breaking field-renamed
	struct S { 9 optional bool z; 0 require int a; };|struct S { 9 optional bool z; 0 optional int a; };|breaking field-optional
	struct S { 9 optional bool z; 0 optional int a; };|struct S { 9 optional bool z; 0 require int a; };|breaking field-required
	struct S { 9 optional bool z; 0 optional int a = 1; };|struct S { 9 optional bool z; 0 optional int a = 2; };|warning field-default
	struct S { 9 optional bool z; 0 require int a = 1; };|struct S { 9 optional bool z; 0 require int a = 2; };|
	struct S { 9 optional bool z; 0 require int a; };|struct S { 9 optional bool z; 0 require string a; };|breaking field-type
	struct S { 9 optional bool z; 0 require int a; };|struct S { 9 optional bool z; 0 require long a; };|breaking field-type
	struct S { 9 optional bool z; 0 require long a; };|struct S { 9 optional bool z; 0 require int a; };|breaking field-type
	struct S { 9 optional bool z; 0 require unsigned short a; };|struct S { 9 optional bool z; 0 require int a; };|breaking field-type
	struct S { 9 optional bool z; 0 require float a; };|struct S { 9 optional bool z; 0 require double a; };|breaking field-type
	struct S { 9 optional bool z; 0 require vector<byte> a; };|struct S { 9 optional bool z; 0 require string a; };|breaking field-type
	struct S { 9 optional bool z; 0 require map<int, long> a; };|struct S { 9 optional bool z; 0 require map<int, int> a; };|breaking field-type
	struct S { 9 optional bool z; 0 require int a[4]; };|struct S { 9 optional bool z; 0 require vector<int> a; };|
	enum E { X }; struct S { 9 optional bool z; 0 require E a; };|enum E { X }; struct S { 9 optional bool z; 0 require int a; };|compatible type-spelling
	enum E { X, Y }; struct S { 9 optional bool z; };|enum E { X }; struct S { 9 optional bool z; };|breaking enumerator-removed
	enum E { X, Y }; struct S { 9 optional bool z; };|enum E { X, Y = 3 }; struct S { 9 optional bool z; };|breaking enumerator-value
	enum E { X, Y }; struct S { 9 optional bool z; };|enum E { X, Z }; struct S { 9 optional bool z; };|breaking enumerator-renamed
	enum E { X }; struct S { 9 optional bool z; };|enum E { X, Y }; struct S { 9 optional bool z; };|compatible enumerator-added
	enum E { X, Y }; struct S { 9 optional bool z; 0 optional E e; };|enum E { Y = 1, X = 0 }; struct S { 9 optional bool z; 0 optional E e; };|warning field-default
	struct A { 9 optional bool z; }; struct S { 9 optional bool z; };|struct S { 9 optional bool z; };|warning type-removed
	struct S { 9 optional bool z; };|struct S { 9 optional bool z; }; const int N = 1;|compatible type-added
	const int N = 1; struct S { 9 optional bool z; };|const int N = 2; struct S { 9 optional bool z; };|warning const-changed
	const int N = 1; struct S { 9 optional bool z; };|struct S { 9 optional bool z; };|warning const-removed
	EOT
'

test_expect_success 'interfaces: each change by itself' '
	while IFS="|" read -r old new want
	do
		changes --all "interface I { $old };" "interface I { $new };" &&
		echo "$want" | tr , "\n" | sed -e "s/^ *//" -e "/^$/d" >expect &&
		test_cmp expect actual || { echo "$old -> $new"; return 1; }
	done <<-\EOT &&
	void f(); void g();|void g();|breaking function-removed
	void f();|void f(); void g();|compatible function-added
	void f(int a);|void f();|breaking param-removed
	void f();|void f(int a);|breaking param-added
	void f(int a);|void f(int a, out int b);|breaking param-added
	void f(int a, string b);|void f(string b, int a);|breaking param-moved, breaking param-moved
	void f(int a);|void f(int b);|breaking param-renamed
	void f(int a);|void f(string a);|breaking param-type
	void f(int a);|void f(out int a);|breaking param-direction
	void f(int a);|void f(routekey int a);|warning param-routekey
	int f();|string f();|breaking return-type
	int f();|void f();|breaking return-type
	void f();|int f();|breaking return-type
	EOT
	changes "" "interface I { void f(); }; interface J { void f(); };" "interface J { void f(); };" &&
	test_grep "^old.tars:1:22: breaking: M::I: it is removed \[interface-removed\]$" out
'

test_expect_success 'places, reasons, and structs of another name' '
	changes "" "struct A { 0 require int x; }; interface I { void f(vector<A> a); };" \
		"struct B { 0 require string x; }; interface I { void f(vector<B> a); };" &&
	echo "new.tars:1:33: breaking: M::B.x: its type was ${SQ}int${SQ} and is ${SQ}string${SQ}:" \
		"neither can read the other [field-type]" >expect &&
	grep breaking out >actual &&
	test_cmp expect actual &&
	changes "" "struct S { 0 require int x; };" "struct S { 0 require long x; };" &&
	test_grep ": old code cannot read all that new code writes \[" out &&
	changes "" "struct S { 0 require long x; };" "struct S { 0 require int x; };" &&
	test_grep ": new code cannot read all that old code writes \[" out
'

test_expect_success '--servers-first: old code writes requests and reads replies only' '
	in="interface I { void f(S s); };" out="interface I { S f(); };" &&
	s0="struct S { 0 require int a; };" s1="struct S { 0 optional int a; };" &&
	changes --servers-first "$s0 $in" "$s1 $in" && test "$(cat actual status)" = "warning field-optional
0" &&
	changes --servers-first "$s0 $out" "$s1 $out" && test "$(cat status)" = 1 &&
	changes --servers-first "$s1 $in" "$s0 $in" && test "$(cat status)" = 1 &&
	changes --servers-first "$s1 $out" "$s0 $out" && test "$(cat status)" = 0 &&
	changes --servers-first "$s1 $in $" "$s0" && test "$(cat status)" = 65
'

test_expect_success '--binary-only, --ignore and what is compatible' '
	changes --binary-only "struct S { 0 require int a; };" "struct S { 0 require int b; };" &&
	test "$(cat actual status)" = "warning field-renamed
0" &&
	changes --ignore=field-type,field-renamed "struct S { 0 require int a; };" \
		"struct S { 0 require string b; };" &&
	test ! -s actual && test "$(cat status)" = 0 &&
	changes "" "struct S { 1 require int b; };" "struct S { 1 require int b; 0 optional int a; };" &&
	test ! -s actual && test "$(cat status)" = 0
'

test_expect_success 'directories, includes, standard input' '
	mkdir -p old/sub new/sub &&
	echo "module A { struct S { 0 require int a; }; };" >old/sub/a.tars &&
	echo "#include \"sub/a.tars\"
	module B { interface I { void f(A::S s); }; };" >old/b.tars &&
	cp old/b.tars new &&
	sed "s/require/optional/" old/sub/a.tars >new/sub/a.tars &&
	test_expect_code 1 tars idl breaking old new >out &&
	test "$(wc -l <out)" = 1 &&
	test_grep "^new/sub/a.tars:1:38: breaking: A::S.a: " out &&
	tars idl breaking old old &&
	tars idl breaking - old/sub/a.tars <old/sub/a.tars &&
	test_expect_code 1 tars idl breaking old/b.tars new/b.tars
'

test_expect_success 'wrong use and input that cannot be read' '
	test_expect_code 64 tars idl breaking old 2>err &&
	test_expect_code 64 tars idl breaking --ignore=field-type,nix old new 2>err &&
	test_grep "no rule is called .nix." err &&
	test_expect_code 65 tars idl breaking old none.tars 2>err &&
	test_grep "cannot read .none.tars.: No such file" err &&
	mkdir empty &&
	test_expect_code 65 tars idl breaking old empty 2>err &&
	test_grep "no .tars file is below .empty." err &&
	echo "module M { struct S { 0 require Nix n; }; };" >bad.tars &&
	test_expect_code 65 tars idl breaking old bad.tars 2>err &&
	test_grep "^bad.tars:1:33: type .Nix. is not known" err
'

test_done
