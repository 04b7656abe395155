#!/usr/bin/env bash
test_description='tars idl new: a service that builds, runs and passes its own test at once'
. "$(dirname "$0")/test-lib.sh"

# The library's own flavour: compiler and sanitizers.
case ${B##*/} in
clang*) cc=clang ;;
*) cc=gcc ;;
esac
cflags='-O1 -g -Werror'
symbols=$(nm "$B/libtars.a" 2>/dev/null)
case $symbols in
*__asan_init*) cflags="$cflags -fsanitize=address,undefined" ;;
*__tsan_init*) cflags="$cflags -fsanitize=thread" ;;
esac

build () {
	make -C "$1" CC=$cc CFLAGS="$cflags" TARS="$2" "$3" 2>&1
}

test_expect_success 'it says what it made and how to go on' '
	tars idl new Demo GreetServer Greet >out &&
	echo "GreetServer: service Demo.GreetServer with object Demo.GreetServer.GreetObj; now:" \
		"make -C GreetServer test" >want &&
	test_cmp want out &&
	ls GreetServer >files &&
	printf "%s\n" Greet.tars Makefile README.md client.c server.c test.sh | sort >want &&
	sort files >got && test_cmp want got &&
	! grep -rn "@[A-Z]*@" GreetServer
'

test_expect_success 'make test: builds without a warning, starts, calls, compares' '
	build GreetServer "$B/tars" test >log &&
	test_grep "^ok - a name is greeted$" log &&
	test_grep "^ok - an empty name is refused$" log
'

test_expect_success 'the test sees a wrong answer' '
	cp -r GreetServer wrong &&
	sed "s/hello %s/hallo %s/" GreetServer/server.c >wrong/server.c &&
	test_expect_code 2 build wrong "$B/tars" test >log &&
	test_grep "^not ok - a name is greeted$" log &&
	test_grep "^  expected: hello world$" log &&
	test_grep "^  got:      hallo world$" log
'

test_expect_success 'the test sees a server that does not start' '
	echo "int main(void) { return 3; }" >wrong/server.c &&
	test_expect_code 2 build wrong "$B/tars" test >log &&
	test_grep ! "^ok" log
'

test_expect_success 'with an installed tars: found in PATH, library and header beside it' '
	mkdir -p usr/bin usr/lib usr/include &&
	cp "$B/tars" usr/bin/ && cp "$B/libtars.a" usr/lib/ && cp "$B"/include/*.h usr/include/ &&
	test_expect_code 1 tars idl new Demo Other OtherObj --out made/here 2>err &&
	test_grep "cannot make the directory .made/here.: No such file" err &&
	tars idl new --out here Demo Other OtherObj >out &&
	test_grep "^here: service Demo.Other with object Demo.Other.OtherObj;" out &&
	(PATH=$PWD/usr/bin:$PATH && build here tars test) >log &&
	test_grep "^ok - a name is greeted$" log &&
	grep -qF -e "-L$PWD/usr/bin/../lib/" log
'

test_expect_success 'what is there stays' '
	cp GreetServer/server.c before &&
	test_expect_code 1 tars idl new Demo GreetServer Greet 2>err &&
	test_grep "new: .GreetServer/Greet.tars. exists; name another directory with --out" err &&
	test_cmp before GreetServer/server.c &&
	mkdir half && echo mine >half/Makefile &&
	test_expect_code 1 tars idl new Demo GreetServer Greet --out half 2>err &&
	test_grep "half/Makefile. exists" err &&
	test "$(ls half)" = Makefile && test "$(cat half/Makefile)" = mine
'

test_expect_success 'names that cannot be' '
	test_expect_code 64 tars idl new 1Demo Server Greet 2>err &&
	test_grep "the application .1Demo. is no name; expected letters and digits" err &&
	test_expect_code 64 tars idl new Demo "a b" Greet 2>err &&
	test_grep "the server .a b. is no name" err &&
	test_expect_code 64 tars idl new Demo ../up Greet 2>err &&
	test_expect_code 64 tars idl new Demo S "" 2>err &&
	test_grep "the servant .. is no name" err &&
	test_expect_code 64 tars idl new Demo S Demo 2>err &&
	test_grep "interface .Demo. has the name of its module" err &&
	test_expect_code 64 tars idl new int S Greet 2>err &&
	test_grep "keyword .int. cannot be the name of a module" err &&
	test_expect_code 64 tars idl new tarsDemo S Greet 2>err &&
	test_expect_code 64 tars idl new Demo client Greet 2>err &&
	test_grep "are used for files of the directory" err &&
	test_expect_code 64 tars idl new Demo S 2>err &&
	test ! -e S && test ! -e ../up
'

test_done
