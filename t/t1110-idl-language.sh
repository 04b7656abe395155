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

# Files of data/idl/language: a construct of real files each.
language=$data/language

test_expect_success 'constructs: checked and generated without a word, with --tables too' '
	mkdir lang lang-tables &&
	for f in "$language"/*.tars "$language"/deep/*.tars "$language"/deep/inner/*.tars
	do
		tars idl check "$f" >>out 2>&1 && tars idl gen --out lang "$f" >>out 2>&1 &&
		tars idl gen --tables --out lang-tables "$f" >>out 2>&1 || return 1
	done &&
	test ! -s out && test "$(ls lang/*.c | wc -l)" = 14
'

for cc in gcc clang
do
	if ! command -v $cc >/dev/null
	then
		test_skip "no $cc"
		continue
	fi
	test_expect_success "constructs: strict C11 with $cc" '
		for f in lang/*.c
		do
			$cc $strict $include -Ilang -fsyntax-only $f || return 1
		done &&
		for f in lang-tables/*.c
		do
			$cc $strict $include -Ilang-tables -fsyntax-only $f || return 1
		done
	'
done

for cxx in g++ clang++
do
	if ! command -v $cxx >/dev/null
	then
		test_skip "no $cxx"
		continue
	fi
	test_expect_success "constructs: the headers with $cxx, behind those of the system" '
		printf "#include <%s>\n" assert.h errno.h limits.h math.h signal.h stdio.h stdlib.h \
			string.h >all.cc &&
		for f in lang/*.h
		do
			echo "#include \"$f\""
		done >>all.cc &&
		$cxx -Wall -Wextra -Wpedantic -Werror $include -Ilang -I. -fsyntax-only all.cc
	'
done

test_expect_success 'constructs: all headers together in C, includes only once' '
	sed "/limits/d" all.cc >all.c &&
	${CC:-gcc} $strict $include -Ilang -I. -fsyntax-only all.c
'

test_expect_success 'comments are carried into the header' '
	comment_of () {
		grep -B1 -F "$1" lang/$2.h
	} &&
	comment_of "enum Comments_E {" Comments | grep -F "/* a / * b // c */" &&
	test_grep "^	int32_t a; /\* of a \* / / \* \?\?/ \*/$" lang/Comments.h &&
	test_grep "^ \*     indented,$" lang/Comments.h &&
	test_grep "^ \* 中文注释：第一行$" lang/Comments.h &&
	test_grep "^	int32_t a; /\* of a \*/$" lang/Crlf.h &&
	! grep -q "$(printf "\r")" lang/Crlf.h lang/Crlf.c
'

test_expect_success 'keys: values compare by their members, in the order of the key' '
	cat >compare.c <<-\EOT &&
	#include <stdio.h>
	#include "lang-tables/Keys.h"
	static int sign(int v)
	{
		return (v > 0) - (v < 0);
	}
	int main(void)
	{
		struct Keys_Name ann = { TARS_STR("Ann"), TARS_STR("Young"), 1 }, older = ann;
		struct Keys_Name bob = { TARS_STR("Bob"), TARS_STR("Old"), 1 };
		struct Keys_Pair p = { ann, bob }, q = { ann, ann };
		struct Keys_Late x = { .d = 1.5, .b = true }, y = { .d = 1.5 };

		older.age = 2;
		printf("%d %d %d\n", sign(Keys_Name_compare(&ann, &bob)),
		       sign(Keys_Name_compare(&bob, &ann)), Keys_Name_compare(&ann, &older));
		printf("%d %d\n", sign(Keys_Pair_compare(&p, &q)), sign(Keys_Late_compare(&x, &y)));
		return 0;
	}
	EOT
	${CC:-gcc} -D_GNU_SOURCE $include -Ilang-tables -I. -o compare compare.c lang-tables/Keys.c \
		"$tree"/proto/{type,arena,err,format}.c &&
	./compare >got &&
	printf "%s\n" "1 -1 0" "-1 1" >want &&
	test_cmp want got
'

test_expect_success 'numbers, strings and enumerators have the values of the text' '
	cat >values.c <<-\EOT &&
	#include <float.h>
	#include "lang/Values.h"
	#include "lang/Enums.h"
	_Static_assert(Values_BYTE == -128 && Values_SHORT == 32767, "");
	_Static_assert(Values_INT == INT32_MIN && Values_LONG == INT64_MIN, "");
	_Static_assert(Values_UBYTE == 255 && Values_USHORT == 65535 && Values_UINT == UINT32_MAX, "");
	_Static_assert(Values_ON && !Values_OFF, "");
	_Static_assert(Values_FLOAT < -0.00149f && Values_FLOAT > -0.00151f, "");
	_Static_assert(Values_HUGE_FLOAT == FLT_MAX && Values_BIG == DBL_MAX, "");
	_Static_assert(Values_DOUBLE == 1 && Values_TINY > 0 && Values_WHOLE == 7, "");
	_Static_assert(sizeof(Values_EMPTY) == 1 && sizeof(Values_SIZED) == 9, "");
	_Static_assert(sizeof(Values_TEXT) == sizeof("a\tb\n\"c\" \\ \47 ? ?\?/ %s A\101\177"), "");
	_Static_assert(sizeof(Values_UTF8) == 3 + 3 + 1 + 2 + 1, "");
	_Static_assert(Enums_First_FAILED == 127 && Enums_Second_NONE == -1, "");
	_Static_assert(Enums_Second_OK == 8 && Enums_Second_MORE == 8 && Enums_Second_LAST == 127, "");
	_Static_assert(Enums_Limits_LOW == INT32_MIN && Enums_Limits_HIGH == INT32_MAX, "");
	_Static_assert(Enums_Hex_D == 0xffff && Enums_Hex_E == 5 && Enums_Hex_F == -1, "");
	int main(void) { return 0; }
	EOT
	${CC:-gcc} $include -Ilang -I. -fsyntax-only values.c
'

test_done
