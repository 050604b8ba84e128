//! The end of the database or of its log, cut off or garbled at many places: what is left is an intact beginning, or the damage is
//! named; never is less than what was synchronised taken for the whole.

#![allow(clippy::unwrap_used, reason = "the helpers of a test fail it by panicking")]

mod scratch;

use interlock_ledger::{Batch, Ledger, NewEntry, OpenOptions, SqliteLedger};
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

fn body(n: u64) -> Vec<u8> {
    format!("entry {n} ").repeat(1 + n as usize % 40).into_bytes()
}

fn with(path: &Path, suffix: &str) -> PathBuf {
    PathBuf::from(format!("{}{suffix}", path.display()))
}

/// A ledger as a killed process leaves it, most of it in the file and the last commits in the log; and its sizes after each commit.
fn crashed(folder: &Path) -> (PathBuf, Vec<u64>) {
    let (running, path) = (folder.join("running.db"), folder.join("ledger.db"));
    let mut sizes = vec![0];
    let mut append = |ledger: &SqliteLedger, count: u64| {
        let at = ledger.head().unwrap().size;
        let entries = (at..at + count).map(|n| NewEntry { body: body(n) }).collect();
        sizes.push(ledger.append(at, &Batch { entries, ..Batch::default() }).unwrap().size);
    };
    let ledger = SqliteLedger::create(&running, OpenOptions::default()).unwrap();
    (0..10).for_each(|_| append(&ledger, 30));
    drop(ledger);
    let ledger = SqliteLedger::open(&running, OpenOptions::default()).unwrap();
    (0..5).for_each(|n| append(&ledger, 7 + n * 9));
    for suffix in ["", "-wal", ".key", ".vkey"] {
        fs::copy(with(&running, suffix), with(&path, suffix)).unwrap();
    }
    (path, sizes)
}

struct Copy {
    path: PathBuf,
    file: Vec<u8>,
    log: Vec<u8>,
    sizes: Vec<u64>,
    outcomes: BTreeMap<String, usize>,
}

impl Copy {
    fn new(folder: &Path) -> Self {
        let (path, sizes) = crashed(folder);
        let (file, log) = (fs::read(&path).unwrap(), fs::read(with(&path, "-wal")).unwrap());
        Self { path, file, log, sizes, outcomes: BTreeMap::new() }
    }

    /// Opens what was harmed. Either it is refused by a name, or it holds a whole number of commits with their very bytes; all of
    /// them, or, if only the last commit of the log was touched, all but that one.
    fn open(&mut self, what: &str, file: &[u8], log: &[u8], last_commit_only: bool) {
        fs::write(&self.path, file).unwrap();
        fs::write(with(&self.path, "-wal"), log).unwrap();
        let _ = fs::remove_file(with(&self.path, "-shm"));
        let report = SqliteLedger::verify(&self.path);
        let (all, before) = (self.sizes[self.sizes.len() - 1], self.sizes[self.sizes.len() - 2]);
        let outcome = match SqliteLedger::open(&self.path, OpenOptions::default()) {
            Err(error) => {
                assert!(error.is_damage(), "{what}: {error}");
                error.code().to_owned()
            }
            Ok(ledger) => {
                let size = ledger.head().unwrap().size;
                assert!(size == all || (last_commit_only && size == before), "{what}: {size} of {all}");
                for entry in ledger.read(0, 10_000).unwrap() {
                    assert_eq!(entry.body, body(entry.position), "{what}");
                }
                match report.faults.first() {
                    // What lies beside the log is not read at the start; verification names it, or whoever reads it does.
                    Some(fault) => format!("all entries; verification says {}", fault.code),
                    None if size == all => "all".into(),
                    None => "all but the last commit".into(),
                }
            }
        };
        *self.outcomes.entry(outcome).or_default() += 1;
    }
}

/// Where the last commit of a log begins.
fn last_commit(log: &[u8]) -> usize {
    let word = |at: usize| u32::from_be_bytes(log[at..at + 4].try_into().unwrap());
    let step = 24 + word(8) as usize;
    let frames: Vec<usize> =
        (32..).step_by(step).take_while(|at| at + step <= log.len() && log[at + 8..at + 16] == log[16..24]).collect();
    let commits: Vec<usize> = frames.iter().copied().filter(|at| word(at + 4) != 0).collect();
    commits[commits.len() - 2] + step
}

/// Bytes that no two offsets share, so that a run of them is no run of zeroes.
fn noise(bytes: &mut [u8]) {
    for (n, byte) in bytes.iter_mut().enumerate() {
        *byte ^= (n as u8).wrapping_mul(151) | 1;
    }
}

#[test]
fn the_end_of_the_log_cut_or_garbled() {
    let folder = scratch::folder();
    let mut copy = Copy::new(folder.path());
    let (file, log) = (copy.file.clone(), copy.log.clone());
    let last = last_commit(&log);
    let step = (log.len() - 32) / 150 + 1;
    for at in (32..log.len()).step_by(step).chain([last - 1, last, last + 1, last + 24, log.len() - 1]) {
        // A tail that is gone may be commits that never were: only what other processes saw could tell. Cut where the disk may
        // cut, in the last commit.
        if at >= last {
            copy.open(&format!("log cut at {at}"), &file, &log[..at], true);
        }
        let mut garbled = log.clone();
        noise(&mut garbled[at..]);
        if at >= last {
            copy.open(&format!("log garbled from {at}"), &file, &garbled, true);
        }
        let mut torn = log.clone();
        let end = (at + 512).min(log.len());
        noise(&mut torn[at..end]);
        copy.open(&format!("512 bytes of the log at {at}"), &file, &torn, at >= last);
    }
    println!("{:?}", copy.outcomes);
    assert!(copy.outcomes.contains_key("all but the last commit") && copy.outcomes.contains_key("L016"));
}

/// What a crash leaves that hits the writing of a new header over a log whose frames were all moved into the database.
#[test]
fn half_a_header_over_a_log_that_was_moved_loses_nothing_and_is_no_damage() {
    let folder = scratch::folder();
    let mut copy = Copy::new(folder.path());
    let (file, log) = (copy.file.clone(), copy.log.clone());
    fs::write(&copy.path, &file).unwrap();
    fs::write(with(&copy.path, "-wal"), &log).unwrap();
    drop(SqliteLedger::open(&copy.path, OpenOptions::default()).unwrap());
    let moved = fs::read(&copy.path).unwrap();
    for end in [13, 16, 20, 24, 31] {
        let mut torn = log.clone();
        noise(&mut torn[12..end]);
        copy.open(&format!("header torn up to {end}, moved"), &moved, &torn, false);
        assert_eq!(copy.outcomes.keys().collect::<Vec<_>>(), ["all"], "{end}");
    }
    // The same header over frames that are nowhere else.
    let mut torn = log.clone();
    torn[12] ^= 0x55;
    copy.open("header torn, not moved", &file, &torn, false);
    assert_eq!(copy.outcomes.get("L016"), Some(&1));
}

#[test]
fn the_end_of_the_database_cut_or_garbled() {
    let folder = scratch::folder();
    let mut copy = Copy::new(folder.path());
    // With the log moved into it, and without.
    fs::write(&copy.path, &copy.file).unwrap();
    fs::write(with(&copy.path, "-wal"), &copy.log).unwrap();
    drop(SqliteLedger::open(&copy.path, OpenOptions::default()).unwrap());
    let moved = fs::read(&copy.path).unwrap();
    let step = moved.len() / 60 + 1;
    for at in (0..moved.len()).step_by(step).chain([moved.len() - 1, moved.len() - 4096, moved.len() - 8192]) {
        copy.open(&format!("database cut at {at}"), &moved[..at], &[], false);
        let mut torn = moved.clone();
        let end = (at + 4096).min(moved.len());
        noise(&mut torn[at..end]);
        copy.open(&format!("half a page of the database at {at}"), &torn, &[], false);
    }
    println!("{:?}", copy.outcomes);
    assert!(copy.outcomes.keys().any(|it| it.starts_with('L')));
}
