"""Makes .tars text of what `tars idl json` says about one file: nothing that matters may be lost.

usage: idl-from-json.py FILE.json NAME      NAME is the file's name without directory and .tars
"""
import json
import sys

enums = {}


def quote(data):
    return '"' + "".join("\\%03o" % b for b in data) + '"'


def value(t, o):
    v = o["default"]
    if t["kind"] == "enum":
        return t["name"] + "::" + enums[t["name"]][v]
    if t["kind"] == "string":
        return quote(v.encode() if v is not None else bytes.fromhex(o["default_hex"]))
    return json.dumps(v)


def type_text(t):
    if t["kind"] == "map":
        return "map<%s, %s>" % (type_text(t["key"]), type_text(t["value"]))
    if t["kind"] == "vector":
        return "vector<%s>" % type_text(t["element"])
    return t["name"] if t["kind"] in ("struct", "enum") else t["kind"]


def comment(text, indent):
    """As a comment of its own, before something."""
    return "".join("%s// %s\n" % (indent, line) for line in text.split("\n")) if text else ""


def behind(text):
    lines = (text or "").split("\n")
    if len(lines) > 1:
        return " /* " + "\n * ".join(lines) + " */"
    return " // " + text if text else ""


def members(d):
    for m in d["members"]:
        given = " = " + value(m["type"], m) if m["has_default"] else ""
        yield comment(m["doc"], "\t\t") + "\t\t%d %s %s %s%s;%s\n" % (
            m["tag"], "require" if m["required"] else "optional", type_text(m["type"]),
            m["name"], given, behind(m["note"]))


def items(d):
    for i in d["items"]:
        yield comment(i["doc"], "\t\t") + "\t\t%s = %d,%s\n" % (i["name"], i["value"], behind(i["note"]))


def functions(d):
    for f in d["functions"]:
        text = comment(f["doc"], "\t\t") + "\t\t%s %s(" % (
            type_text(f["returns"]) if f["returns"] else "void", f["name"])
        for i, p in enumerate(f["params"]):
            assert p["tag"] == i + 1
            text += "\n" + comment(p["doc"], "\t\t\t") + "\t\t\t%s%s %s%s%s" % (
                "out " if p["out"] else "routekey " if p["routekey"] else "", type_text(p["type"]),
                p["name"], "," if i + 1 < len(f["params"]) else "", behind(p["note"]))
        yield text + "\n\t\t);%s\n" % behind(f["note"])


bodies = {"struct": members, "enum": items, "interface": functions}


def definition(d):
    text = comment(d["doc"], "\t")
    if d["kind"] == "const":
        return text + "\tconst %s %s = %s;%s\n" % (type_text(d["type"]), d["name"], value(d["type"], d),
                                                   behind(d["note"]))
    if d["kind"] == "key":
        return text + "\tkey[%s, %s];\n" % (d["full_name"], ", ".join(d["members"]))
    return text + "\t%s %s\n\t{\n%s\t};%s\n" % (d["kind"], d["name"], "".join(bodies[d["kind"]](d)),
                                                behind(d["note"]))


tree = json.load(open(sys.argv[1]))
assert tree["tars_idl"] == 1
for f in tree["files"]:
    for m in f["modules"]:
        for d in m["definitions"]:
            if d["kind"] == "enum":
                names = enums.setdefault(d["full_name"], {})
                for i in d["items"]:
                    names.setdefault(i["value"], i["name"])
f = [f for f in tree["files"] if f["path"].split("/")[-1].rsplit(".", 1)[0] == sys.argv[2]][-1]
out = comment(f["doc"], "")
for path in f["includes"]:
    out += '#include "%s"\n' % path.split("/")[-1]
out += "\n"
for m in f["modules"]:
    out += comment(m["doc"], "") + "module %s\n{\n" % m["name"]
    out += "\n".join(definition(d) for d in m["definitions"]) + "};\n\n"
sys.stdout.write(out)
