"""The judgement: is there an order of all operations on a key that explains
every answer? (Linearizability, by the search of Wing and Gong.)

Operations whose outcome nobody knows may have happened at any time after they
were sent, or never. But changes of a key are ordered by numbers drawn while
their request is being served: once a later request, sent after the unknown one
was given up, has changed the key, the unknown one can no longer take effect.
That is a promise of the design, and so it is held to it.
"""

INF = float("inf")
LIMIT = 400000


class Op:
    """One operation on one key; t0, t1: when it was sent and answered.

    kind  put      value w, acl; ok
          add      likewise, if there is nothing; ok, or no: there is something
          del      ok
          acl      acl; ok, or no: there is nothing
          get      saw: None for nothing, else the value's w
          see      saw: None or (etag, size), of a listing
          acls     saw: None or "public" or "private"
    sure  whether an answer was given
    """

    __slots__ = ("kind", "t0", "t1", "w", "acl", "ok", "saw", "sure", "who",
                 "note", "bit", "end")

    def __init__(self, kind, t0, t1, who, **kw):
        self.kind, self.t0, self.t1, self.who = kind, t0, t1, who
        self.w = self.acl = self.saw = None
        self.ok = self.sure = True
        self.note = ""
        for k, v in kw.items():
            setattr(self, k, v)

    def __str__(self):
        if self.kind in ("get", "see", "acls"):
            what = "saw %s" % (self.saw,)
        else:
            what = ("%s %s" % (self.w or "", self.acl or "")).strip()
            what += " -> " + ("unknown" if not self.sure
                              else "done" if self.ok else "refused")
        return "%10.4f %10.4f  %-4s %-5s %s %s" % (
            self.t0, self.t1, self.who, self.kind, what, self.note)


FAIL = ("fail",)


def step(op, state, values):
    """The state after op, or FAIL; and whether op changed anything."""
    k = op.kind
    if k == "put":
        return (op.w, op.acl), True
    if k == "add":
        if not op.sure:
            return ((op.w, op.acl), True) if state is None else (FAIL, False)
        if op.ok:
            return ((op.w, op.acl), True) if state is None else (FAIL, False)
        return (FAIL if state is None else state), False
    if k == "del":
        return None, state is not None
    if k == "acl":
        if op.ok:
            return (FAIL, False) if state is None else ((state[0], op.acl),
                                                        True)
        return (state if state is None else FAIL), False
    if k == "get":
        return (state if op.saw == (state and state[0]) else FAIL), False
    if k == "see":
        seen = state and values[state[0]]
        return (state if op.saw == seen else FAIL), False
    if k == "acls":
        if state is None:
            return (state if op.saw is None else FAIL), False
        want = "public" if state[1] == "public-read" else "private"
        return (state if state[1] is None or op.saw == want else FAIL), False
    raise ValueError(k)


def explain(ops, values):
    """None when the history of a key can be explained, else a text. values:
    what a listing shows for each w."""
    ops = sorted(ops, key=lambda o: o.t0)
    wrote = {o.w: o for o in ops if o.kind in ("put", "add")}
    for o in ops:
        if o.kind == "get" and o.saw is not None:
            by = wrote.get(o.saw)
            if by is None:
                return "read what was never written here: %s" % o
            if by.sure and not by.ok:
                return "read what was refused: %s" % o
    # reads without an answer say nothing
    ops = [o for o in ops if o.sure or o.kind in ("put", "add", "del", "acl")]
    for i, o in enumerate(ops):
        o.bit = 1 << i
        o.end = o.t1 if o.sure else INF

    return search(ops, values)


def search(ops, values):
    n = len(ops)
    best = [0, None]
    seen = set()
    # (mask of done ops, first index not done, state, floor)
    stack = [(0, 0, None, -INF)]
    steps = 0
    while stack:
        mask, first, state, floor = stack.pop()
        while first < n and (mask & ops[first].bit
                             or (not ops[first].sure
                                 and ops[first].t1 <= floor)):
            first += 1
        key = (mask >> first, first, state, floor)
        if key in seen:
            continue
        seen.add(key)
        steps += 1
        if steps > LIMIT:
            return "cannot be decided: too many possibilities"

        # those that may come next: sent before any other was answered
        limit = INF
        todo = []
        i = first
        while i < n and ops[i].t0 <= limit:
            o = ops[i]
            i += 1
            if mask & o.bit:
                continue
            if not o.sure and o.t1 <= floor:
                continue
            todo.append(o)
            if o.end < limit:
                limit = o.end
        if limit == INF:
            return None               # only unknown ones are left
        todo = [o for o in todo if o.t0 <= limit]
        if first > best[0]:
            best = [first, (state, [o for o in todo])]

        # likely ones last: they are popped first
        todo.sort(key=lambda o: (o.sure, -o.end))
        for o in todo:
            after, changed = step(o, state, values)
            if after is FAIL:
                continue
            stack.append((mask | o.bit, first, after,
                          max(floor, o.t0) if changed else floor))

    at, why = best
    text = "no order explains it; stuck"
    if why:
        text += " in state %s at:\n" % (why[0],)
        text += "\n".join("    %s" % o for o in why[1])
    return text
