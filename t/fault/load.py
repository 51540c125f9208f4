"""One client: does everything a client may do, at random, and writes down what
it asked and what it was told.

Some keys are its own, so that it knows what they must hold; others it shares
with all clients. Every change carries a name (w) in the object's metadata.
"""

import base64
import hashlib
import json
import random
import re
import time
import traceback
from xml.sax.saxutils import escape, unescape

import appends
import forms
import values
import versions
from client import SLOW, Client, Hang, Lost, NotSent, customer

KIB, MIB = 1024, 1 << 20
OPEN, CLOSED = "fault-open-1250000000", "fault-closed-1250000000"
NAMES = ["plain", "a b", "\u00fc&<e>'\"", "p%2Fq", "x+y", "deep/er/",
         "\u8154\u8baf", "~q?r=s#t", "end."]
FIXED = {"small": 3000, "tiny": 17, "large": 5 * MIB + 11, "multi": 0}


def fixed_value(name):
    if name == "multi":
        return "m:fixed.multi.1:0:%d+fixed.multi.2:0:%d+fixed.multi.3:0:%d" \
            % (MIB + 5, 2 * MIB, 777)
    return values.plain("fixed." + name, FIXED[name])


def own_keys(n):
    return [(OPEN if i % 2 else CLOSED, "c%d/%s" % (n, s))
            for i, s in enumerate(NAMES)]


SHARED = [(OPEN, "shared/%d" % i) for i in range(6)] \
    + [(CLOSED, "shared/%d" % i) for i in range(2)]


RACES = 80


def races(storm):
    return [(OPEN if i % 2 else CLOSED, "race/%d/%d" % (storm, i))
            for i in range(RACES)]


class Load:
    def __init__(self, env, n, seed, path):
        values.SEED = seed
        self.env = env
        self.c = Client(env)
        self.n = n
        self.who = "c%d" % n
        self.rng = random.Random("%d/%d" % (seed, n))
        self.out = open(path, "w", buffering=1)
        self.count = 0
        self.own = own_keys(n)
        self.fresh = []
        self.open = []                # uploads
        self.until = 0
        self.served = {}              # answers by status
        self.answers = []             # to attempts to complete
        self.odd = {}
        self.versions = versions.Versions(self)
        self.appends = appends.Appends(self)

    # --- the book ----------------------------------------------------------

    def note(self, kind, key, t0, t1=None, **kw):
        kw.update(o=kind, k=key, t0=t0,
                  t1=time.monotonic() if t1 is None else t1)
        self.out.write(json.dumps(kw) + "\n")

    def problem(self, text):
        self.out.write(json.dumps({"o": "problem", "text": "%s: %s"
                                   % (self.who, text)}) + "\n")

    def name(self):
        self.count += 1
        return "%d.%d" % (self.n, self.count)

    def ask(self, good, *args, how=None, **kw):
        """An answer with one of the expected statuses, or None: unknown."""
        try:
            r = (how or self.c.req)(*args, **kw)
        except Lost:
            self.served["lost"] = self.served.get("lost", 0) + 1
            return None
        except Hang as e:
            self.problem("hangs: %s" % e)
            return None
        self.served[r.status] = self.served.get(r.status, 0) + 1
        if r.status in good:
            if how == forms.post:
                self.served["forms"] = self.served.get("forms", 0) + 1
            return r
        what = "%s %s" % (r.status, r.code())
        if r.status < 500 or r.status == 500:
            self.problem("%s %s %s: unexpected %s %s" % (
                args[0], args[1:], kw.get("args", ""), what, r.text()[:300]))
        self.odd[what] = self.odd.get(what, 0) + 1
        time.sleep(self.rng.random() * 0.2)
        return None

    # --- values ------------------------------------------------------------

    def length(self, big=True):
        x = self.rng.random()
        if x < 0.08:
            return 0
        if x < 0.35:
            return self.rng.randint(1, 300)
        if x < 0.70:
            return self.rng.randint(300, 16 * KIB)
        if x < 0.90 or not big:
            return self.rng.randint(16 * KIB, 128 * KIB)
        if x < 0.93:
            return 128 * KIB + self.rng.randint(-1, 1)
        if x < 0.985:
            return self.rng.randint(128 * KIB, MIB)
        return self.rng.randint(MIB, 8 * MIB)

    def acl(self):
        return self.rng.choice([None, "private", "public-read"])

    def sse(self, h, prefix="x-amz-"):
        """Some of what is written is encrypted; nobody should notice. True
        when the customer's key does it."""
        x = self.rng.random()
        if x < 0.12:
            h[prefix + "server-side-encryption"] = "AES256"
        elif x < 0.18:
            h[prefix + "server-side-encryption"] = \
                "cos/kms" if prefix == "x-cos-" else "aws:kms"
        elif x < 0.27:
            h.update(customer(prefix))
            return True
        return False

    def sign(self, key):
        return None if key[0] == OPEN and self.rng.random() < 0.5 else "s3"

    # --- changes -------------------------------------------------------------

    def put(self, key, add=False):
        w = self.name()
        v = values.plain(w, self.length())
        acl = self.acl()
        h = {"x-amz-meta-w": w, "x-amz-meta-v": v,
             "content-type": "test/" + self.who}
        if acl:
            h["x-amz-acl"] = acl
        if add:
            h["if-none-match"] = "*"
        self.sse(h)
        body = values.data(v)
        sign = "s3" if acl else self.sign(key)
        form = not add and self.rng.random() < 0.15
        t0 = time.monotonic()
        if form:
            r = self.ask((204,), self.c, *key, h, body, how=forms.post)
        else:
            r = self.ask((200, 412, 409) if add else (200,), "PUT", *key,
                         headers=h, body=body, sign=sign)
        self.note("add" if add else "put", key, t0, w=w, v=v, acl=acl,
                  sure=r is not None, ok=r is None or r.status < 300,
                  note="form" if form else "")
        if r is not None and r.status < 300 and r.etag() != values.etag(v):
            self.problem("PUT %s: ETag %s of %s" % (key, r.etag(), v))

    def copy(self, key):
        name = self.rng.choice(list(FIXED))
        w = self.name()
        v = fixed_value(name)
        acl = self.acl()
        h = {"x-amz-copy-source": "/%s/fixed/%s" % (CLOSED, name),
             "x-amz-metadata-directive": "REPLACE",
             "x-amz-meta-w": w, "x-amz-meta-v": v}
        if acl:
            h["x-amz-acl"] = acl
        if name != "multi":           # which would become one piece
            self.sse(h)
        t0 = time.monotonic()
        r = self.ask((200,), "PUT", *key, headers=h)
        self.note("put", key, t0, w=w, v=v, acl=acl, sure=r is not None,
                  note="copy")

    def delete(self, key):
        t0 = time.monotonic()
        r = self.ask((204,), "DELETE", *key, sign=self.sign(key))
        self.note("del", key, t0, sure=r is not None)

    def delete_many(self, bucket, keys):
        doc = "<Delete>%s</Delete>" % "".join(
            "<Object><Key>%s</Key></Object>" % escape(k) for k in keys)
        doc = doc.encode()
        md5 = base64.b64encode(hashlib.md5(doc).digest()).decode()
        t0 = time.monotonic()
        r = self.ask((200,), "POST", bucket, args=[("delete", "")], body=doc,
                     headers={"content-md5": md5})
        t1 = time.monotonic()
        done = []
        if r is not None:
            for part in re.findall("<Deleted>(.*?)</Deleted>", r.text(), re.S):
                m = re.search("<Key>(.*?)</Key>", part, re.S)
                done.append(unescape(m.group(1), {"&quot;": '"',
                                                  "&apos;": "'",
                                                  "&#34;": '"', "&#39;": "'"}))
            errors = re.findall("<Error>", r.text())
            if len(done) + len(errors) != len(keys):
                self.problem("multi-delete answers %d + %d of %d"
                             % (len(done), len(errors), len(keys)))
            if set(done) - set(keys):
                self.problem("multi-delete answers %s" % r.text())
        for k in keys:
            self.note("del", (bucket, k), t0, t1, sure=k in done, note="many")

    def set_acl(self, key):
        acl = self.rng.choice(["private", "public-read"])
        t0 = time.monotonic()
        r = self.ask((200, 404, 409), "PUT", *key, args=[("acl", "")],
                     headers={"x-amz-acl": acl})
        if r is not None and r.status == 409:
            return                    # somebody else was faster: no effect
        self.note("acl", key, t0, acl=acl, sure=r is not None,
                  ok=r is None or r.status == 200)

    # --- uploads ---------------------------------------------------------------

    def again(self, good, *args, **kw):
        """Until there is an answer, or the time is over."""
        first = True
        while first or time.monotonic() < self.until + 20:
            first = False
            try:
                r = self.ask(good, *args, **kw)
            except NotSent:
                r = None
            if r is not None:
                return r
            time.sleep(0.1)
        return None

    def create(self, key):
        u = {"key": key, "w": self.name(), "parts": {}, "acl": self.acl(),
             "sign": self.rng.choice(["cos", "cos", "s3"])}
        p = "x-amz-" if u["sign"] == "s3" else "x-cos-"
        n = self.rng.randint(1, 3)
        least = 5 * MIB if u["sign"] == "s3" else MIB
        if u["sign"] == "s3":
            n = min(n, 2)
        u["sizes"] = [least + self.rng.randint(0, 300 * KIB)
                      for _ in range(n - 1)] + [self.length()]
        u["v"] = "m:" + "+".join("%s.%d:0:%d" % (u["w"], i + 1, s)
                                 for i, s in enumerate(u["sizes"]))
        h = {p + "meta-w": u["w"], p + "meta-v": u["v"]}
        if u["acl"]:
            h[p + "acl"] = u["acl"]
        u["sealed"] = customer(p) if self.sse(h, p) else {}
        r = self.ask((200,), "POST", *key, args=[("uploads", "")], headers=h,
                     sign=u["sign"])
        if r is None:
            return None
        u["id"] = r.xml("UploadId")
        return u

    def part(self, u, n):
        seg = u["v"][2:].split("+")[n - 1]
        args = [("partNumber", str(n)), ("uploadId", u["id"])]
        if self.rng.random() < 0.2:
            # replaced by the one that counts
            self.ask((200,), "PUT", *u["key"], args=args, sign=u["sign"],
                     headers=u["sealed"], body=values.segment(u["w"] + ".x:0:%d"
                                         % self.rng.randint(0, 200 * KIB)))
        body = values.segment(seg)
        r = self.again((200,), "PUT", *u["key"], args=args, sign=u["sign"],
                       headers=u["sealed"], body=body)
        if r is None:
            return False
        u["parts"][n] = hashlib.md5(body).hexdigest()
        if r.etag() != u["parts"][n]:
            self.problem("part %d of %s: ETag %s" % (n, u["v"], r.etag()))
        return True

    def upload(self, key):
        u = self.create(key)
        if u is None:
            return
        order = list(range(1, len(u["sizes"]) + 1))
        self.rng.shuffle(order)
        for n in order:
            if not self.part(u, n):
                return
        x = self.rng.random()
        if x < 0.15:
            self.abort(u)
        elif x < 0.45:
            self.open.append(u)       # to be completed much later
        else:
            self.complete(u)

    def complete(self, u):
        doc = "".join("<Part><PartNumber>%d</PartNumber><ETag>%s</ETag></Part>"
                      % p for p in sorted(u["parts"].items()))
        doc = ("<CompleteMultipartUpload>%s</CompleteMultipartUpload>"
               % doc).encode()
        t0 = time.monotonic()
        tries = 0
        r = None
        while tries == 0 or (r is None and time.monotonic() < self.until + 20):
            if tries:
                time.sleep(0.1)
            try:
                # a second try finds it done, or done and gone
                r = self.ask((200, 404) if tries else (200,), "POST",
                             *u["key"], args=[("uploadId", u["id"])],
                             headers=u["sealed"], sign=u["sign"], body=doc)
                tries += 1
            except NotSent:
                if tries == 0 and time.monotonic() > self.until + 20:
                    return
        self.answers.append(r and r.status)
        sure = r is not None and r.status == 200
        if r is not None and r.status == 404 and \
                tuple(u["key"]) not in SHARED:
            # nobody else touches the key, so what was done is still there
            self.problem("complete %s again: %s" % (u["w"], r.text()[:300]))
        if sure and values.etag(u["v"]) != (r.xml("ETag") or "").replace(
                "&quot;", '"').strip('"'):
            self.problem("complete %s: ETag %s" % (u["v"], r.xml("ETag")))
        self.note("put", u["key"], t0, w=u["w"], v=u["v"], acl=u["acl"],
                  sure=sure, note="complete, %d tries" % tries)

    def abort(self, u):
        r = self.again((204, 404), "DELETE", *u["key"],
                       args=[("uploadId", u["id"])], sign=u["sign"])
        if r is not None:
            self.out.write(json.dumps({"o": "aborted", "id": u["id"]}) + "\n")

    # --- reads -------------------------------------------------------------------

    def look(self, key, r, part=None):
        """What an answer with an object says, and whether it is right."""
        w, v = r.meta.get("w"), r.meta.get("v")
        what = "%s: %s %s" % (key, w, v)
        if w is None or v is None:
            self.problem("%s: no metadata: %s" % (key, r.headers))
            return None
        if r.etag() != values.etag(v):
            self.problem("%s: ETag %s" % (what, r.etag()))
        size = values.size(v)
        if part is None:
            if int(r.h("content-length") or 0) != size:
                self.problem("%s: Content-Length %s" % (what,
                                                        r.h("content-length")))
            return w
        if part == "whole":
            want = values.data(v)
        else:
            m = re.match(r"bytes (\d+)-(\d+)/(\d+)$",
                         r.h("content-range") or "")
            if not m or int(m.group(3)) != size:
                self.problem("%s: %s gives %s" % (what, part,
                                                  r.h("content-range")))
                return w
            want = values.data(v)[int(m.group(1)):int(m.group(2)) + 1]
        if r.body != want:
            at = next((i for i, (a, b) in enumerate(zip(r.body, want))
                       if a != b), min(len(r.body), len(want)))
            self.problem("%s: %s: wrong bytes from %d on (%d bytes, %d wanted)"
                         ": %r" % (what, part, at, len(r.body), len(want),
                                   r.body[at:at + 40]))
        crc = r.h("x-cos-hash-crc64ecma") or r.h("x-amz-hash-crc64ecma")
        if crc and size < 4096 and int(crc) != values.crc64(values.data(v)):
            self.problem("%s: CRC-64 %s" % (what, crc))
        return w

    def get(self, key, how=None):
        how = how or self.rng.choice(["whole", "whole", "range", "head"])
        h = {}
        if how == "range":
            a = self.rng.choice([0, 1, self.rng.randint(0, 9000),
                                 self.rng.randint(0, 3 * MIB)])
            h["range"] = self.rng.choice([
                "bytes=%d-%d" % (a, a + self.rng.randint(0, 300 * KIB)),
                "bytes=%d-" % a, "bytes=-%d" % (a + 1)])
        sign = self.rng.choice(["s3", "cos"])
        t0 = time.monotonic()
        r = self.ask((200, 206, 404, 416), "HEAD" if how == "head" else "GET",
                     *key, headers=h, sign=sign)
        if r is None or r.status == 416:
            return r
        if r.status == 404:
            self.note("get", key, t0, saw=None, note=how)
            return r
        t1 = time.monotonic()
        w = self.look(key, r, None if how == "head" else
                      h["range"] if r.status == 206 else "whole")
        self.note("get", key, t0, t1, saw=w, v=r.meta.get("v"), note=how)
        return r

    def get_acl(self, key):
        t0 = time.monotonic()
        r = self.ask((200, 404), "GET", *key, args=[("acl", "")])
        if r is not None:
            self.note("acls", key, t0, saw=None if r.status == 404 else
                      "public" if "AllUsers" in r.text() else "private")
        return r

    def list(self, bucket, prefix):
        """One page that holds all of our keys."""
        args = [("prefix", prefix), ("max-keys", "1000")]
        if self.rng.random() < 0.5:
            args.append(("list-type", "2"))
        t0 = time.monotonic()
        r = self.ask((200,), "GET", bucket, args=args)
        if r is None:
            return None
        t1 = time.monotonic()
        found = contents(r)
        if r.xml("IsTruncated") == "true":
            return found
        known = [k for k in self.own + self.fresh + SHARED
                 if k[0] == bucket and k[1].startswith(prefix)]
        for k in known:
            self.note("see", k, t0, t1, saw=found.pop(k[1], None))
        if found:
            self.problem("list %s %s: unknown keys %s" % (bucket, prefix,
                                                          found))
        return None

    # --- all of it ------------------------------------------------------------------

    def one(self):
        rng = self.rng
        x = rng.random()
        if x < 0.38:
            (self.versions if x < 0.35 else self.appends).one()
            return
        key = rng.choice(self.own if rng.random() < 0.6 else SHARED)
        x = rng.random()
        if x < 0.17:
            self.put(key)
        elif x < 0.23:
            self.put(key, add=True)
        elif x < 0.37:
            self.put_fresh()
        elif x < 0.41:
            self.copy(key)
        elif x < 0.47:
            self.delete(key)
        elif x < 0.50:
            self.many()
        elif x < 0.55:
            self.set_acl(key)
        elif x < 0.575:
            if len(self.open) > 2:
                self.complete(self.open.pop(0))
            else:
                self.upload(key)
        elif x < 0.62:
            bucket = rng.choice([OPEN, CLOSED])
            self.list(bucket, rng.choice([self.who + "/", self.who + "/f/",
                                          "shared/"]))
        elif x < 0.67:
            self.get_acl(key)
        elif self.fresh and x < 0.80:
            self.get(rng.choice(self.fresh))
        else:
            self.get(key)
        if x < 0.55 and rng.random() < 0.4:
            # at once, before anybody may have heard of it
            self.get(key, "head")

    def put_fresh(self):
        """Many keys that are written once or twice: they fill containers."""
        if self.fresh and (len(self.fresh) >= 400 or self.rng.random() < 0.3):
            key = self.rng.choice(self.fresh)
        else:
            key = (self.rng.choice([OPEN, CLOSED]),
                   "%s/f/%s" % (self.who, self.name()))
            self.fresh.append(key)
        self.put(key)

    def race(self, storm):
        """All clients change the same key in the same moment, and leave it
        alone from then on: what the last of them said must be what a rebuild
        says."""
        racers = [Client(self.env) for _ in range(3)]
        for c in racers:
            c.ahead = True
        for i, key in enumerate(races(storm)):
            time.sleep(max(0, self.until + 0.5 + i * 0.04 * SLOW
                           - time.monotonic()))
            asked = [self.start(c, key) for c in racers]
            for c, e in zip(racers, asked):
                self.end(c, key, e)

    def start(self, c, key):
        """Sends a change, and does not wait."""
        w = self.name()
        v = values.plain(w, self.rng.randint(0, 300))
        x = self.rng.random()
        e = {"o": "put" if x < 0.6 else "add" if x < 0.8 else "del",
             "t0": time.monotonic(), "sure": True, "ok": True}
        if e["o"] != "del":
            e.update(w=w, v=v, acl=None)
        h = {"x-amz-meta-w": w, "x-amz-meta-v": v}
        if e["o"] == "add":
            h["if-none-match"] = "*"
        try:
            if e["o"] == "del":
                c.req("DELETE", *key)
            else:
                c.req("PUT", *key, headers=h, body=values.data(v))
        except NotSent:
            return None
        except Lost:
            e["sure"] = False
        return e

    def end(self, c, key, e):
        if e is None:
            return
        if e["sure"]:
            try:
                status = c.finish().status
                e["ok"] = status < 300
                e["sure"] = e["ok"] or (e["o"] == "add" and status == 412)
                if not e["sure"] and status <= 500:
                    self.problem("race %s: %d" % (e, status))
            except (Lost, Hang):
                e["sure"] = False
        e["ok"] = e["ok"] or not e["sure"]
        self.note(e.pop("o"), key, e.pop("t0"), **e)

    def many(self):
        bucket = self.rng.choice([OPEN, CLOSED])
        keys = [k for b, k in self.fresh + self.own + SHARED if b == bucket]
        self.rng.shuffle(keys)
        self.delete_many(bucket, keys[:self.rng.randint(1, 12)])

    def run(self, until, storm):
        self.until = until
        try:
            while time.monotonic() < self.until:
                try:
                    self.one()
                except NotSent:
                    time.sleep(0.05)
                time.sleep(self.rng.random() * 0.01)
            self.race(storm)
        except Exception:             # pylint: disable=broad-except
            self.problem("the client itself failed: "
                         + traceback.format_exc())
        for u in self.open:
            self.out.write(json.dumps(dict(u, o="open", key=u["key"])) + "\n")
        self.served["customers'"] = self.c.opened
        self.out.write(json.dumps({
            "o": "end", "fresh": self.fresh, "ops": self.served,
            "odd": self.odd}) + "\n")
        self.out.close()


def contents(r):
    """The keys of a page of a listing: (etag, size)."""
    found = {}
    for part in re.findall("<Contents>(.*?)</Contents>", r.text(), re.S):
        key = unescape(re.search("<Key>(.*?)</Key>", part, re.S).group(1),
                       {"&quot;": '"', "&apos;": "'", "&#34;": '"',
                        "&#39;": "'"})
        etag = re.search("<ETag>(.*?)</ETag>", part).group(1)
        found[key] = (etag.replace("&quot;", "").replace("&#34;", "")
                      .strip('"'),
                      int(re.search("<Size>(.*?)</Size>", part).group(1)))
    return found
