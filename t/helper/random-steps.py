"""Random orders and failures against a real registry and real nodes, compared with a model.

usage: random-steps.py DSN STEPS SEED [SECONDS]

Starts a registry and two nodes of its own in the working directory.  Each step is an order (deploy,
undeploy, start, stop, restart, drain, resume) or a failure (kill -9 of a service, a node, a node with
its services, the registry; a registry that stands still).  After each, what the platform shows must
become what the model says: rows, states, look-ups at the registry and at both nodes, processes.
Status 1, and the steps that led there, if it does not.  SECONDS: ends after so long, saying how far.
"""
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time

PATIENCE = 60
SERVERS, NODES = 4, 2


def free_port():
    return int(subprocess.run(["test-tool", "free-port", str(os.getppid())], check=True,
                              capture_output=True, text=True).stdout)


class Role:
    """A process of the platform that can die and come back as it was."""

    def __init__(self, name, *args):
        self.name, self.args = name, args
        self.start()

    def start(self):
        with open(self.name + ".log", "a", encoding="utf-8") as log:
            ready_r, ready_w = os.pipe()
            os.set_inheritable(ready_w, True)
            self.process = subprocess.Popen(["tars", *self.args, "--ready-fd", str(ready_w)],
                                            stderr=log, pass_fds=[ready_w])
            os.close(ready_w)
        with os.fdopen(ready_r) as ready:
            if not ready.readline():
                sys.exit(self.name + " did not start: see its log")

    def kill(self):
        self.process.kill()
        self.process.wait()


class World:
    def __init__(self, dsn):
        for s in range(SERVERS):
            self.make_exe(s)
        self.port = free_port()
        self.locator = "tars.tarsregistry.QueryObj@tcp -h 127.0.0.1 -p %d" % self.port
        self.registry = Role("registry", "registry", "--db", dsn, "--listen",
                             "127.0.0.1:%d" % self.port, "--data", os.getcwd() + "/data",
                             "--node-timeout", "120s")
        self.node_port = [free_port() for _ in range(NODES)]
        self.node = [Role("n%d" % i, "node", "--listen", "127.0.0.1:%d" % self.node_port[i],
                          "--name", "n%d" % i, "--path", os.getcwd() + "/n%d" % i, "--locator",
                          self.locator, "--heartbeat", "500ms", "--retry", "100ms",
                          "--start-limit", "1000000") for i in range(NODES)]
        self.ports = {(s, n): free_port() for s in range(SERVERS) for n in range(NODES)}
        # (server, node) -> [wanted, flow]; not there: not deployed
        self.model = {}
        until = time.monotonic() + PATIENCE
        while len(json.loads(self.ctl("node", "list", "-o", "json"))) < NODES:
            assert time.monotonic() < until, "the nodes do not register"

    @staticmethod
    def make_exe(server):
        """chain-service serves the object that its environment names."""
        with open("S%d" % server, "w", encoding="utf-8") as f:
            f.write('#!/bin/sh\nSERVANT=R.S%d.HelloObj exec %s "$@"\n' %
                    (server, shutil.which("chain-service")))
        os.chmod("S%d" % server, 0o755)

    # ---- orders ----

    def run(self, *args, check=True):
        done = subprocess.run(args, capture_output=True, text=True, timeout=PATIENCE + 40)
        if check and done.returncode:
            raise AssertionError("%s: %s" % (" ".join(args), done.stderr.strip()))
        return done.stdout

    def ctl(self, *args):
        return self.run("tars", "ctl", *args, "--locator", self.locator)

    def deploy(self, key):
        started = random.random() < .8
        port = self.ports[key]
        self.ctl("deploy", "R.S%d" % key[0], "--node", "n%d" % key[1], "--exe",
                 "%s/S%d" % (os.getcwd(), key[0]),
                 "--start" if started else "--no-start", "HelloObj@tcp -h 127.0.0.1 -p %d" % port)
        self.model[key] = ["active" if started else "inactive",
                           self.model[key][1] if key in self.model else "active"]

    def order(self, verb, key):
        self.ctl(verb, "R.S%d" % key[0], "n%d" % key[1])

    def undeploy(self, key):
        self.order("undeploy", key)
        del self.model[key]

    def set_wanted(self, verb, key, wanted):
        self.order(verb, key)
        self.model[key][0] = wanted

    def set_flow(self, verb, key, flow):
        self.order(verb, key)
        self.model[key][1] = flow

    # ---- failures ----

    def pids(self, key):
        path = "%s/n%d/tarsnode/data/R.S%d/" % (os.getcwd(), key[1], key[0])
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open("/proc/%s/cmdline" % pid, "rb") as f:
                    if path.encode() in f.read():
                        found.append(int(pid))
            except OSError:
                pass
        return found

    def kill_service(self, key):
        for pid in self.pids(key):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass

    def kill_node(self, n, with_services):
        self.node[n].kill()
        for key in self.model:
            if with_services and key[1] == n:
                self.kill_service(key)
        self.node[n].start()

    def kill_registry(self):
        self.registry.kill()
        self.registry.start()

    def hold_registry(self):
        self.registry.process.send_signal(signal.SIGSTOP)
        time.sleep(.3)
        self.registry.process.send_signal(signal.SIGCONT)

    # ---- what it shall be, and what it is ----

    def wrong(self):
        """The first thing that is not as the model says, or None."""
        rows = json.loads(self.ctl("list", "-o", "json"))
        got = {(int(r["server"][3:]), int(r["node"][1:])): (r["wanted"], r["state"], r["flow"])
               for r in rows}
        want = {k: (v[0], v[0], v[1]) for k, v in self.model.items()}
        if got != want:
            keys = [k for k in set(got) | set(want) if got.get(k) != want.get(k)]
            return "rows: " + "; ".join("R.S%d on n%d is %s, shall be %s" %
                                        (*k, got.get(k), want.get(k)) for k in sorted(keys))
        return None

    def wrong_deeply(self, servers):
        for key in self.ports:
            n = len(self.pids(key)) if key[0] in servers else None
            shall = int(self.model.get(key, ["inactive"])[0] == "active")
            if n is not None and n != shall:
                return "R.S%d on n%d has %d processes, shall have %d" % (*key, n, shall)
        for port in [self.port, *self.node_port]:
            for s in servers:
                out = json.loads(self.run("tars", "call", "tars.tarsregistry.QueryObj@tcp -h "
                                          "127.0.0.1 -p %d" % port, "--timeout", "10s",
                                          "findObjectById", '{"id": "R.S%d.HelloObj"}' % s))
                got = sorted(e["port"] for e in out["tars_ret"])
                want = sorted(self.ports[k] for k, v in self.model.items()
                              if k[0] == s and v == ["active", "active"])
                if got != want:
                    return "R.S%d at port %d is found at %s, shall be at %s" % (s, port, got, want)
        return None

    def settle(self, servers):
        until = time.monotonic() + PATIENCE
        while True:
            try:
                why = self.wrong() or self.wrong_deeply(servers)
            except AssertionError as e:
                why = str(e)
            if not why:
                return
            if time.monotonic() > until:
                raise AssertionError("not within %d s: %s" % (PATIENCE, why))

    # ---- steps ----

    def step(self):
        """Does one; gives its words and the servers that it was about."""
        key = random.choice(list(self.ports))
        if key not in self.model:
            words, run = "deploy", lambda: self.deploy(key)
        else:
            wanted, flow = self.model[key]
            choices = [("deploy", lambda: self.deploy(key)),
                       ("undeploy", lambda: self.undeploy(key)),
                       ("restart", lambda: self.set_wanted("restart", key, "active"))]
            choices.append(("start", lambda: self.set_wanted("start", key, "active"))
                           if wanted == "inactive" else
                           ("stop", lambda: self.set_wanted("stop", key, "inactive")))
            choices.append(("drain", lambda: self.set_flow("drain", key, "inactive"))
                           if flow == "active" else
                           ("resume", lambda: self.set_flow("resume", key, "active")))
            if wanted == "active":
                choices.append(("kill service", lambda: self.kill_service(key)))
            words, run = random.choice(choices)
        about = "%s R.S%d on n%d" % (words, *key)
        servers = {key[0]}
        chance = random.random()
        if chance < .03:
            about, run = "kill node n%d" % key[1], lambda: self.kill_node(key[1], False)
            servers = range(SERVERS)
        elif chance < .05:
            about, run = "kill node n%d and its services" % key[1], \
                lambda: self.kill_node(key[1], True)
            servers = range(SERVERS)
        elif chance < .08:
            about, run = "kill the registry", self.kill_registry
            servers = range(SERVERS)
        elif chance < .10:
            about, run = "the registry stands still", self.hold_registry
        run()
        return about, servers

    def end(self):
        for n in self.node:
            n.kill()
        for key in self.ports:
            self.kill_service(key)
        self.registry.kill()


def main():
    steps, seed = int(sys.argv[2]), int(sys.argv[3])
    until = time.monotonic() + (float(sys.argv[4]) if len(sys.argv) > 4 else 1e9)
    random.seed(seed)
    world = World(sys.argv[1])
    done, last = 0, []
    try:
        while done < steps and time.monotonic() < until:
            about, servers = "a step", range(SERVERS)
            try:
                about, servers = world.step()
            finally:
                last.append("%d: %s" % (done, about))
            world.settle(servers if done % 50 else range(SERVERS))
            done += 1
            if done % 500 == 0:
                print("# %d steps" % done, flush=True)
        world.settle(range(SERVERS))
    except AssertionError as e:
        print("seed %d, step %d: %s\n%s" % (seed, done, e, "\n".join(last[-20:])))
        return 1
    finally:
        world.end()
    print("%d steps of %d with seed %d: no divergence" % (done, steps, seed))
    return 0


sys.exit(main())
