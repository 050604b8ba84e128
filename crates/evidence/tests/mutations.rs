//! Mutations of real documents: whatever comes out, reading it ends, does not panic, and what is read holds together.
//!
//! The short form runs with every test run; `INTERLOCK_MUTATIONS=1000000` makes that many of each document, and
//! `INTERLOCK_SEED` begins elsewhere. A mutation that finds something is printed as Base64 and belongs into the corpus.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use base64::Engine as _;
use interlock_evidence::{CODES, Content, Kind, Summary, read};
use std::{panic, path::Path};

/// SplitMix64 (Steele, Lea, Flood 2014).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit.max(1) as u64) as usize
    }
}

const SCRAPS: &[&[u8]] = &[
    b"{",
    b"}",
    b"[",
    b"]",
    b"\"",
    b",",
    b":",
    b"null",
    b"-1",
    b"1e309",
    b"\"\\u0000\"",
    b"\xff",
    b"\0",
    b"<",
    b">",
    b"/>",
    b"&lol;",
    b"<!DOCTYPE a>",
    b"]]>",
    b"<testcase>",
    b"</testcase>",
    b"<failure/>",
    b"true",
    b"{\"a\":1,\"a\":2}",
    b"\xed\xa0\x80",
    b"9999999999",
];

fn mutate(bytes: &mut Vec<u8>, random: &mut Random) {
    for _ in 0..=random.below(5).saturating_sub(2) {
        let at = random.below(bytes.len() + 1);
        let end = (at + random.below(40)).min(bytes.len());
        match random.below(6) {
            0 if at < bytes.len() => bytes[at] ^= 1 << random.below(8),
            1 => drop(bytes.drain(at..end)),
            2 => drop(bytes.splice(at..end, SCRAPS[random.below(SCRAPS.len())].iter().copied())),
            3 => {
                let copy = bytes[at..end].to_vec();
                let to = random.below(bytes.len() + 1);
                bytes.splice(to..to, copy);
            }
            4 => bytes.truncate(at),
            _ => drop(bytes.splice(at..at, SCRAPS[random.below(SCRAPS.len())].iter().copied())),
        }
    }
}

fn holds_together(it: &Summary) -> bool {
    match &it.content {
        Content::Tests { total, passed, failed, skipped } => {
            u64::from(*total) == u64::from(*passed) + u64::from(*failed) + u64::from(*skipped)
        }
        Content::Findings { findings, .. } => findings.iter().all(|it| it.count > 0 && !it.id.is_empty()),
        Content::Components { total, identified, .. } => identified <= total,
        Content::Vex { statements } => statements.iter().all(|(name, _)| name.len() <= 480),
        // No key is given here, so nothing may come out that claims to be signed.
        Content::Statement { .. } => false,
    }
}

#[test]
fn mutated_documents_are_read_or_refused() {
    let number = |name: &str, or: u64| std::env::var(name).ok().and_then(|it| it.parse().ok()).unwrap_or(or);
    let (count, seed) = (number("INTERLOCK_MUTATIONS", 400), number("INTERLOCK_SEED", 1));
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    let mut names: Vec<_> = std::fs::read_dir(folder).unwrap().map(|it| it.unwrap().path()).collect();
    names.sort();
    let mut random = Random(seed);
    let (mut read_well, mut refused) = (0u64, 0u64);
    for path in names {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let Some(kind) = Kind::ALL.into_iter().find(|kind| name.contains(&format!(".{kind}."))) else { continue };
        let original = std::fs::read(&path).unwrap();
        for _ in 0..count {
            let mut bytes = original.clone();
            mutate(&mut bytes, &mut random);
            let shown = || base64::prelude::BASE64_STANDARD.encode(&bytes);
            // Now and then as another kind, which is what a mistaken upload is.
            let kind = if random.below(20) == 0 { Kind::ALL[random.below(6)] } else { kind };
            match panic::catch_unwind(|| read(kind, &bytes, &[])) {
                Err(_) => panic!("{name} as {kind}: {}", shown()),
                Ok(Ok(summary)) if holds_together(&summary) => read_well += 1,
                Ok(Ok(summary)) => panic!("{name} as {kind}: {summary:?}: {}", shown()),
                Ok(Err(fault)) if CODES.contains(&fault.code) && !fault.what.is_empty() => refused += 1,
                Ok(Err(fault)) => panic!("{name} as {kind}: {fault:?}: {}", shown()),
            }
        }
    }
    // A test that only ever sees one of the two would show nothing.
    assert!(read_well > count / 2 && refused > count, "{read_well} were read, {refused} were refused");
}
