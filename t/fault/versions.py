"""What a client does to versions: writes them, hides them, removes them, reads,
changes and lists them, in a bucket with versions, in one that is switched
between Enabled and Suspended, and in one with object lock.

What it asked and was told goes into the book; vcheck.py judges it.
"""

import base64
import hashlib
import re
import time
from xml.sax.saxutils import escape, unescape

import forms
import values
from client import customer

KIB, MIB = 1024, 1 << 20
KEEP, SWITCH, LOCK = ("fault-keep-1250000000", "fault-switch-1250000000",
                      "fault-lock-1250000000")
BUCKETS = (KEEP, SWITCH, LOCK)
OWN = ["v", "v/\u00fc &<e>", "w"]
SHARED = ["shared/%d" % i for i in range(3)]
ENTITIES = {"&quot;": '"', "&apos;": "'", "&#34;": '"', "&#39;": "'"}
RESTORED = 1                          # seconds: cos_restore_time, see fault.t
SSE = "x-amz-server-side-encryption"
REFUSED = ("AccessDenied", "ObjectLocked")


def rows(r):
    """What a page of versions shows: [key, kind, id, latest, etag, size]."""
    found = []
    for kind, x in re.findall("<(Version|DeleteMarker)>(.*?)</\\1>",
                              r.text(), re.S):
        def one(name, text=x):
            m = re.search("<%s>(.*?)</%s>" % (name, name), text, re.S)
            return unescape(m.group(1), ENTITIES) if m else None
        found.append([one("Key"), "v" if kind == "Version" else "m",
                      one("VersionId"), one("IsLatest") == "true",
                      (one("ETag") or "").strip('"'),
                      int(one("Size") or 0)])
    return found


def prepare(c):
    for bucket in BUCKETS:
        h = {"x-amz-bucket-object-lock-enabled": "true"} \
            if bucket == LOCK else {}
        r = c.req("PUT", bucket, headers=h)
        assert r.status == 200, r.text()
        assert switch(c.req, bucket, "Enabled").status == 200


def switch(req, bucket, state):
    doc = "<VersioningConfiguration><Status>%s</Status>" \
        "</VersioningConfiguration>" % state
    return req("PUT", bucket, args=[("versioning", "")], body=doc.encode())


def proof(known, body):
    """What is locked needs a digest."""
    return {"content-md5": base64.b64encode(
        hashlib.md5(body).digest()).decode()} \
        if "lock" in known or "held" in known else {}


class Versions:
    """The part of a client that works on versions; load is all of it."""

    def __init__(self, load):
        self.load, self.rng, self.ask = load, load.rng, load.ask
        # what was told of versions: (key, id, archived)
        self.told = []

    # --- choices -----------------------------------------------------------

    def key(self):
        bucket = self.rng.choices(BUCKETS, [5, 3, 3])[0]
        if self.rng.random() < 0.6:
            return (bucket, "%s/%s" % (self.load.who, self.rng.choice(OWN)))
        return (bucket, self.rng.choice(SHARED))

    def version(self):
        """One that is or was there: (key, id)."""
        if not self.told or self.rng.random() < 0.1:
            return self.key(), "null"
        return self.rng.choice(self.told)[:2]

    def tell(self, key, version, archived=False):
        if version is None:
            return
        if len(self.told) >= 60:
            self.told.pop(self.rng.randrange(60))
        self.told.append((key, version, archived))

    def length(self):
        x = self.rng.random()
        return 0 if x < 0.05 else self.rng.randint(1, 400) if x < 0.4 \
            else self.rng.randint(400, 32 * KIB) if x < 0.92 \
            else self.rng.randint(32 * KIB, MIB)

    def headers(self, key, w, v):
        """And what the book should know of them."""
        h = {"x-amz-meta-w": w, "x-amz-meta-v": v}
        known = {}
        x = self.rng.random()
        if x < 0.25:
            h[SSE] = "AES256" if x < 0.2 else "aws:kms"
        elif 0.33 < x < 0.43:
            h.update(customer())
        if key[0] == KEEP and 0.2 < x < 0.32:
            h["x-amz-storage-class"] = "GLACIER"
            known["archived"] = True
        if key[0] == LOCK and x < 0.5:
            known["lock"] = self.rng.choice(["COMPLIANCE", "GOVERNANCE",
                                             "GOVERNANCE"])
            h["x-amz-object-lock-mode"] = known["lock"]
            h["x-amz-object-lock-retain-until-date"] = time.strftime(
                "%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(time.time() + 86400))
        if key[0] == LOCK and 0.4 < x < 0.6:
            known["held"] = True
            h["x-amz-object-lock-legal-hold"] = "ON"
        return h, known

    # --- changes --------------------------------------------------------------

    def wrote(self, key, t0, r, w, v, known, note=""):
        """The answer to what makes a version."""
        version = r and r.h("x-amz-version-id")
        if r is not None and version is None:
            self.load.problem("%s: no version id: %s" % (key, r.headers))
        self.load.note("vput", key, t0, w=w, v=v, id=version,
                       sure=r is not None, note=note, **known)
        self.tell(key, version, "archived" in known)

    def put(self, key):
        w = self.load.name()
        v = values.plain(w, self.length())
        h, known = self.headers(key, w, v)
        body = values.data(v)
        form = self.rng.random() < 0.15
        h.update(proof(known, body))
        t0 = time.monotonic()
        if form:
            r = self.ask((204,), self.load.c, *key, h, body, how=forms.post)
        else:
            r = self.ask((200,), "PUT", *key, headers=h, body=body)
        self.wrote(key, t0, r, w, v, known, "form" if form else "")
        if r is not None and r.etag() != values.etag(v):
            self.load.problem("PUT %s: ETag %s of %s" % (key, r.etag(), v))

    def copy(self, key):
        """An old version over the current one, or to another key. It keeps
        the name in its metadata unless it gets a new one."""
        key2, version, archived = self.rng.choice(self.told or [(0, 0, 1)])
        if archived:
            return
        t0 = time.monotonic()
        r = self.ask((200, 404, 405), "HEAD", *key2,
                     args=[("versionId", version)])
        if r is None or r.status != 200:
            return
        w, v = self.load.name(), r.meta["v"]
        h, known = self.headers(key, w, v)
        if v[0] == "m" and (any(SSE in n for n in h)
                            or any(SSE in n for n in r.headers)):
            return                    # read and written again in one piece
        if r.h(SSE + "-customer-algorithm"):
            h.update(customer("x-amz-copy-source-"))
        h["x-amz-copy-source"] = "/%s/%s?versionId=%s" % (
            key2[0], encode(key2[1]), version)
        h["x-amz-metadata-directive"] = "REPLACE"
        h["x-amz-copy-source-if-match"] = r.etag()
        t0 = time.monotonic()
        r = self.ask((200, 404, 400, 403, 412), "PUT", *key, headers=h)
        if r is None or r.status == 200:
            self.wrote(key, t0, r, w, v, known, "copy of " + version)
        elif r.status == 403 and r.code() != "InvalidObjectState":
            self.load.problem("copy %s %s: %s" % (key2, version, r.text()))

    def multipart(self, key):
        w = self.load.name()
        sizes = [MIB + self.rng.randint(0, 9000), self.length()]
        v = "m:" + "+".join("%s.%d:0:%d" % (w, i + 1, s)
                            for i, s in enumerate(sizes))
        h = {"x-cos-meta-w": w, "x-cos-meta-v": v}
        x = self.rng.random()
        sealed = customer("x-cos-") if x < 0.15 else {}
        if x > 0.7:
            h["x-cos-server-side-encryption"] = "AES256"
        r = self.ask((200,), "POST", *key, args=[("uploads", "")], sign="cos",
                     headers=dict(h, **sealed))
        if r is None:
            return
        uid, doc = r.xml("UploadId"), ""
        for i, s in enumerate(v[2:].split("+")):
            body = values.segment(s)
            r = self.load.again((200,), "PUT", *key, sign="cos", body=body,
                                headers=sealed, args=[("partNumber", str(i + 1)),
                                      ("uploadId", uid)])
            if r is None:
                return
            doc += "<Part><PartNumber>%d</PartNumber><ETag>%s</ETag></Part>" \
                % (i + 1, r.etag())
        doc = "<CompleteMultipartUpload>%s</CompleteMultipartUpload>" % doc
        t0 = time.monotonic()
        r = self.ask((200,), "POST", *key, args=[("uploadId", uid)],
                     sign="cos", headers=sealed, body=doc.encode())
        version = r and (r.h("x-cos-version-id") or r.xml("VersionId"))
        self.load.note("vput", key, t0, w=w, v=v, id=version,
                       sure=r is not None, note="complete")
        if r is not None and version is None:
            self.load.problem("complete %s: no version id" % (key,))
        self.tell(key, version)

    def hide(self, key):
        t0 = time.monotonic()
        r = self.ask((204,), "DELETE", *key)
        version = r and r.h("x-amz-version-id")
        if r is not None and (version is None
                              or r.h("x-amz-delete-marker") != "true"):
            self.load.problem("DELETE %s: %s" % (key, r.headers))
        self.load.note("vput", key, t0, w=None, v=None, id=version,
                       sure=r is not None, note="marker")
        self.tell(key, version)

    def remove(self, key, version):
        bypass = key[0] == LOCK and self.rng.random() < 0.5
        h = {"x-amz-bypass-governance-retention": "true"} if bypass else {}
        t0 = time.monotonic()
        r = self.ask((204, 403), "DELETE", *key, headers=h,
                     args=[("versionId", version)])
        self.load.note("vrm", key, t0, id=version, bypass=bypass,
                       sure=r is not None,
                       ok=r is None or r.status == 204)

    def many(self):
        """Keys and versions of one bucket in one request."""
        bucket = self.rng.choice(BUCKETS)
        of = [t[:2] for t in self.told if t[0][0] == bucket]
        self.rng.shuffle(of)
        items = [(k, i if self.rng.random() < 0.7 else None)
                 for k, i in of[:self.rng.randint(1, 6)]]
        items = list(dict.fromkeys(items))
        if not items:
            return
        doc = "<Delete>%s</Delete>" % "".join(
            "<Object><Key>%s</Key>%s</Object>" % (
                escape(k[1]),
                "<VersionId>%s</VersionId>" % i if i else "")
            for k, i in items)
        doc = doc.encode()
        md5 = base64.b64encode(hashlib.md5(doc).digest()).decode()
        t0 = time.monotonic()
        r = self.ask((200,), "POST", bucket, args=[("delete", "")], body=doc,
                     headers={"content-md5": md5})
        t1 = time.monotonic()
        self.many_done(bucket, items, r, t0, t1)

    def many_done(self, bucket, items, r, t0, t1):
        said = {}
        for kind, x in re.findall("<(Deleted|Error)>(.*?)</\\1>",
                                  r.text() if r else "", re.S):
            got = {n: unescape(t, ENTITIES)
                   for n, t in re.findall("<(\\w+)>([^<]*)</\\1>", x)}
            said[got["Key"], got.get("VersionId")] = kind, got
        for key, version in items:
            kind, got = said.pop((key[1], version), (None, {}))
            if kind == "Error" and got["Code"] not in REFUSED + (
                    "ServiceUnavailable", "SlowDown"):
                self.load.problem("multi-delete: %s" % (got,))
            if version:
                refused = kind == "Error" and got["Code"] in REFUSED
                self.load.note("vrm", key, t0, t1, id=version, bypass=False,
                               sure=kind == "Deleted" or refused,
                               ok=not refused, note="many")
                continue
            mark = got.get("DeleteMarkerVersionId")
            if kind == "Deleted" and (mark is None
                                      or got.get("DeleteMarker") != "true"):
                self.load.problem("multi-delete: %s" % (got,))
            self.load.note("vput", key, t0, t1, w=None, v=None, id=mark,
                           sure=kind == "Deleted", note="marker, many")
            self.tell(key, mark)
        if said:
            self.load.problem("multi-delete answers %s" % (said,))

    def amend(self, key, version, what):
        """A change of metadata."""
        args, h, doc = [(what, ""), ("versionId", version)], {}, b""
        value = self.rng.choice(["public", "private"])
        if what == "acl":
            h["x-amz-acl"] = "public-read" if value == "public" else value
        elif what == "tagging":
            value = self.load.name()
            doc = "<Tagging><TagSet><Tag><Key>t</Key><Value>%s</Value></Tag>" \
                "</TagSet></Tagging>" % value
        elif what == "legal-hold":
            value = self.rng.choice(["ON", "OFF", "OFF"])
            doc = "<LegalHold><Status>%s</Status></LegalHold>" % value
        else:
            value = "asked"
            doc = "<RestoreRequest><Days>1</Days><GlacierJobParameters>" \
                "<Tier>Expedited</Tier></GlacierJobParameters>" \
                "</RestoreRequest>"
        t0 = time.monotonic()
        r = self.ask((200, 202, 204, 404, 405, 409), "POST" if what ==
                     "restore" else "PUT", *key, args=args, headers=h,
                     body=doc if isinstance(doc, bytes) else doc.encode())
        if r is not None and r.status == 409:
            return                    # somebody else was faster: no effect
        self.load.note("vset", key, t0, id=version, what=what, value=value,
                       sure=r is not None,
                       status=r.status if r is not None else None)

    def switch(self):
        state = self.rng.choice(["Enabled", "Suspended"])
        switch(lambda *a, **kw: self.ask((200, 409), *a, **kw), SWITCH, state)

    # --- reads ------------------------------------------------------------------

    def get(self, key, version=None, how=None):
        """A version, or what is current."""
        how = how or self.rng.choice(["GET", "GET", "HEAD"])
        args = [("versionId", version)] if version else []
        t0 = time.monotonic()
        r = self.ask((200, 403, 404, 405), how, *key, args=args)
        if r is None:
            return r
        t1 = time.monotonic()
        kind, saw = {404: "none", 405: "marker", 403: "archived"}.get(
            r.status, "value"), None
        if r.status == 403 and how == "GET" \
                and r.code() != "InvalidObjectState":
            self.load.problem("GET %s %s: %s" % (key, version, r.text()))
        told = r.h("x-amz-version-id")
        if kind == "none" and not version and r.h("x-amz-delete-marker"):
            kind = "marker"
        if kind == "value":
            saw = self.load.look(key, r, "whole" if how == "GET" else None)
        if version and kind in ("value", "marker") and told != version:
            self.load.problem("%s %s %s answers version %s"
                              % (how, key, version, told))
        if kind in ("value", "marker") and told is None:
            self.load.problem("%s %s: no version id" % (how, key))
            return r
        if kind != "archived" or version:
            self.load.note("vget", key, t0, t1, id=version or told,
                           current=not version, got=kind, saw=saw,
                           head=how == "HEAD")
        return r

    def see(self, key, version, what):
        t0 = time.monotonic()
        r = self.ask((200, 404, 405), "GET", *key,
                     args=[(what, ""), ("versionId", version)])
        if r is None:
            return
        saw = None
        if r.status == 200 and what == "acl":
            saw = "public" if "AllUsers" in r.text() else "private"
        elif r.status == 200:
            saw = r.xml("Value") or ""
        kind = {200: "value", 405: "marker"}.get(r.status, "none")
        self.load.note("vsee", key, t0, id=version, what=what, got=kind,
                       saw=saw)

    def list(self, key):
        t0 = time.monotonic()
        r = self.ask((200,), "GET", key[0],
                     args=[("versions", ""), ("prefix", key[1])])
        if r is None or r.xml("IsTruncated") != "false":
            return
        found = [row[1:] for row in rows(r) if row[0] == key[1]]
        self.load.note("vlist", key, t0, rows=found)
        for row in found[:3]:
            self.tell(key, row[1])

    # --- all of it ------------------------------------------------------------------

    def one(self):
        rng, key, x = self.rng, self.key(), self.rng.random()
        old, version = self.version()
        if x < 0.26:
            self.put(key)
        elif x < 0.33:
            self.hide(key)
        elif x < 0.47:
            self.remove(old, version)
        elif x < 0.60:
            self.get(old, version)
        elif x < 0.69:
            self.get(key)
        elif x < 0.79:
            self.amend(old, version, rng.choice(["acl", "tagging"]))
        elif x < 0.84:
            self.see(old, version, rng.choice(["acl", "tagging"]))
        elif x < 0.89:
            self.list(key)
        elif x < 0.92:
            self.copy(key)
        elif x < 0.94:
            self.many()
        elif x < 0.955:
            self.multipart(key)
        elif x < 0.97:
            self.switch()
        else:
            self.special()
        if x < 0.47 and rng.random() < 0.4:
            self.list(key)

    def special(self):
        """What only some versions have: a hold, an archive's sleep."""
        held = [t for t in self.told if t[0][0] == LOCK and t[1] != "null"]
        cold = [t for t in self.told if t[2]]
        if cold and self.rng.random() < 0.5:
            key, version, _ = self.rng.choice(cold)
            self.amend(key, version, "restore")
        elif held:
            key, version, _ = self.rng.choice(held)
            self.amend(key, version, "legal-hold")


def encode(text):
    return "".join(chr(b) if chr(b).isalnum() and b < 128 or chr(b) in "/-_.~"
                   else "%%%02X" % b for b in text.encode())


# --- everything there is ---------------------------------------------------------

def pages(c, bucket, size=300):
    """All versions of a bucket, and the text of their listing."""
    found, text, marker = [], [], []
    while True:
        r = c.look("GET", bucket, args=[("versions", ""),
                                       ("max-keys", str(size))] + marker)
        assert r.status == 200, r.text()
        found += rows(r)
        text += re.findall(b"<(?:Version|DeleteMarker)>.*?</(?:Version|"
                           b"DeleteMarker)>", r.body, re.S)
        if r.xml("IsTruncated") != "true":
            return found, text
        marker = [("key-marker", unescape(r.xml("NextKeyMarker"), ENTITIES)),
                  ("version-id-marker", r.xml("NextVersionIdMarker") or "")]


def snapshot(c, snap, amended):
    """Listings, and the headers of each version; of those that were amended
    its ACL and tags."""
    for bucket in BUCKETS:
        found, snap[bucket, "versions"] = pages(c, bucket)
        for key, kind, version, _, _, _ in found:
            if kind == "m":
                continue
            args = [("versionId", version)]
            r = c.look("HEAD", bucket, key, args=args)
            snap[bucket, key, version] = r.status, sorted(
                (k, v) for k, v in r.headers.items()
                if k in ("etag", "last-modified", "content-length")
                or k.startswith("x-amz-") and "id-2" not in k
                and "request-id" not in k or k == "x-amz-version-id")
            if (bucket, key, version) in amended:
                for what in ("acl", "tagging"):
                    r = c.look("GET", bucket, key, args=args + [(what, "")])
                    snap[bucket, key, version, what] = r.body


def read_all(load, keys):
    """Every version by its id, what is current, and whether the listings say
    the same. Returns keys that nobody wrote."""
    strange = []
    for bucket in BUCKETS:
        t0 = time.monotonic()
        found, _ = pages(load.c, bucket)
        by = {k: [] for k in keys if k[0] == bucket}
        for row in found:
            if (bucket, row[0]) not in by:
                strange.append((bucket, row[0]))
            by.setdefault((bucket, row[0]), []).append(row[1:])
        for key, of in sorted(by.items()):
            load.note("vlist", key, t0, rows=of)
            for row in of:
                load.versions.get(key, row[1], "GET")
            load.versions.get(key, None, "HEAD")
        check_current(load, bucket, by)
    return strange


def check_current(load, bucket, by):
    """The listing of objects is that of versions which are the latest."""
    want = {k[1]: (of[0][3], of[0][4]) for k, of in by.items()
            if of and of[0][0] == "v"}
    if not want:
        return
    r = load.c.look("GET", bucket, args=[("max-keys", "1000")])
    got = {}
    for part in re.findall("<Contents>(.*?)</Contents>", r.text(), re.S):
        key = unescape(re.search("<Key>(.*?)</Key>", part).group(1), ENTITIES)
        etag = unescape(re.search("<ETag>(.*?)</ETag>", part).group(1),
                        ENTITIES).strip('"')
        got[key] = etag, int(re.search("<Size>(.*?)</Size>", part).group(1))
    if got != want:
        load.problem("%s: objects %s, latest versions %s" % (
            bucket, sorted(got.items()), sorted(want.items())))
