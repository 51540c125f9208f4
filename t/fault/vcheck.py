"""The judgement of versions. What was asked and told says of each version from
when on it must be there, until when it may be, and what it must read like; and
of two versions whose writing did not overlap, which is the older one.

An answer that never came leaves both possible, once: a version may exist or
not, and may be gone or not, but what was seen after that stays so. An unknown
change took its number before it was given up; it does not come to life behind
a later one that was acknowledged.
"""

import values
from versions import RESTORED, SWITCH

INF = float("inf")


class E:
    """An event of the book."""

    def __init__(self, kind, e):
        self.kind, self.sure, self.ok = kind, True, True
        self.id = self.w = self.v = self.lock = None
        self.held = self.archived = self.bypass = False
        self.note = ""
        self.__dict__.update(e)

    def __str__(self):
        show = {k: v for k, v in self.__dict__.items()
                if k not in ("kind", "t0", "t1", "k", "rows")
                and v not in (None, False, "")}
        text = "%10.4f %10.4f %-5s %s" % (self.t0, self.t1, self.kind, show)
        for row in getattr(self, "rows", ()):
            text += "\n" + " " * 28 + str(row)
        return text

    def done(self):
        """Whether it may have had an effect."""
        return self.ok or not self.sure


class Key:
    """All that is known of the versions of one key."""

    def __init__(self, key):
        self.key = key
        self.bad = []
        self.events = []

    def of(self, *kinds):
        return [e for e in self.events if e.kind in kinds]

    def wrong(self, text, e=None):
        self.bad.append(text + (": %s" % e if e else ""))

    # --- who wrote what --------------------------------------------------------

    def judge(self):
        self.bad = []
        self.events.sort(key=lambda e: e.t0)
        self.puts = self.of("vput")
        self.rms = self.of("vrm")
        self.by_w = {p.w: p for p in self.puts if p.w}
        self.owner = {}
        for p in self.puts:
            if p.id and p.id != "null":
                if p.id in self.owner:
                    self.wrong("an id was told twice", p)
                self.owner[p.id] = p
        self.attribute()
        self.seen = {}                # id -> [(t0, t1)]
        self.missed = {}
        for e in self.events:
            getattr(self, e.kind)(e)
        self.presence()
        return self.bad

    def attribute(self):
        """Versions of writers that had no answer: by the name they carry."""
        for g in self.of("vget"):
            if not g.saw or not g.id or g.id == "null":
                continue
            p = self.by_w.get(g.saw)
            if p is None:
                self.wrong("read what was never written here", g)
            elif g.id not in self.owner:
                if p.sure or p in self.owner.values():
                    self.wrong("a version that nobody wrote", g)
                self.owner[g.id] = p
        strange = {g.id for g in self.of("vget") if g.got == "marker"}
        strange |= {r[1] for e in self.of("vlist") for r in e.rows
                    if r[0] == "m"}
        strange -= {"null", None}
        strange -= set(self.owner)
        most = sum(not p.sure and p.w is None for p in self.puts)
        if len(strange) > most:
            self.wrong("%d markers that nobody made, %d may be: %s"
                       % (len(strange), most, strange))

    # --- what may be gone ---------------------------------------------------------

    def holds(self, version, t0, t1):
        """Whether a legal hold was there all of that time, or ever."""
        p = self.owner.get(version)
        sets = [s for s in self.of("vset") if s.id == version
                and s.what == "legal-hold"
                and (not s.sure or s.status == 200)]
        ever = any(s.value == "ON" and s.t0 < t1 for s in sets) \
            or bool(p and p.held)
        on = [(s.t0, s.t1) for s in sets if s.value == "ON" and s.sure]
        if p and p.held:
            on.append((p.t0, p.t1))
        off = [s for s in sets if s.value == "OFF"]
        always = any(b < t0 and not any(s.t1 > a and s.t0 < t1 for s in off)
                     for a, b in on)
        return always, ever

    def kept(self, e):
        """Whether a lock forbids this removal."""
        p = self.owner.get(e.id)
        if p is None:
            return False
        return p.lock == "COMPLIANCE" or p.lock == "GOVERNANCE" \
            and not e.bypass or self.holds(e.id, e.t0, e.t1)[0]

    def removable(self, p, before):
        """Whether what p wrote may be gone at some time."""
        if p.id == "null":
            return any(r.id == "null" and r.done() and r.t1 > p.t0
                       and r.t0 < before for r in self.rms) \
                or any(q is not p and self.maybe_null(q) and q.t1 > p.t0
                       and q.t0 < before for q in self.puts)
        return any(r.id == p.id and r.done() and r.t0 < before
                   and not self.kept(r) for r in self.rms)

    # --- the null version ------------------------------------------------------------

    def maybe_null(self, p):
        return p.id == "null" or not p.sure and self.key[0] == SWITCH

    def null_writers(self, t0, t1, fits):
        """Who may have written the null version that was seen."""
        found = []
        for p in self.puts:
            if not self.maybe_null(p) or p.t0 > t1 or not fits(p):
                continue
            over = [x for x in self.puts + self.rms if x is not p
                    and x.id == "null" and x.sure and x.ok
                    and x.t0 > p.t1 and x.t1 < t0]
            if not over:
                found.append(p)
        return found

    def no_null(self, e):
        for p in self.puts:
            if p.id == "null" and p.t1 < e.t0 and not any(
                    r.id == "null" and r.done() and r.t1 > p.t0
                    and r.t0 < e.t1 for r in self.rms):
                self.wrong("the null version is not there; written by %s" % p,
                           e)
                return

    # --- events ------------------------------------------------------------------------

    def vput(self, _e):
        pass

    def vrm(self, e):
        p = self.owner.get(e.id)
        if e.sure and e.ok and self.kept(e) and not self.removable(p, e.t1):
            self.wrong("a locked version was removed", e)
        if e.sure and not e.ok and p and not p.lock \
                and not self.holds(e.id, e.t0, e.t1)[1]:
            self.wrong("not locked, and kept", e)

    def writers(self, e, version, kind, saw, row=None):
        """Who wrote the version that an answer shows; [] when it is not
        known, None when it cannot be."""
        def fits(p):
            if (kind == "marker") != (p.w is None) or saw and p.w != saw:
                return False
            return not row or kind == "marker" or row[3:] == [
                values.etag(p.v), values.size(p.v)]
        if version == "null":
            found = self.null_writers(e.t0, e.t1, fits)
            return found or None
        p = self.owner.get(version)
        if p is not None:
            return [p] if fits(p) else None
        if kind == "marker" or any(not p.sure and p.t0 < e.t1 and fits(p)
                                   for p in self.puts):
            return []
        return None

    def present(self, e, version, kind, saw=None, row=None):
        by = self.writers(e, version, kind, saw, row)
        if by is None:
            self.wrong("%s %s cannot be" % (kind, version), e)
            return []
        if by and all(p.t0 > e.t1 for p in by):
            self.wrong("seen before it was written", e)
        if version != "null":
            self.seen.setdefault(version, []).append((e.t0, e.t1))
            gone = [r for r in self.rms if r.id == version and r.sure
                    and r.ok and r.t1 < e.t0]
            if gone:
                self.wrong("%s was removed by %s" % (version, gone[0]), e)
        return by

    def absent(self, e, version):
        if version == "null":
            self.no_null(e)
        else:
            self.missed.setdefault(version, []).append((e.t0, e.t1))

    def vget(self, e):
        if e.got == "none" and not e.current:
            return self.absent(e, e.id)
        if e.got == "none":
            for p in self.puts:
                if p.sure and p.t1 < e.t0 and not self.removable(p, e.t1):
                    return self.wrong("nothing is current, although %s" % p,
                                      e)
            return None
        kind = "marker" if e.got == "marker" else "value"
        by = self.present(e, e.id, kind, e.saw)
        if by and e.current:
            self.newest(e, by)
        if by and kind == "value" and not e.head:
            self.sleep(e, by)
        return None

    def newest(self, e, by):
        """What was current had no newer one."""
        for q in self.puts:
            if q.sure and q.t1 < e.t0 and all(q.t0 > p.t1 for p in by) \
                    and not self.removable(q, e.t1):
                return self.wrong("there is a newer version: %s" % q, e)
        return None

    def sleep(self, e, by):
        """Archived objects are read when they were restored."""
        asked = [s for s in self.of("vset") if s.id == e.id
                 and s.what == "restore"
                 and (not s.sure or s.status in (200, 202))]
        if e.got == "archived":
            if not any(p.archived for p in by):
                self.wrong("is not archived", e)
            if any(s.sure and s.t1 + RESTORED + 2 < e.t0 for s in asked):
                self.wrong("was restored", e)
        elif all(p.archived for p in by) and e.id != "null" \
                and not any(s.t0 < e.t1 for s in asked):
            self.wrong("was never restored", e)

    def vset(self, e):
        if not e.sure:
            return
        if e.status == 404:
            self.absent(e, e.id)
        else:
            self.present(e, e.id, "marker" if e.status == 405 else "value")

    def vsee(self, e):
        if e.got == "none":
            return self.absent(e, e.id)
        by = self.present(e, e.id, e.got)
        if not by or e.id == "null" or e.got != "value":
            return None
        sets = [s for s in self.of("vset") if s.id == e.id
                and s.what == e.what and (not s.sure or s.status == 200)]
        last = [s for s in sets if s.sure and s.t1 < e.t0]
        may = [s for s in sets if s.value == e.saw and s.t0 < e.t1
               and not any(y.t0 > s.t1 for y in last)]
        # a copy has the tags of its source
        first = e.saw == ("private" if e.what == "acl" else "") \
            or e.what == "tagging" and by[0].note.startswith("copy")
        if not may and (last or not first):
            self.wrong("this %s cannot be" % e.what, e)
        return None

    def vlist(self, e):
        ids = [r[1] for r in e.rows]
        if len(set(ids)) != len(ids):
            self.wrong("a version twice", e)
        if [r[2] for r in e.rows] != [i == 0 for i in range(len(ids))]:
            self.wrong("which is the latest", e)
        older = -INF
        for row in reversed(e.rows):
            by = self.present(e, row[1], "marker" if row[0] == "m"
                              else "value", None, row)
            if by:
                if max(p.t1 for p in by) < older:
                    self.wrong("%s is newer than what is above it" % row[1], e)
                older = max(older, min(p.t0 for p in by))
        for version in set(self.owner) - set(ids):
            self.absent(e, version)
        if "null" not in ids:
            self.no_null(e)

    # --- there or not -----------------------------------------------------------------

    def presence(self):
        for version, p in self.owner.items():
            since = p.t1 if p.sure else INF
            seen = self.seen.get(version, [])
            since = min([since] + [b for _, b in seen])
            for a, b in self.missed.get(version, ()):
                if a <= since:
                    continue
                if not any(r.id == version and r.done() and r.t0 < b
                           and not self.kept(r) for r in self.rms):
                    self.wrong("%s is lost at %.4f; written by %s"
                               % (version, a, p))
                    break
                if any(c > b for c, _ in seen):
                    self.wrong("%s is back after %.4f; written by %s"
                               % (version, b, p))
                    break


class Book:
    """The versions of all keys."""

    def __init__(self):
        self.keys = {}
        self.amended = set()

    def take(self, kind, e):
        key = tuple(e.pop("k"))
        if kind == "vset" and e["id"] != "null":
            self.amended.add(key + (e["id"],))
        self.keys.setdefault(key, Key(key)).events.append(E(kind, e))

    def size(self):
        return sum(len(k.events) for k in self.keys.values())

    def judge(self, faults):
        """[(key, what is wrong, everything that happened)]"""
        bad = []
        for key, k in sorted(self.keys.items()):
            why = k.judge()
            if why:
                lines = [(e.t0, str(e)) for e in k.events] \
                    + [(t, "%10.4f ------- %s" % (t, what))
                       for t, what in faults]
                bad.append((key, "\n".join(why[:5]),
                            [s for _, s in sorted(lines)]))
        return bad
