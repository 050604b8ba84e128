//! How much the tree, the signatures and the checks cost: durable appends of the ledger against plain SQLite inserts of
//! the same bytes, interleaved in one process, because absolute figures of a shared machine mean nothing.
//!
//! `cargo run --release -p interlock-ledger --example append_bench -- [rounds] [entries for the opening times]`
//!
//! Plain means: the same table, `synchronous=FULL`, write-ahead log, one prepared statement, one transaction a batch.
//! It is given both SQLite's own settings and ours (page size, checkpoints by another thread are not available to it).

use interlock_ledger::{Batch, Digest, Ledger, NewEntry, OpenMode, OpenOptions, SqliteLedger, merkle};
use rusqlite::{Connection, params};
use std::{
    path::Path,
    time::{Duration, Instant},
};

const BODY: usize = 400;
const PER_ROUND: usize = 100_000;

/// Bodies that do not repeat and do not compress: what a hash or a page sees must not be kind.
fn bodies(count: usize, seed: u64) -> Vec<Vec<u8>> {
    (0..count as u64)
        .map(|n| {
            let mut body = Vec::with_capacity(BODY + 32);
            let mut block = Digest::of(&(seed, n).0.wrapping_mul(1 << 32).wrapping_add(n).to_be_bytes());
            while body.len() < BODY {
                body.extend_from_slice(&block.0);
                block = Digest::of(&block.0);
            }
            body.truncate(BODY);
            body
        })
        .collect()
}

fn batches(count: usize, size: usize, seed: u64) -> Vec<Batch> {
    bodies(count, seed)
        .chunks(size)
        .map(|chunk| Batch {
            entries: chunk.iter().map(|body| NewEntry { body: body.clone() }).collect(),
            ..Batch::default()
        })
        .collect()
}

struct Raw {
    conn: Connection,
    next: i64,
}

impl Raw {
    fn open(path: &Path, page_size: i64) -> rusqlite::Result<Raw> {
        let conn = Connection::open(path)?;
        conn.pragma_update(None, "page_size", page_size)?;
        conn.pragma_update(None, "journal_mode", "WAL")?;
        conn.pragma_update(None, "synchronous", "FULL")?;
        conn.execute_batch("CREATE TABLE entry (position INTEGER PRIMARY KEY, body BLOB NOT NULL)")?;
        Ok(Raw { conn, next: 0 })
    }

    fn append(&mut self, batch: &Batch) -> rusqlite::Result<()> {
        let tx = self.conn.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        {
            let mut insert = tx.prepare_cached("INSERT INTO entry (position, body) VALUES (?, ?)")?;
            for entry in &batch.entries {
                insert.execute(params![self.next, entry.body])?;
                self.next += 1;
            }
        }
        tx.commit()
    }
}

fn timed(batches: &[Batch], mut each: impl FnMut(&Batch)) -> (Duration, Duration) {
    let start = Instant::now();
    let mut each_took: Vec<Duration> = batches
        .iter()
        .map(|batch| {
            let start = Instant::now();
            each(batch);
            start.elapsed()
        })
        .collect();
    let total = start.elapsed();
    each_took.sort();
    (total, each_took[each_took.len() * 99 / 100])
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let rounds: usize = arguments.next().map_or(Ok(5), |it| it.parse())?;
    let large: usize = arguments.next().map_or(Ok(1_000_000), |it| it.parse())?;
    let folder = std::env::temp_dir().join(format!("append-bench-{}", std::process::id()));
    std::fs::create_dir(&folder)?;
    println!("entries of {BODY} bytes, {rounds} interleaved rounds, ratios are ours / plain SQLite (median of rounds)");
    for size in [1, 100, 1_000] {
        let count = (PER_ROUND / 1_000 * size).clamp(2_000, PER_ROUND);
        let ours = SqliteLedger::create(&folder.join(format!("ours-{size}.db")), OpenOptions::default())?;
        let mut stock = Raw::open(&folder.join(format!("stock-{size}.db")), 4_096)?;
        let mut same = Raw::open(&folder.join(format!("same-{size}.db")), 8_192)?;
        let (mut to_stock, mut to_same, mut rate, mut p99, mut p99_stock) = (vec![], vec![], vec![], vec![], vec![]);
        let mut head = 0;
        for round in 0..rounds {
            let batches = batches(count, size, round as u64);
            let (a, slow_stock) = timed(&batches, |batch| stock.append(batch).expect("plain SQLite appends"));
            let (b, slow) = timed(&batches, |batch| head = ours.append(head, batch).expect("the ledger appends").size);
            let (c, _) = timed(&batches, |batch| same.append(batch).expect("plain SQLite appends"));
            to_stock.push(a.as_secs_f64() / b.as_secs_f64());
            to_same.push(c.as_secs_f64() / b.as_secs_f64());
            rate.push(count as f64 / b.as_secs_f64());
            p99.push(slow.as_secs_f64() * 1e3);
            p99_stock.push(slow_stock.as_secs_f64() * 1e3);
        }
        println!(
            "batch {size:>5}: {:.2} of stock settings, {:.2} of our page size; {:>9.0} entries/s; p99 of a batch {:.2} ms (stock {:.2} ms)",
            median(to_stock),
            median(to_same),
            median(rate),
            median(p99),
            median(p99_stock),
        );
    }
    if large > 0 {
        opening(&folder, large)?;
    }
    std::fs::remove_dir_all(&folder)?;
    Ok(())
}

fn opening(folder: &Path, count: usize) -> Result<(), Box<dyn std::error::Error>> {
    let path = folder.join("large.db");
    let ledger = SqliteLedger::create(&path, OpenOptions::default())?;
    let mut head = ledger.head()?;
    let mut sha = Duration::ZERO;
    for part in 0..count.div_ceil(100_000) {
        let batches = batches(100_000.min(count - part * 100_000), 1_000, 1_000 + part as u64);
        for batch in &batches {
            head = ledger.append(head.size, batch)?;
        }
        let start = Instant::now();
        for entry in batches.iter().flat_map(|batch| &batch.entries) {
            std::hint::black_box(Digest::node(&Digest::leaf(&entry.body), &head.root));
        }
        sha += start.elapsed();
    }
    let start = Instant::now();
    let proofs = 20_000u64;
    for n in 0..proofs {
        let position = n.wrapping_mul(0x9e37_79b9_7f4a_7c15) % head.size;
        let path = ledger.inclusion(position, head.size)?;
        std::hint::black_box(path);
    }
    let per_proof = start.elapsed() / proofs as u32;
    let entry = ledger.read(head.size / 2, 1)?.remove(0);
    let proof = ledger.inclusion(entry.position, head.size)?;
    assert!(merkle::verify_inclusion(&entry.leaf, entry.position, head.size, &proof, &head.root));
    let start = Instant::now();
    let mut at = 0;
    while at < head.size {
        at += ledger.read(at, 1_000)?.len() as u64;
    }
    let reading = start.elapsed();
    drop(ledger);
    println!(
        "{count} entries: hashing them alone on one core {sha:.2?}; an inclusion proof {per_proof:.1?}; reading all {reading:.2?}"
    );
    for (name, mode) in
        [("every entry hashed", OpenMode::Full), ("the last tenth hashed", OpenMode::Since(head.size / 10 * 9))]
    {
        let start = Instant::now();
        drop(SqliteLedger::open(&path, OpenOptions { mode, ..OpenOptions::default() })?);
        println!("  open, {name}: {:.2?}", start.elapsed());
    }
    let start = Instant::now();
    let report = SqliteLedger::verify(&path);
    println!("  verify: {:.2?}, passed: {}", start.elapsed(), report.passed());
    Ok(())
}
