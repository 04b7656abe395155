"""Stands for an AdminReg that gives a node many orders at once.

usage: push-flood.py PORT APPLICATION SERVER COUNT

Waits for the node's reportNode, pushes COUNT notifyServer, and prints "refused N: TEXT" of the
answers that came before the service's own time-out.
"""
import importlib.util
import os
import struct
import sys

spec = importlib.util.spec_from_file_location(
    "push_admin", os.path.join(os.path.dirname(__file__), "push-admin.py"))
wire = importlib.util.module_from_spec(spec)
spec.loader.exec_module(wire)


def text(tag, s):
    return bytes([tag << 4 | 6, len(s)]) + s.encode()


def push(ident, app, server):
    body = (b"\x12" + struct.pack(">i", ident) + text(2, "127.0.0.1") + text(3, app) +
            text(4, server) + text(5, "tars.viewversion"))
    packet = (b"\x10\x01\x2c\x3c\x4c\x5c\x6d\x00\x01" + struct.pack(">h", len(body)) + body +
              b"\x78\x00\x01\x06\x09TARS_FUNC\x16\x0cnotifyServer")
    return struct.pack(">I", len(packet) + 4) + packet


def main():
    node = wire.Node(int(sys.argv[1]))
    count = int(sys.argv[4])
    node.send(b"".join(push(i + 1, sys.argv[2], sys.argv[3]) for i in range(count)))
    refused = []
    while not refused or len(refused) < count - 1000:
        a = node.answers.get(timeout=wire.PATIENCE)
        if a is None:
            break
        if b"busy" in a[4]:
            refused.append(a[4].decode())
    print("refused %d: %s" % (len(refused), refused[0] if refused else "-"))


main()
