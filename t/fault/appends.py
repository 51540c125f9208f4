"""Objects that grow: each belongs to one client, so that it knows how far it
got. Where an answer is lost the client leaves the object alone: it ends behind
the piece of unknown outcome, or before."""

import time

import values
from client import customer

BUCKET = "fault-append-1250000000"


def prepare(c):
    r = c.req("PUT", BUCKET)
    assert r.status == 200, r.text()


class Appends:
    def __init__(self, load):
        self.load, self.rng = load, load.rng
        self.key, self.pos = None, 0
        self.first, self.always = {}, {}

    def choose(self):
        """Another object: its name, and who encrypts it."""
        self.key, self.pos = "a/" + self.load.name(), 0
        x = self.rng.random()
        self.always = customer("x-cos-") if x < 0.2 else {}
        self.first = {"x-cos-server-side-encryption": "AES256"} \
            if x > 0.75 else {}

    def one(self):
        if self.key is None or self.rng.random() < 0.05:
            self.choose()
        w, n = self.load.name(), self.rng.randint(1, 40000)
        if self.rng.random() < 0.05:
            n += 1 << 20
        t0 = time.monotonic()
        r = self.load.ask((200,), "POST", BUCKET, self.key, sign="cos",
                          body=values.segment("%s:0:%d" % (w, n)),
                          headers=dict(self.first if self.pos == 0 else {},
                                       **self.always),
                          args=[("append", ""), ("position", str(self.pos))])
        self.load.note("append", (BUCKET, self.key), t0, w=w, n=n,
                       sure=r is not None)
        if r is None:
            self.key = None
            return
        self.pos += n
        told = r.h("x-cos-next-append-position")
        if told != str(self.pos):
            self.load.problem("append to %s: the next position is %s, not %d"
                              % (self.key, told, self.pos))


class Book:
    def __init__(self):
        self.keys = {}

    def take(self, e):
        self.keys.setdefault(e["k"][1], []).append((e["w"], e["n"], e["sure"]))

    def judge(self, c):
        """What is wrong."""
        bad = []
        for key, pieces in sorted(self.keys.items()):
            may = [b"".join(values.segment("%s:0:%d" % p[:2])
                            for p in pieces if p[2])]
            if not pieces[-1][2]:
                may.append(may[0] + values.segment("%s:0:%d" % pieces[-1][:2]))
            r = c.look("GET", BUCKET, key, sign="cos")
            if not (r.status == 200 and r.body in may
                    or r.status == 404 and may[0] == b""):
                bad.append("%s: %d, %d bytes; may have %s: %s" % (
                    key, r.status, len(r.body), [len(b) for b in may],
                    pieces))
        return bad
