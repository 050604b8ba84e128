//! A ledger as it was at an earlier position: made anew from its entries, under the same key.
//!
//! **Invariant:** what is made has the root that the ledger had at that size; it appears under its name only after it was
//! verified, and never replaces anything. **Deliberately absent:** the desk as it was. What lies there has no position: it is
//! that of the backup, or of the archive file in which the position lies. Blobs are kept whatever refers to them.

use super::{
    OpenOptions, SqliteLedger, backup,
    keys::{self, beside},
    schema::{failed, io_failed, reader},
    verify::{VerifyReport, examine},
};
use crate::{
    api::{Answer, Batch, Ledger as _, NewEntry},
    error::{AppendError, StoreError},
    note::SigningKey,
};
use std::{fs, path::Path, time::Duration};

const PATIENCE: Duration = Duration::from_secs(5);
const TOGETHER: usize = 5_000;
const TOGETHER_BYTES: usize = 32 << 20;

/// Whether an answer is kept, going by its bytes: one about entries that are not restored must not be.
pub type Keep<'a> = &'a dyn Fn(&[u8]) -> bool;

/// Makes a ledger beside its place, lets it be filled, verifies it, and gives it its name.
pub(super) fn build(
    to: &Path,
    key: &SigningKey,
    fill: impl FnOnce(&SqliteLedger) -> Result<(), StoreError>,
) -> Result<VerifyReport, StoreError> {
    backup::refuse_existing(to)?;
    let folder = beside(to, &format!(".restoring-{}", std::process::id()));
    fs::create_dir(&folder).map_err(io_failed("making", &folder))?;
    let made = (|| {
        let path = folder.join("ledger");
        let ledger = SqliteLedger::create_signed(&path, key, OpenOptions::default())?;
        fill(&ledger)?;
        drop(ledger);
        backup::copy(&reader(&path, PATIENCE)?, to, key)
    })();
    // Its files are of no use to anybody, whatever became of it.
    let _ = fs::remove_dir_all(&folder);
    made
}

/// Appends in pieces.
pub(super) struct Filling<'a> {
    ledger: &'a SqliteLedger,
    size: u64,
    bytes: usize,
    batch: Batch,
}

impl<'a> Filling<'a> {
    pub fn new(ledger: &'a SqliteLedger) -> Filling<'a> {
        Filling { ledger, size: 0, bytes: 0, batch: Batch::default() }
    }

    pub fn entry(&mut self, body: Vec<u8>) -> Result<(), StoreError> {
        self.bytes += body.len();
        self.batch.entries.push(NewEntry { body });
        self.some()
    }

    pub fn answer(&mut self, key: String, body: Vec<u8>) -> Result<(), StoreError> {
        self.bytes += body.len() + key.len();
        self.batch.answers.push(Answer { key, body });
        self.some()
    }

    fn some(&mut self) -> Result<(), StoreError> {
        let full = self.batch.entries.len() + self.batch.answers.len() >= TOGETHER || self.bytes >= TOGETHER_BYTES;
        if full { self.rest() } else { Ok(()) }
    }

    pub fn rest(&mut self) -> Result<(), StoreError> {
        let batch = std::mem::take(&mut self.batch);
        self.bytes = 0;
        if batch.entries.is_empty() && batch.answers.is_empty() {
            return Ok(());
        }
        self.size = self.ledger.append(self.size, &batch).map_err(unwrapped)?.size;
        Ok(())
    }
}

fn unwrapped(error: AppendError) -> StoreError {
    match error {
        AppendError::Storage(error) => error,
        AppendError::TooLarge { what, given, limit } => StoreError::TooLarge { what, given, limit },
        AppendError::Conflict { .. } => StoreError::Storage { doing: "restoring".into(), detail: error.to_string() },
    }
}

impl SqliteLedger {
    /// Verifies the ledger at `from` and makes at `to` what it was when it had `size` entries. Never overwrites.
    pub fn restore_prefix(from: &Path, to: &Path, size: u64, keep: Keep<'_>) -> Result<VerifyReport, StoreError> {
        let key = keys::load(from)?;
        let (report, mut errors) = examine(from, Some(&key.verifying_key()));
        if !errors.is_empty() {
            return Err(errors.swap_remove(0));
        }
        let has = report.size.unwrap_or_default();
        if size > has {
            return Err(StoreError::OutOfRange { what: "the position to restore to", given: size, size: has });
        }
        let source = reader(from, PATIENCE)?;
        build(to, &key, |ledger| {
            let mut filling = Filling::new(ledger);
            let doing = failed("reading the backup");
            let mut entries =
                source.prepare("SELECT body FROM entry WHERE position < ? ORDER BY position").map_err(&doing)?;
            let mut rows = entries.query([size as i64]).map_err(&doing)?;
            while let Some(row) = rows.next().map_err(&doing)? {
                filling.entry(row.get(0).map_err(&doing)?)?;
            }
            let mut answers = source.prepare("SELECT key, body FROM answer").map_err(&doing)?;
            let mut rows = answers.query([]).map_err(&doing)?;
            while let Some(row) = rows.next().map_err(&doing)? {
                let body: Vec<u8> = row.get(1).map_err(&doing)?;
                if keep(&body) {
                    filling.answer(row.get(0).map_err(&doing)?, body)?;
                }
            }
            filling.rest()?;
            let mut blobs = source.prepare("SELECT body FROM blob ORDER BY rowid").map_err(&doing)?;
            let mut rows = blobs.query([]).map_err(&doing)?;
            while let Some(row) = rows.next().map_err(&doing)? {
                ledger.put_blob(&row.get::<_, Vec<u8>>(0).map_err(&doing)?)?;
            }
            let mut desk = source.prepare("SELECT name, key, value FROM desk").map_err(&doing)?;
            let mut rows = desk.query([]).map_err(&doing)?;
            let mut together: Vec<(String, String, Vec<u8>)> = Vec::new();
            while let Some(row) = rows.next().map_err(&doing)? {
                let it = (row.get(0).map_err(&doing)?, row.get(1).map_err(&doing)?, row.get(2).map_err(&doing)?);
                together.push(it);
                if together.len() >= TOGETHER {
                    put(ledger, &together)?;
                    together.clear();
                }
            }
            put(ledger, &together)
        })
    }
}

pub(super) fn put(ledger: &SqliteLedger, rows: &[(String, String, Vec<u8>)]) -> Result<(), StoreError> {
    let rows: Vec<(&str, &str, &[u8])> =
        rows.iter().map(|(table, key, value)| (table.as_str(), key.as_str(), value.as_slice())).collect();
    if rows.is_empty() { Ok(()) } else { ledger.desk_put_many(&rows) }
}
