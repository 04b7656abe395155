# Frames of HTTP/2 by hand, for peers that no library imitates: import it from t/helper.
import socket
import struct

DATA, HEADERS, PRIORITY, RST, SETTINGS, PUSH, PING, GOAWAY, WINDOW, CONTINUATION = range(10)
END_STREAM, END_HEADERS, ACK = 1, 4, 1


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def field(name, value):
    """A header as a literal that is not indexed; short ones only."""
    name, value = name.encode(), value.encode()
    assert len(name) < 127 and len(value) < 127
    return bytes([0, len(name)]) + name + bytes([len(value)]) + value


def head(path, method="POST", more=()):
    fields = [(":method", method), (":scheme", "http"), (":authority", "t"), (":path", path)]
    return b"".join(field(n, v) for n, v in fields + list(more))


class Peer:
    def __init__(self, port, settings=b"", timeout=60):
        self.s = socket.create_connection(("127.0.0.1", port), timeout)
        self.s.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(SETTINGS, 0, 0, settings))
        self.buf = b""

    def send(self, data):
        """False if the server has closed meanwhile."""
        try:
            self.s.sendall(data)
            return True
        except OSError:
            return False

    def frames(self):
        """(kind, flags, stream, payload) until the server closes."""
        while True:
            while len(self.buf) >= 9:
                n = int.from_bytes(self.buf[:3], "big")
                if len(self.buf) < 9 + n:
                    break
                kind, flags, stream = struct.unpack(">BBI", self.buf[3:9])
                payload, self.buf = self.buf[9:9 + n], self.buf[9 + n:]
                yield kind, flags, stream, payload
            try:
                more = self.s.recv(65536)
            except ConnectionResetError:
                return
            if not more:
                return
            self.buf += more

    def goaway(self):
        """The error code with which the server ends the connection, or None."""
        code = None
        for kind, _, _, payload in self.frames():
            if kind == GOAWAY:
                code = struct.unpack(">I", payload[4:8])[0]
        return code
