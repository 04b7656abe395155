#!/usr/bin/env bash
test_description='tars idl: which text is accepted, and how errors in the rest are shown'
. "$(dirname "$0")/test-lib.sh"

data=$tree/t/data/idl
strict='-std=c11 -Wall -Wextra -Wpedantic -Wcast-function-type -Wshadow -Wconversion -Werror'
include="-I$tree -I$tree/core"

# t1110/errors has sections "== NAME", the text of a file, "-->", and all that is said about it.
test_expect_success 'broken files: one error for each mistake, with its line and a caret' '
	awk "/^== /{ n++; out = sprintf(\"%02d.text\", n); print > out; next }
	     /^-->\$/{ out = sprintf(\"%02d.want\", n); printf \"\" > out; next }
	     { print > out }" "$tree/t/t1110/errors" &&
	wrong=0 &&
	for text in *.text
	do
		n=${text%.text} &&
		sed 1d $text >f.tars &&
		test_expect_code 1 tars idl check f.tars 2>$n.got || return 1
		echo >>$n.got
		diff -u $n.want $n.got || { head -1 $text; wrong=$((wrong + 1)); }
	done &&
	test $wrong = 0 && test $n -gt 30
'

# Lines that the file above cannot hold: name, text for printf, message lines for printf.
while IFS='|' read -r name text want
do
	test_expect_success "the line shown: $name" '
		printf "$text" >f.tars &&
		printf "$want" >want &&
		test_expect_code 1 tars idl check f.tars 2>err &&
		sed 1d err >shown &&
		test_cmp want shown
	'
done <<-\EOT
tabs stay tabs|module M {\n\tconst\tint\tA =\ttrue; };|\tconst\tint\tA =\ttrue; };\n\t     \t   \t   \t^\n
wide characters|/* 中文é */ module int { };|/* 中文é */ module int { };\n                   ^\n
combining characters|/* e\xcc\x81 */ module int { };|/* e\xcc\x81 */ module int { };\n               ^\n
bytes of GBK|/* \xd6\xd0\xce\xc4 */ module int { };|/* ???? */ module int { };\n                  ^\n
what moves or hides text|/* \x1b[31m \xe2\x80\xae \xc2\x9b \x7f */ module int { };|/* ?[31m ? ? ? */ module int { };\n                         ^\n
CRLF|module int { };\r\n|module int { };\n       ^\n
a byte order mark|\xef\xbb\xbfmodule int { };|module int { };\n       ^\n
blanks at the end|module M { }   \n\n|module M { }\n            ^\n
an empty line has none|#\n\nmodule M {};\n|#\n^\n
EOT

test_expect_success 'of a long line, what is around the caret' '
	long=$(printf "abcdefghi %.0s" {1..30}) &&
	echo "/* $long */	module int { }; /* $long */" >f.tars &&
	test_expect_code 1 tars idl check f.tars 2>err &&
	sed 1d err >shown &&
	cat >want <<-\EOT &&
	...ghi abcdefghi abcdefghi abcdefghi  */      module int { }; /* abcdefghi abcdefghi abcdefghi abcdefgh...
	                                                     ^
	EOT
	test_cmp want shown &&
	echo "module int { }; /* $long */" >f.tars &&
	test_expect_code 1 tars idl check f.tars 2>err &&
	test_grep "^module int { }; /\* abcdefghi .*\.\.\.$" err &&
	test_grep "^       \^$" err
'

test_expect_success 'at most 20 errors, over all files of a run, in their order' '
	echo "module B { struct S { 0 require int a; }; struct T" >b.tars &&
	{
		echo "#include \"b.tars\"" && echo "module M { interface I {" &&
		printf "void f%d() x;\n" {1..30} && echo "}; };"
	} >a.tars &&
	test_expect_code 1 tars idl check a.tars 2>err &&
	test "$(grep -c "^[ab].tars:" err)" = 20 &&
	test_grep "^more errors are not shown$" err &&
	printf "%s\n" b.tars:1:51 a.tars:3:10 a.tars:4:10 >want &&
	grep -oE "^[ab].tars:[0-9:]*[0-9]" err | head -3 >first &&
	test_cmp want first
'

test_expect_success 'an error in an included file names that file' '
	mkdir -p sub &&
	echo "module B { struct S { 0 require itn a; }; };" >sub/b.tars &&
	echo "#include \"sub/b.tars\"
	module M { struct T { 0 require B::S s; 1 require B::S s; }; };" | sed "s/^	//" >a.tars &&
	test_expect_code 1 tars idl check a.tars 2>err &&
	cat >want <<-\EOT &&
	sub/b.tars:1:33: type SQitnSQ is not known; did you mean SQintSQ?
	module B { struct S { 0 require itn a; }; };
	                                ^
	a.tars:2:56: member SQsSQ is defined twice; rename or remove one
	module M { struct T { 0 require B::S s; 1 require B::S s; }; };
	                                                       ^
	a.tars:2:38: the other definition is here
	module M { struct T { 0 require B::S s; 1 require B::S s; }; };
	                                     ^
	EOT
	sed -i "s/SQ/$(printf "\047")/g" want &&
	test_cmp want err
'

test_done
