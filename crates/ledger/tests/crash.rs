//! A process killed while it appends: what it acknowledged is there, nothing is half there, and it goes on.
//!
//! The test starts itself again as the process to be killed. What that one has acknowledged, it says on its standard
//! output, after the append has returned.

#![allow(clippy::unwrap_used, reason = "the helpers of a test fail it by panicking")]

mod scratch;

use interlock_ledger::{Batch, Ledger, NewEntry, OpenOptions, SqliteLedger, StoreError};
use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

const VICTIM: &str = "LEDGER_CRASH_TEST_VICTIM";

fn body(position: u64) -> Vec<u8> {
    format!("entry {position} ").repeat(1 + position as usize % 40).into_bytes()
}

fn batch(at: u64, count: u64) -> Batch {
    Batch {
        entries: (at..at + count).map(|n| NewEntry { body: body(n) }).collect(),
        answers: vec![],
        ..Batch::default()
    }
}

/// Appends until it is killed. Does nothing when run as an ordinary test.
#[test]
fn the_victim() {
    let Ok(path) = std::env::var(VICTIM) else { return };
    let ledger = SqliteLedger::open(Path::new(&path), OpenOptions::default()).unwrap();
    let mut size = ledger.head().unwrap().size;
    let mut out = std::io::stderr();
    loop {
        size = ledger.append(size, &batch(size, 1 + size % 7 * 5)).unwrap().size;
        writeln!(out, "acknowledged {size}").unwrap();
    }
}

/// Lets a victim append until it has acknowledged `commits` times, kills it, and gives the last size it acknowledged.
fn kill_after(path: &Path, commits: usize) -> u64 {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "the_victim", "--nocapture"])
        .env(VICTIM, path)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let mut sizes = Vec::new();
    let mut killed = false;
    // After the kill the pipe is read to its end: what was said before death was acknowledged too.
    while let Some(Ok(line)) = lines.next() {
        if let Some(size) = line.strip_prefix("acknowledged ") {
            sizes.push(size.parse().unwrap_or_else(|_| panic!("{line}")));
        }
        if sizes.len() >= commits && !killed {
            child.kill().unwrap();
            killed = true;
        }
    }
    assert!(killed, "the victim ended by itself");
    child.wait().unwrap();
    *sizes.last().unwrap()
}

#[test]
fn nothing_acknowledged_is_lost_over_twelve_kills() {
    let folder = scratch::folder();
    let path = folder.path().join("ledger.db");
    drop(SqliteLedger::create(&path, OpenOptions::default()).unwrap());
    let mut at_least = 0;
    for round in 0..12 {
        let acknowledged = kill_after(&path, 3 + round * 17 % 60);
        assert!(acknowledged > at_least);
        let report = SqliteLedger::verify(&path);
        assert!(report.passed(), "round {round}: {report:?}");
        let ledger = SqliteLedger::open(&path, OpenOptions::default()).unwrap();
        let size = ledger.head().unwrap().size;
        assert!(size >= acknowledged, "round {round}: {acknowledged} acknowledged, {size} found");
        let mut at = 0;
        while at < size {
            for entry in ledger.read(at, 1_000).unwrap() {
                assert_eq!(entry.body, body(entry.position), "round {round}");
                at += 1;
            }
        }
        at_least = acknowledged;
    }
}

fn with(path: &Path, suffix: &str) -> PathBuf {
    PathBuf::from(format!("{}{suffix}", path.display()))
}

/// A ledger as a crash leaves it: with a log of several commits beside the file.
fn crashed(folder: &Path) -> (PathBuf, u64) {
    let path = folder.join("ledger.db");
    let running = folder.join("running.db");
    let ledger = SqliteLedger::create(&running, OpenOptions::default()).unwrap();
    let mut size = 0;
    for _ in 0..6 {
        size = ledger.append(size, &batch(size, 20)).unwrap().size;
    }
    // Copied while it runs: the same bytes that a killed process leaves behind.
    for suffix in ["", "-wal", ".key", ".vkey"] {
        fs::copy(with(&running, suffix), with(&path, suffix)).unwrap();
    }
    (path, size)
}

/// Where each frame of a log begins, and whether it ends a commit.
fn frames(log: &[u8]) -> Vec<(usize, bool)> {
    let word = |at: usize| u32::from_be_bytes(log[at..at + 4].try_into().unwrap());
    let step = 24 + word(8) as usize;
    let starts = (32..).step_by(step).take_while(|at| at + step <= log.len());
    // Frames of an earlier turn of the log follow with another salt.
    starts.take_while(|at| log[at + 8..at + 16] == log[16..24]).map(|at| (at, word(at + 4) != 0)).collect()
}

#[test]
fn a_log_damaged_before_acknowledged_commits_is_refused() {
    let folder = scratch::folder();
    let (path, size) = crashed(folder.path());
    let (file, log) = (fs::read(&path).unwrap(), fs::read(with(&path, "-wal")).unwrap());
    let restore = |log: &[u8]| {
        fs::write(&path, &file).unwrap();
        fs::write(with(&path, "-wal"), log).unwrap();
        let _ = fs::remove_file(with(&path, "-shm"));
    };
    let frames = frames(&log);
    let commits: Vec<usize> = (0..frames.len()).filter(|n| frames[*n].1).collect();
    let last_begins = commits[commits.len() - 2] + 1;
    assert!(commits.len() >= 4, "the log holds several commits");
    for number in 0..frames.len() {
        for offset in [0usize, 5, 9, 17, 24, 1_000] {
            let mut harmed = log.clone();
            harmed[frames[number].0 + offset] ^= 0x10;
            restore(&harmed);
            let outcome = SqliteLedger::open(&path, OpenOptions::default());
            if number < last_begins {
                let wanted = StoreError::LogDamaged { path: with(&path, "-wal"), frame: number as u64 + 1 };
                assert_eq!(outcome.err(), Some(wanted), "frame {number}, byte {offset}");
                assert_eq!(SqliteLedger::verify(&path).faults[0].code, "L016");
                continue;
            }
            // The last commit may never have been acknowledged; it is dropped whole, as after a power cut. Only a harm
            // that makes it look like two commits is refused all the same.
            match outcome {
                Ok(ledger) => assert_eq!(ledger.head().unwrap().size, size - 20, "frame {number}, byte {offset}"),
                Err(StoreError::LogDamaged { .. }) => assert_eq!(offset, 5, "frame {number}"),
                Err(other) => panic!("frame {number}, byte {offset}: {other}"),
            }
        }
    }
    for offset in [0, 10, 18, 30] {
        let mut harmed = log.clone();
        harmed[offset] ^= 0x01;
        restore(&harmed);
        let wanted = StoreError::LogDamaged { path: with(&path, "-wal"), frame: 0 };
        assert_eq!(SqliteLedger::open(&path, OpenOptions::default()).err(), Some(wanted), "header byte {offset}");
    }
    restore(&log);
    assert_eq!(SqliteLedger::open(&path, OpenOptions::default()).unwrap().head().unwrap().size, size);
}

#[test]
fn a_log_cut_off_in_its_last_commit_loses_that_commit_whole() {
    let folder = scratch::folder();
    let (path, size) = crashed(folder.path());
    let (file, log) = (fs::read(&path).unwrap(), fs::read(with(&path, "-wal")).unwrap());
    let frames = frames(&log);
    let (last, _) = frames[frames.len() - 1];
    for end in [last + 10, last + 24, last + 2_000] {
        fs::write(&path, &file).unwrap();
        fs::write(with(&path, "-wal"), &log[..end]).unwrap();
        let _ = fs::remove_file(with(&path, "-shm"));
        let ledger = SqliteLedger::open(&path, OpenOptions::default()).unwrap();
        assert_eq!(ledger.head().unwrap().size, size - 20);
        assert_eq!(ledger.append(size - 20, &batch(size - 20, 1)).unwrap().size, size - 19);
    }
}
