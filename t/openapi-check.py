"""Calls every function of an OpenAPI document with values made from its schemas, and checks answers.

usage: openapi-check.py FILE.json URL      prints "PATH STATUS" for each call; exit 1 if one is wrong
"""
import json
import re
import sys
import urllib.error
import urllib.request

import jsonschema

doc = json.load(open(sys.argv[1]))
wrong = 0


def resolve(schema):
    """The schema itself where there is only a reference; what stands beside it stays."""
    if "$ref" not in schema:
        return schema
    target = doc
    for part in schema["$ref"].lstrip("#/").split("/"):
        target = target[part]
    return {**target, **{k: v for k, v in schema.items() if k != "$ref"}}


def example(schema, big):
    """A value that the schema allows: small, or at the limits."""
    s = resolve(schema)
    if "enum" in s:
        return s["enum"][-1 if big else 0]
    if s["type"] == "object" and "additionalProperties" in s:
        key = "key"
        if "propertyNames" in s:
            key = json.dumps(example(s["propertyNames"]["contentSchema"], big), separators=(",", ":"),
                             ensure_ascii=False)
        return {key: example(s["additionalProperties"], big)}
    if s["type"] == "object":
        return {n: example(p, big) for n, p in s["properties"].items()
                if big or n in s["required"]}
    if s["type"] == "array":
        return [example(s["items"], big)] * (2 if big else 0)
    if s["type"] == "boolean":
        return big
    if s["type"] == "string":
        return "text \u00fc" if big else ""
    if s["type"] == "number":
        return 2.5 if big else 0.0
    limit = 2**63 - 1 if s.get("format") == "int64" else 2**31 - 1
    # Bytes are taken as 0..255, too, but come back as -128..127.
    most = 127 if (s.get("minimum"), s.get("maximum")) == (-128, 255) else s.get("maximum", limit)
    return most if big else s.get("minimum", -limit - 1)


def check(schema, value):
    jsonschema.Draft202012Validator({**schema, "components": doc["components"]}).validate(value)


def call(path, body):
    rq = urllib.request.Request(sys.argv[2] + path, json.dumps(body).encode(),
                                {"content-type": "application/json"})
    try:
        with urllib.request.urlopen(rq, timeout=60) as answer:
            return answer.status, answer.headers["content-type"], json.load(answer)
    except urllib.error.HTTPError as answer:
        return answer.code, answer.headers["content-type"], json.load(answer)


assert re.fullmatch(r"3\.1\.\d+", doc["openapi"]) and doc["info"]["title"] and doc["info"]["version"]
for name, schema in doc["components"]["schemas"].items():
    assert re.fullmatch(r"[a-zA-Z0-9._-]+", name), name
    jsonschema.Draft202012Validator.check_schema(schema)
ids = [op["post"]["operationId"] for op in doc["paths"].values()]
assert len(set(ids)) == len(ids)
for path, item in doc["paths"].items():
    request = item["post"]["requestBody"]["content"]["application/json"]["schema"]
    for big in (False, True):
        if path.endswith(("/delay", "/fail")):
            body = {"ms": 1, "code": 3}
        else:
            body = example(request, big)
            check(request, body)
        status, kind, answer = call(path, body)
        response = item["post"]["responses"][str(status)]["content"][kind]["schema"]
        try:
            check(response, answer)
        except jsonschema.ValidationError as e:
            print(path, e.message, json.dumps(answer))
            wrong = 1
        # What an echo was given it gives back, so nothing was lost on the way.
        for name, value in body.items():
            other = {"inv": "outv", "ins": "outs"}.get(name)
            if other in answer and big and answer[other] != value:
                print(path, "echo:", value, answer[other])
                wrong = 1
        print(path.rsplit("/", 1)[1], status)
sys.exit(wrong)
