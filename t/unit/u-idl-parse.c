/* IDL: what is accepted, and the exact text of what is reported about the rest. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "idl/idl.h"

/* Files that includes find, instead of those on disk. */
static const struct {
	const char *path, *text;
} files[] = {
	{ "dir/b.tars", "module B { struct S { 0 require int a; }; enum E { X = 7 }; };" },
	{ "dir/c.tars", "#include \"b.tars\"\n#include \"./b.tars\"\n#include \"../dir/b.tars\"\n"
			"module C { struct T { 0 require B::S s; }; };" },
	{ "self.tars", "#include \"self.tars\"\n" },
	{ "ping.tars", "#include \"pong.tars\"\nmodule P { struct A { 0 require int a; }; };" },
	{ "pong.tars", "#include \"ping.tars\"\nmodule Q { struct A { 0 require P::A a; }; };" },
	{ "bad.tars", "module M {\n  struct S { 0 require itn a; };\n};" },
};

/* A file "N.chain" includes "N+1.chain", without end. */
static int read_file(void *ctx, const char *path, struct buf *text, struct err *e)
{
	(void)ctx;
	if (strstr(path, ".chain")) {
		buf_addf(text, "#include \"%d.chain\"\n", (int)strtol(path, NULL, 10) + 1);
		return 0;
	}
	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
		if (!strcmp(files[i].path, path)) {
			buf_add_str(text, files[i].text);
			return 0;
		}
	}
	return err_set(e, TARS_ENOTFOUND, "cannot read '%s': no such file", path);
}

static const struct idl_options options = { .path = "dir", .read = read_file };

static struct buf errors = BUF_INIT;

/* Keeps the lines that say something, without those that show source text. */
static void drop_source_lines(struct buf *b)
{
	char *from = b->data ? (char *)b->data : NULL, *to = from, *end = from + b->len;

	while (from < end) {
		char *eol = memchr(from, '\n', (size_t)(end - from));
		size_t n = (size_t)(eol + 1 - from);
		unsigned line, col;

		if (!strncmp(from, "more ", 5) || sscanf(from, "%*[^:\n]:%u:%u: ", &line, &col) == 2) {
			memmove(to, from, n);
			to += n;
		}
		from += n;
	}
	b->len = (size_t)(to - (char *)b->data);
}

/* The errors of a text, without its lines, or "" if there are none; valid until the next call. */
static const char *errors_of(const char *text, const struct idl_options *opt)
{
	struct idl_file *file;
	struct idl idl;

	buf_clear(&errors);
	idl_init(&idl, opt);
	file = idl_load_text(&idl, "f", text, strlen(text));
	assert_true((file == NULL) == (idl.n_errors > 0));
	idl_put_errors(&idl, &errors);
	drop_source_lines(&errors);
	idl_release(&idl);
	return buf_str(&errors);
}

/* In module M, unless it begins with '#' or '!'; "f:line:col: " stands before each error. */
static const struct {
	const char *text, *errors;
} cases[] = {
	/* Accepted, however odd. */
	{ "", "" },
	{ "#", "f:1:1: unknown directive; the only one is #include \"FILE\"\n" },
	{ "!", "" },
	{ "!\xef\xbb\xbfmodule M {};", "" },
	{ "!// only a comment", "" },
	{ "enum E {};", "" },
	{ "enum E { A, , B,, };", "" },
	{ "enum E { A = 2.0 };", "" },
	{ "enum E { A = 07, B = -0x10, C = A, D = M::B };", "" },
	{ "struct S { 0require int a; };", "" },
	{ "struct S { 0 require M::S *a; };",
	  "f:1:33: only 'byte *' can be a pointer; expected a vector\n" },
	{ "struct S { 0 require byte *a; 1 optional string b:8; };", "" },
	{ "struct S { 0 require vector<vector<int> > a; };", "" },
	{ "struct S { 0 require float f = 1.e3f; 1 require double d = .5; 2 require int i = 2.0; "
	  "};",
	  "" },
	{ "interface I { void void(); int struct(int a); };", "" },
	{ "interface I { void f(int a, out int b, routekey string c); };", "" },
	{ "interface I { void f(, int a); };", "" },
	{ "#include \"b.tars\"\nmodule M { struct S { 0 require B::S s; 1 require ::B::E e = X; }; "
	  "};",
	  "" },
	{ "#include \"c.tars\"\nmodule M { struct S { 0 require C::T s; }; };", "" },
	{ "#include \"/home/somebody/b.tars\"\nmodule M { struct S { 0 require B::S s; }; };", "" },
	{ "#include \"ping.tars\"\n",
	  "pong.tars:2:33: type 'P::A' is defined after its use; expected it before\n"
	  "ping.tars:2:19: the definition is here\n" },

	/* Lexical. */
	{ "/* open",
	  "f:1:12: this comment is not closed; expected '*/' before the end of the file\n" },
	{ "const int A = 08;",
	  "f:1:26: a number that starts with 0 is octal and has no digits 8 and 9; write it "
	  "without the 0\n" },
	{ "const long A = 9223372036854775808;",
	  "f:1:27: this number does not fit into 64 bits; expected -9223372036854775808 to "
	  "9223372036854775807\n" },
	{ "const long A = -9223372036854775808;", "" },
	{ "const double A = 1e999;",
	  "f:1:29: this number is too large for a double; expected at most 1.7e308\n" },
	{ "const double A = 1e-999;",
	  "f:1:29: this number is too small for a double; expected 0 or at least 4.9e-324\n" },
	{ "const double A = 0e-999;", "" },
	{ "const string A = \"a;\n;",
	  "f:1:29: this string is not closed; expected '\"' before the end of the line\n" },
	{ "const string A = \"\\q\";",
	  "f:1:30: a string cannot hold this; expected \\n \\r \\t \\v \\f \\a \\b \\? \\\\ \\\" "
	  "\\' or the "
	  "octal or \\x code of a byte that is not 0\n" },
	{ "struct \xe4\xb8\xad\xe6\x96\x87 { 0 require int a; };",
	  "f:1:19: byte 0xe4 cannot stand here; only comments and strings take more than ASCII\n" },
	{ "struct S { 0 require int a\xef\xbc\x9b };",
	  "f:1:38: '\xef\xbc\x9b' cannot stand here; expected ';'\n" },
	{ "\n#include \"b.tars\"\n",
	  "f:2:1: #include cannot stand in a module; expected it before 'M'\n" },
	{ "#include <b.tars>", "f:1:1: expected a file name in double quotes behind #include\n" },
	{ "#include \"none.tars\"",
	  "f:1:1: include \"none.tars\" is not in the search path; add its directory to it\n" },
	{ "#include \"self.tars\"", "self.tars:1:1: 'self.tars' includes itself\n" },
	{ "#include \"1.chain\"", "200.chain:1:1: includes are nested more than 200 deep\n" },
	{ "#include \"bad.tars\"",
	  "bad.tars:2:24: type 'itn' is not known; did you mean 'int'?\n" },

	/* Modules. */
	{ "!struct S { 0 require int a; };",
	  "f:1:1: expected 'module' or '#include', found keyword 'struct'\n" },
	{ "!module M {}", "f:1:12: expected ';' after the '}' of module 'M', found the end of the "
			  "file\n" },
	{ "!module M {",
	  "f:1:11: expected '}' at the end of module 'M', found the end of the file\n"
	  "f:1:10: the '{' is here\n" },
	{ "module N { };",
	  "f:1:12: modules cannot be nested; close 'M' with \"};\" before this one\n"
	  "f:1:10: the '{' is here\n" },
	{ "!module int {};", "f:1:8: keyword 'int' cannot be the name of a module; expected another word\n" },
	{ "!module tarsx {};",
	  "f:1:8: 'tarsx': names that start with 'tars' belong to the platform; "
			       "rename it or give --with-tars\n" },
	{ "!key[S, a];", "f:1:1: 'key' stands before any module; expected it behind the struct it "
			 "belongs to\n" },
	{ "int a;",
	  "f:1:12: expected 'struct', 'enum', 'const', 'key' or 'interface', found keyword "
		    "'int'\n" },

	/* Enums. */
	{ "enum E { A, A };", "f:1:24: enumerator 'A' is defined twice; rename or remove one\n"
	  "f:1:21: the other definition is here\n" },
	{ "enum E { A = 2147483648 };",
	  "f:1:25: the value of enumerator 'A' does not suit its type int; expected "
	  "-2147483648 to 2147483647\n" },
	{ "enum E { A = 2147483647, B };",
	  "f:1:37: 2147483648, the value of enumerator 'B', does not fit into 32 bits; "
	  "give it one\n" },
	{ "enum E { A = \"x\" };", "f:1:25: the value of enumerator 'A' does not suit its type "
				 "int; expected an integer\n" },
	{ "enum E { A = 1.5 };", "f:1:25: the value of enumerator 'A' does not suit its type int; "
				 "expected an integer\n" },
	{ "enum E { A = B };", "f:1:25: 'B', the value of enumerator 'A', is not known; expected a "
			       "literal or an enumerator that stands before this\n" },
	{ "enum E { A B };", "f:1:23: expected ',' or '}' after enumerator 'A', found 'B'\n" },

	/* Structs. */
	{ "struct S { };", "f:1:19: struct 'M::S' is empty; expected at least one member\n" },
	{ "struct S { 0 require int a; };\nstruct S { 0 require int a; };",
	  "f:2:8: struct 'M::S' is defined twice; rename or remove one\n"
	  "f:1:19: the other definition is here\n" },
	{ "struct S { 0 require int a; 1 require int a; };",
	  "f:1:54: member 'a' is defined twice; rename or remove one\n"
	  "f:1:37: the other definition is here\n" },
	{ "struct S { 3 require int a; 3 require int b; };",
	  "f:1:54: member 'b' has tag 3, which is taken by 'a'; give it another\n"
	  "f:1:37: the other definition is here\n" },
	{ "struct S { 256 require int a; };",
	  "f:1:23: tag 256 is out of range; expected 0 to 255\n" },
	{ "struct S { require int a; };", "f:1:23: expected a tag from 0 to 255 at the start of a "
					  "struct member, found keyword 'require'\n" },
	{ "struct S { 0 int a; };", "f:1:25: expected 'require' or 'optional' after the tag, found "
				    "keyword 'int'\n" },
	{ "struct S { 0 require int string; };",
	  "f:1:37: keyword 'string' cannot be the name of a struct member; expected another word\n" },
	{ "struct S { 0 require S a; };",
	  "f:1:33: struct 'M::S' cannot hold itself; expected a vector or map of it\n" },
	{ "struct S { 0 require int a\n1 require int b; };",
	  "f:1:38: expected ';' after member 'a', found 1\n" },
	{ "struct S { 0 require int a; }\nstruct T { 0 require int a; };",
	  "f:1:41: expected ';' after 'S', found keyword 'struct'\n" },
	{ "struct S { 0 require int a[0]; };",
	  "f:1:39: size 0 is out of range; expected 1 to 1048575\n" },
	{ "struct S { 0 require int:3 a; };",
	  "f:1:33: only a string or a vector takes a size behind ':'; remove it\n" },
	{ "struct S { 0 require string:3 a[4]; };",
	  "f:1:33: an array of a fixed size cannot hold another one; remove one of the sizes\n" },
	{ "struct S { 0 require unsigned long a; };",
	  "f:1:42: expected 'byte', 'short' or 'int' after 'unsigned', found keyword 'long'\n" },
	{ "struct S { 0 require vector<int a; };",
	  "f:1:44: expected '>' at the end of 'vector', found 'a'\n" },
	{ "struct S { 0 require map<int> a; };",
	  "f:1:40: expected ',' between key and value of 'map', found '>'\n" },
	{ "struct User { 0 require int a; };\nstruct S { 0 require Usr a; };",
	  "f:2:22: type 'Usr' is not known here; did you mean 'M::User'?\n"
	  "f:1:19: that one is here\n" },
	{ "struct S { 0 require T a; };\nstruct T { 0 require int a; };",
	  "f:1:33: type 'T' is defined after its use; expected it before\n"
	  "f:2:8: the definition is here\n" },
	{ "struct S { 0 require A::B::C::D::E::F::G::H::I a; };",
	  "f:1:33: 'A::B::C::D::E::F::G::H::...' has too many parts; expected MODULE::NAME\n" },

	/* Values. */
	{ "const int A = true;",
	  "f:1:26: the value of const 'A' does not suit its type int; expected an integer\n" },
	{ "const bool A = 1;",
	  "f:1:27: the value of const 'A' does not suit its type bool; expected true or false\n" },
	{ "const string A = 1;", "f:1:29: the value of const 'A' does not suit its type string; "
				 "expected a string in double quotes\n" },
	{ "const byte A = 128;",
	  "f:1:27: the value of const 'A' does not suit its type byte; expected -128 to 127\n" },
	{ "const int A = 1.5;",
	  "f:1:26: the value of const 'A' does not suit its type int; expected an integer\n" },
	{ "const float A = 1e39;", "f:1:28: the value of const 'A' does not suit its type float; "
				   "expected a number up to 3.4e38\n" },
	{ "const vector<int> A = 1;", "f:1:34: the value of const 'A' does not suit its type "
				      "vector<int>; expected none: only builtin types and enums "
				      "take one\n" },
	{ "const int A = 1; const int A = 2;",
	  "f:1:39: const 'M::A' is defined twice; rename or remove one\n"
	  "f:1:22: the other definition is here\n" },
	{ "enum E { A }; struct S { 0 require E e = B; };",
	  "f:1:53: 'B', the value of member 'e', is no enumerator of 'M::E'; expected one\n"
	  "f:1:17: the enum is here\n" },

	/* Keys. */
	{ "struct S { 0 require int a; }; key[S, b];",
	  "f:1:50: 'b' is no member of struct 'M::S'; expected one\n"
	  "f:1:19: the struct is here\n" },
	{ "struct S { 0 require int a; }; key[S, a]; key[S, a];",
	  "f:1:58: struct 'M::S' has a key already; remove one\n"
	  "f:1:47: the other definition is here\n" },
	{ "enum E { A }; key[E, A];",
	  "f:1:30: 'E' is an enum; expected a struct to order by key\n" },
	{ "key[S];",
	  "f:1:17: expected ',' and the members of the key after its struct, found ']'\n" },

	/* Interfaces. */
	{ "interface M {};", "f:1:22: interface 'M' has the name of its module; rename one\n" },
	{ "interface I {}; interface I {};",
	  "f:1:38: interface 'M::I' is defined twice; rename or remove one\n"
	  "f:1:22: the other definition is here\n" },
	{ "interface I { void f(); int f(); };",
	  "f:1:40: method 'f' is defined twice; rename or remove one\n"
	  "f:1:31: the other definition is here\n" },
	{ "interface I { void f(int a, out int a); };",
	  "f:1:48: parameter 'a' is defined twice; rename or remove one\n"
	  "f:1:37: the other definition is here\n" },
	{ "interface I { void f(int f); };",
	  "f:1:37: parameter 'f' of 'M::I' has the name of its method; rename it\n" },
	{ "interface I { void f(routekey int a, routekey int b); };",
	  "f:1:62: method 'f' has a second routekey; remove one\n"
	  "f:1:46: the other routekey is here\n" },
	{ "interface I { void f(int); };", "f:1:36: expected the name of a parameter, found ')'\n" },
	{ "interface I { void f(int a,); };", "f:1:39: expected a type, found ')'\n" },
	{ "interface I { void f(int a; };",
	  "f:1:38: expected ',' or ')' after parameter 'a', found ';'\n" },
	{ "interface I { f(); };", "f:1:27: expected the name of a method, found '('\n" },
	{ "interface I { void f() };", "f:1:34: expected ';' after method 'f', found '}'\n" },
};

static void test_errors(void **state)
{
	char text[512];
	int wrong = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const char *t = cases[i].text;

		if (*t == '#')
			snprintf(text, sizeof(text), "%s", t);
		else if (*t == '!')
			snprintf(text, sizeof(text), "%s", t + 1);
		else
			snprintf(text, sizeof(text), "module M { %s };", t);
		if (!strcmp(errors_of(text, &options), cases[i].errors))
			continue;
		print_error("%s\n got: %s want: %s", text, errors_of(text, &options),
			    cases[i].errors);
		wrong++;
	}
	assert_int_equal(wrong, 0);
}

static void test_with_tars(void **state)
{
	struct idl_options opt = options;
	static const char text[] = "module tars { struct S { 0 require int tarsVersion; }; };";

	(void)state;
	assert_string_not_equal(errors_of(text, &opt), "");
	opt.with_tars = true;
	assert_string_equal(errors_of(text, &opt), "");
}

/* One faulty member must not hide the next, and must not make more errors than faults. */
static void test_recovery(void **state)
{
	(void)state;
	assert_string_equal(errors_of("module M {\n"
				      "struct S {\n"
				      " 0 require int a b;\n"
				      " 1 require int c;\n"
				      " 2 wrong { int d; };\n"
				      "};\n"
				      "struct ;\n"
				      "enum E { A = };\n"
				      "interface I { void f(; int g(); };\n"
				      "};\n", &options),
			    "f:3:17: expected ';' after member 'a', found 'b'\n"
			    "f:5:4: expected 'require' or 'optional' after the tag, found 'wrong'\n"
			    "f:7:8: expected the name of a struct, found ';'\n"
			    "f:8:14: expected a number, string, 'true', 'false' or an enumerator, "
			    "found '}'\n"
			    "f:9:22: expected a type, found ';'\n");
}

static void test_at_most_20(void **state)
{
	struct buf text = BUF_INIT;
	const char *found;
	int lines = 0;

	(void)state;
	buf_add_str(&text, "module M { interface I {");
	for (int i = 0; i < 100; i++)
		buf_add_str(&text, "void;");
	buf_add_str(&text, "}; };");
	found = errors_of(buf_str(&text), &options);
	for (const char *p = found; (p = strchr(p, '\n')); p++)
		lines++;
	assert_int_equal(lines, IDL_MAX_ERRORS + 1);
	assert_non_null(strstr(found, "\nmore errors are not shown\n"));
	buf_release(&text);
}

/* n times the text `item`, of which %d becomes the number, between head and tail. */
static const char *errors_of_many(const char *head, const char *item, int n, const char *tail)
{
	struct buf text = BUF_INIT;
	const char *found;

	buf_add_str(&text, head);
	for (int i = 0; i < n; i++)
		buf_addf(&text, item, i);
	buf_add_str(&text, tail);
	found = errors_of(buf_str(&text), &options);
	buf_release(&text);
	return found;
}

static void test_limits(void **state)
{
	(void)state;
	assert_non_null(strstr(errors_of_many("module M { struct S { 0 require ", "vector<", 40,
					      "int a; }; };"), "nested more than 32 deep"));
	assert_non_null(strstr(errors_of_many("module M { struct S { 0 require ", "vector<", 100000,
					      "int a; }; };"), "nested more than 32 deep"));
	assert_non_null(strstr(errors_of_many("module M { interface I { void f(int a", ", int a%d",
					      255, "); }; };"), "more than 255 parameters"));
	assert_string_equal(errors_of_many("module M { interface I { void f(int a", ", int a%d",
					   254, "); }; };"), "");
	assert_non_null(strstr(errors_of_many("module M { enum E { A", ", A%d", 65536, "}; };"),
			       "more than 65535 enumerators"));
	assert_non_null(strstr(errors_of_many("{", "{", 100000, ""), "expected 'module'"));
}

/* Structs in structs: depth and size stay bounded. */
static void test_struct_limits(void **state)
{
	struct buf text = BUF_INIT;

	(void)state;
	buf_add_str(&text, "module M { struct S0 { 0 require long a; };\n");
	for (int i = 1; i < 70; i++)
		buf_addf(&text, "struct S%d { 0 require vector<S%d> a; };\n", i, i - 1);
	buf_add_str(&text, "};");
	assert_string_equal(errors_of(buf_str(&text), &options),
			    "f:34:31: containers and structs are nested more than 64 deep here\n"
			    "f:67:31: containers and structs are nested more than 64 deep here\n");
	buf_clear(&text);
	buf_add_str(&text, "module M { struct S0 { 0 require long a; };\n");
	for (int i = 1; i < 9; i++)
		buf_addf(&text, "struct S%d { 0 require S%d a; 1 require S%d b; 2 require S%d c; "
			 "3 require S%d d; 4 require S%d e; 5 require S%d f; 6 require S%d g; "
			 "7 require S%d h; };\n", i, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1,
			 i - 1, i - 1);
	buf_add_str(&text, "};");
	assert_non_null(strstr(errors_of(buf_str(&text), &options),
			       "f:7:8: struct 'M::S6' holds more than 1048576 bytes of structs in "
			       "structs; "
			       "expected vectors of them\n"));
	buf_release(&text);
}

static const struct idl_def *find_def(const struct idl_file *file, const char *name)
{
	for (uint32_t m = 0; m < file->n_modules; m++)
		for (uint32_t d = 0; d < file->modules[m]->n_defs; d++)
			if (!strcmp(file->modules[m]->defs[d]->name, name))
				return file->modules[m]->defs[d];
	fail_msg("no definition '%s'", name);
	return NULL;
}

/* Which definition a comment belongs to, in all the places where people put them. */
static void test_comments(void **state)
{
	static const char text[] =
		"/* licence */\n"
		"\n"
		"// the file\n"
		"#include \"b.tars\"\n"
		"// the module\n"
		"module M\n"
		"{\n"
		"	////////////////////\n"
		"	/**\n"
		"	 * S first\n"
		"	 *\n"
		"	 *   S indented\n"
		"	 **/\n"
		"	struct S\n"
		"	{\n"
		"		// a before\n"
		"		0 require int a; // a behind\n"
		"		1 require int b; /* b behind */\n"
		"		// c one\n"
		"		// c two\n"
		"		2 require int c;\n"
		"\n"
		"		// nobody's\n"
		"\n"
		"		3 require int d;\n"
		"		// not d's\n"
		"	};\n"
		"	enum E {\n"
		"		X, // x\n"
		"		/* y */ Y,\n"
		"		Z = 3 // z \xff\xe4\xb8\xad\n"
		"	};\n"
		"	interface I {\n"
		"		void f(int a, /* of b */ int b, // b's\n"
		"		       int c /* c's */);\n"
		"	};\n"
		"};\n";
	const struct idl_def *s, *e, *i;
	struct idl_file *file;
	struct idl idl;

	(void)state;
	idl_init(&idl, &options);
	file = idl_load_text(&idl, "f", text, sizeof(text) - 1);
	assert_non_null(file);
	assert_string_equal(file->doc, "the file");
	assert_string_equal(file->modules[0]->doc, "the module");
	s = find_def(file, "S");
	assert_string_equal(s->doc, "S first\n\n  S indented");
	assert_string_equal(s->members[0].doc, "a before");
	assert_string_equal(s->members[0].note, "a behind");
	assert_null(s->members[1].doc);
	assert_string_equal(s->members[1].note, "b behind");
	assert_string_equal(s->members[2].doc, "c one\nc two");
	assert_null(s->members[3].doc);
	assert_null(s->members[3].note);
	e = find_def(file, "E");
	assert_null(e->doc);
	assert_string_equal(e->items[0].note, "x");
	assert_string_equal(e->items[1].doc, "y");
	assert_string_equal(e->items[2].note, "z ?\xe4\xb8\xad");
	i = find_def(file, "I");
	assert_null(i->ops[0].params[0].note);
	assert_string_equal(i->ops[0].params[1].doc, "of b");
	assert_string_equal(i->ops[0].params[1].note, "b's");
	assert_null(i->ops[0].params[2].doc);
	idl_release(&idl);
}

static int release(void **state)
{
	(void)state;
	buf_release(&errors);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_with_tars),
		cmocka_unit_test(test_recovery),
		cmocka_unit_test(test_at_most_20),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_struct_limits),
		cmocka_unit_test(test_comments),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("idl-parse", tests, NULL, release);
}
