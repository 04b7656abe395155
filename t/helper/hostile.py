"""Peers that mean harm, against T.ProbeServer.

usage: hostile.py PORT slow|slow-http|slow-keys|half-open|reset|reset-calls|announce N
       hostile.py PORT tiny oneway|replies N
       hostile.py PORT nested|tags

Status 0: the service did to each of them what it should.
"""
import select
import socket
import struct
import sys
import time

PORT = int(sys.argv[1])
PATIENCE = 120


def head(tag, kind):
    return bytes([tag << 4 | kind]) if tag < 15 else bytes([0xf0 | kind, tag])


def number(tag, v):
    if v == 0:
        return head(tag, 12)
    if -128 <= v < 128:
        return head(tag, 0) + struct.pack(">b", v)
    return head(tag, 2) + struct.pack(">i", v)


def text(tag, s):
    return head(tag, 6) + bytes([len(s)]) + s


def octets(tag, b):
    return head(tag, 13) + b"\x00" + number(0, len(b)) + b


def arguments(what, n):
    return text(1, what) + number(2, n)


def request(body, servant=b"T.ProbeServer.InlineObj", func=b"work", version=1, oneway=False,
            ident=1):
    packet = (number(1, version) + number(2, int(oneway)) + number(3, 0) + number(4, ident) +
              text(5, servant) + text(6, func) + octets(7, body) + number(8, 0) +
              b"\x98\x0c" + b"\xa8\x0c")
    return framed(packet)


def framed(packet):
    return struct.pack(">I", len(packet) + 4) + packet


def connect():
    s = socket.create_connection(("127.0.0.1", PORT))
    s.settimeout(PATIENCE)
    return s


def receive(s):
    """One packet; b"" when the service ended the connection."""
    data = b""
    try:
        while len(data) < 4 or len(data) < struct.unpack(">I", data[:4])[0]:
            more = s.recv(65536)
            if not more:
                return b""
            data += more
    except ConnectionResetError:
        return b""
    return data


def code_of(reply):
    """iRet of a reply to request 1: 10 01 / 2c / 30 01 / 4c / 5x."""
    at = reply.index(b"\x4c", 7) + 1
    kind = reply[at] & 15
    if kind == 12:
        return 0
    return int.from_bytes(reply[at + 1:at + 1 + (1 << kind)], "big", signed=True)


def is_served():
    with connect() as s:
        s.sendall(request(arguments(b"echo", 5)))
        return b"\x015" in receive(s)


def wait_ends(peers, step=lambda s: None):
    """Until the service has ended each of them; in between, `step` is done to those that live."""
    until = time.monotonic() + PATIENCE
    while peers and time.monotonic() < until:
        ready = select.select(peers, [], [], .05)[0]
        for s in list(peers):
            try:
                if s in ready and not s.recv(1):
                    raise ConnectionResetError
                step(s)
            except (ConnectionResetError, BrokenPipeError):
                s.close()
                peers.remove(s)
    return not peers


def slow(n):
    peers = [connect() for _ in range(n)]
    for s in peers:
        s.sendall(b"\x00\x00\x03\xe8")
    assert is_served()
    assert wait_ends(peers, lambda s: s.send(b"\x10"))


def slow_http(n):
    """Heads that never end, and bodies; HTTP/2 that stops in its preface."""
    begins = (b"POST /v1/call/x/y HTTP/1.1\r\nhost: x\r\na: ",
              b"POST /v1/call/x/y HTTP/1.1\r\nhost: x\r\ncontent-length: 1000000\r\n\r\n",
              b"PRI * HTTP/2.0\r\n\r\nS")
    peers = [connect() for _ in range(n)]
    for i, s in enumerate(peers):
        s.sendall(begins[i % len(begins)])
    assert is_served()
    # A peer that speaks HTTP/2 gets nothing more to send: any other byte would end it at once.
    preface = set(peers[2::3])
    assert wait_ends(peers, lambda s: s in preface or s.send(b"x"))


def slow_keys(n):
    """An authentication of which a byte comes now and then; the adapter asks for a key."""
    peers = [connect() for _ in range(n)]
    for s in peers:
        s.sendall(b"\x00\x00\x00\xc8")
    assert wait_ends(peers, lambda s: s.send(b"\x10"))


def half_open(n):
    peers = [connect() for _ in range(n)]
    for s in peers:
        s.sendall(b"\x00\x00")
    assert is_served()
    assert wait_ends(peers)


def reset(s):
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()


def resets(n):
    whole = request(b"x" * 20000)
    for i in range(n):
        s = connect()
        s.sendall(whole[:1 + i % (len(whole) - 1)])
        reset(s)


def resets_with_calls(n):
    """Replies that come when the peer is gone."""
    for i in range(n):
        s = connect()
        s.sendall(request(arguments(b"hold", 0)) * 3 +
                  request(arguments(b"pause", 1), b"T.ProbeServer.PoolObj"))
        if i % 2:
            time.sleep(.001)
        reset(s)
    with connect() as s:
        s.sendall(request(arguments(b"reply", 0)))
        assert receive(s)


def announce(n):
    peers = [connect() for _ in range(n)]
    for s in peers:
        s.sendall(struct.pack(">I", 100 << 20) + b"\x10\x01\x2c\x3c\x40")
    assert is_served()
    assert wait_ends(peers)


def tiny(how, n):
    """n pings, as fast as they go; replies are read meanwhile."""
    ping = request(b"", b"T", b"tars_ping", oneway=how == "oneway")
    with connect() as s:
        s.sendall(ping if how != "oneway" else request(arguments(b"echo", 5)))
        one = len(receive(s))
        s.setblocking(False)
        batch, left, got = ping * 1000, n // 1000, 0
        pending = b""
        until = time.monotonic() + PATIENCE
        want = 0 if how == "oneway" else n * one
        while (pending or left or got < want) and time.monotonic() < until:
            if not pending and left:
                pending, left = batch, left - 1
            r, w, _ = select.select([s], [s] if pending else [], [], 1)
            if r:
                more = s.recv(1 << 18)
                assert more, "the service ended the connection"
                got += len(more)
            if w:
                pending = pending[s.send(pending):]
        assert not pending and not left and got == want, (len(pending), left, got, want)
        s.setblocking(True)
        s.settimeout(PATIENCE)
        s.sendall(request(arguments(b"echo", 5)))
        assert b"\x015" in receive(s)


def code_or_end(packet):
    with connect() as s:
        s.sendall(packet)
        reply = receive(s)
        return code_of(reply) if reply else "end"


def tup(pairs):
    """A body of TUP version 3: a map of names to encoded values."""
    return head(0, 8) + number(0, len(pairs)) + b"".join(
        text(0, name) + octets(1, value) for name, value in pairs)


def tup_code(body):
    """The code of the reply to a TUP request, and the reply; 0: it has none."""
    with connect() as s:
        s.sendall(request(body, version=3))
        reply = receive(s)
    at = reply.find(b"STATUS_RESULT_CODE")
    if at < 0:
        return 0, reply
    value = reply[at + len(b"STATUS_RESULT_CODE"):]
    return int(value[2:2 + value[1]]), reply


def tup_values(what, n):
    return [(b"what", text(0, what)), (b"number", number(0, n))]


def nested():
    deep = 200000
    bodies = {
        "structs": head(1, 10) * deep,
        "lists": head(1, 9) + (b"\x00\x01" + head(0, 9)) * deep,
        "maps": head(1, 8) + (b"\x00\x01" + head(0, 8)) * deep,
        "unknown": arguments(b"echo", 5) + head(9, 10) * deep,
    }
    for name, body in bodies.items():
        got = code_or_end(request(body))
        # What lies behind the last argument is not even looked at.
        assert got == (0 if name == "unknown" else -1), (name, got)
    got = code_or_end(framed(number(1, 1) + head(2, 10) * deep))
    assert got == "end", ("head", got)
    for name, body in (("arrays", b"[" * deep), ("objects", b'{"a":' * deep),
                       ("member", b'{"what":' + b"[" * deep)):
        got = code_or_end(request(body, version=5))
        assert got == -99, (name, got)
    # A parameter that nests, one that nobody asked for, a body that does, a map that has no end.
    rest = tup_values(b"echo", 5)
    assert tup_code(tup([(b"what", head(0, 10) * deep), rest[1]]))[0] < 0
    assert tup_code(tup(rest + [(b"other", head(0, 10) * deep)]))[0] == 0
    assert tup_code(head(0, 8) + (b"\x00\x01" + head(0, 8)) * deep)[0] < 0
    assert tup_code(head(0, 8) + number(0, 0x7fffffff) + text(0, b"what"))[0] < 0


def tags():
    twice = text(1, b"echo") + text(1, b"fail") + number(2, 5) + number(2, 6)
    with connect() as s:
        s.sendall(request(twice))
        reply = receive(s)
        assert code_of(reply) == 0 and b"\x015" in reply, reply
    assert code_or_end(request(number(2, 5) + text(1, b"echo"))) == -1
    assert code_or_end(request((number(9, 1) + number(1, 1)) * 100000)) == -1
    # In the head, too: the first of each; a head without its fields is no packet.
    good = request(arguments(b"echo", 5))[4:]
    assert code_or_end(framed(number(1, 1) * 3 + good)) == 0
    assert code_or_end(framed(number(7, 0) + good)) == "end"
    # A name that is there twice, and a hundred thousand of them.
    values = tup_values(b"echo", 5)
    code, reply = tup_code(tup(values + tup_values(b"fail", 6)))
    assert code == 0 and b"\x015" in reply, reply
    assert tup_code(tup([(b"name %d" % i, number(0, i)) for i in range(100000)] + values))[0] == 0


def main():
    how = sys.argv[2]
    n = int(sys.argv[-1]) if sys.argv[-1].isdigit() else 0
    if how == "tiny":
        tiny(sys.argv[3], n)
    elif how in ("nested", "tags"):
        {"nested": nested, "tags": tags}[how]()
    else:
        {"slow": slow, "slow-http": slow_http, "slow-keys": slow_keys, "half-open": half_open,
         "reset": resets, "reset-calls": resets_with_calls, "announce": announce}[how](n)


main()
