"""Holds one TLS connection: for each line on its input a tars_ping on it, and "ok" or what happened.

usage: tls-hold.py PORT CA OBJECT
"""
import socket
import ssl
import struct
import sys

port, ca, servant = int(sys.argv[1]), sys.argv[2], sys.argv[3].encode()


def field(tag, text):
    return bytes([tag << 4 | 6, len(text)]) + text


BODY = (b"\x10\x01\x2c\x3c\x40\x07" + field(5, servant) + field(6, b"tars_ping") +
        b"\x7d\x00\x0c\x8c\x98\x0c\xa8\x0c")
PING = struct.pack(">I", len(BODY) + 4) + BODY

context = ssl.create_default_context(cafile=ca)
with socket.create_connection(("127.0.0.1", port)) as plain:
    with context.wrap_socket(plain, server_hostname="localhost") as s:
        for line in sys.stdin:
            try:
                s.sendall(PING)
                n = struct.unpack(">I", s.recv(4))[0] - 4
                while n > 0:
                    n -= len(s.recv(n))
                print("ok", flush=True)
            except (OSError, struct.error) as e:
                print("lost: %r" % e, flush=True)
                break
