#!/usr/bin/env python3
"""Faults under load: uploads, deletes, copies and reads from several clients
while workers, the master, the cache manager and Redis are killed, stopped and
reloaded at random and containers are compacted; then every promise is looked
after. See t/fault.t, which starts the server and this.

Prints lines of TAP without numbers.
"""

import argparse
import fcntl
import glob
import json
import multiprocessing
import os
import random
import re
import subprocess
import sys
import time

import appends
import values
import vcheck
import versions
from check import Op, explain
from client import Client, Lost, NotSent
from faults import Server, read
from load import (CLOSED, FIXED, OPEN, Load, contents, fixed_value)

SLOW = float(os.environ.get("COS_TEST_SLOW") or 1)
failures = 0


def ok(good, name, more=()):
    global failures
    failures += not good
    print("%s - %s" % ("ok" if good else "not ok", name))
    for line in (more if not good else ()):
        for part in str(line).split("\n"):
            print("# " + part)
    sys.stdout.flush()
    return good


def say(text):
    print("# " + text)
    sys.stdout.flush()


def environment(directory):
    return dict(re.findall(r'^(\w+)="?([^"\n]*)"?$',
                           read(directory + "/env"), re.M))


# --- before ------------------------------------------------------------------

def prepare(c):
    for bucket, acl in ((OPEN, "public-read-write"), (CLOSED, "private")):
        r = c.req("PUT", bucket, headers={"x-amz-acl": acl})
        assert r.status == 200, r.text()
    versions.prepare(c)
    appends.prepare(c)
    for name in FIXED:
        key, v = "fixed/" + name, fixed_value(name)
        h = {"x-cos-meta-v": v, "x-cos-meta-w": "fixed." + name}
        if v[0] == "p":
            r = c.req("PUT", CLOSED, key, headers=h, body=values.data(v),
                      sign="cos")
            assert r.status == 200, r.text()
            continue
        r = c.req("POST", CLOSED, key, args=[("uploads", "")], headers=h,
                  sign="cos")
        uid, doc = r.xml("UploadId"), ""
        for i, s in enumerate(v[2:].split("+")):
            r = c.req("PUT", CLOSED, key, sign="cos", body=values.segment(s),
                      args=[("partNumber", str(i + 1)), ("uploadId", uid)])
            doc += "<Part><PartNumber>%d</PartNumber><ETag>%s</ETag></Part>" \
                % (i + 1, r.etag())
        r = c.req("POST", CLOSED, key, args=[("uploadId", uid)], sign="cos",
                  body=("<CompleteMultipartUpload>%s</CompleteMultipartUpload>"
                        % doc).encode())
        assert r.status == 200, r.text()


def client(env, n, seed, path, until, storm):
    Load(env, n, seed, path).run(until, storm)


# --- the history -----------------------------------------------------------------

class History:
    def __init__(self):
        self.keys = {}
        self.values = {}              # w -> (etag, size)
        self.vs = {}                  # w -> v
        self.problems = []
        self.open, self.aborted, self.fresh = [], set(), []
        self.ops, self.odd, self.ended = {}, {}, 0
        self.versions = vcheck.Book()
        self.appends = appends.Book()

    def load(self, path):
        who = os.path.basename(path)
        with open(path, encoding="utf-8") as f:
            for line in f:
                self.take(who, json.loads(line))

    def take(self, who, e):
        kind = e.pop("o")
        if kind == "problem":
            self.problems.append(e["text"])
        elif kind == "open":
            self.open.append(e)
        elif kind == "aborted":
            self.aborted.add(e["id"])
        elif kind == "end":
            self.ended += 1
            self.fresh += [tuple(k) for k in e["fresh"]]
            for mine, theirs in ((self.ops, e["ops"]), (self.odd, e["odd"])):
                for k, n in theirs.items():
                    mine[k] = mine.get(k, 0) + n
        elif kind == "append":
            self.appends.take(e)
        elif kind[0] == "v":
            self.versions.take(kind, e)
        else:
            key, v = tuple(e.pop("k")), e.pop("v", None)
            if kind in ("put", "add"):
                self.vs[e["w"]] = v
            elif kind == "get" and v and self.vs.get(e["saw"], v) != v:
                self.problems.append("%s: %s read as %s" % (key, e["saw"], v))
            if kind == "see" and e["saw"]:
                e["saw"] = tuple(e["saw"])
            self.keys.setdefault(key, []).append(
                Op(kind, e.pop("t0"), e.pop("t1"), who, **e))

    def judge(self, faults):
        bad = []
        for key, ops in sorted(self.keys.items()):
            table = {o.w: (values.etag(self.vs[o.w]),
                           values.size(self.vs[o.w]))
                     for o in ops if o.w}
            why = explain(ops, table)
            if why:
                bad.append((key, why, self.story(ops, table, faults)))
        return bad + self.versions.judge(faults)

    @staticmethod
    def story(ops, table, faults):
        lines = [(o.t0, str(o)) for o in ops] \
            + [(t, "%10.4f ------- %s" % (t, what)) for t, what in faults]
        text = [s for _, s in sorted(lines)]
        text += ["%s is %s" % kv for kv in table.items()]
        return text[-160:]


# --- settling ------------------------------------------------------------------------

def dead_files(data):
    """Names in open/ of incarnations that nobody holds the lock of."""
    left, alive = [], {}
    for path in glob.glob(data + "/open/*"):
        name = os.path.basename(path)
        if re.fullmatch("[0-9a-f]{12}", name):
            inc = int(name, 16) >> 20
        elif re.fullmatch(r"[0-9a-f]+\.lock", name):
            inc = int(name[:-5], 16)
        else:
            continue
        if inc not in alive:
            alive[inc] = held(data, inc)
        if not alive[inc]:
            left.append(name)
    return left


def held(data, inc):
    for path in glob.glob(data + "/open/*.lock"):
        name = os.path.basename(path)[:-5]
        if re.fullmatch("[0-9a-f]+", name) and int(name, 16) == inc:
            try:
                with open(path, "rb") as f:
                    fcntl.flock(f, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    return False
            except BlockingIOError:
                return True
            except OSError:
                return False
    return False


def wait_for(fn, seconds):
    until = time.monotonic() + seconds * SLOW
    while time.monotonic() < until:
        v = fn()
        if v:
            return v
        time.sleep(0.3)
    return fn()


def answers(c):
    """All workers serve: many answers in a row, each on a new connection."""
    for _ in range(16):
        c.close()
        try:
            if c.req("GET", CLOSED, "none").status != 404:
                return False
        except (Lost, NotSent):
            return False
    return True


# --- the tool --------------------------------------------------------------------------

class Ctl:
    def __init__(self, root, server):
        self.path, self.server = root + "/tools/cosctl", server

    def run(self, command, *more):
        r = subprocess.run(
            [self.path, command] + self.server.where() + list(more),
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            check=False, timeout=120 * SLOW)
        return r.returncode, r.stdout

    def verify(self, name):
        rc, text = self.run("verify")
        found = {k: int(v) for k, v in re.findall(r"^(\w[\w ]*?) +(\d+)$",
                                                  text, re.M)}
        wrong = {k: found.get(k) for k in
                 ("damaged", "missing", "wrong sums", "orphans")
                 if found.get(k) != 0}
        return ok(rc == 0 and not wrong, name, [wrong, text[-4000:]])


# --- everything there is, as clients see it -----------------------------------------------

def pages(c, bucket):
    found, marker = {}, ""
    while True:
        r = c.look("GET", bucket, args=[("max-keys", "100"),
                                       ("marker", marker)])
        assert r.status == 200, r.text()
        more = contents(r)
        found.update(more)
        if r.xml("IsTruncated") != "true" or not more:
            return found
        marker = max(more, key=lambda k: k.encode())


def snapshot(c, amended):
    """Listings and headers and ACLs, byte for byte."""
    snap = {}
    versions.snapshot(c, snap, amended)
    for bucket in (OPEN, CLOSED):
        r = c.look("GET", bucket, args=[("acl", "")])
        snap[bucket, "acl"] = r.body
        found = pages(c, bucket)
        marker = ""
        for key in sorted(found, key=lambda k: k.encode()):
            r = c.look("GET", bucket, args=[("max-keys", "1"), ("prefix", key),
                                           ("marker", marker)])
            marker = key
            snap[bucket, key, "list"] = re.findall(
                b"<Contents>.*?</Contents>", r.body, re.S)
            r = c.look("HEAD", bucket, key)
            snap[bucket, key, "head"] = sorted(
                (k, v) for k, v in r.headers.items()
                if k not in ("date", "connection", "server")
                and "request-id" not in k and "trace-id" not in k
                and k != "x-amz-id-2" and k != "keep-alive")
            r = c.look("GET", bucket, key, args=[("acl", "")])
            snap[bucket, key, "acl"] = r.body
        r = c.look("GET", bucket, args=[("uploads", ""),
                                       ("max-uploads", "1000")])
        snap[bucket, "uploads"] = re.findall(b"<Upload>.*?</Upload>", r.body,
                                             re.S)
        for up in snap[bucket, "uploads"]:
            key = re.search(b"<Key>(.*?)</Key>", up, re.S).group(1).decode()
            uid = re.search(b"<UploadId>(.*?)</UploadId>",
                            up, re.S).group(1).decode()
            key = key.replace("&lt;", "<").replace("&gt;", ">").replace(
                "&quot;", '"').replace("&apos;", "'").replace(
                "&#34;", '"').replace("&#39;", "'").replace("&amp;", "&")
            r = c.look("GET", bucket, key, args=[("uploadId", uid)])
            snap[bucket, key, uid] = re.findall(b"<Part>.*?</Part>", r.body,
                                                re.S) or r.status
    return snap


def compare(a, b):
    return ["%s: before %s, now %s" % (k, a.get(k), b.get(k))
            for k in sorted(set(a) | set(b), key=str)
            if a.get(k) != b.get(k)]


def read_all(env, seed, path, keys, vkeys,
             rounds=("whole", "head", "range", "acl")):
    l = Load(env, 99, seed, path)
    strange = versions.read_all(l, vkeys)
    if strange:
        l.problem("versions of keys that nobody wrote: %s" % (strange,))
    for key in keys:
        for how in rounds:
            r = l.get_acl(key) if how == "acl" else l.get(key, how)
            if r is None:
                l.problem("%s: %s is not answered" % (key, how))
    l.out.write(json.dumps({"o": "end", "fresh": [], "ops": {},
                            "odd": {}}) + "\n")
    l.out.close()


# --- the run --------------------------------------------------------------------------------

class Run:
    def __init__(self, o):
        self.o = o
        self.seed = o.seed if o.seed is not None \
            else random.SystemRandom().randrange(1 << 31)
        say("FAULT_SEED=%d FAULT_SECONDS=%g" % (self.seed, o.seconds))
        values.SEED = self.seed
        self.env = environment(o.dir)
        self.server = Server(o.root, o.dir, self.env["PORT"], o.up.split())
        self.ctl = Ctl(o.root, self.server)
        self.book = o.dir + "/book"
        os.makedirs(self.book, exist_ok=True)
        self.rng = random.Random("%d/faults" % self.seed)
        self.history = History()
        self.c = Client(self.env)
        prepare(self.c)

    # --- storms ---------------------------------------------------------------

    def storm(self, base, seconds):
        o, server = self.o, self.server
        names = range(base + 1, base + o.clients + 1)
        until = time.monotonic() + seconds
        procs = [multiprocessing.Process(
            target=client, args=(self.env, n, self.seed, "%s/c%d"
                                 % (self.book, n), until, base))
            for n in names]
        for p in procs:
            p.start()
        time.sleep(1)
        while time.monotonic() < until - 1:
            server.fault(self.rng)
            time.sleep(min(self.rng.choice([0.1, 0.7, 1.5, 3]) * min(SLOW, 3),
                           max(0, until - time.monotonic())))
        server.whole()
        for p in procs:
            p.join(max(1, until + 90 * SLOW - time.monotonic()))
        stuck = [p.name for p in procs if p.is_alive()]
        for p in procs:
            if p.is_alive():
                p.terminate()
        ok(not stuck, "all clients end", stuck)
        say("faults: " + ", ".join("%s %d" % kv for kv in
                                   sorted(server.counts.items())))

    def load(self, base):
        h = self.history
        for n in range(base + 1, base + self.o.clients + 1):
            h.load("%s/c%d" % (self.book, n))
        say("requests: " + ", ".join("%s %d" % kv for kv in
                                     sorted(h.ops.items(), key=str)))
        ok(h.ops.get("forms") and h.ops.get("customers'"),
           "there were forms, and objects under a customer's key", [h.ops])
        say("refused: " + (", ".join("%s %d" % kv for kv in h.odd.items())
                           or "none"))

    def settle(self):
        self.env.update(environment(self.o.dir))
        self.c = Client(self.env)
        ok(wait_for(lambda: answers(self.c), 30), "everything serves again")
        data = self.env["DATA_DIR"]
        ok(wait_for(lambda: not dead_files(data), 40),
           "nothing of dead incarnations stays in open/", [dead_files(data)])

    # --- judgement ------------------------------------------------------------------

    def judge(self, name):
        """Reads everything, and asks whether the whole history makes sense."""
        h = self.history
        keys = sorted(h.keys)
        path = "%s/%s" % (self.book, name.replace(" ", "-"))
        read_all(self.env, self.seed, path, keys, h.versions.keys)
        h.load(path)
        t0 = time.monotonic()
        for bucket in (OPEN, CLOSED):
            found = pages(self.c, bucket)
            for key in keys:
                if key[0] == bucket:
                    h.take("list", {"o": "see", "k": key, "t0": t0,
                                    "t1": time.monotonic(),
                                    "saw": found.pop(key[1], None)})
            extra = [k for k in found if not k.startswith("fixed/")]
            ok(not extra, "%s: %s lists no other keys" % (name, bucket), extra)
        ok(not h.problems, name + ": no answer was wrong", h.problems[:20])
        h.problems = []
        bad = h.judge(self.server.log)
        ok(not bad, "%s: the histories can be explained" % name,
           ["%s: %s\n%s" % (k, why, "\n".join(story))
            for k, why, story in bad[:3]]
           + ["and %d more" % (len(bad) - 3)] * (len(bad) > 3))
        with open(path + ".bad", "w", encoding="utf-8") as f:
            for k, why, story in bad:
                f.write("%s: %s\n%s\n\n" % (k, why, "\n".join(story)))
        say("histories: %d keys, %d operations; %d with versions, %d" % (
            len(h.keys), sum(map(len, h.keys.values())),
            len(h.versions.keys), h.versions.size()))
        bad = h.appends.judge(self.c)
        ok(not bad, "%s: %d objects grew by what was appended"
           % (name, len(h.appends.keys)), bad[:5])
        self.uploads(name)

    def uploads(self, name):
        """What is known of open uploads is there, and of aborted ones not."""
        h, ids = self.history, []
        for bucket in (OPEN, CLOSED):
            r = self.c.look("GET", bucket, args=[("uploads", ""),
                                                 ("max-uploads", "1000")])
            ids += re.findall("<UploadId>(.*?)</UploadId>", r.text())
        lost = [u["id"] for u in h.open if u["id"] not in ids]
        back = [i for i in h.aborted if i in ids]
        ok(not lost, "%s: no open upload is lost" % name, lost)
        ok(not back, "%s: no aborted upload is back" % name, back)

    def complete(self):
        h = self.history
        finish = Load(self.env, 98, self.seed, self.book + "/completed")
        for u in h.open:
            u["key"] = tuple(u["key"])
            u["parts"] = {int(n): e for n, e in u["parts"].items()}
            finish.complete(u)
            finish.get(u["key"], "whole")
        finish.out.close()
        done = sum(s == 200 for s in finish.answers)
        h.load(self.book + "/completed")
        ok(done == len(h.open), "%d open uploads can be completed"
           % len(h.open), ["%d of them were" % done])
        h.open = []

    def verify(self, name):
        time.sleep(3)                 # older than the grace time
        rc, text = self.ctl.run("sweep", "--grace", "2")
        ok(rc == 0, name + ": cosctl sweep", [text])
        self.ctl.verify(name + ": cosctl verify")

    # --- the run ----------------------------------------------------------------------

    def faults_and_rebuild(self, seconds):
        server = self.server
        self.storm(0, seconds)
        self.settle()
        self.load(0)
        self.judge("after the storm")
        self.verify("after the storm")
        rc, text = self.ctl.run("compact", "--grace", "2")
        ok(rc == 0, "cosctl compact", [text])
        self.ctl.verify("after compaction: cosctl verify")

        before = snapshot(self.c, self.history.versions.amended)
        server.down()
        server.lose_redis()
        rc, text = self.ctl.run("rebuild")
        ok(rc == 0, "cosctl rebuild", [text])
        server.up()
        self.settle()
        diff = compare(before, snapshot(self.c, self.history.versions.amended))
        ok(not diff, "rebuilt: all %d facts are as before" % len(before),
           diff[:12] + ["%d differences" % len(diff)])
        self.judge("rebuilt")
        self.verify("rebuilt")
        self.complete()

    def disaster(self, seconds):
        """Everything dies at once and Redis' data is gone: containers that
        were being written are all there is."""
        server = self.server
        self.storm(10, seconds)
        self.load(10)
        server.crash()
        server.lose_redis()
        rc, text = self.ctl.run("rebuild")
        ok(rc == 0, "cosctl rebuild after a disaster", [text])
        server.up()
        self.settle()
        self.judge("after a disaster")
        self.verify("after a disaster")
        self.complete()


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--dir", required=True)
    p.add_argument("--root", required=True)
    p.add_argument("--seconds", type=float, default=40)
    p.add_argument("--seed", type=int, default=None)
    p.add_argument("--clients", type=int, default=4)
    p.add_argument("--up", default="", help="options of cosdev up")
    o = p.parse_args()
    run = Run(o)
    run.faults_and_rebuild(o.seconds * 3 / 4)
    run.disaster(o.seconds / 4)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
