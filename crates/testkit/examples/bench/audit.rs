//! What an auditor waits for: verifying every entry of a ledger, against hashing the same bytes and nothing else; and the proof that
//! one entry is in it.

use super::{Done, Size, keep, life, rounded, share};
use interlock_ledger::{Digest, Ledger, OpenOptions, SqliteLedger, merkle};
use serde_json::json;
use std::{hint::black_box, path::Path, time::Instant};

/// Proofs that are timed.
const PROOFS: u64 = 20_000;
/// Entries hashed in a row, all in memory.
const CHUNK: u64 = 10_000;

/// Entries per second that one core hashes into an RFC 6962 tree: a leaf for each, and a node. Best of three passes over a stretch.
fn ceiling(ledger: &SqliteLedger, entries: u64) -> Result<f64, Box<dyn std::error::Error>> {
    let mut bodies = Vec::new();
    while (bodies.len() as u64) < entries.min(20 * CHUNK) {
        bodies.extend(ledger.read(bodies.len() as u64, CHUNK as usize)?.into_iter().map(|entry| entry.body));
    }
    let pass = || {
        let begun = Instant::now();
        let mut last = Digest([0; 32]);
        for body in &bodies {
            last = Digest::node(&last, &Digest::leaf(black_box(body)));
        }
        black_box(last);
        bodies.len() as f64 / begun.elapsed().as_secs_f64()
    };
    Ok((0..3).map(|_| pass()).fold(0.0, f64::max))
}

pub fn measure(size: Size, folder: &Path) -> Done {
    let path = folder.join("audit.db");
    let (entries, _) = life::write(&path, life::in_waves()?, |entries, _| entries >= size.entries)?;
    let ledger = SqliteLedger::open(&path, OpenOptions::default())?;
    let (mut ratios, mut rates, mut ceilings) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..size.rounds.min(3) {
        let most = ceiling(&ledger, entries)?;
        let begun = Instant::now();
        let report = SqliteLedger::verify(&path);
        let rate = entries as f64 / begun.elapsed().as_secs_f64();
        if !report.passed() || report.entries != entries {
            return Err(format!("the ledger does not verify: {:?}", report.faults).into());
        }
        rates.push(rate);
        ceilings.push(most);
        ratios.push(rate / most);
    }
    let cores = std::thread::available_parallelism().map_or(1, |it| it.get());
    keep(
        "verify",
        &json!({
            "entries": entries, "entries_per_s": share(&mut rates, 0.5).round(),
            "sha256_one_core_per_s": share(&mut ceilings, 0.5).round(), "cores": cores,
            "ratio_to_one_core": rounded(share(&mut ratios, 0.5)), "ratio_lowest": rounded(share(&mut ratios, 0.0)),
            "goal_ratio": 0.4,
        }),
    )?;

    let head = ledger.head()?;
    let mut micros = Vec::new();
    let mut at = 0u64;
    for _ in 0..PROOFS.min(entries) {
        // All over the tree, in no order that a cache would like.
        at = at.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let position = (at >> 16) % head.size;
        let begun = Instant::now();
        let proof = black_box(ledger.inclusion(position, head.size)?);
        micros.push(begun.elapsed().as_secs_f64() * 1e6);
        if micros.len() % 1000 == 1 {
            let leaf = ledger.read(position, 1)?.first().ok_or("the entry is gone")?.leaf;
            let held = merkle::verify_inclusion(&leaf, position, head.size, &proof, &head.root);
            if !held {
                return Err(format!("the proof of entry {position} does not hold").into());
            }
        }
    }
    keep(
        "proof",
        &json!({
            "entries": entries, "p50_us": rounded(share(&mut micros, 0.5)), "p99_us": rounded(share(&mut micros, 0.99)),
            "goal_p50_us": 20,
        }),
    )
}
