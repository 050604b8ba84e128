//! How much of anything a ledger takes. Both stores refuse the same things with the same words.

use crate::{
    api::Batch,
    error::{AppendError, StoreError},
};
use std::collections::BTreeSet;

/// Bytes of one entry.
pub const ENTRY_BYTES: usize = 1 << 20;
/// Entries, or answers, or desk rows, in one batch.
pub const BATCH_ITEMS: usize = 10_000;
/// Bytes of all that is in one batch.
pub const BATCH_BYTES: usize = 256 << 20;
/// Bytes of one blob.
pub const BLOB_BYTES: usize = 64 << 20;
/// Bytes of one snapshot, which is a file of its own.
pub const SNAPSHOT_BYTES: usize = 4 << 30;
/// Bytes of a key, a tag, or the name of a desk table.
pub const KEY_BYTES: usize = 512;
/// Bytes of one value on the desk.
pub const DESK_BYTES: usize = 4 << 20;
/// Rows that one call reads; more are cut off, and the caller reads on.
pub const READ_ITEMS: usize = 10_000;
/// Bytes of entries after which one call stops reading.
pub const READ_BYTES: usize = 64 << 20;
/// Snapshots kept per tag.
pub const SNAPSHOTS_KEPT: usize = 2;

pub(crate) fn within(what: &'static str, given: usize, limit: usize) -> Result<(), StoreError> {
    if given <= limit { Ok(()) } else { Err(StoreError::TooLarge { what, given, limit }) }
}

pub(crate) fn key(what: &'static str, key: &str) -> Result<(), StoreError> {
    if key.is_empty() {
        return Err(StoreError::Malformed { what, why: "it is empty".into() });
    }
    // SQLite's text functions stop at a zero; no name needs one.
    if key.contains('\0') {
        return Err(StoreError::Malformed { what, why: "it contains a zero byte".into() });
    }
    within(what, key.len(), KEY_BYTES)
}

pub(crate) fn batch(batch: &Batch) -> Result<(), AppendError> {
    let within = |what, given, limit| {
        if given <= limit { Ok(()) } else { Err(AppendError::TooLarge { what, given, limit }) }
    };
    within("the number of entries in a batch", batch.entries.len(), BATCH_ITEMS)?;
    within("the number of answers in a batch", batch.answers.len(), BATCH_ITEMS)?;
    let mut bytes = 0usize;
    for entry in &batch.entries {
        within("an entry, in bytes,", entry.body.len(), ENTRY_BYTES)?;
        bytes += entry.body.len();
    }
    let mut keys = BTreeSet::new();
    for answer in &batch.answers {
        key("the key of an answer", &answer.key)?;
        within("an answer, in bytes,", answer.body.len(), ENTRY_BYTES)?;
        bytes += answer.body.len();
        if !keys.insert(answer.key.as_str()) {
            return Err(StoreError::AnswerExists { key: answer.key.clone() }.into());
        }
    }
    within("the number of blobs in a batch", batch.blobs.len(), BATCH_ITEMS)?;
    for blob in &batch.blobs {
        within("a blob, in bytes,", blob.len(), BLOB_BYTES)?;
        bytes += blob.len();
    }
    let rows: Vec<(&str, &str, &[u8])> =
        batch.rows.iter().map(|row| (row.table.as_str(), row.key.as_str(), row.value.as_slice())).collect();
    desk_rows(&rows)?;
    bytes += batch.rows.iter().map(|row| row.key.len() + row.value.len()).sum::<usize>();
    within("a batch, in bytes,", bytes, BATCH_BYTES)
}

/// What the ledger's key signs beside checkpoints must not look like one.
pub(crate) fn statement(origin: &str, text: &str) -> Result<(), StoreError> {
    let why = match text.split_once('\n') {
        Some((first, _)) if first == origin => "its first line is the ledger's origin",
        Some(("", _)) | None => "its first line does not say what it is",
        Some(_) if !text.ends_with('\n') || text.contains("\n\n") => "it has no final newline, or an empty line",
        Some(_) => return Ok(()),
    };
    Err(StoreError::Malformed { what: "a text to be signed", why: why.into() })
}

pub(crate) fn desk_rows(rows: &[(&str, &str, &[u8])]) -> Result<(), StoreError> {
    within("the number of desk rows", rows.len(), BATCH_ITEMS)?;
    for (table, row_key, value) in rows {
        key("the name of a desk table", table)?;
        key("the key of a desk row", row_key)?;
        within("a desk value, in bytes,", value.len(), DESK_BYTES)?;
    }
    Ok(())
}
