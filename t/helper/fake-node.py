"""Stands for nodes that hold one connection to an AdminReg, and answers the orders on it.

usage: fake-node.py PORT ANSWER-FROM NODE...

Reports each NODE, prints "reported NODE" or "refused NODE", then an order's line "FUNC NODE" each.
It answers orders with the text "done" from ANSWER-FROM, an address of this host; "same": over the
same connection.  A line on standard input ends it.
"""
import importlib.util
import os
import select
import socket
import struct
import sys

spec = importlib.util.spec_from_file_location(
    "push_admin", os.path.join(os.path.dirname(__file__), "push-admin.py"))
wire = importlib.util.module_from_spec(spec)
spec.loader.exec_module(wire)


def text(tag, s):
    return bytes([tag << 4 | 6, len(s)]) + s.encode()


def number(tag, n):
    for kind, form, bits in ((0, ">b", 7), (1, ">h", 15), (2, ">i", 31)):
        if -1 << bits <= n < 1 << bits:
            return bytes([tag << 4 | kind]) + struct.pack(form, n)
    raise ValueError(n)


def request(ident, func, body, oneway=False):
    packet = (number(1, 1) + number(2, 1 if oneway else 0) + number(3, 0) + number(4, ident) +
              text(5, "tars.tarsAdminRegistry.AdminRegObj") + text(6, func) +
              b"\x7d\x00" + number(0, len(body)) + body + number(8, 5000) + b"\x98\x0c\xa8\x0c")
    return struct.pack(">I", len(packet) + 4) + packet


def connect(port, source=None):
    return socket.create_connection(("127.0.0.1", port), source_address=source and (source, 0))


def take_order(s, answers):
    order = wire.receive(s)
    if order is None:
        sys.exit("the registry closed the connection")
    func = dict(order[7])[b"TARS_FUNC"].decode()
    args = wire.Fields(order[6]).tags
    print(func, args[2].decode(), flush=True)
    answers.sendall(request(9, "reportResult", number(1, args[1]) + text(2, "callback_" + func) +
                            number(3, 0) + text(4, "done"), oneway=True))


def main():
    port, source, names = int(sys.argv[1]), sys.argv[2], sys.argv[3:]
    s = connect(port)
    answers = s if source == "same" else connect(port, source)
    for i, name in enumerate(names):
        s.sendall(request(i + 1, "reportNode", b"\x1a" + text(0, name) + text(1, "run") + b"\x0b"))
        print("refused" if wire.receive(s).get(5) else "reported", name, flush=True)
    while True:
        ready, _, _ = select.select([s, sys.stdin], [], [], wire.PATIENCE)
        if s not in ready:
            return
        take_order(s, answers)


main()
