#!/usr/bin/env bash
test_description='tars idl fmt: one layout, every comment, the same meaning'
. "$(dirname "$0")/test-lib.sh"

data=$tree/t/data/idl
golden=$tree/t/t1101
SQ="'"

test_expect_success 'the layout' '
	tars idl fmt "$golden/in.tars" >actual &&
	test_cmp "$golden/out.tars" actual &&
	cp actual expect
'

test_expect_success 'formatted again, it stays' '
	tars idl fmt expect >actual &&
	test_cmp expect actual &&
	tars idl fmt --stdout - <expect >actual &&
	test_cmp expect actual &&
	tars idl fmt --check expect
'

test_expect_success 'comments of a run of lines are aligned, but for long lines' '
	cat >in.tars <<-\EOT &&
	module M { enum E { A, // a
	LONGER = 1, // b
	THIS_IS_A_LINE_THAT_IS_LONGER_THAN_THE_OTHERS_AND_WOULD_PUSH = 7, // c

	B // d
	}; };
	EOT
	tars idl fmt in.tars | sed -n "s/^\t\t\(.*\/\/\)/\1/p" >actual &&
	cat >want <<-\EOT &&
	A,          // a
	LONGER = 1, // b
	THIS_IS_A_LINE_THAT_IS_LONGER_THAN_THE_OTHERS_AND_WOULD_PUSH = 7, // c
	B // d
	EOT
	test_cmp want actual
'

test_expect_success 'bytes of comments in any encoding; CRLF and a byte order mark go' '
	printf "\357\273\277module M\r\n{\r\n\t// \304\343\272\303\r\n\tstruct S {};\r\n};\r\n" >in.tars &&
	printf "module M\n{\n\t// \304\343\272\303\n\tstruct S\n\t{\n\t};\n};\n" >want &&
	tars idl fmt in.tars >actual &&
	cmp want actual
'

test_expect_success 'generated code is that of the source' '
	mkdir before after &&
	cp "$data"/*.tars before &&
	cp "$data"/*.tars after &&
	(cd before && tars idl gen *.tars) &&
	(cd after && tars idl fmt --write *.tars && tars idl gen *.tars) &&
	! cmp -s before/All.tars after/All.tars &&
	rm before/*.tars after/*.tars &&
	diff -r before after
'

# Between all tokens in turn.
test_expect_success 'wherever a comment stands, it stays with what it documents' '
	cat >tokens <<-\EOT &&
	module M { enum E { A = 1 , B } ; struct S { 0 require vector < int > a ; 1 optional E e = B ; } ;
	interface I { int f ( int a , out S b ) ; } ; } ;
	EOT
	printf "%s\n" "/* one */" "// line%" "%/* own */%" "%// own line%" "%%/* far\n  far */%%" \
		"/* a */ // b%" "/* over%lines */" >comments &&
	words=$(wc -w <tokens) && n=0 &&
	mkdir places first second && cd places &&
	test_when_finished "cd .." &&
	while read -r comment
	do
		n=$((n + 1))
		for at in $(seq "$words")
		do
			awk -v at="$at" -v c="$comment" "{ for (i = 1; i <= NF; i++) printf \"%s%s\",
				\$i, ++n == at ? \" \" c \" \" : \" \" }" ../tokens |
				tr % "\n" >c$n-$at.tars || return 1
		done
	done <../comments &&
	tars idl gen --out ../first *.tars &&
	tars idl fmt --write *.tars &&
	tars idl gen --out ../second *.tars &&
	tars idl fmt --check *.tars &&
	diff -r ../first ../second &&
	test "$n" = 7 && test "$(ls ../second/*.h | wc -l)" = $((7 * words))
'

test_expect_success '--check names what differs and how, and writes nothing' '
	printf "module M\n{\n  struct S { };\n};\n" >one.tars &&
	cp one.tars copy.tars &&
	printf "module M\n{\n};\n" >good.tars &&
	test_expect_code 1 tars idl fmt --check good.tars one.tars >out &&
	printf "%s\n" "one.tars:3: not in its canonical layout" "-  struct S { };" "+	struct S" >want &&
	test_cmp want out &&
	cmp one.tars copy.tars
'

test_expect_success 'included files are not needed; errors are shown and the file is left' '
	printf "#include \"nowhere.tars\"\nmodule tarsX { struct S { 0 require Nix a; }; };\n" >in.tars &&
	tars idl fmt in.tars >out &&
	test_grep "^		0 require Nix a;$" out &&
	printf "module M { struct S { 0 require int a } };\n" >bad.tars &&
	cp bad.tars copy.tars &&
	test_expect_code 1 tars idl fmt --write bad.tars one.tars 2>err &&
	test_grep "^bad.tars:1:38: expected .;. after " err &&
	cmp bad.tars copy.tars &&
	tars idl fmt --check one.tars
'

test_expect_success 'wrong use' '
	test_expect_code 64 tars idl fmt --check --write one.tars 2>err &&
	test_grep "^tars: idl: fmt: wants one of" err &&
	test_expect_code 1 tars idl fmt none.tars 2>err &&
	test_grep "cannot read .none.tars.: No such file" err &&
	test_expect_code 64 tars idl fmt 2>err
'

test_done
