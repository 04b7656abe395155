"""Lets a node load, start and stop recorded servers, and compares what comes of it with the record.

usage: node-files.py NODE ROOT NODE-PORT REGISTRY-PORT OTHER-PORT ROWS DIFFERENCES

The node has the registry t/helper/stand-in.c, whose ./answers are written here.  ROWS: JSON, one
server a line; those of NODE ("a" or "b") are played.  In its texts stand ^D for the node's ROOT, ^P
for a directory of programs beside it, ^N ^R ^S for the ports, ^L for a port of the node's choice;
the first line has the texts of other marks.  DIFFERENCES: row, member, a regular
expression that what we do must match, by tabs; each of them must be met.
"""
import concurrent.futures
import difflib
import json
import os
import re
import shlex
import subprocess
import sys
import time

NODE, ROOT, NODE_PORT, REGISTRY_PORT, OTHER_PORT, ROWS, DIFFERENCES = sys.argv[1:]
NODE_NAME = {"a": "127.0.0.1", "b": "node-b.example"}[NODE]
PROGRAMS, RECORDS = os.path.abspath("programs"), os.path.abspath("records")

# What a program sees goes to a file of its own.
PROGRAM = r"""#!/bin/sh
f=%s/$$
{
	for a; do printf 'arg %%s\n' "$a"; done
	echo "cwd $(pwd)"
	for d in /proc/$$/fd/*; do echo "fd $(readlink "$d")"; done
	env | sed 's/^/env /'
} >"$f.new" 2>/dev/null
id=$(echo "$*" | sed 's|.*/conf/\([A-Za-z0-9.]*\)\.config\.conf.*|\1|')
mv "$f.new" "$f.$id"
exec tail -f /dev/null
"""
# Of every shell, or of the test; OLDPWD and the like.
OTHERS_ENV = set(os.environ) | {"_", "PWD", "OLDPWD", "SHLVL"}
SERVER = {"settingState": "inactive", "presentState": "inactive", "asyncThreadNum": 3,
          "serverType": "tars_cpp", "basePath": "", "exePath": "", "patchVersion": "",
          "patchTime": "", "patchUser": ""}
ADAPTER = {"threadNum": "5", "allowIp": "", "grid": 0, "maxConnections": 2000,
           "queuecap": 10000, "queuetimeout": 60000, "protocol": "tars"}


def mapped(value, marks):
    if isinstance(value, str):
        for mark, text in marks.items():
            value = value.replace(mark, text)
        return value
    if isinstance(value, list):
        return [mapped(v, marks) for v in value]
    if isinstance(value, dict):
        return {mapped(k, marks): mapped(v, marks) for k, v in value.items()}
    return value


def write(path, text, mode=0o644):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path + ".new", "w", encoding="utf-8", newline="") as f:
        f.write(text)
    os.chmod(path + ".new", mode)
    os.rename(path + ".new", path)


def read(path):
    try:
        with open(path, encoding="utf-8", newline="") as f:
            return f.read()
    except FileNotFoundError:
        return None


def call(obj, func, **args):
    done = subprocess.run(
        ["tars", "call", "%s@tcp -h 127.0.0.1 -p %s" % (obj, NODE_PORT), "--timeout", "60s", func,
         json.dumps(args)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    try:
        return json.loads(done.stdout)
    except ValueError:
        return {"tars_ret": "no answer", "result": done.stdout.decode()}


def listed(directory):
    found = []
    for path, dirs, files in os.walk(directory):
        for name in dirs:
            found.append(os.path.relpath(os.path.join(path, name), directory) + "/")
        for name in files:
            full = os.path.join(path, name)
            found.append("%s %o" % (os.path.relpath(full, directory),
                                    os.stat(full).st_mode >> 6 & 7))
    return sorted(found)


class Row:
    """A server of the record, and in got what ours does."""

    def __init__(self, row):
        self.row, self.got, self.notes = row, {}, {}
        self.server = dict(row["server"])
        self.app, self.name = self.server["application"], self.server["serverName"]
        self.id = self.app + "." + self.name
        self.conf = "%s/tarsnode/data/%s/conf/%s.config.conf" % (ROOT, self.id, self.id)
        if self.server.get("basePath", "").startswith("/"):
            self.conf = "%s/conf/%s.config.conf" % (self.server["basePath"], self.id)
        self.dir = os.path.dirname(os.path.dirname(self.conf))

    def describe(self, **changes):
        server = dict(SERVER, nodeName=NODE_NAME)
        server.update(self.server, **changes)
        server["adapters"] = {k: dict(ADAPTER, **a) for k, a in server["adapters"].items()}
        write("answers/getServers.%s.%s" % (self.app, self.name),
              json.dumps({"tars_ret": [server]}))

    def prepare(self):
        for path, what in self.row.get("before", {}).items():
            if isinstance(what, dict):
                write(path, PROGRAM % shlex.quote(RECORDS), int(what["mode"], 8))
            else:
                write(path, what, 0o755 if "/bin/" in path and path.endswith(".sh") else 0o644)
        center = self.row.get("center", {})
        by = "" if not self.server.get("setId") else "ByInfo"
        where = "Config%s.%s.%s" % (by, self.app, self.name)
        if center:
            write("answers/List" + where, json.dumps({"tars_ret": 0, "vf": list(center)}))
        for name, text in center.items():
            set_id = "." + self.server["setId"] if by else ""
            write("answers/load%s.%s" % (where, name), json.dumps({"tars_ret": 0, "config": text}))
            if by:  # the members stand in the order of the struct: the file before the set
                write("answers/load%s.%s%s" % (where, name, set_id),
                      json.dumps({"tars_ret": 0, "config": text}))
        self.describe()

    def order(self, func):
        answer = call("tars.tarsnode.NodeObj", func, application=self.app, serverName=self.name)
        self.notes[func] = answer.get("result")
        return answer.get("tars_ret")

    def files(self):
        # Our own note of the process is of no other node.
        ours = ["conf/%s.%s 6" % (self.id, what) for what in ("pid", "exit.json")]
        return [f for f in listed(self.dir) if f not in ours]

    def record(self):
        for name in os.listdir(RECORDS):
            if name.endswith("." + self.id) and ".new" not in name:
                return int(name.split(".")[0]), read(os.path.join(RECORDS, name))
        return 0, None

    def start(self):
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            answer = pool.submit(self.order, "startServer")
            while not answer.done():
                pid, text = self.record()
                if pid:
                    call("tars.tarsnode.ServerObj", "keepAlive",
                         serverInfo={"application": self.app, "serverName": self.name, "pid": pid})
                    break
                time.sleep(0.02)
            self.got["start"] = answer.result()
        pid, text = self.record()
        if text:
            lines = [line.split(" ", 1) for line in text.splitlines() if " " in line]
            env = dict(v.split("=", 1) for k, v in lines if k == "env" and "=" in v)
            fds = {v for k, v in lines if k == "fd"}
            self.got["seen"] = {
                "argv": [v for k, v in lines if k == "arg"],
                "cwd": dict(lines)["cwd"],
                "fds": sorted((v for v in fds if v == "/dev/null" or v.endswith(".log")),
                              key=lambda v: v != "/dev/null"),
                "libs": env.pop("LD_LIBRARY_PATH", "").split(":"),
                "env": {k: v for k, v in env.items() if k not in OTHERS_ENV},
            }
        for path, _, files in os.walk(self.dir):
            if "tars_start.sh" in files:
                full = os.path.join(path, "tars_start.sh")
                self.got["script"] = os.path.relpath(full, self.dir)
                self.got["command"] = shlex.split(re.search(r"^exec (.*)$", read(full), re.M)[1])

    def play(self):
        self.got["load"] = self.order("loadServer")
        if "then" in self.row:
            self.describe(profile=self.row["then"])
            self.got["load"] = self.order("loadServer")
        self.got["conf"], self.got["bak"] = read(self.conf), read(self.conf + ".bak")
        if self.got["conf"] and self.row.get("random"):
            self.got["conf"] = re.sub(r"(local=tcp -h \S+ -p )(3\d|4[0-4])\d{3} ", r"\1^L ",
                                      self.got["conf"])
        self.got["loaded"] = self.files()
        if "start" in self.row:
            self.start()
            self.got["stop"] = self.order("stopServer")
            self.got["files"] = self.files()
        wanted = self.row.get("downloaded", {})
        if wanted:
            self.got["downloaded"] = {k: read(os.path.join(self.dir, k)) for k in wanted}

    def differences(self):
        """Member by member; of what the program saw, too."""
        for key in sorted(self.row.keys() | self.got.keys()):
            if key in ("name", "node", "server", "before", "center", "then", "random"):
                continue
            want, got = self.row.get(key), self.got.get(key)
            if key == "seen" and want and got:
                # The program is named as the kernel runs a script: with its interpreter.
                for part in want:
                    if part == "argv" and want["argv"][1:] == got["argv"]:
                        continue
                    if want[part] != got[part]:
                        yield "seen." + part, want[part], got[part]
            elif want != got:
                yield key, want, got


def shown(want, got):
    """Where they differ."""
    texts = [(v if isinstance(v, str) else json.dumps(v, indent=0)).replace(ROOT, "^D").split("\n")
             for v in (want, got)]
    return [line for line in difflib.ndiff(*texts) if line[0] in "+-"]


def main():
    rows, allowed, met = [], {}, set()
    with open(ROWS, encoding="utf-8") as f:
        marks = json.loads(f.readline())["marks"]
        for line in f:
            rows.append(json.loads(line))
    marks = dict(marks)
    marks.update({"^D": ROOT, "^P": PROGRAMS, "^N": NODE_PORT, "^R": REGISTRY_PORT,
                  "^S": OTHER_PORT})
    with open(DIFFERENCES, encoding="utf-8") as f:
        for line in f:
            if line.strip() and not line.startswith("#"):
                name, key, pattern = line.rstrip("\n").split("\t")
                allowed[name, key] = pattern
    rows = [Row(mapped(row, marks)) for row in rows if row["node"] == NODE]
    os.makedirs(RECORDS, exist_ok=True)
    for name in ("gen", "java", "php"):
        write(os.path.join(PROGRAMS, name), PROGRAM % shlex.quote(RECORDS), 0o755)
    for row in rows:
        row.prepare()
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(Row.play, rows))
    failed = equal = 0
    for row in rows:
        fine = True
        for key, want, got in row.differences():
            mark = row.row["name"], key
            if mark in allowed and re.search(allowed[mark], json.dumps(got)):
                met.add(mark)
                continue
            fine = False
            print("%s\t%s\n\t%s\n\t%s" % (*mark, "\n\t".join(shown(want, got)), row.notes))
        failed += not fine
        equal += fine
    here = {row.row["name"] for row in rows}
    for mark in sorted(mark for mark in allowed.keys() - met if mark[0] in here):
        failed += 1
        print("%s\t%s\tis listed as different, and is not" % mark)
    print("%d of %d servers as recorded, %d members of them differ as listed" %
          (equal, len(rows), len(met)))
    sys.exit(failed != 0)


main()
