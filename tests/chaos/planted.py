"""The checker itself: it finds nothing in a sound history, and each harm that is planted into one."""

import json

from checker import Checker, moment, root

BEGIN = moment("2026-01-01T00:00:00Z")


def entry(kind, account, **data):
    event = {"kind": kind, "data": {"account": account, **data}}
    return json.dumps({"at": "2026-01-01T00:00:00Z", "by": {"account": account}, "event": event}).encode()


def claimed(account, claim):
    return entry("environment.claimed", account, claim=claim, environment="e", until="2026-01-01T00:01:00Z")


def ended(account, claim):
    return entry("environment.claim_ended", account, claim=claim)


def asked(name, account, begin, end, entries=(), kind="claim", outcome="ok", known=0, position=0, claim=None):
    return {"id": name, "kind": kind, "account": account, "environment": "e", "asked": BEGIN + begin, "answered": BEGIN + end, "entries": list(entries),
            "outcome": outcome, "known": known, "position": position, "claim": claim}


LEDGER = [claimed("A", "1"), ended("A", "1"), claimed("B", "2")]
HISTORY = [
    asked("one", "A", 1, 2, [(0, "environment.claimed")], position=1),
    asked("two", "A", 3, 4, [(1, "environment.claim_ended")], known=1, position=2),
    asked("three", "B", 5, 6, [(2, "environment.claimed")], known=2, position=3),
    asked("look", "C", 7, 8, kind="read", known=3, position=3, claim="2"),
    asked("no", "C", 7, 8, outcome="refused", known=3, position=3),
]
HARMS = {
    "an acknowledged entry is lost": (LEDGER[:2], HISTORY[:3], "lost"),
    "another stands in its place": ([LEDGER[0], LEDGER[1], claimed("C", "9")], HISTORY[:3], "lost"),
    "one is there twice": ([*LEDGER, claimed("B", "3")], HISTORY, "twice"),
    "two hold it at once": ([LEDGER[0], LEDGER[2]], [], "while"),
    "a later question stands earlier": (LEDGER, [{**HISTORY[0], "asked": BEGIN + 20, "answered": BEGIN + 21}, *HISTORY[1:]], "order"),
    "a read is old": (LEDGER, [*HISTORY, asked("old", "C", 9, 10, kind="read", known=3, position=3, claim="1")], "saw"),
    "a read goes back": (LEDGER, [*HISTORY, asked("back", "C", 9, 10, kind="read", known=3, position=2, claim=None)], "answered at"),
    "a refusal has no reason": (LEDGER, [*HISTORY, asked("why", "C", 9, 10, outcome="refused", known=2, position=2)], "was refused"),
}


def run():
    """The harms that were not found, and what was found where nothing is wrong."""
    faults = [f"in a sound history: {it}" for it in Checker(LEDGER, HISTORY).run()]
    for name, (ledger, history, word) in HARMS.items():
        if not any(word in it for it in Checker(ledger, history).run()):
            faults.append(f"not found: {name}")
    # RFC 6962's own example tree is not published with values; the definition, applied by halves, is the second opinion.
    for size in range(20):
        bodies = [bytes([n]) * n for n in range(size)]
        if root(bodies) != by_halves(bodies).hex():
            faults.append(f"the root over {size} entries is wrong")
    return faults


def by_halves(bodies):
    from hashlib import sha256
    if not bodies:
        return sha256(b"").digest()
    if len(bodies) == 1:
        return sha256(b"\x00" + bodies[0]).digest()
    half = 1 << (len(bodies) - 1).bit_length() - 1
    return sha256(b"\x01" + by_halves(bodies[:half]) + by_halves(bodies[half:])).digest()
