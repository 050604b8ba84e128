//! A whole ledger from one store into the other: into PostgreSQL when one machine is no longer enough, and out of it into
//! one file, as a copy that can be kept anywhere.
//!
//! Entries, answers, blobs and the desk go along; snapshots do not, being a cache. The key goes along too, and signatures are
//! deterministic, so the checkpoint of the copy is that of the original, byte for byte: that is the proof.
//!
//! **Invariants:** the target must be empty, and nobody can use it before everything has been compared; the source is only
//! read, and held still meanwhile. **Deliberately absent:** merging, and going on from a copy that was cut short.

use crate::{
    api::{Answer, Batch, Head, Ledger, NewEntry},
    digest::Digest,
    error::{AppendError, StoreError},
    limits,
    postgres::PostgresLedger,
    sqlite::{OpenOptions, SqliteLedger, VerifyReport, schema::failed},
};
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use std::path::{Path, PathBuf};

/// Entries and rows that are carried at once.
const AT_ONCE: usize = 2_000;
/// Bytes that are carried at once.
const BYTES: usize = 16 << 20;

/// What was carried, and the proof that it is the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Moved {
    pub from: PathBuf,
    pub to: String,
    /// Entries of both, and the root over them.
    pub size: u64,
    pub root: Digest,
    /// The checkpoint that both have signed, byte for byte.
    pub checkpoint: String,
    pub answers: u64,
    pub blobs: u64,
    pub desk: u64,
    /// The target, verified after the move.
    pub verified: VerifyReport,
}

/// How many rows went by, and a digest over all of them in order.
#[derive(Default, Clone)]
struct Tally {
    count: u64,
    sum: Sha256,
}

impl Tally {
    fn add(&mut self, parts: &[&[u8]]) {
        self.count += 1;
        self.sum.update(Digest::of_parts(parts).0);
    }

    fn close(self) -> (u64, Digest) {
        (self.count, Digest(self.sum.finalize().into()))
    }
}

/// The digest of a blob, and its bytes.
pub(crate) type Named = (Vec<u8>, Vec<u8>);

/// Where rows come from, each list in the order of its keys (bytewise), in portions after the last key seen.
pub(crate) trait Source {
    fn entries(&self, from: u64, limit: usize) -> Result<Vec<Vec<u8>>, StoreError>;
    fn answers(&self, after: &str, limit: usize) -> Result<Vec<Answer>, StoreError>;
    fn blobs(&self, after: &[u8], limit: usize) -> Result<Vec<Named>, StoreError>;
    fn desk(&self, after: Option<(&str, &str)>, limit: usize) -> Result<Vec<(String, String, Vec<u8>)>, StoreError>;
}

/// Moves the SQLite ledger at `from` to an empty schema in PostgreSQL, and its key to the file `key`.
///
/// # Errors
/// The source does not verify or is being written to; the target is not empty or cannot be reached; what arrived differs.
pub fn move_to_postgres(from: &Path, to: &str, key: &Path, options: &OpenOptions) -> Result<Moved, StoreError> {
    let source = SqliteLedger::open(from, options.clone())?;
    let target = PostgresLedger::begin_move(to, key, SqliteLedger::load_key(from)?, options)?;
    let report = source.hold(|conn, state| {
        let checkpoint = &state.checkpoint;
        let head = Head { size: checkpoint.size, root: checkpoint.root };
        let (answers, blobs, desk) = carry(&InSqlite(conn), &target, head)?;
        compare(&target.rows(), head, &target, &checkpoint.note, [&answers, &blobs, &desk])?;
        Ok(Moved {
            from: from.into(),
            to: target.shown().into(),
            size: head.size,
            root: head.root,
            checkpoint: checkpoint.note.clone(),
            answers: answers.0,
            blobs: blobs.0,
            desk: desk.0,
            verified: target.end_move()?,
        })
    })?;
    match report.verified.faults.first() {
        None => Ok(report),
        Some(fault) => Err(StoreError::MovedWrong { what: fault.message.clone() }),
    }
}

/// Copies a ledger in PostgreSQL, as it is at one moment, into one SQLite file with its key beside it, and verifies the copy.
///
/// # Errors
/// Something is at `to` already; the source is damaged or cannot be reached; what arrived differs.
pub fn copy_to_sqlite(from: &PostgresLedger, to: &Path) -> Result<VerifyReport, StoreError> {
    let target = SqliteLedger::create_signed(to, &from.key_again()?, OpenOptions::default())?;
    from.at_one_moment(|rows, checkpoint| {
        let head = Head { size: checkpoint.size, root: checkpoint.root };
        let tallies = carry(rows, &target, head)?;
        target.hold(|conn, _| {
            compare(&InSqlite(conn), head, &target, &checkpoint.note, [&tallies.0, &tallies.1, &tallies.2])
        })
    })?;
    drop(target);
    Ok(SqliteLedger::verify(to))
}

type Closed = (u64, Digest);

fn refused(error: AppendError) -> StoreError {
    match error {
        AppendError::Storage(error) => error,
        other => StoreError::MovedWrong { what: other.to_string() },
    }
}

fn carry(source: &impl Source, target: &dyn Ledger, head: Head) -> Result<(Closed, Closed, Closed), StoreError> {
    let mut size = 0;
    while size < head.size {
        let limit = AT_ONCE.min((head.size - size) as usize);
        let entries: Vec<NewEntry> = source.entries(size, limit)?.into_iter().map(|body| NewEntry { body }).collect();
        if entries.is_empty() {
            return Err(StoreError::EntryMissing { position: size });
        }
        size = target.append(size, &Batch { entries, ..Batch::default() }).map_err(refused)?.size;
    }
    let (mut answers, mut blobs, mut desk) = (Tally::default(), Tally::default(), Tally::default());
    each_answer(source, |portion| {
        portion.iter().for_each(|it| answers.add(&[it.key.as_bytes(), &it.body]));
        target.append(head.size, &Batch { answers: portion, ..Batch::default() }).map(drop).map_err(refused)
    })?;
    each_blob(source, |name, body| {
        blobs.add(&[name]);
        let digest = target.put_blob(body)?;
        if digest.0.as_slice() == name { Ok(()) } else { Err(StoreError::BlobDamaged { digest }) }
    })?;
    each_desk(source, |portion| {
        portion.iter().for_each(|(table, key, value)| desk.add(&[table.as_bytes(), key.as_bytes(), value]));
        let rows: Vec<(&str, &str, &[u8])> =
            portion.iter().map(|(t, k, v)| (t.as_str(), k.as_str(), v.as_slice())).collect();
        target.desk_put_many(&rows)
    })?;
    Ok((answers.close(), blobs.close(), desk.close()))
}

/// Reads back what arrived, and holds it against what was sent.
fn compare(
    arrived: &impl Source,
    head: Head,
    target: &dyn Ledger,
    note: &str,
    sent: [&Closed; 3],
) -> Result<(), StoreError> {
    let wrong = |what: &str| Err(StoreError::MovedWrong { what: what.into() });
    if target.head()? != head {
        return wrong("size or root differ");
    }
    if target.checkpoint()?.note != note {
        return wrong("the checkpoints differ");
    }
    let (mut answers, mut blobs, mut desk) = (Tally::default(), Tally::default(), Tally::default());
    each_answer(arrived, |portion| {
        portion.iter().for_each(|it| answers.add(&[it.key.as_bytes(), &it.body]));
        Ok(())
    })?;
    each_blob(arrived, |name, body| {
        blobs.add(&[name]);
        let digest = Digest::of(body);
        if digest.0.as_slice() == name { Ok(()) } else { Err(StoreError::BlobDamaged { digest }) }
    })?;
    each_desk(arrived, |portion| {
        portion.iter().for_each(|(table, key, value)| desk.add(&[table.as_bytes(), key.as_bytes(), value]));
        Ok(())
    })?;
    for (found, sent, what) in [(answers, sent[0], "answers"), (blobs, sent[1], "blobs"), (desk, sent[2], "desk rows")]
    {
        if found.close() != *sent {
            return wrong(&format!("the {what} differ"));
        }
    }
    Ok(())
}

fn each_answer(
    source: &impl Source,
    mut take: impl FnMut(Vec<Answer>) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let mut after = String::new();
    loop {
        let portion = source.answers(&after, AT_ONCE)?;
        let Some(last) = portion.last() else { return Ok(()) };
        after = last.key.clone();
        take(portion)?;
    }
}

fn each_blob(
    source: &impl Source,
    mut take: impl FnMut(&[u8], &[u8]) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let mut after = Vec::new();
    loop {
        let portion = source.blobs(&after, 16)?;
        let Some((last, _)) = portion.last() else { return Ok(()) };
        after = last.clone();
        portion.iter().try_for_each(|(name, body)| take(name, body))?;
    }
}

fn each_desk(
    source: &impl Source,
    mut take: impl FnMut(Vec<(String, String, Vec<u8>)>) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let mut after: Option<(String, String)> = None;
    loop {
        let portion = source.desk(after.as_ref().map(|(table, key)| (table.as_str(), key.as_str())), AT_ONCE / 8)?;
        let Some((table, key, _)) = portion.last() else { return Ok(()) };
        after = Some((table.clone(), key.clone()));
        take(portion)?;
    }
}

/// The rows of an SQLite ledger, read in the transaction that holds it still.
struct InSqlite<'c>(&'c rusqlite::Connection);

impl InSqlite<'_> {
    fn rows<T>(
        &self,
        doing: &str,
        sql: &str,
        values: impl rusqlite::Params,
        row: impl FnMut(&rusqlite::Row<'_>) -> rusqlite::Result<T>,
        size: impl Fn(&T) -> usize,
    ) -> Result<Vec<T>, StoreError> {
        let doing = failed(doing);
        let mut statement = self.0.prepare_cached(sql).map_err(&doing)?;
        let mut out = Vec::new();
        let mut bytes = 0;
        for found in statement.query_map(values, row).map_err(&doing)? {
            let found = found.map_err(&doing)?;
            bytes += size(&found);
            out.push(found);
            if bytes >= BYTES {
                break;
            }
        }
        Ok(out)
    }
}

impl Source for InSqlite<'_> {
    fn entries(&self, from: u64, limit: usize) -> Result<Vec<Vec<u8>>, StoreError> {
        let sql = "SELECT body FROM entry WHERE position >= ? ORDER BY position LIMIT ?";
        self.rows("reading entries", sql, [from as i64, limit as i64], |row| row.get(0), Vec::len)
    }

    fn answers(&self, after: &str, limit: usize) -> Result<Vec<Answer>, StoreError> {
        let sql = "SELECT key, body FROM answer WHERE key > ? ORDER BY key LIMIT ?";
        let row = |row: &rusqlite::Row<'_>| Ok(Answer { key: row.get(0)?, body: row.get(1)? });
        self.rows("reading answers", sql, rusqlite::params![after, limit as i64], row, |it| it.body.len())
    }

    fn blobs(&self, after: &[u8], limit: usize) -> Result<Vec<Named>, StoreError> {
        let sql = "SELECT digest, body FROM blob WHERE digest > ? ORDER BY digest LIMIT ?";
        let row = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get::<_, Vec<u8>>(1)?));
        self.rows("reading blobs", sql, rusqlite::params![after, limit as i64], row, |it| it.1.len())
    }

    fn desk(&self, after: Option<(&str, &str)>, limit: usize) -> Result<Vec<(String, String, Vec<u8>)>, StoreError> {
        let sql = "SELECT name, key, value FROM desk WHERE (name, key) > (?, ?) ORDER BY name, key LIMIT ?";
        let row = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get::<_, Vec<u8>>(2)?));
        let (table, key) = after.unwrap_or(("", ""));
        self.rows("reading the desk", sql, rusqlite::params![table, key, limit as i64], row, |it| it.2.len())
    }
}

const _: () = assert!(AT_ONCE <= limits::BATCH_ITEMS && BYTES + limits::ENTRY_BYTES <= limits::BATCH_BYTES);
