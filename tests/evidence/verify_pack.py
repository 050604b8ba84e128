#!/usr/bin/env python3
"""A second verifier of evidence packs, made from docs/reference/evidence-pack.md alone: standard library, and Ed25519 from the
package `cryptography`. Shares no line with Interlock.

    verify_pack.py PACK --key VKEY [--witness VKEY]... [--earlier FILE]

Exit codes: 0 shown, 1 not as it was made, 3 something was not shown.
"""

import argparse
import base64
import bisect
import datetime
import hashlib
import json
import sys
import tarfile

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

FORMAT = "interlock-pack/1"


Wrong = type("Wrong", (Exception,), {"__doc__": "Something is not as it was made."})
NotShown = type("NotShown", (Exception,), {"__doc__": "Something was not shown."})


def sha256(*parts):
    hasher = hashlib.sha256()
    for part in parts:
        hasher.update(part)
    return hasher.digest()


def named(digest):
    return "sha256:" + digest.hex()


def digest_of(text):
    if len(text) != 71 or not text.startswith("sha256:"):
        raise Wrong(f"`{text}` is no digest")
    return bytes.fromhex(text[7:])


def node(left, right):
    return sha256(b"\x01", left, right)


class Key:
    """A verifier key of a signed note: `name+id+base64(algorithm, key)`."""

    def __init__(self, text, algorithm):
        self.text = text.strip()
        self.name, key_id, data = self.text.split("+", 2)
        data = base64.b64decode(data, validate=True)
        if data[0] != algorithm or len(data) != 33:
            raise Wrong(f"`{text}` is a key of another kind")
        self.id = sha256(self.name.encode(), b"\n", data)[:4]
        if self.id.hex() != key_id:
            raise Wrong(f"the id of key `{text}` is not its own")
        self.key = Ed25519PublicKey.from_public_bytes(data[1:])

    def signatures(self, note):
        text, _, lines = note.rpartition("\n\n")
        for line in lines.splitlines():
            mark, name, data = line.split(" ")
            data = base64.b64decode(data, validate=True)
            if mark == "\u2014" and name == self.name and data[:4] == self.id:
                yield text + "\n", data[4:]

    def open(self, note):
        found = None
        for text, signature in self.signatures(note):
            try:
                self.key.verify(signature, text.encode())
            except InvalidSignature:
                raise Wrong(f"the signature of {self.name} does not fit") from None
            found = text
        if found is None:
            raise Wrong(f"{self.name} has not signed it")
        return found

    def cosigned(self, note):
        """When this witness signed the note (C2SP tlog-cosignature), or None."""
        times = []
        for text, data in self.signatures(note):
            time = int.from_bytes(data[:8], "big")
            try:
                self.key.verify(data[8:], f"cosignature/v1\ntime {time}\n{text}".encode())
            except InvalidSignature:
                raise Wrong(f"the co-signature of {self.name} does not fit") from None
            times.append(time)
        return max(times, default=None)


def checkpoint(key, note):
    origin, size, root = key.open(note).split("\n")[:3]
    if origin != key.name or str(int(size)) != size:
        raise Wrong("it is no checkpoint of this ledger")
    return int(size), base64.b64decode(root, validate=True)


def root_of_many(size, leaves, nodes):
    """The root that leaves by position and the listed subtrees lead to; the subtrees must be exactly those needed."""
    positions = sorted(leaves)
    rest = iter(nodes)

    def walk(low, high, first, last):
        length = high - low
        if first == last and length & (length - 1) == 0:
            height, index, digest = next(rest, (None, None, None))
            if (height, index) != (length.bit_length() - 1, low >> (length.bit_length() - 1)):
                raise Wrong("the proof gives other subtrees than are needed")
            return digest
        if length == 1:
            return leaves[low]
        middle = low + (1 << ((length - 1).bit_length() - 1))
        cut = bisect.bisect_left(positions, middle, first, last)
        return node(walk(low, middle, first, cut), walk(middle, high, cut, last))

    root = walk(0, size, 0, len(positions))
    if next(rest, None) is not None:
        raise Wrong("the proof gives more subtrees than are needed")
    return root


def consistent(old, new, old_root, new_root, proof):
    """RFC 9162, section 2.1.4.2."""
    if old == new:
        return old_root == new_root and not proof
    if old == 0:
        return old_root == sha256(b"") and not proof
    proof = ([old_root] if old & (old - 1) == 0 else []) + proof
    at, last = old - 1, new - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    first = second = proof[0]
    for step in proof[1:]:
        if last == 0:
            return False
        if at & 1 or at == last:
            first, second = node(step, first), node(step, second)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            second = node(second, step)
        at, last = at >> 1, last >> 1
    return last == 0 and first == old_root and second == new_root


def time_of(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


class Pack:
    def __init__(self, path, key, witnesses, earlier):
        self.key, self.witnesses, self.kept = key, witnesses, earlier
        with tarfile.open(path, "r:") as archive:
            members = archive.getmembers()
            self.order = [it.name for it in members]
            self.files = {it.name: archive.extractfile(it).read() for it in members if it.isfile()}
        self.manifest = json.loads(self.files["manifest.json"])
        self.text = lambda path: self.files[path].decode()

    def check_files(self):
        listed = ["manifest.json", "manifest.note"] + [it["path"] for it in self.manifest["files"]]
        if self.manifest["format"] != FORMAT or self.order != listed or len(self.files) != len(listed):
            raise Wrong(f"the files are not those that are listed: {set(self.order) ^ set(listed)}")
        for it in self.manifest["files"]:
            data = self.files[it["path"]]
            if len(data) != it["bytes"] or named(sha256(data)) != it["digest"]:
                raise Wrong(f"{it['path']} was changed")
        return f"{len(self.files)} files"

    def check_signature(self):
        if self.key is None:
            self.key = Key(self.manifest["verifier_key"], 1)
            self.check_signature()
            raise NotShown("the key is only the pack's own")
        if self.key.text != self.manifest["verifier_key"]:
            raise Wrong("the pack is of another key")
        if self.key.open(self.text("manifest.note")) != f"{FORMAT}\n{named(sha256(self.files['manifest.json']))}\n":
            raise Wrong("another manifest was signed")
        return self.key.name

    def check_checkpoint(self):
        self.size, self.root = checkpoint(self.key, self.text("checkpoint"))
        if (self.size, named(self.root)) != (self.manifest["size"], self.manifest["root"]):
            raise Wrong("the manifest speaks of another tree")
        return f"{self.size} entries"

    def check_witnesses(self):
        times = [it.cosigned(self.text("checkpoint")) for it in self.witnesses]
        self.times = [it for it in times if it is not None]
        required = self.manifest["witnesses"]["required"]
        if self.witnesses:
            required = min(max(required, 1), len(self.witnesses))
        if len(self.times) < required:
            raise NotShown(f"{len(self.times)} of {required} witnesses")
        return f"{len(self.times)} witnesses"

    def check_entries(self):
        lines = [it.split(" ") for it in self.text("proof.txt").splitlines()]
        self.listed = [(int(it[1]), digest_of(it[2])) for it in lines if it[0] == "leaf"]
        self.nodes = [(int(it[1]), int(it[2]), digest_of(it[3])) for it in lines if it[0] == "node"]
        bodies = self.files["entries.jsonl"].split(b"\n")
        if bodies.pop() != b"" or len(bodies) != len(self.listed):
            raise Wrong("there are more or fewer entries than are listed")
        self.records = {}
        for body, (position, leaf) in zip(bodies, self.listed):
            if sha256(b"\x00", body) != leaf:
                raise Wrong(f"entry {position} was altered, moved or removed")
            self.records[position] = json.loads(body)
        return f"{len(bodies)} entries"

    def check_inclusion(self):
        if root_of_many(self.size, dict(self.listed), self.nodes) != self.root:
            raise Wrong("the entries do not lead to the signed root")
        return "under the root"

    def check_consistency(self):
        size = self.manifest["earlier"]
        if size is None:
            if self.kept is not None:
                raise NotShown("no proof from the checkpoint that was kept")
            return "not asked"
        old, old_root = checkpoint(self.key, self.text("earlier.checkpoint"))
        if self.kept is not None and checkpoint(self.key, self.kept) != (old, old_root):
            raise Wrong("the checkpoint that was kept is another")
        proof = [digest_of(it) for it in self.text("consistency.txt").splitlines()]
        if old != size or not consistent(old, self.size, old_root, self.root, proof):
            raise Wrong("the ledger does not continue the earlier checkpoint")
        return f"continues {old} entries"

    def check_completeness(self):
        scope = self.manifest["scope"]
        if scope["kind"] != "period":
            return "not asked"
        first, end, start, stop = scope["first"], scope["end"], time_of(scope["from"]), time_of(scope["to"])
        missing = [it for it in range(max(first - 1, 0), min(end + 1, self.size)) if it not in self.records]
        if missing:
            raise Wrong(f"entry {missing[0]} of the period is missing")
        if first > 0 and time_of(self.records[first - 1]["at"]) >= start:
            raise Wrong(f"entry {first - 1} was left out")
        if end < self.size and time_of(self.records[end]["at"]) < stop:
            raise Wrong(f"entry {end} was left out")
        if end == self.size and not any(it >= stop.timestamp() for it in self.times):
            raise NotShown("nothing shows that the period is whole to its end")
        return f"{end - first} entries of the period"

    def check_evidence(self):
        text = self.text("entries.jsonl")
        pieces = [it for it in self.files if it.startswith("evidence/")]
        for path in pieces:
            digest = named(sha256(self.files[path]))
            if path != "evidence/" + digest[7:] or digest not in text:
                raise Wrong(f"{path} is not what an entry names")
        for record in self.records.values():
            event = record["event"]
            if event["kind"] == "policy.installed":
                packs = [{"files": dict(sorted(it["files"].items())), "name": it["name"], "version": it["version"]} for it in sorted(event["data"]["packs"], key=lambda it: it["name"])]
                encoded = json.dumps(packs, separators=(",", ":"), ensure_ascii=False).encode()
                if named(sha256(encoded)) != event["data"]["digest"]:
                    raise Wrong("a policy set does not have its digest")
        return f"{len(pieces)} pieces of evidence"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pack")
    parser.add_argument("--key")
    parser.add_argument("--witness", action="append", default=[])
    parser.add_argument("--earlier")
    asked = parser.parse_args()
    sys.setrecursionlimit(10_000)
    worst, earlier = 0, open(asked.earlier, encoding="utf-8").read() if asked.earlier else None
    try:
        pack = Pack(asked.pack, asked.key and Key(asked.key, 1), [Key(it, 4) for it in asked.witness], earlier)
    except (Wrong, OSError, KeyError, ValueError, tarfile.TarError) as error:
        print(f"fail archive: {error!r}")
        return 1
    for name in ["files", "signature", "checkpoint", "witnesses", "entries", "inclusion", "consistency", "completeness", "evidence"]:
        try:
            print("pass", name, getattr(pack, "check_" + name)())
        except NotShown as error:
            print("inconclusive", name, error)
            worst = max(worst, 1)
        except (Wrong, KeyError, ValueError, AttributeError, IndexError, UnicodeError) as error:
            print("fail", name, repr(error))
            worst = 2
            # What follows builds on it.
            if name in ("signature", "checkpoint", "entries"):
                break
    return (0, 3, 1)[worst]


if __name__ == "__main__":
    sys.exit(main())
