/* Processes: starting, identity, signals, pid files, exits. */
#include "core/sys/proc.h"

#include <fcntl.h>
#include <pwd.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "t/unit/io-run.h"

static char dir[] = "/tmp/u-proc-XXXXXX";

static const char *in_dir(const char *name)
{
	static char path[4][128];
	static unsigned turn;
	char *p = path[turn++ % 4];

	snprintf(p, sizeof(path[0]), "%s/%s", dir, name);
	return p;
}

static const char *read_file(const char *path)
{
	static char text[4096];
	FILE *f = fopen(path, "r");
	size_t n;

	assert_non_null(f);
	n = fread(text, 1, sizeof(text) - 1, f);
	fclose(f);
	text[n] = '\0';
	return text;
}

#define ARGV(...) ((const char *const[]){ __VA_ARGS__, NULL })

static struct proc_id spawn(const struct proc_spec *spec)
{
	struct proc_id id;
	struct err e = { 0 };
	pid_t pid = 0;

	if (proc_spawn(spec, &pid, &e) < 0)
		fail_msg("%s", e.text);
	/* A short one may be a zombie already. */
	if (proc_identify(pid, &id, NULL) < 0)
		id = (struct proc_id){ .pid = pid };
	return id;
}

static int wait_status(const struct proc_id *id)
{
	struct err e = { 0 };
	int status = -2;

	if (proc_wait(id, 10000, &status, &e) < 0)
		fail_msg("%s", e.text);
	return status;
}

/* ---- starting ---- */

static void spawn_sets_everything(void *arg)
{
	const struct proc_spec spec = {
		.argv = ARGV("sh", "-c", "echo \"$PWD $X $HOME_IS_NEW\"; echo oops >&2; exit 3"),
		.env = ARGV("X=new", "HOME_IS_NEW=1"),
		.cwd = dir,
		.output = in_dir("out"),
	};
	char expect[128];
	struct proc_id id;

	(void)arg;
	setenv("X", "old", 1);
	id = spawn(&spec);
	assert_int_equal(WEXITSTATUS(wait_status(&id)), 3);
	snprintf(expect, sizeof(expect), "%s new 1\noops\n", dir);
	assert_string_equal(read_file(in_dir("out")), expect);
	/* The next one appends. */
	id = spawn(&spec);
	wait_status(&id);
	assert_int_equal(strlen(read_file(in_dir("out"))), 2 * strlen(expect));
}

static void test_spawn(void **state)
{
	(void)state;
	io_run(spawn_sets_everything, NULL);
}

static void child_is_detached(void *arg)
{
	const struct proc_spec spec = {
		.argv = ARGV("/bin/sh", "-c", "ls /proc/self/fd | wc -l; ps -o sid= -p $$; echo $$; "
			     "grep -E 'SigBlk|SigIgn' /proc/self/status"),
		.output = in_dir("detached"),
	};
	int fd = open("/dev/null", O_RDONLY); /* not close-on-exec */
	struct proc_id id;
	int n, sid, pid;
	sigset_t set;

	(void)arg;
	signal(SIGUSR1, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	id = spawn(&spec);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	close(fd);
	wait_status(&id);
	assert_int_equal(sscanf(read_file(in_dir("detached")), "%d %d %d", &n, &sid, &pid), 3);
	assert_int_equal(n, 4); /* 0, 1, 2 and the one that ls reads the folder with */
	assert_int_equal(sid, pid);
	assert_non_null(strstr(read_file(in_dir("detached")), "SigBlk:\t0000000000000000"));
	assert_non_null(strstr(read_file(in_dir("detached")), "SigIgn:\t0000000000000000"));
}

static void test_detached(void **state)
{
	(void)state;
	io_run(child_is_detached, NULL);
}

static void spawn_fails(const struct proc_spec *spec, int code, const char *text)
{
	struct err e = { 0 };
	pid_t pid = 0;

	assert_int_equal(proc_spawn(spec, &pid, &e), code);
	if (!strstr(e.text, text))
		fail_msg("expected '%s' in '%s'", text, e.text);
	assert_int_equal(pid, 0);
}

static void test_spawn_errors(void **state)
{
	const char *plain = in_dir("plain");

	(void)state;
	close(open(plain, O_CREAT | O_WRONLY, 0644));
	spawn_fails(&(struct proc_spec){ .argv = ARGV("no-such-program") }, TARS_ENOTFOUND,
		    "program 'no-such-program': not found in PATH");
	spawn_fails(&(struct proc_spec){ .argv = ARGV("/no/such/program") }, TARS_ENOTFOUND,
		    "cannot start '/no/such/program': execute '/no/such/program': No such file");
	spawn_fails(&(struct proc_spec){ .argv = ARGV(plain) }, TARS_ESYS, "Permission denied");
	spawn_fails(&(struct proc_spec){ .argv = ARGV("true"), .cwd = "/no/such/dir" },
		    TARS_ENOTFOUND, "enter directory '/no/such/dir': No such file or directory");
	spawn_fails(&(struct proc_spec){ .argv = ARGV("true"), .output = "/no/such/dir/log" },
		    TARS_ENOTFOUND, "output '/no/such/dir/log': No such file or directory");
	/* No zombies are left behind. */
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

static void other_account(void *arg)
{
	const struct proc_spec spec = {
		.argv = ARGV("sh", "-c", "id -u; id -G"), .user = "nobody", .output = in_dir("id"),
	};
	const struct passwd *pw = getpwnam("nobody");
	char expect[64];
	struct proc_id id;

	(void)arg;
	assert_int_equal(chmod(dir, 0755), 0);
	close(open(in_dir("id"), O_CREAT | O_WRONLY, 0644));
	assert_int_equal(chown(in_dir("id"), pw->pw_uid, pw->pw_gid), 0);
	snprintf(expect, sizeof(expect), "%d\n%d\n", (int)pw->pw_uid, (int)pw->pw_gid);
	id = spawn(&spec);
	assert_int_equal(wait_status(&id), 0);
	assert_string_equal(read_file(in_dir("id")), expect);
	spawn_fails(&(struct proc_spec){ .argv = ARGV("true"), .user = "no-such-account" },
		    TARS_ENOTFOUND, "account 'no-such-account' does not exist");
	/* What only root may write stays so, whatever link the account puts there. */
	close(open(in_dir("secret"), O_CREAT | O_WRONLY, 0600));
	assert_int_equal(symlink(in_dir("secret"), in_dir("link")), 0);
	spawn_fails(&(struct proc_spec){ .argv = ARGV("true"), .user = "nobody",
					 .output = in_dir("link") },
		    TARS_ESYS, "open output");
}

static void test_account(void **state)
{
	(void)state;
	if (geteuid() != 0 || !getpwnam("nobody"))
		skip();
	io_run(other_account, NULL);
}

/* ---- identity and signals ---- */

static const struct proc_spec sleeper = { .argv = ARGV("sleep", "1000") };

static void test_identity(void **state)
{
	struct proc_id id = spawn(&sleeper), wrong, now;
	struct err e;
	int status;

	(void)state;
	assert_true(id.start > 0);
	assert_true(proc_is_alive(&id));
	wrong = id;
	wrong.start++;
	assert_false(proc_is_alive(&wrong));
	assert_int_equal(proc_kill(&wrong, SIGKILL, &e), TARS_ENOTFOUND);
	assert_true(proc_is_alive(&id));
	wrong.start = 0; /* unknown: the pid alone counts */
	assert_true(proc_is_alive(&wrong));
	assert_int_equal(proc_kill(&id, SIGKILL, &e), 0);
	waitid(P_PID, (id_t)id.pid, &(siginfo_t){ 0 }, WEXITED | WNOWAIT);
	assert_false(proc_is_alive(&id)); /* a zombie */
	assert_int_equal(proc_identify(id.pid, &now, &e), TARS_ENOTFOUND);
	assert_int_equal(waitpid(id.pid, &status, 0), id.pid);
	assert_int_equal(WTERMSIG(status), SIGKILL);
	assert_int_equal(proc_kill(&id, SIGKILL, &e), TARS_ENOTFOUND);
	assert_int_equal(proc_kill(&(struct proc_id){ .pid = -1 }, SIGKILL, &e), TARS_ENOTFOUND);
	assert_int_equal(proc_identify(0, &now, &e), TARS_ENOTFOUND);
}

/* A name with blanks and ')' must not move the fields. */
static void test_odd_name(void **state)
{
	const char *odd = in_dir("a) R 1 (b");
	const struct proc_spec spec = { .argv = ARGV(odd, "1000") };
	struct proc_id odd_id, plain_id;

	(void)state;
	assert_int_equal(symlink("/bin/sleep", odd), 0);
	odd_id = spawn(&spec);
	plain_id = spawn(&sleeper);
	assert_true(odd_id.start > 0 && odd_id.start <= plain_id.start);
	assert_true(plain_id.start - odd_id.start < 1000);
	proc_kill(&odd_id, SIGKILL, NULL);
	proc_kill(&plain_id, SIGKILL, NULL);
	waitpid(odd_id.pid, NULL, 0);
	waitpid(plain_id.pid, NULL, 0);
}

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void test_pid_file(void **state)
{
	static const char *const bad[] = { "", "12", "12 \n", "x 5\n", "-3 5\n", "0 5\n",
					   "12 5", "12 5 6\n", "12 0\n" };
	const struct proc_id id = { .pid = 12, .start = UINT64_MAX };
	const char *path = in_dir("pid");
	struct proc_id got = { 0 };
	struct err e;

	(void)state;
	assert_int_equal(proc_read_pid_file(path, &got, &e), TARS_ENOTFOUND);
	assert_int_equal(proc_write_pid_file(path, &id, &e), 0);
	assert_string_equal(read_file(path), "12 18446744073709551615\n");
	assert_int_equal(proc_read_pid_file(path, &got, &e), 0);
	assert_int_equal(got.pid, 12);
	assert_true(got.start == UINT64_MAX);
	for (unsigned i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		write_file(path, bad[i]);
		assert_int_equal(proc_read_pid_file(path, &got, &e), TARS_EPROTO);
	}
	assert_int_equal(proc_write_pid_file("/no/such/dir/pid", &id, &e), TARS_ENOTFOUND);
	/* In a folder that belongs to another account: its links lead nowhere. */
	write_file(in_dir("victim"), "as it was");
	for (unsigned i = 0; i < 2; i++) {
		const char *link = i ? in_dir("pid.new") : path;

		unlink(link);
		assert_int_equal(symlink(in_dir("victim"), link), 0);
		assert_int_equal(proc_write_pid_file(path, &id, &e), 0);
		assert_string_equal(read_file(in_dir("victim")), "as it was");
	}
}

/* ---- exits ---- */

static void exits_are_seen(void *arg)
{
	const struct proc_spec exits = { .argv = ARGV("sh", "-c", "exit 7") };
	struct proc_id id = spawn(&exits);
	struct proc_watch never;
	struct err e = { 0 };
	char text[64];
	int status;

	(void)arg;
	assert_int_equal(WEXITSTATUS(wait_status(&id)), 7);
	assert_int_equal(proc_wait(&id, 1000, &status, &e), TARS_ENOTFOUND);

	id = spawn(&sleeper);
	assert_int_equal(proc_wait(&id, 20, &status, &e), TARS_ETIMEOUT);
	assert_non_null(strstr(e.text, "did not end within 20 ms"));
	proc_kill(&id, SIGTERM, NULL);
	proc_print_status(text, sizeof(text), wait_status(&id));
	assert_string_equal(text, "killed by signal 15 (Terminated)");

	/* A zombie child is still reported; a stopped watch is not. */
	id = spawn(&sleeper);
	assert_int_equal(proc_watch_start(&never, &id, NULL, &e), 0);
	proc_watch_stop(&never);
	proc_watch_stop(&never);
	proc_kill(&id, SIGKILL, NULL);
	waitid(P_PID, (id_t)id.pid, &(siginfo_t){ 0 }, WEXITED | WNOWAIT);
	assert_int_equal(WTERMSIG(wait_status(&id)), SIGKILL);
}

static void test_exits(void **state)
{
	(void)state;
	io_run(exits_are_seen, NULL);
}

/* A process that is not our child: its shell has left it. */
static void foreign_exit(void *arg)
{
	const struct proc_spec spec = {
		.argv = ARGV("sh", "-c", "sleep 1000 & echo $!"), .output = in_dir("foreign"),
	};
	struct proc_id id = spawn(&spec);
	struct err e;

	(void)arg;
	assert_int_equal(wait_status(&id), 0);
	assert_int_equal(proc_identify((pid_t)strtol(read_file(in_dir("foreign")), NULL, 10), &id, &e), 0);
	assert_int_equal(proc_kill(&id, SIGKILL, &e), 0);
	assert_int_equal(wait_status(&id), -1);
	assert_false(proc_is_alive(&id));
}

static void test_foreign(void **state)
{
	(void)state;
	io_run(foreign_exit, NULL);
}

static void test_print_status(void **state)
{
	char text[64];

	(void)state;
	proc_print_status(text, sizeof(text), 3 << 8);
	assert_string_equal(text, "exit status 3");
	proc_print_status(text, sizeof(text), -1);
	assert_string_equal(text, "ended");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_spawn),
		cmocka_unit_test(test_detached),
		cmocka_unit_test(test_spawn_errors),
		cmocka_unit_test(test_account),
		cmocka_unit_test(test_identity),
		cmocka_unit_test(test_odd_name),
		cmocka_unit_test(test_pid_file),
		cmocka_unit_test(test_exits),
		cmocka_unit_test(test_foreign),
		cmocka_unit_test(test_print_status),
	};
	char command[64];
	int rc;

	cmocka_set_message_output(CM_OUTPUT_TAP);
	if (!mkdtemp(dir) || chmod(dir, 0777) < 0)
		return 1;
	rc = cmocka_run_group_tests_name("proc", tests, NULL, NULL);
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command) || rc;
}
