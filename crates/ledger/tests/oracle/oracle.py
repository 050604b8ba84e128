#!/usr/bin/env python3
"""A second opinion on a ledger, sharing no code with it.

    oracle.py DATABASE PROOFS.json

Reads the entries with Python's own sqlite3, then checks
  - every root against pymerkle and against RFC 6962's definition written out here,
  - every audit path against both, hash for hash,
  - every consistency proof against the definition, hash for hash, and the two roots with pymerkle's own proof,
  - the checkpoint: its C2SP signed-note form, its key id, and its Ed25519 signature (with `cryptography`).
Prints what was compared; exits 1 at the first difference.
"""

import base64
import hashlib
import json
import sqlite3
import sys
import warnings

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from pymerkle import InmemoryTree, verify_consistency, verify_inclusion

warnings.simplefilter("ignore", DeprecationWarning)


def sha256(data):
    return hashlib.sha256(data).digest()


def split(n):
    """The largest power of two smaller than n."""
    k = 1
    while k * 2 < n:
        k *= 2
    return k


def mth(leaves):
    """MTH, RFC 6962 section 2.1, over leaf hashes."""
    if not leaves:
        return sha256(b"")
    if len(leaves) == 1:
        return leaves[0]
    k = split(len(leaves))
    return sha256(b"\x01" + mth(leaves[:k]) + mth(leaves[k:]))


def path(m, leaves):
    """PATH, section 2.1.1."""
    if len(leaves) == 1:
        return []
    k = split(len(leaves))
    if m < k:
        return path(m, leaves[:k]) + [mth(leaves[k:])]
    return path(m - k, leaves[k:]) + [mth(leaves[:k])]


def subproof(m, leaves, whole):
    """SUBPROOF, section 2.1.2."""
    n = len(leaves)
    if m == n:
        return [] if whole else [mth(leaves)]
    k = split(n)
    if m <= k:
        return subproof(m, leaves[:k], whole) + [mth(leaves[k:])]
    return subproof(m - k, leaves[k:], False) + [mth(leaves[:k])]


def same(what, ours, theirs):
    if ours != theirs:
        print(f"{what}: the ledger says {ours}, the oracle {theirs}")
        sys.exit(1)


def hexes(hashes):
    return [h.hex() for h in hashes]


def check_note(note, vkey, size, root):
    name, key_id, encoded = vkey.split("+", 2)
    material = base64.b64decode(encoded)
    same("key algorithm", material[0], 1)
    same("key id", key_id, sha256(name.encode() + b"\n" + material)[:4].hex())
    text, signatures = note.split("\n\n")
    text += "\n"
    same("checkpoint", text, f"{name}\n{size}\n{base64.b64encode(root).decode()}\n")
    dash, signer, data = signatures.rstrip("\n").split(" ")
    same("signature line", (dash, signer), ("\u2014", name))
    data = base64.b64decode(data)
    same("key id in the signature", data[:4].hex(), key_id)
    Ed25519PublicKey.from_public_bytes(material[1:]).verify(data[4:], text.encode())


def main(database, proofs):
    with open(proofs, encoding="utf-8") as file:
        said = json.load(file)
    rows = sqlite3.connect(database).execute("SELECT position, body FROM entry ORDER BY position").fetchall()
    same("positions", [row[0] for row in rows], list(range(said["size"])))
    tree = InmemoryTree(algorithm="sha256")
    for _, body in rows:
        tree.append_entry(body)
    leaves = [sha256(b"\x00" + body) for _, body in rows]

    for item in said["roots"]:
        size = item["size"]
        same(f"root at {size}", item["root"], mth(leaves[:size]).hex())
        if size:
            same(f"root at {size} (pymerkle)", item["root"], tree.get_root(size).hex())
    for item in said["inclusion"]:
        position, size = item["position"], item["size"]
        what = f"audit path of {position} in {size}"
        same(what, item["path"], hexes(path(position, leaves[:size])))
        # pymerkle counts from one, and begins its paths with the leaf.
        theirs = tree.prove_inclusion(position + 1, size)
        same(what + " (pymerkle)", [leaves[position].hex()] + item["path"], hexes(theirs.path))
        verify_inclusion(leaves[position], mth(leaves[:size]), theirs)
    for item in said["consistency"]:
        old, new = item["old"], item["new"]
        same(f"consistency of {old} with {new}", item["proof"], hexes(subproof(old, leaves[:new], True)))
        theirs = tree.prove_consistency(old, new)
        roots = {entry["size"]: bytes.fromhex(entry["root"]) for entry in said["roots"]}
        verify_consistency(roots[old], roots[new], theirs)
    check_note(said["note"], said["vkey"], said["size"], mth(leaves))
    counts = [len(said[kind]) for kind in ("roots", "inclusion", "consistency")]
    print(f"agreed: {counts[0]} roots, {counts[1]} audit paths, {counts[2]} consistency proofs, 1 checkpoint")


if __name__ == "__main__":
    main(*sys.argv[1:])
