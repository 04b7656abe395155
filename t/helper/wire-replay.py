"""Replays recorded packets against a service and compares the answers with the recorded ones.

usage: wire-replay.py PORT ROWS DIFFERENCES

ROWS: name, request, responses (hex, by spaces; "-": none), and whether the connection stayed "open",
separated by tabs.  DIFFERENCES: name and a regular expression that what differs must match; each of
them must be met.  Every error must have a text, nothing else may; its words are ours.
"""
import json
import re
import socket
import struct
import sys


def octets(text):
    """Hex digits; "07*300000;" is a byte so many times."""
    return bytes.fromhex(re.sub(r"(..)\*(\d+);", lambda m: m[1] * int(m[2]), text))


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, n):
        if self.at + n > len(self.data):
            raise ValueError("it ends in a field")
        self.at += n
        return self.data[self.at - n:self.at]

    def head(self):
        b = self.take(1)[0]
        tag = b >> 4 if b >> 4 != 15 else self.take(1)[0]
        return tag, b & 15

    def integer(self):
        return self.value(self.head()[1])

    def value(self, kind):
        """The value of a field whose head has been read."""
        if kind in (0, 1, 2, 3):
            return int.from_bytes(self.take(1 << kind), "big", signed=True)
        if kind == 12:
            return 0
        if kind in (4, 5):
            return self.take(4 if kind == 4 else 8)
        if kind == 6:
            return bytes(self.take(self.take(1)[0]))
        if kind == 7:
            return bytes(self.take(struct.unpack(">I", self.take(4))[0]))
        if kind == 8:
            pairs = []
            for _ in range(self.integer()):
                key = self.value(self.head()[1])
                key = repr(key) if isinstance(key, dict) else key
                pairs.append((key, self.value(self.head()[1])))
            return dict(pairs)
        if kind == 9:
            return [self.value(self.head()[1]) for _ in range(self.integer())]
        if kind == 10:
            return self.fields()
        if kind == 13:
            self.head()
            return bytes(self.take(self.integer()))
        raise ValueError("a field of kind %d" % kind)

    def fields(self):
        fields = {}
        while self.at < len(self.data):
            tag, kind = self.head()
            if kind == 11:
                break
            fields[tag] = self.value(kind)
        return fields


def text(value):
    return value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else value


def tars_body(body):
    try:
        return Reader(body).fields()
    except ValueError:
        return body


def json_body(body):
    try:
        return json.loads(body.decode("utf-8", "surrogatepass")) if body else None
    except ValueError:
        return body


def describe(packet):
    """What a peer can observe of a reply: its meaning, not its bytes."""
    f = Reader(packet[4:]).fields()
    version = f.get(1)
    if version == 3:
        status = {text(k): text(v) for k, v in f.get(10, {}).items()}
        body = Reader(f.get(7, b"")).fields().get(0, {})
        return {"version": version, "type": f.get(2), "id": f.get(4), "message": f.get(3),
                "servant": text(f.get(5)), "func": text(f.get(6)),
                "code": status.get("STATUS_RESULT_CODE", "0"),
                "text": bool(status.pop("STATUS_RESULT_DESC", "")),
                "status": status, "context": f.get(9) or {},
                "body": {text(k): tars_body(v) for k, v in body.items()}}
    body = f.get(6, b"")
    return {"version": version, "type": f.get(2), "id": f.get(3), "message": f.get(4),
            "code": str(f.get(5)), "status": f.get(7) or {},
            "text": bool(f.get(8)), "context": f.get(9) or {},
            "body": json_body(body) if version == 5 else tars_body(body),
            "raw": body if version != 5 else None}


def receive(s, seconds):
    """One packet, None when there is none in time, or b"" at the end."""
    data = b""
    s.settimeout(seconds)
    try:
        while len(data) < 4 or len(data) < struct.unpack(">I", data[:4])[0]:
            n = 4 if len(data) < 4 else struct.unpack(">I", data[:4])[0]
            more = s.recv(n - len(data))
            if not more:
                return b""
            data += more
    except socket.timeout:
        return None
    except ConnectionResetError:
        return b""
    return data


PING = bytes.fromhex("0000003c10012c3c4202ffffff561a496e7465726f702e4563686f5365727665722e"
                     "4563686f4f626a6609746172735f70696e677d000c8c980ca80c")


def play(port, request, n):
    """The replies to the request, and whether the connection is open: it answers a ping then."""
    replies = []
    with socket.create_connection(("127.0.0.1", port)) as s:
        s.sendall(request)
        while len(replies) < n:
            packet = receive(s, 30)
            if not packet:
                return replies, packet is None
            replies.append(packet)
        partial = len(request) >= 4 and struct.unpack(">I", request[:4])[0] > len(request)
        if partial and struct.unpack(">I", request[:4])[0] <= 100 << 20:
            return replies, True  # it waits for the rest
        try:
            s.sendall(PING)
        except OSError:
            return replies, False
        while True:
            packet = receive(s, 30)
            if not packet:
                return replies, packet is None
            if b"\x02\xff\xff\xff" in packet[:16]:
                return replies, True
            replies.append(packet)


def differences(row, port):
    name, request, responses, state = row
    wanted = [] if responses == "-" else [octets(r) for r in responses.split(" ")]
    got, is_open = play(port, octets(request), len(wanted))
    found = []
    if len(got) != len(wanted):
        found.append("%d replies, not %d" % (len(got), len(wanted)))
    for theirs, ours in zip(wanted, got):
        theirs, ours = describe(theirs), describe(ours)
        # An error of ours says why, also where the official server only gives the code.
        if ours["code"] != "0":
            theirs["text"] = True
        for key in sorted(theirs.keys() | ours.keys()):
            if theirs.get(key) != ours.get(key):
                found.append("%s: %r, not %r" % (key, ours.get(key), theirs.get(key)))
    if is_open != (state == "open"):
        found.append("connection %s" % ("open" if is_open else "closed"))
    return "; ".join(found)


def main():
    port = int(sys.argv[1])
    allowed, met, failed, equal = {}, set(), 0, 0
    with open(sys.argv[3]) as f:
        for line in f:
            if line.strip() and not line.startswith("#"):
                name, pattern = line.rstrip("\n").split("\t")[:2]
                allowed[name] = pattern
    with open(sys.argv[2]) as f:
        for line in f:
            row = line.rstrip("\n").split("\t")
            found = differences(row, port)
            if not found:
                equal += 1
            elif row[0] in allowed and re.search(allowed[row[0]], found):
                met.add(row[0])
            else:
                failed += 1
                print("%s\t%s" % (row[0], found))
    for name in allowed.keys() - met:
        failed += 1
        print("%s\tis listed as different, and is not" % name)
    print("%d rows are equal, %d differ as listed, %d failed" % (equal, len(met), failed))
    sys.exit(1 if failed else 0)


main()
