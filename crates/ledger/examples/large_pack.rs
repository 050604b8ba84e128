//! Writes an evidence pack of a period with as many entries as wanted, to see how long a check takes:
//! `cargo run --example large_pack -- 100000 /tmp/large.tar` prints the ledger's key.

use interlock_ledger::{
    Batch, Digest, Ledger, MemoryLedger, NewEntry,
    pack::{self, Contents, Entry, Scope, Witnesses},
    proof_of_many,
};
use std::{collections::BTreeMap, error::Error, time::Instant};

fn main() -> Result<(), Box<dyn Error>> {
    let mut words = std::env::args().skip(1);
    let (Some(count), Some(path)) = (words.next(), words.next()) else { return Err("give a number and a file".into()) };
    let count: u64 = count.parse()?;
    let ledger = MemoryLedger::default();
    let begin: jiff::Timestamp = "2026-01-01T00:00:00Z".parse()?;
    let at = |n: u64| begin + jiff::SignedDuration::from_secs(n as i64);
    let body = |n: u64| {
        format!(
            r#"{{"v":1,"at":"{}","by":{{"account":"acc_{:026}"}},"sub":"sub_{n:026}","event":{{"kind":"change.decided","data":{{"change":"chg_{n:026}","decision":"approve","digest":"{}"}}}}}}"#,
            at(n),
            n % 40,
            Digest::of(&n.to_be_bytes())
        )
    };
    // Two more than wanted: the neighbours of the period.
    for first in (0..count + 2).step_by(10_000) {
        let entries =
            (first..(first + 10_000).min(count + 2)).map(|n| NewEntry { body: body(n).into_bytes() }).collect();
        ledger.append(first, &Batch { entries, ..Default::default() })?;
    }
    let (mut entries, size) = (Vec::new(), count + 2);
    while (entries.len() as u64) < size {
        entries.extend(ledger.read(entries.len() as u64, 10_000)?);
    }
    let begun = Instant::now();
    let contents = Contents {
        scope: Scope::Period { from: at(1), to: at(count + 1), first: 1, end: count + 1 },
        checkpoint: ledger.checkpoint()?,
        verifier_key: ledger.verifying_key().to_string(),
        witnesses: Witnesses::default(),
        earlier: None,
        proof: proof_of_many(&ledger, size, &entries)?,
        entries: entries.into_iter().map(|it| Entry { position: it.position, body: it.body }).collect(),
        names: None,
        evidence: BTreeMap::new(),
        omitted: Vec::new(),
    };
    let bytes = pack::write(contents, |text| ledger.sign(text).map_err(|error| error.to_string()))?;
    println!("{} bytes in {:?}", bytes.len(), begun.elapsed());
    std::fs::write(path, bytes)?;
    println!("{}", ledger.verifying_key());
    Ok(())
}
