"""Holds `tars decode` and `tars encode` against recorded values and bytes.

usage: values.py IDL ROWS

ROWS: t/data/codec.tsv.  Each value is decoded to the JSON of its row and encoded to its bytes, a
batch for each type and tag; where a row of a struct has no counterpart with defaults written, writing
them must not change the bytes.  Prints what differs and how many were compared.
"""
import json
import re
import struct
import subprocess
import sys

IDL, ROWS = sys.argv[1:]
BUILTIN = {"ubyte": "unsigned byte", "ushort": "unsigned short", "uint": "unsigned int"}


def spelling(name):
    for short, full in BUILTIN.items():
        name = re.sub(r"\b%s\b" % short, full, name)
    return name if re.match(r"[a-z]", name) else "Interop::" + name


def runs(text, one):
    return re.sub(r"\((..)\*(\d+)\)", lambda m: one(m[1]) * int(m[2]), text)


def stated(row, flat):
    """The JSON of a row, None if there is none."""
    kind, value = row[:2]
    text = row[4] if len(row) > 4 else None
    if text == "=":
        return flat[kind, value]
    if text == "!":
        return None
    if text is not None:
        return runs(text, lambda h: bytes.fromhex(h).decode())
    if value.startswith("len"):
        n = int(value[3:])
        return json.dumps("a" * n if kind == "string" else [0x5a] * n)
    if kind == "bool":
        return "false" if value == "0" else "true"
    return repr(float(value)) if kind in ("float", "double") else value


def same(kind, a, b):
    if kind == "float":
        return struct.pack("f", a) == struct.pack("f", b)
    if kind == "double":
        return struct.pack("d", a) == struct.pack("d", b)
    return a == b


def batch(command, kind, tag, lines):
    """The answers to values, and the exit status."""
    args = ["tars", command, "--batch", "--idl", IDL, "--type", spelling(kind)]
    if tag.startswith("defaults") and command == "encode":
        args.append("--write-defaults")
    number = tag.replace("defaults", "")
    if number not in ("flat", ""):
        args += ["--tag", number]
    text = "".join("%d\t%s\n" % line for line in enumerate(lines))
    done = subprocess.run(args, input=text.encode(), stdout=subprocess.PIPE, check=False)
    answers = [line.split("\t") for line in done.stdout.decode().splitlines()]
    assert [a[0] for a in answers] == [str(i) for i in range(len(lines))], done.stdout[:500]
    return [(a[1], a[2]) for a in answers], done.returncode


def main():
    rows = [line.rstrip("\n").split("\t") for line in open(ROWS, encoding="utf-8")
            if not line.startswith("#")]
    rows = [row for row in rows if "/" not in row[0] and row[0] != "tup"]
    flat, groups, bad = {}, {}, 0
    for row in rows:
        if row[2] == "flat":
            flat[row[0], row[1]] = stated(row, flat)
        groups.setdefault((row[0], row[2]), []).append(row)
    have = {tuple(row[:3]) for row in rows}
    for row in list(rows):
        tag = {"flat": "defaults", "9": "defaults9"}.get(row[2], "")
        if tag and row[0][0].isupper() and (row[0], row[1], tag) not in have:
            groups.setdefault((row[0], tag), []).append(row)
    decoded = encoded = refused = 0
    for (kind, tag), group in groups.items():
        values = [stated(row, flat) for row in group]
        answers, status = batch("decode", kind, tag, [runs(row[3], str) for row in group])
        for row, value, (word, text) in zip(group, values, answers):
            if value is None:
                good = word == "error" and ("JSON has no number" in text or "not UTF-8" in text)
                refused += 1
            else:
                good = word == "ok" and same(kind, json.loads(text), json.loads(value))
                decoded += 1
            if not good:
                print("decode", row[:3], word, text[:200])
                bad += 1
        if status != any(value is None for value in values):
            print("decode", kind, tag, "status", status)
            bad += 1
        known = [(row, value) for row, value in zip(group, values) if value is not None]
        answers, status = batch("encode", kind, tag, [value for _, value in known])
        for (row, _), (word, text) in zip(known, answers):
            encoded += 1
            if (word, text) != ("ok", runs(row[3], str)):
                print("encode", row[:3], tag, word, text[:200])
                bad += 1
        if status:
            print("encode", kind, tag, "status", status)
            bad += 1
    print("%d decoded, %d refused, %d encoded" % (decoded, refused, encoded))
    sys.exit(bad != 0 or decoded < 600 or encoded < 600)


main()
