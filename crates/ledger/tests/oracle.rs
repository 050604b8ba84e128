//! Roots, proofs and checkpoints against an implementation that shares nothing with ours: pymerkle, Python's hashlib and
//! cryptography, and RFC 6962's definitions written out (`oracle/oracle.py`).
//!
//! Runs where `INTERLOCK_PYTHON`, or else `python3`, has the packages of `oracle/requirements.txt`; says so where not.

#![allow(clippy::unwrap_used, reason = "the helpers of a test fail it by panicking")]

mod scratch;

use interlock_ledger::{Batch, Digest, Ledger, NewEntry, OpenOptions, SqliteLedger};
use serde_json::{Value, json};
use std::{path::Path, process::Command};

const SIZES: [u64; 12] = [0, 1, 2, 7, 15, 16, 17, 64, 100, 255, 256, 300];

fn hexes(hashes: &[Digest]) -> Value {
    hashes.iter().map(|hash| hex::encode(hash.0)).collect()
}

fn proofs(ledger: &dyn Ledger) -> Value {
    let mut inclusion = Vec::new();
    let mut consistency = Vec::new();
    let roots: Vec<Value> = SIZES
        .iter()
        .map(|size| json!({ "size": size, "root": hex::encode(ledger.root_at(*size).unwrap().0) }))
        .collect();
    for size in SIZES.into_iter().filter(|size| *size > 0) {
        for position in (0..size).step_by(1 + size as usize / 23).chain([size - 1]) {
            let path = ledger.inclusion(position, size).unwrap();
            inclusion.push(json!({ "position": position, "size": size, "path": hexes(&path) }));
        }
        for old in SIZES.into_iter().filter(|old| (1..=size).contains(old)) {
            let proof = ledger.consistency(old, size).unwrap();
            consistency.push(json!({ "old": old, "new": size, "proof": hexes(&proof) }));
        }
    }
    let checkpoint = ledger.checkpoint().unwrap();
    json!({
        "size": checkpoint.size,
        "note": checkpoint.note,
        "vkey": ledger.verifying_key().to_string(),
        "roots": roots,
        "inclusion": inclusion,
        "consistency": consistency,
    })
}

#[test]
fn an_independent_implementation_agrees() {
    let python = std::env::var("INTERLOCK_PYTHON").unwrap_or_else(|_| "python3".into());
    let probe = Command::new(&python).args(["-c", "import pymerkle, cryptography"]).output();
    if !probe.is_ok_and(|it| it.status.success()) {
        println!(
            "skipped: `{python}` lacks pymerkle or cryptography; make a venv with crates/ledger/tests/oracle/requirements.txt and name its python in INTERLOCK_PYTHON"
        );
        return;
    }
    let folder = scratch::folder();
    let path = folder.path().join("ledger.db");
    let ledger = SqliteLedger::create(&path, OpenOptions::default()).unwrap();
    let mut size = 0;
    for count in [1u64, 1, 5, 8, 2, 83, 200] {
        let entries =
            (size..size + count).map(|n| NewEntry { body: n.to_be_bytes().repeat(n as usize % 50) }).collect();
        size = ledger.append(size, &Batch { entries, ..Batch::default() }).unwrap().size;
    }
    assert_eq!(size, *SIZES.last().unwrap());
    let said = folder.path().join("proofs.json");
    let run = |proofs: &Value| {
        std::fs::write(&said, proofs.to_string()).unwrap();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracle/oracle.py");
        Command::new(&python).arg(script).args([&path, &said]).output().unwrap()
    };
    let honest = proofs(&ledger);
    let output = run(&honest);
    println!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success());

    // The oracle must be able to disagree.
    for (kind, field) in [("inclusion", "path"), ("consistency", "proof")] {
        let mut lie = honest.clone();
        let list = lie[kind].as_array_mut().unwrap();
        let hashes = list.iter_mut().filter_map(|it| it[field].as_array_mut()).find(|it| !it.is_empty()).unwrap();
        hashes[0] = json!("00".repeat(32));
        assert!(!run(&lie).status.success(), "{kind}");
    }
    let mut lie = honest.clone();
    lie["note"] = json!(honest["note"].as_str().unwrap().replacen("\n300\n", "\n301\n", 1));
    assert!(!run(&lie).status.success());
}
