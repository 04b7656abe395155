"""Replays recorded calls of RegistryObj and AdminRegObj over given rows, and compares the answers.

usage: admin-replay.py PORT DSN ROWS DIFFERENCES

ROWS: see its head.  DIFFERENCES: the name of a case and a regular expression that what differs must
match, separated by a tab; each of them must be met.
"""
import fnmatch
import json
import re
import socket
import struct
import subprocess
import sys
import time

OBJECTS = {"A": "tars.tarsAdminRegistry.AdminRegObj", "R": "tars.tarsregistry.RegistryObj"}
TABLES = ("t_server_conf", "t_adapter_conf", "t_node_info", "t_profile_template",
          "t_server_patchs", "t_server_group_rule", "t_group_priority", "t_registry_info")
# Columns that the recording computed.
COLUMNS = {"patched": "(patch_time IS NOT NULL)::int", "hb": "(last_heartbeat IS NOT NULL)::int"}
NOTHING = (None, 0, "", "0", False, {}, [])


# ---- calls, as JSON over TARS ----

def field(tag, kind):
    return bytes([tag << 4 | kind])


def text(tag, s):
    data = s.encode()
    return field(tag, 7) + struct.pack(">I", len(data)) + data


def texts(tag, pairs):
    body = b"".join(text(0, k) + text(1, v) for k, v in pairs.items())
    return field(tag, 8) + field(0, 0) + bytes([len(pairs)]) + body


def request(servant, func, args, context):
    body = json.dumps(args).encode()
    packet = (field(1, 0) + b"\x05" + field(2, 12) + field(3, 12) + field(4, 0) + b"\x01" +
              text(5, servant) + text(6, func) +
              field(7, 13) + field(0, 0) + field(0, 2) + struct.pack(">I", len(body)) + body +
              field(8, 2) + struct.pack(">I", 60000) + texts(9, context) + texts(10, {}))
    return struct.pack(">I", len(packet) + 4) + packet


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, n):
        self.at += n
        return self.data[self.at - n:self.at]

    def head(self):
        b = self.take(1)[0]
        return b >> 4, b & 15

    def value(self, kind):
        if kind < 4:
            return int.from_bytes(self.take(1 << kind), "big", signed=True)
        if kind == 6:
            return self.take(self.take(1)[0])
        if kind == 7:
            return self.take(struct.unpack(">I", self.take(4))[0])
        if kind == 8:
            return {self.value(self.head()[1]): self.value(self.head()[1])
                    for _ in range(self.value(self.head()[1]))}
        if kind == 13:
            self.head()
            return self.take(self.value(self.head()[1]))
        return 0

    def fields(self):
        fields = {}
        while self.at < len(self.data):
            tag, kind = self.head()
            fields[tag] = self.value(kind)
        return fields


class Registry:
    def __init__(self, port):
        self.stream = socket.create_connection(("127.0.0.1", port), 120).makefile("rwb")

    def call(self, which, func, args, node=""):
        self.stream.write(request(OBJECTS[which], func, args, {"node_name": node} if node else {}))
        self.stream.flush()
        size = struct.unpack(">I", self.stream.read(4))[0]
        reply = Reader(self.stream.read(size - 4)).fields()
        if reply[5] != 0:
            return {"iRet": reply[5]}
        answer = json.loads(reply[6])
        answer["ret"] = answer.pop("tars_ret", None)
        return answer


# ---- rows ----

class Database:
    def __init__(self, dsn):
        self.psql = subprocess.Popen(
            ["psql", "-X", "-q", "-A", "-t", "-F", "\t", "-v", "ON_ERROR_STOP=1", "-d", dsn],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def run(self, sql):
        self.psql.stdin.write(sql + "\n\\echo ----\n")
        self.psql.stdin.flush()
        lines = []
        for line in self.psql.stdout:
            if line == "----\n":
                return lines
            lines.append(line.rstrip("\n"))
        sys.exit("psql ended: " + sql)


def literal(value):
    return str(value) if isinstance(value, int) else "'" + value.replace("'", "''") + "'"


def insert(table, row):
    """Official rows as ours: no NULL but in times, and a number has a default of its own there."""
    ours = {k: v for k, v in row.items() if v is not None}
    if "async_thread_num" in row and row["async_thread_num"] is None:
        ours["async_thread_num"] = 0
    overriding = " OVERRIDING SYSTEM VALUE" if "id" in row else ""
    return "INSERT INTO %s (%s)%s VALUES (%s);" % (
        table, ",".join(ours), overriding, ",".join(literal(v) for v in ours.values()))


def load(db, registry, rows, n):
    """Replaces all rows, and waits until the registry answers from them."""
    group = 1000000 + n
    db.run("BEGIN;" + "".join("DELETE FROM %s;" % t for t in TABLES) +
           "\n".join(insert(t, r) for t, r in rows) +
           "INSERT INTO t_server_group_rule (group_id, group_name, allow_ip_rule) "
           "VALUES (%d, 'loaded', 'loaded-%d'); COMMIT;" % (group, n))
    deadline = time.monotonic() + 60
    while registry.call("A", "getGroupId", {"ip": "loaded-%d" % n})["ret"] != group:
        if time.monotonic() > deadline:
            sys.exit("the registry does not see its rows")
        time.sleep(0.002)


# ---- comparing ----

def differ(want, got, path=""):
    """What differs; a field that is not there is equal to one without value."""
    if isinstance(want, dict) and list(want) == ["like"]:
        if not fnmatch.fnmatchcase(str(got), want["like"]):
            yield "%s: %r, not like %s" % (path, got, want["like"])
    elif isinstance(want, dict) and isinstance(got, dict):
        for key in sorted(want.keys() | got.keys()):
            yield from differ(want.get(key), got.get(key), path + "." + key)
    elif isinstance(want, list) and isinstance(got, list) and len(want) == len(got):
        for i, (w, g) in enumerate(zip(want, got)):
            yield from differ(w, g, "%s[%d]" % (path, i))
    elif want != got and not (want in NOTHING and got in NOTHING):
        yield "%s: %s, not %s" % (path, json.dumps(got), json.dumps(want))


def is_refusal(answer):
    return answer.get("ret") not in (0, None, True)


def differ_in_call(registry, f):
    want, got = json.loads(f[4]), registry.call(f[1], f[2], json.loads(f[3]), *f[5:6])
    if is_refusal(want) and is_refusal(got):
        for key in ("result", "resultDesc"):
            got.pop(key, None)
    if want.get("iRet") != got.get("iRet"):
        want, got = {"iRet": want.get("iRet")}, {"iRet": got.get("iRet")}
    for found in differ(want, got):
        yield "%s%s" % (f[2], found)


def differ_in_table(db, table, columns, want):
    select = ",".join("%s AS %s" % (COLUMNS.get(c, c), c) for c in columns)
    got = sorted(db.run("SELECT %s FROM %s;" % (select, table)))
    names = ".".join(columns[:3])
    for row in sorted(want):
        if row not in got:
            yield "%s (%s): no row %s" % (table, names, row.replace("\t", "|"))
    for row in got:
        if row not in want:
            yield "%s (%s): row %s" % (table, names, row.replace("\t", "|"))


class Replay:
    def __init__(self, port, dsn):
        self.registry, self.db = Registry(port), Database(dsn)
        self.worlds, self.rows, self.found, self.table = {}, None, {}, None
        self.case, self.loaded, self.n = None, True, 0

    def is_known(self, what):
        return any(re.search(p, what) for p in self.known.get(self.case, []))

    def settle(self):
        """What is open before the next line of another kind: a table to be compared."""
        if self.table:
            name, columns, want = self.table
            self.table = None
            # What goes to the database in batches may still be under way.
            deadline = time.monotonic() + 10
            while True:
                found = list(differ_in_table(self.db, name, columns, want))
                if all(self.is_known(what) for what in found) or time.monotonic() > deadline:
                    break
                time.sleep(0.05)
            self.found[self.case] += found

    def line(self, f):
        if f[0] == "is":
            self.table[2].append("\t".join(f[1:]))
            return
        self.settle()
        if f[0] == "world":
            self.rows = self.worlds[f[1]] = []
        elif f[0] == "case":
            self.case, self.loaded, self.found[f[1]] = f[1], False, []
            self.rows = [row for world in f[2:] for row in self.worlds[world]]
        elif f[0] == "row":
            self.rows.append((f[1], json.loads(f[2])))
        else:
            if not self.loaded:
                self.n += 1
                self.loaded = True
                load(self.db, self.registry, self.rows, self.n)
            if f[0] == "call":
                self.found[self.case] += differ_in_call(self.registry, f)
            else:
                self.table = (f[1], f[2].split(","), [])

    def run(self, path, known):
        self.known = known
        with open(path) as file:
            for line in file:
                if not line.startswith("#"):
                    self.line(line.rstrip("\n").split("\t"))
        self.settle()


def main():
    allowed = {}
    with open(sys.argv[4]) as f:
        for line in f:
            if line.strip() and not line.startswith("#"):
                name, pattern = line.rstrip("\n").split("\t")[:2]
                allowed.setdefault(name, []).append(pattern)
    replay = Replay(int(sys.argv[1]), sys.argv[2])
    replay.run(sys.argv[3], allowed)
    failed = 0
    for name, found in replay.found.items():
        patterns = allowed.pop(name, [])
        for what in found:
            if not any(re.search(p, what) for p in patterns):
                failed += 1
                print("%s\t%s" % (name, what))
        for p in patterns:
            if not any(re.search(p, what) for what in found):
                failed += 1
                print("%s\tis listed as different, and is not: %s" % (name, p))
    for name in allowed:
        failed += 1
        print("%s\tis listed as different, but there is no such case" % name)
    print("%d cases, %d of them differ as listed, %d failures" %
          (len(replay.found), sum(1 for f in replay.found.values() if f), failed))
    sys.exit(1 if failed or not replay.found else 0)


main()
