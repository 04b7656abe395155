# What ./reported of t/helper/report-recorder.c says, for assertions in test scripts.
#
#	stat(client)        {(master, slave, func, masterIp, slaveIp, port): body} of all packets so far
#	packets(function)   the packets: (kind, host, decoded arguments)
#	properties()        [{name: {policy: value}}] of each packet
import json


def lines():
	for line in open("reported"):
		name, kind, host, text = line.rstrip("\n").split(" ", 3)
		yield name, kind, host, text


def packets(function):
	return [(kind, host, json.loads(text)) for name, kind, host, text in lines() if name == function]


def add(to, body):
	for key, value in body.items():
		if key == "intervalCount":
			for bound, n in value.items():
				to.setdefault(key, {}).setdefault(bound, 0)
				to[key][bound] += n
		elif key == "maxRspTime":
			to[key] = max(to.get(key, 0), value)
		elif key != "minRspTime":
			to[key] = to.get(key, 0) + value


def stat(client):
	rows = {}
	for kind, host, args in packets("reportMicMsg"):
		if args["bFromClient"] != client:
			continue
		for head, body in args["msg"].items():
			h = json.loads(head)
			key = tuple(h[k] for k in ("masterName", "slaveName", "interfaceName", "masterIp",
						   "slaveIp", "slavePort"))
			add(rows.setdefault(key, {}), body)
	return rows


def properties():
	found = []
	for kind, host, args in packets("reportPropMsg"):
		found.append({json.loads(head)["propertyName"]: {v["policy"]: v["value"] for v in body["vInfo"]}
			      for head, body in args["statmsg"].items()})
	return found
