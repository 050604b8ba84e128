"""Judges a history against the ledger. Knows nothing of how Interlock works inside: it has the answers that clients got, with the
times they asked and were answered, and the entries as they stand in the database in the end.

What it demands:
- What was acknowledged is there, at the positions named in the answer, done by the one who asked. Nothing is there twice; what
  was never answered is there at most once.
- The order of positions is a linearization: whatever was answered before something else was asked stands before it
  (Herlihy and Wing, "Linearizability", ACM TOPLAS 12(3), 1990: the order of the object respects the order of real time).
- Replayed in that order, the claims on an environment are a lock: nobody gets one that another holds. A refusal names a state
  that was there between question and answer; so does a read, which in addition is not older than what it asked for.
- The bytes hash to the root that was signed (RFC 6962, section 2.1), computed here anew.
"""

import hashlib
import json
from datetime import datetime


def moment(text):
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def root(bodies):
    """The Merkle tree hash, by its definition over a stack of perfect subtrees."""
    stack = []
    for n, body in enumerate(bodies):
        stack.append(hashlib.sha256(b"\x00" + body).digest())
        while n & 1:
            right, left = stack.pop(), stack.pop()
            stack.append(hashlib.sha256(b"\x01" + left + right).digest())
            n >>= 1
    if not stack:
        return hashlib.sha256(b"").hexdigest()
    whole = stack.pop()
    while stack:
        whole = hashlib.sha256(b"\x01" + stack.pop() + whole).digest()
    return whole.hex()


class Lock:
    """What one environment looked like after each entry that concerned it."""

    def __init__(self):
        self.states = [(0, None)]  # (size of the ledger from which it holds, the claim or None)

    def now(self):
        return self.states[-1][1]

    def put(self, position, claim):
        self.states.append((position + 1, claim))

    def between(self, low, high):
        """The states that a reader of `low` to `high` entries may see."""
        seen = []
        for at, (since, claim) in enumerate(self.states):
            until = self.states[at + 1][0] if at + 1 < len(self.states) else float("inf")
            if since <= high and until > low:
                seen.append(claim)
        return seen


class Checker:
    def __init__(self, bodies, history):
        self.entries = [json.loads(body) for body in bodies]
        self.history = history
        self.faults = []
        self.locks = {}

    def fault(self, text):
        if len(self.faults) < 50:
            self.faults.append(text)

    def run(self):
        self.replay()
        self.acknowledged()
        self.real_time()
        self.refusals_and_reads()
        return self.faults

    def lock(self, environment):
        return self.locks.setdefault(environment, Lock())

    def replay(self):
        """The claims in the order of the ledger: each must have been allowed where it stands."""
        claims = {}
        for position, entry in enumerate(self.entries):
            kind, body = self.event(entry)
            if kind == "environment.claimed":
                at, lock = moment(entry["at"]), self.lock(body["environment"])
                held = lock.now()
                if held and held["by"] != body["account"] and held["until"] > at:
                    self.fault(f"entry {position}: {body['environment']} was given to {body['account']} while {held['by']} held it")
                claim = {"id": body["claim"], "by": body["account"], "until": moment(body["until"]), "environment": body["environment"]}
                claims[claim["id"]] = claim
                lock.put(position, claim)
            elif kind == "environment.claim_ended":
                claim = claims.get(body["claim"])
                if claim is None:
                    self.fault(f"entry {position}: a claim ends that never began")
                elif self.lock(claim["environment"]).now() is claim:
                    self.lock(claim["environment"]).put(position, None)

    @staticmethod
    def event(entry):
        return entry["event"]["kind"], entry["event"].get("data", {})

    def acknowledged(self):
        """Nothing lost, nothing twice, client by client."""
        owner_of = {}
        for op in self.history:
            if op["outcome"] != "ok" or op["kind"] == "read":
                continue
            for position, kind in op["entries"]:
                if position >= len(self.entries):
                    self.fault(f"lost: {op['id']} was acknowledged at {position}, and the ledger has {len(self.entries)} entries")
                    continue
                found = self.entries[position]
                if self.event(found)[0] != kind or self.by(found) != op["account"]:
                    self.fault(f"lost: {op['id']} was acknowledged at {position}, where something else stands: {found}")
                if position in owner_of:
                    self.fault(f"position {position} was acknowledged to {owner_of[position]} and to {op['id']}")
                owner_of[position] = op["id"]
        mine = ("environment.claimed", "environment.claim_ended")
        for account in {op["account"] for op in self.history}:
            ops = [op for op in self.history if op["account"] == account and op["kind"] != "read"]
            there = [p for p, entry in enumerate(self.entries) if self.by(entry) == account and self.event(entry)[0] in mine]
            allowed, open_ops = 0, 0
            for op in ops:
                if op["outcome"] == "ok":
                    allowed += len(op["entries"])
                elif op["outcome"] == "unknown":
                    allowed, open_ops = allowed + 1, open_ops + 1
            extra = [p for p in there if p not in owner_of]
            if len(extra) > open_ops or len(there) > allowed:
                self.fault(f"twice: {account} has {len(there)} entries, of which {extra} were never answered; {open_ops} questions are open")

    @staticmethod
    def by(entry):
        return entry["by"].get("account") if isinstance(entry["by"], dict) else None

    def real_time(self):
        done = [(min(p for p, _ in op["entries"]), op) for op in self.history if op["outcome"] == "ok" and op["entries"]]
        latest = (float("-inf"), None)
        for position, op in sorted(done, key=lambda it: it[0]):
            if op["answered"] < latest[0]:
                self.fault(f"order: {op['id']} at {position} was answered before {latest[1]['id']} was asked, which stands before it")
            latest = max(latest, (op["asked"], op), key=lambda it: it[0])

    def refusals_and_reads(self):
        for op in self.history:
            low, high = op["known"], op["position"]
            if op["outcome"] == "refused":
                held = [c for c in self.lock(op["environment"]).between(low, high) if c and c["by"] != op["account"] and c["until"] > op["asked"] - 1]
                if not held:
                    self.fault(f"{op['id']} was refused because {op['environment']} was claimed, which it was not between {low} and {high}")
            elif op["outcome"] == "ok" and op["kind"] == "read":
                if high < low:
                    self.fault(f"{op['id']} asked for {low} entries and was answered at {high}")
                states = self.lock(op["environment"]).between(low, high)
                seen = op["claim"]
                fits = any((c is None or c["until"] <= op["answered"] + 1) if seen is None else (c is not None and c["id"] == seen) for c in states)
                if not fits:
                    self.fault(f"{op['id']} saw claim {seen} on {op['environment']} between {low} and {high}, where there were {states}")
