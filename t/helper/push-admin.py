"""Stands for an AdminReg: pushes recorded orders to a node and compares what it answers.

usage: push-admin.py PORT ROWS DIFFERENCES

Waits for the node's reportNode.  ROWS, by tabs: name, packets (hex, by blanks: in segments), answers
"id:function:ret ..." or "-", the bytes of the last answer's result in hex or "-".  DIFFERENCES: names
of rows that are answered otherwise on purpose, and how, each of which must be met.
"""
import queue
import socket
import struct
import sys
import threading

PATIENCE = 60


class Fields:
    """A TARS struct: {tag: value}."""

    def __init__(self, data):
        self.data, self.at = data, 0
        self.tags = {}
        while self.at < len(data):
            tag, kind = self.head()
            if kind == 11:
                break
            self.tags[tag] = self.value(kind)

    def head(self):
        b = self.take(1)[0]
        return (b >> 4 if b >> 4 != 15 else self.take(1)[0]), b & 15

    def take(self, n):
        self.at += n
        return self.data[self.at - n:self.at]

    def value(self, kind):
        if kind < 4:
            return int.from_bytes(self.take(1 << kind), "big", signed=True)
        if kind == 12:
            return 0
        if kind in (6, 7):
            n = self.take(1)[0] if kind == 6 else struct.unpack(">I", self.take(4))[0]
            return bytes(self.take(n))
        if kind == 8:
            return [(self.value(self.head()[1]), self.value(self.head()[1]))
                    for _ in range(self.value(self.head()[1]))]
        if kind == 10:
            inner = Fields(self.data[self.at:])
            self.at += inner.at
            return inner.tags
        assert kind == 13, kind
        self.head()
        return bytes(self.take(self.value(self.head()[1])))


def receive(s):
    head = s.recv(4, socket.MSG_WAITALL)
    if len(head) < 4:
        return None
    n = struct.unpack(">I", head)[0] - 4
    body = s.recv(n, socket.MSG_WAITALL)
    return Fields(body).tags if len(body) == n else None


def reply(s, request):
    """iRet 0 and the return value 0."""
    packet = b"\x10\x01\x2c\x32" + struct.pack(">i", request[4]) + b"\x4c\x5c\x6d\x00\x00\x01\x0c\x78\x0c"
    s.sendall(struct.pack(">I", len(packet) + 4) + packet)


def ping(ident):
    body = b"\x12" + struct.pack(">i", ident) + b"\x26\x09127.0.0.1"
    packet = (b"\x10\x01\x2c\x3c\x4c\x5c\x6d\x00" + bytes([0, len(body)]) + body +
              b"\x78\x00\x01\x06\x09TARS_FUNC\x16\x04ping")
    return struct.pack(">I", len(packet) + 4) + packet


class Node:
    """The node's connection, whichever is the newest, and its answers."""

    def __init__(self, port):
        self.links, self.answers = queue.Queue(), queue.Queue()
        self.listener = socket.create_server(("127.0.0.1", port))
        threading.Thread(target=self.accept, daemon=True).start()
        self.link = self.links.get(timeout=PATIENCE)

    def accept(self):
        while True:
            s, _ = self.listener.accept()
            threading.Thread(target=self.read, args=(s,), daemon=True).start()

    def read(self, s):
        known = False
        try:
            while (request := receive(s)) is not None:
                func = request[6].decode()
                if func == "reportNode":
                    reply(s, request)
                    if not known:
                        self.links.put(s)
                    known = True
                elif func == "reportResult":
                    self.answers.put(Fields(request[7]).tags)
        except OSError:
            pass
        self.answers.put(None)

    def send(self, data):
        try:
            self.link.sendall(data)
        except OSError:
            pass

    def until(self, ident):
        """All answers up to that of this ping, which is sent again on the next connection."""
        got = []
        self.send(ping(ident))
        while True:
            a = self.answers.get(timeout=PATIENCE)
            if a is None:
                self.link = self.links.get(timeout=PATIENCE)
                self.send(ping(ident))
            elif a[1] == ident:
                return got
            else:
                got.append(a)


def main():
    node = Node(int(sys.argv[1]))
    rows = [line.rstrip("\n").split("\t") for line in open(sys.argv[2], encoding="utf-8")
            if not line.startswith("#")]
    differences = dict(line.rstrip("\n").split("\t")[:2] for line in
                       open(sys.argv[3], encoding="utf-8") if not line.startswith("#"))
    bad, met = 0, set()
    for i, (name, packets, answers, exact) in enumerate(rows):
        want = [] if answers == "-" else sorted(answers.split(" "))
        got, last = [], b""
        for segment in packets.split(" "):
            node.send(bytes.fromhex(segment))
        while len(got) < len(want):
            a = node.answers.get(timeout=PATIENCE)
            if a is None:
                break
            got.append(a)
        got += node.until(100000 + i)
        if got:
            last = got[-1][4]
        text = sorted("%d:%s:%d" % (a[1], a[2].decode(), a[3]) for a in got)
        if text == want and (exact == "-" or last == bytes.fromhex(exact)):
            continue
        is_met = differences.get(name) == (" ".join(text) or "-")
        met.add(name)
        if not is_met:
            bad += 1
            print("%s: wanted %s %s, got %s %s" % (name, want, exact, text, last))
    for name in set(differences) - met:
        bad += 1
        print("%s: is no difference any more" % name)
    print("%d pushes, %d differ" % (len(rows), len(met)))
    return bad > 0


if __name__ == "__main__":
    sys.exit(main())
