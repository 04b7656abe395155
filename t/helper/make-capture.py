"""Writes a capture of one connection.

usage: make-capture.py FILE FORMAT LINK EVENT...

FORMAT: pcap, pcap-swapped (other byte order), pcap-ns, pcapng.  LINK: ethernet, vlan, cooked, cooked2,
null, raw, raw6.  EVENT, with c for the client and s for the server:
  c!          SYN               c.          FIN             c+HEX   the next bytes
  c-N         N bytes that the capture misses               c^      RST
  c=N:HEX     bytes at offset N of the stream: again, early, or overlapping
  c~N:HEX     the next bytes, of which only the first N were captured
  u+HEX       a datagram from the client                    x+HEX   a frame of the link as it is
Ports: 40000 and 18600; addresses: 10.0.0.1 and 10.0.0.2, fd00::1 and fd00::2.  A second passes between
two events.
"""
import ipaddress
import struct
import sys

FILE, FORMAT, LINK = sys.argv[1:4]
LINKS = {"ethernet": 1, "vlan": 1, "cooked": 113, "cooked2": 276, "null": 0, "raw": 101, "raw6": 101}
PORT = {"c": 40000, "s": 18600}
START = {"c": 0xfffffff0, "s": 1000}  # the client's numbers wrap around soon


def address(side):
    text = ("fd00::%d" if LINK == "raw6" else "10.0.0.%d") % (1 if side == "c" else 2)
    return ipaddress.ip_address(text).packed


def ip_packet(side, protocol, payload, cut=None):
    other = "s" if side == "c" else "c"
    if LINK == "raw6":
        options = bytes([protocol, 0, 1, 4, 0, 0, 0, 0])  # hop-by-hop, padding
        head = struct.pack(">IHBB", 6 << 28, len(payload) + len(options), 0, 64)
        head += address(side) + address(other) + options
    else:
        head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(payload), 0, 0, 64, protocol, 0)
        head += address(side) + address(other)
    return head + (payload if cut is None else payload[:cut])


def linked(packet):
    kind = struct.pack(">H", 0x86dd if packet[0] >> 4 == 6 else 0x0800)
    if LINK == "ethernet":
        return bytes(12) + kind + packet + bytes(max(0, 46 - len(packet)))
    if LINK == "vlan":
        return bytes(12) + b"\x81\x00\x00\x05" + kind + packet
    if LINK == "cooked":
        return bytes(14) + kind + packet
    if LINK == "cooked2":
        return kind + bytes(18) + packet
    if LINK == "null":
        return struct.pack("<I", 2) + packet
    return packet


def segment(side, offset, payload, flags=0x18, cut=None):
    other = "s" if side == "c" else "c"
    seq = (START[side] + offset) & 0xffffffff
    head = struct.pack(">HHIIBBHHH", PORT[side], PORT[other], seq, 0, 0x50, flags, 1000, 0, 0)
    return linked(ip_packet(side, 6, head + payload, None if cut is None else len(head) + cut))


def frames(events):
    at = {"c": 1, "s": 1}  # behind SYN
    for event in events:
        side, what, rest = event[0], event[1], event[2:]
        if side == "x":
            yield bytes.fromhex(rest)
        elif side == "u":
            data = bytes.fromhex(rest)
            head = struct.pack(">HHHH", PORT["c"], PORT["s"], 8 + len(data), 0)
            yield linked(ip_packet("c", 17, head + data))
        elif what == "!":
            yield segment(side, 0, b"", 2 if side == "c" else 0x12)
        elif what == ".":
            yield segment(side, at[side], b"", 0x11)
        elif what == "^":
            yield segment(side, at[side], b"", 4)
        elif what == "-":
            at[side] += int(rest)
        elif what == "=":
            offset, data = rest.split(":")
            yield segment(side, 1 + int(offset), bytes.fromhex(data))
        else:
            cut, data = rest.split(":") if what == "~" else (None, rest)
            data = bytes.fromhex(data)
            yield segment(side, at[side], data, cut=None if cut is None else int(cut))
            at[side] += len(data)


def write_pcap(out, order, magic, per_second):
    out.write(struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, 262144, LINKS[LINK]))
    for i, frame in enumerate(frames(sys.argv[4:])):
        out.write(struct.pack(order + "IIII", 1700000000 + i, per_second // 2, len(frame), len(frame)))
        out.write(frame)


def block(kind, body):
    body += bytes(-len(body) % 4)
    return struct.pack("<II", kind, len(body) + 12) + body + struct.pack("<I", len(body) + 12)


def write_pcapng(out):
    out.write(block(0x0a0d0d0a, struct.pack("<IHHq", 0x1a2b3c4d, 1, 0, -1)))
    out.write(block(1, struct.pack("<HHI", LINKS[LINK], 0, 262144)))
    for i, frame in enumerate(frames(sys.argv[4:])):
        us = (1700000000 + i) * 1000000 + 500000
        out.write(block(6, struct.pack("<IIIII", 0, us >> 32, us & 0xffffffff, len(frame),
                                       len(frame)) + frame))


with open(FILE, "wb") as f:
    if FORMAT == "pcapng":
        write_pcapng(f)
    elif FORMAT == "pcap-ns":
        write_pcap(f, "<", 0xa1b23c4d, 1000000000)
    else:
        write_pcap(f, ">" if FORMAT == "pcap-swapped" else "<", 0xa1b2c3d4, 1000000)
