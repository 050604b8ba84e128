//! What `ledger restore` does: a ledger from a backup or an archive, whole or up to a position or a moment.
//!
//! Invariant: everything is verified on the way; answers to keys about entries that are not restored are not restored either.

use super::ledger::refused;
use crate::failure::{Done, Failure};
use interlock_domain::core::Record;
use interlock_ledger::{OpenOptions, Recovery, SqliteLedger, StoreError, VerifyReport};
use jiff::Timestamp;
use std::path::Path;

/// Up to where something is restored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// A number of entries.
    Position(u64),
    Time(Timestamp),
}

impl std::str::FromStr for Until {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.parse() {
            Ok(position) => Ok(Self::Position(position)),
            Err(_) => crate::when::when(text)
                .map(Self::Time)
                .map_err(|error| format!("neither a position nor a time: {error}")),
        }
    }
}

/// The number of entries up to a moment: all before the first that is later.
struct Reached {
    until: Option<Until>,
    size: u64,
    passed: bool,
}

impl Reached {
    fn new(until: Option<Until>) -> Self {
        Self { until, size: 0, passed: false }
    }

    fn see(&mut self, position: u64, body: &[u8]) {
        let later = match self.until {
            None => false,
            Some(Until::Position(size)) => position >= size,
            // What cannot be understood has no time; it is kept, as everything before a later entry is.
            Some(Until::Time(until)) => Record::decode(body).is_ok_and(|record| record.at > until),
        };
        self.passed |= later;
        if !self.passed {
            self.size = position + 1;
        }
    }

    /// The size to restore; one that was asked for by number is kept, so that one out of range is refused.
    fn size(&self) -> u64 {
        match self.until {
            Some(Until::Position(size)) => size,
            Some(Until::Time(_)) | None => self.size,
        }
    }
}

/// Restores a backup or an archive, whole or up to a position or a moment.
///
/// # Errors
/// Neither was given; what was given cannot be read or does not verify; nothing is at that position.
pub fn restore(
    backup: Option<&Path>,
    archive: Option<(&Path, &Path)>,
    until: Option<Until>,
    to: &Path,
) -> Done<VerifyReport> {
    let mut reached = Reached::new(until);
    let done = match (archive, backup) {
        (Some((folder, key)), _) => {
            let recovery = Recovery::open(folder, key).map_err(refused)?;
            recovery.entries(|position, body| reached.see(position, body)).map_err(refused)?;
            let size = reached.size();
            recovery.restore(to, size, &|answer| interlock_engine::round::answered_within(answer, size))
        }
        (None, Some(from)) => match until {
            None => SqliteLedger::restore(from, to),
            Some(_) => {
                each_entry(from, |position, body| reached.see(position, body)).map_err(refused)?;
                let size = reached.size();
                SqliteLedger::restore_prefix(from, to, size, &|answer| {
                    interlock_engine::round::answered_within(answer, size)
                })
            }
        },
        (None, None) => return Err(Failure::Usage("give --backup or --archive".into())),
    };
    done.map_err(refused)
}

/// Reads all entries of a copy, which is opened for it and so verified.
fn each_entry(path: &Path, mut each: impl FnMut(u64, &[u8])) -> Result<(), StoreError> {
    let ledger = SqliteLedger::open(path, OpenOptions::default())?;
    let mut at = 0;
    loop {
        let entries = interlock_ledger::Ledger::read(&ledger, at, 10_000)?;
        if entries.is_empty() {
            return Ok(());
        }
        for entry in entries {
            each(entry.position, &entry.body);
            at = entry.position + 1;
        }
    }
}
