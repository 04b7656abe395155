"""A server that tells what it is sent, and answers pings as it is told to.

usage: ping-server.py CODE

Prints its port; then "connection N", "N FUNCTION" for each request of it, and "end N".  tars_ping is
answered with CODE, any other function with code 0 and no result.  What it reads on its standard
input: "silent" (it reads requests and answers none), "deaf" (it does not even read).
"""
import select
import socket
import struct
import sys


def functions(packets):
    """(function, request id as it was encoded) of each whole packet, and the rest."""
    found = []
    while len(packets) >= 4 and len(packets) >= struct.unpack(">I", packets[:4])[0]:
        n = struct.unpack(">I", packets[:4])[0]
        frame, packets = packets[4:n], packets[n:]
        at = 2                                # iVersion 1
        for _ in range(2):                    # cPacketType, iMessageType
            at += {12: 1, 0: 2, 1: 3, 2: 5}[frame[at] & 15]
        start, at = at, at + {12: 1, 0: 2, 1: 3, 2: 5}[frame[at] & 15]
        request_id = frame[start:at]
        at += 2 + frame[at + 1]               # sServantName
        found.append((frame[at + 2:at + 2 + frame[at + 1]].decode(), request_id))
    return found, packets


def response(request_id, code):
    """iVersion 1, cPacketType 0, iRequestId, iMessageType 0, iRet, sBuffer, status, sResultDesc."""
    body = (b"\x10\x01\x2c" + bytes([0x30 | request_id[0] & 15]) + request_id[1:] + b"\x4c" +
            b"\x50" + struct.pack(">b", code) + b"\x6d\x00\x0c" + b"\x78\x0c" + b"\x86\x00")
    return struct.pack(">I", len(body) + 4) + body


def say(*words):
    print(*words, flush=True)


def serve(ping_code):
    listener = socket.create_server(("127.0.0.1", 0))
    connections, mode = {}, ""
    say(listener.getsockname()[1])
    while True:
        wanted = [listener, sys.stdin] + (list(connections) if mode != "deaf" else [])
        for s in select.select(wanted, [], [])[0]:
            if s is sys.stdin:
                mode = s.readline().strip()
                say(mode)
                continue
            if s is listener:
                c = s.accept()[0]
                connections[c] = [serve.n, b""]
                say("connection", serve.n)
                serve.n += 1
                continue
            number, rest = connections[s]
            try:
                data = s.recv(65536)
            except ConnectionResetError:
                data = b""
            found, connections[s][1] = functions(rest + data)
            for function, request_id in found:
                say(number, function)
                if not mode:
                    s.sendall(response(request_id, ping_code if function == "tars_ping" else 0))
            if not data:
                say("end", number)
                connections.pop(s).clear()
                s.close()


serve.n = 1
serve(int(sys.argv[1]))
