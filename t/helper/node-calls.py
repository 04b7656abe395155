"""Prints what the platform was told (./calls of t/helper/stand-in.c), for comparison with a record.

usage: node-calls.py FROM STEP FACTS

FROM: lines of ./calls that are of earlier steps.  Prints the calls whose function and first
argument FACTS names for STEP, each different one once, in the order of their first appearance;
those that may be missing are left out.
"""
import json
import sys

FROM, STEP, FACTS = sys.argv[1:]
STATES = ["Inactive", "Activating", "Active", "Deactivating", "Destroying", "Destroyed"]


def state_of(info):
    state = info["serverState"]
    state = state if isinstance(state, str) else STATES[state]
    if info["processId"] > 0:
        return state + " pid=P"
    # Whether it waits a moment before it starts again is a matter of its earlier deaths.
    return "Down" if state in ("Inactive", "Activating") else state


def words(func, args):
    # Positions count: the three names of updateServer are others in the official IDL.
    if func == "updateServer":
        yield from (args["app"], args["serverName"], args["nodeName"], state_of(args["state"]))
    elif func == "updateServerBatch":
        for s in args["vState"]:
            yield "%s.%s %s" % (s["application"], s["serverName"], state_of(s))
    elif func == "reportNotifyInfo":
        info = args["info"]
        level = info["eLevel"]
        yield from (info["sApp"], info["sServer"], info["sNodeName"],
                    "error" if level in (2, "NOTIFYERROR") else "normal",
                    info["sMessage"].split(": ")[0])
    elif func == "reportVersion":
        yield from (args["app"], args["serverName"], args["nodeName"], "V")
    else:
        yield from (str(v) or "-" for v in args.values() if isinstance(v, str))


def main():
    with open(FACTS, encoding="utf-8") as f:
        rows = [line.rstrip("\n").split("\t") for line in f if not line.startswith("#")]
    wanted = {tuple(row[2].split(" ")[:2]) for row in rows if row[0] == STEP}
    seen = {row[2] for row in rows if row[:2] == [STEP, "?"]}
    with open("calls", encoding="utf-8") as f:
        for line in list(f)[int(FROM):]:
            _, _, func, kind, args = line.rstrip("\n").split(" ", 4)
            text = " ".join([func, *words(func, json.loads(args))])
            text += "" if int(kind) else " (one-way)"
            if tuple(text.split(" ")[:2]) in wanted and text not in seen:
                seen.add(text)
                print(text)


main()
