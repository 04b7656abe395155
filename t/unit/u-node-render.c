/* Generated configurations of services against those of the official node, and start scripts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/sys/files.h"
#include "if/RegistryF.h"
#include "proto/json.h"
#include "roles/node/script.h"

static const struct node_paths node_paths = {
	.root = "/n", .data = "/n/tarsnode/data", .log = "/n/app_log/", .self = "/usr/bin/tars",
};

/* Members that are left out have their defaults. */
static struct tars_ServerDescriptor *descriptor(struct arena *a, const char *text)
{
	struct tars_ServerDescriptor *d = ARENA_NEW(a, struct tars_ServerDescriptor);
	json_t *json = json_loads(text, 0, NULL), *defaults;
	struct err e = { 0 };

	assert_non_null(json);
	tars_type_init(&tars_ServerDescriptor_type, d);
	defaults = json_from_value(&tars_ServerDescriptor_type, d, &e);
	assert_int_equal(json_object_update_missing(json, defaults), 0);
	if (json_to_value(json, &tars_ServerDescriptor_type, d, a, &e) < 0)
		fail_msg("%s: %s", text, e.text);
	json_decref(defaults);
	json_decref(json);
	return d;
}

static const char *const unsafe_names[] = {
	"", "..", "a/b", "a b", "a;b", "$(x)", "-x", "a.b", "a\nb", "a'b", "\xc3\xa9",
};

static void test_unsafe_names(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(unsafe_names) / sizeof(*unsafe_names); i++)
		assert_false(name_is_safe(unsafe_names[i]));
	assert_true(name_is_safe("Hello_Server-2"));
}

static int paths_of(struct arena *a, const char *json, struct server_paths *p, struct err *e)
{
	return paths_make(&node_paths, descriptor(a, json), a, p, e);
}

static void test_paths(void **state)
{
	struct arena a;
	struct server_paths p;
	struct err e;

	(void)state;
	arena_init(&a, NULL, 0);
	assert_int_equal(paths_of(&a, "{\"application\":\"../A\",\"serverName\":\"S\"}", &p, &e),
			 TARS_EARG);
	assert_int_equal(paths_of(&a, "{\"application\":\"A\",\"serverName\":\"S\","
				  "\"exePath\":\"../../B.S/bin/S\"}", &p, &e), TARS_EARG);
	assert_non_null(strstr(e.text, "leads out of /n/tarsnode/data/A.S"));
	assert_int_equal(paths_of(&a, "{\"application\":\"A\",\"serverName\":\"S\","
				  "\"startScript\":\"a\\nb\"}", &p, &e), TARS_EARG);
	assert_int_equal(paths_of(&a, "{\"application\":\"A\",\"serverName\":\"S\",\"serverType\":"
				  "\" Not_Tars \",\"startScript\":\" run/start.sh \","
				  "\"stopScript\":\"/opt/stop.sh\"}", &p, &e), 0);
	assert_int_equal(p.type, TYPE_NOT_TARS);
	assert_string_equal(p.start_script, "/n/tarsnode/data/A.S/bin/run/start.sh");
	assert_string_equal(p.stop_script, "/opt/stop.sh");
	assert_null(p.monitor_script);
	assert_string_equal(p.output, "/n/app_log/A/S/A.S.log");
	arena_clear(&a);
}

/* ---- scripts, in a directory of their own ---- */

struct place {
	struct arena a;
	char dir[64];
	struct node_paths node;
	struct server_paths paths;
	struct service_conf conf;
	struct buf text;
};

static int make_place(void **state)
{
	struct place *p = calloc(1, sizeof(*p));

	arena_init(&p->a, NULL, 0);
	strcpy(p->dir, "/tmp/u-node-XXXXXX");
	if (!mkdtemp(p->dir))
		return -1;
	p->node = node_paths;
	p->node.data = p->dir;
	p->conf = (struct service_conf){ .java = "", .classpath = "", .jvmparams = "",
					 .mainclass = "", .package_format = "", .php = "",
					 .entrance = "", .env = "", .redirect_path = "" };
	*state = p;
	return 0;
}

static int drop_place(void **state)
{
	struct place *p = *state;

	dir_remove(p->dir, NULL);
	buf_release(&p->text);
	arena_clear(&p->a);
	free(p);
	return 0;
}

static void put(struct place *p, const char *name, mode_t mode)
{
	char *path = arena_strf(&p->a, "%s/A.S/bin/%s", p->dir, name);
	char *dir = arena_memdup(&p->a, path, (size_t)(strrchr(path, '/') - path));

	assert_int_equal(dir_make(dir, NULL), 0);
	assert_int_equal(file_write(path, "x", 1, mode, NULL), 0);
}

static int script_of(struct place *p, const char *type, const char *exe, struct err *e)
{
	const char *json = arena_strf(&p->a, "{\"application\":\"A\",\"serverName\":\"S\","
				      "\"serverType\":\"%s\",\"exePath\":\"%s\"}", type, exe);
	struct script_in in = { .id = "A.S", .node = &p->node, .paths = &p->paths,
				.conf = &p->conf };

	assert_int_equal(paths_make(&p->node, descriptor(&p->a, json), &p->a, &p->paths, NULL), 0);
	buf_clear(&p->text);
	return script_start(&in, &p->text, e);
}

/* The command behind exec, with the place's directory as @. */
static void expect_command(struct place *p, const char *want)
{
	const char *s = strstr(buf_str(&p->text), "\nexec ");
	struct buf got = BUF_INIT;

	assert_non_null(s);
	for (s += 6; *s && *s != '\n';) {
		if (!strncmp(s, p->dir, strlen(p->dir))) {
			buf_add_u8(&got, '@');
			s += strlen(p->dir);
		} else {
			buf_add_u8(&got, (uint8_t)*s++);
		}
	}
	assert_string_equal(buf_str(&got), want);
	buf_release(&got);
}

static void test_commands(void **state)
{
	struct place *p = *state;
	struct err e;

	assert_int_equal(script_of(p, "tars_cpp", "", &e), TARS_ENOTFOUND);
	assert_non_null(strstr(e.text, "A.S: there is no program "));
	put(p, "S", 0644);
	assert_int_equal(script_of(p, "tars_cpp", "", &e), TARS_ENOTFOUND);
	assert_non_null(strstr(e.text, "is not executable"));
	put(p, "sub/MyServer", 0755);
	assert_int_equal(script_of(p, "tars_cpp", "", &e), 0);
	expect_command(p, "@/A.S/bin/sub/MyServer --config=@/A.S/conf/A.S.config.conf");
	put(p, "S", 0755);
	assert_int_equal(script_of(p, "tars_go", "", &e), 0);
	expect_command(p, "@/A.S/bin/S --config=@/A.S/conf/A.S.config.conf");

	put(p, "S.so", 0644);
	assert_int_equal(script_of(p, "tars_c", "S.so", &e), 0);
	expect_command(p, "/usr/bin/tars app @/A.S/bin/S.so --config=@/A.S/conf/A.S.config.conf");

	p->conf.jvmparams = "-Xmx64m  -Dx=$(id)";
	p->conf.classpath = "/a b/classes";
	p->conf.mainclass = "com.qq.a.s.S";
	assert_int_equal(script_of(p, "tars_java", "", &e), 0);
	expect_command(p, "java -Dconfig=@/A.S/conf/A.S.config.conf -Xmx64m '-Dx=$(id)' -cp "
		       "'/a b/classes/*' com.qq.a.s.S");
	p->conf.package_format = "jar";
	p->conf.mainclass = "-jar /x/A.S.jar";
	assert_int_equal(script_of(p, "tars_java", "", &e), 0);
	expect_command(p, "java -Dconfig=@/A.S/conf/A.S.config.conf -Xmx64m '-Dx=$(id)' "
		       "-jar /x/A.S.jar");

	put(p, "node_modules/x/package.json", 0644);
	put(p, "lib/x/y/package.json", 0644);
	put(p, "src/app/package.json", 0644);
	put(p, "src/tars_nodejs/package.json", 0644);
	assert_int_equal(script_of(p, "tars_nodejs", "", &e), 0);
	expect_command(p, "node @/A.S/bin/tars_nodejs/node-agent/bin/node-agent @/A.S/bin/src/app "
		       "-c @/A.S/conf/A.S.config.conf");

	p->conf.php = "/nosuch/php";
	assert_int_equal(script_of(p, "tars_php", "", &e), 0);
	expect_command(p, "php @/A.S/bin/src/index.php --config=@/A.S/conf/A.S.config.conf");
}

static void test_env(void **state)
{
	struct buf b = BUF_INIT;
	struct err e;

	(void)state;
	assert_int_equal(script_env(&b, "FOO=1;BAR=two words|BAZ=\"q\"; QUX=$FOO:`id`$(id)", &e),
			 0);
	assert_string_equal(buf_str(&b), "export FOO=\"1\"\nexport BAR=\"two words\"\n"
			    "export BAZ=\"q\"\nexport QUX=\"$FOO:\\`id\\`\\$(id)\"\n");
	buf_clear(&b);
	assert_int_equal(script_env(&b, "A=1;rm -rf /", &e), TARS_ECONF);
	assert_non_null(strstr(e.text, "'rm -rf /'"));
	buf_release(&b);
}

static void test_tail(void **state)
{
	struct place *p = *state;
	const char *path = arena_strf(&p->a, "%s/log", p->dir),
	*text = "one\ntwo\nthree\x1b[0m\n\n";

	assert_string_equal(file_tail(path, 0, 2, &p->a), "");
	assert_int_equal(file_write(path, text, strlen(text), 0644, NULL), 0);
	assert_string_equal(file_tail(path, 0, 2, &p->a), "two | three[0m");
	assert_string_equal(file_tail(path, 8, 9, &p->a), "three[0m");
	assert_string_equal(file_tail(path, file_size(path), 9, &p->a), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_unsafe_names),
		cmocka_unit_test(test_paths),
		cmocka_unit_test_setup_teardown(test_commands, make_place, drop_place),
		cmocka_unit_test(test_env),
		cmocka_unit_test_setup_teardown(test_tail, make_place, drop_place),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
