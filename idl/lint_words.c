/* Names that code of the official generators cannot have: words of its languages, its variables. */
#include <string.h>

#include "idl/lint.h"

enum { CPP = LINT_CPP, JAVA = LINT_JAVA, GO = LINT_GO, JS = LINT_JAVASCRIPT };

struct word {
	const char *name;
	unsigned languages;
};

static const struct word words[] = {
	{ "abstract", JAVA }, { "alignas", CPP }, { "alignof", CPP }, { "and", CPP },
	{ "asm", CPP }, { "assert", JAVA }, { "auto", CPP }, { "boolean", JAVA },
	{ "break", CPP | JAVA | GO }, { "case", CPP | JAVA | GO }, { "catch", CPP | JAVA },
	{ "chan", GO }, { "char", CPP | JAVA }, { "class", CPP | JAVA | JS },
	{ "compl", CPP }, { "constexpr", CPP }, { "continue", CPP | JAVA | GO },
	{ "debugger", JS }, { "decltype", CPP }, { "default", CPP | JAVA | GO },
	{ "defer", GO }, { "delete", CPP | JS }, { "do", CPP | JAVA },
	{ "else", CPP | JAVA | GO }, { "explicit", CPP }, { "export", CPP | JS },
	{ "extends", JAVA | JS }, { "extern", CPP }, { "fallthrough", GO },
	{ "final", JAVA }, { "finally", JAVA | JS }, { "for", CPP | JAVA | GO },
	{ "friend", CPP }, { "func", GO }, { "function", JS },
	{ "go", GO }, { "goto", CPP | JAVA | GO }, { "if", CPP | JAVA | GO },
	{ "implements", JAVA }, { "import", JAVA | GO | JS }, { "in", JS },
	{ "inline", CPP }, { "instanceof", JAVA | JS }, { "mutable", CPP },
	{ "namespace", CPP }, { "native", JAVA }, { "new", CPP | JAVA | JS },
	{ "noexcept", CPP }, { "not", CPP }, { "null", JAVA | JS },
	{ "nullptr", CPP }, { "operator", CPP }, { "or", CPP },
	{ "package", JAVA | GO }, { "private", CPP | JAVA }, { "protected", CPP | JAVA },
	{ "public", CPP | JAVA }, { "range", GO }, { "register", CPP },
	{ "return", CPP | JAVA | GO }, { "select", GO }, { "signed", CPP },
	{ "sizeof", CPP }, { "static", CPP | JAVA }, { "strictfp", JAVA },
	{ "super", JAVA | JS }, { "switch", CPP | JAVA | GO },
	{ "synchronized", JAVA }, { "template", CPP }, { "this", CPP | JAVA | JS },
	{ "throw", CPP | JAVA }, { "throws", JAVA }, { "transient", JAVA },
	{ "try", CPP | JAVA }, { "type", GO }, { "typedef", CPP }, { "typeid", CPP },
	{ "typename", CPP }, { "typeof", JS }, { "union", CPP },
	{ "using", CPP }, { "var", GO | JS }, { "virtual", CPP },
	{ "volatile", CPP | JAVA }, { "wchar_t", CPP }, { "while", CPP | JAVA },
	{ "with", JS }, { "xor", CPP }, { "yield", JS },
};

static const struct word locals[] = {
	{ "_is", CPP | GO }, { "_os", CPP | GO }, { "_ret", CPP }, { "buf", GO },
	{ "callback", CPP }, { "context", CPP | GO }, { "current", CPP | JS },
	{ "err", GO }, { "have", GO }, { "is", JS }, { "length", GO },
	{ "obj", GO }, { "opts", GO }, { "os", JS }, { "readBuf", GO },
	{ "ret", GO }, { "tarsCtx", GO }, { "tarsResp", GO }, { "ty", GO },
};

static unsigned find(const struct word *v, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(v[i].name, name))
			return v[i].languages;
	return 0;
}

unsigned lint_target_word(const char *name)
{
	return find(words, sizeof(words) / sizeof(*words), name);
}

unsigned lint_local_name(const char *name)
{
	return find(locals, sizeof(locals) / sizeof(*locals), name);
}

const char *lint_languages(struct arena *a, unsigned languages)
{
	static const char *const names[] = { "C++", "Java", "Go", "JavaScript" };
	const char *text = "";

	for (unsigned i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (languages & 1u << i)
			text = arena_strf(a, "%s%s%s", text, *text ? ", " : "", names[i]);
	return text;
}
