//! Appending and reading, and the view of the head that both start from.
//!
//! **Invariant:** entries, filled tiles, answers, edge and signed checkpoint are written in one transaction; the state in
//! memory moves on only after it is committed.

use super::{
    SqliteLedger,
    audit::missing,
    beside,
    schema::failed,
    state::{Row, State, Stored, peek, tile_id},
};
use crate::{
    api::{Batch, Entry, Head, Position},
    checkpoint::Checkpoint,
    digest::Digest,
    error::{AppendError, StoreError},
    limits,
    merkle::{Tree, encode_hashes},
};
use rusqlite::{Connection, ErrorCode, Transaction, TransactionBehavior, params};
use std::sync::{Arc, PoisonError};

/// What one commit adds to the log beyond the bytes of its entries: the pages of checkpoint, edge and last leaf.
const COMMIT_OVERHEAD: u64 = 32 << 10;

impl SqliteLedger {
    /// Runs a question in one read transaction, so that all it sees is of one moment, and that moment not before what we
    /// knew when it began.
    pub(super) fn ask<R>(
        &self,
        question: impl FnOnce(&Connection, &Arc<State>) -> Result<R, StoreError>,
    ) -> Result<R, StoreError> {
        let known = self.known();
        let idle = self.readers.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let conn = match idle {
            Some(conn) => conn,
            None => super::schema::reader(&self.path, self.patience)?,
        };
        let answer = {
            let view = conn.unchecked_transaction().map_err(failed("beginning to read"))?;
            question(&view, &known)
        };
        let mut readers = self.readers.lock().unwrap_or_else(PoisonError::into_inner);
        if readers.len() < super::READERS_KEPT {
            readers.push(conn);
        }
        answer
    }

    /// Runs a change in one write transaction; commits if it succeeds. `bytes` is about how much it writes.
    ///
    /// A write that failed for another reason than a full disk stops the writing for good. What was not synchronised may
    /// still be in the page cache and pass for written: only a new process, which moves the log into the file anew and
    /// synchronises that before it does anything else, knows what is there.
    ///
    /// `noted` is done after the commit, before anybody else can write.
    pub(super) fn change<R, E: From<StoreError> + Cause>(
        &self,
        doing: &str,
        bytes: u64,
        change: impl FnOnce(&Transaction<'_>, &Arc<State>) -> Result<R, E>,
        noted: impl FnOnce(),
    ) -> Result<R, E> {
        let mut conn = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(why) = self.stopped.get() {
            return Err(StoreError::Stopped { why: why.clone() }.into());
        }
        let known = self.known();
        let tried = (|| {
            let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed(doing))?;
            let outcome = change(&tx, &known)?;
            tx.commit().map_err(failed(doing))?;
            Ok::<R, E>(outcome)
        })();
        let outcome = match tried {
            Ok(outcome) => outcome,
            Err(error) => {
                if let Some(doubt) = error.cause().filter(|cause| cause.leaves_doubt()) {
                    // The first reason stays.
                    let _ = self.stopped.set(doubt.to_string());
                }
                return Err(error);
            }
        };
        noted();
        // The commit stands whatever becomes of moving the log; trouble there is told, not returned.
        if let Err(error) = self.flusher.committed(bytes + COMMIT_OVERHEAD, &conn) {
            self.notice(error.to_string());
        }
        Ok(outcome)
    }

    pub(super) fn known(&self) -> Arc<State> {
        Arc::clone(&self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn learn(&self, state: &Arc<State>) {
        let mut known = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.checkpoint.size > known.checkpoint.size {
            *known = Arc::clone(state);
        }
    }

    /// The state that `conn` sees, whose transaction was begun after `known` was. If another process has moved it on, its
    /// signature is checked, and that it continues what we knew. Every known state was committed, so a view begun later
    /// that is behind it means that somebody put an older file in place.
    pub(super) fn state(&self, conn: &Connection, known: &Arc<State>) -> Result<Arc<State>, StoreError> {
        let (size, root) = peek(conn)?;
        if size == known.checkpoint.size && root == Some(known.checkpoint.root) {
            return Ok(Arc::clone(known));
        }
        let state = Arc::new(Row::load(conn, &self.verifying_key)?.into_state()?);
        let (before, now) = (&known.checkpoint, &state.checkpoint);
        if now.size < before.size || Tree::new(&state.edge, &Stored(conn)).root_at(before.size)? != before.root {
            return Err(StoreError::NotAContinuation { witnessed: before.size, found: now.size });
        }
        self.learn(&state);
        Ok(state)
    }

    pub(super) fn append_batch(&self, expected: Position, batch: &Batch) -> Result<Head, AppendError> {
        limits::batch(batch)?;
        let bytes = batch.entries.iter().map(|it| it.body.len() + 48).sum::<usize>()
            + batch.answers.iter().map(|it| it.body.len() + it.key.len() + 48).sum::<usize>()
            + batch.blobs.iter().map(|it| it.len() + 80).sum::<usize>()
            + batch.rows.iter().map(|it| it.key.len() + it.value.len() + 48).sum::<usize>();
        let noted = || {
            self.changes.answers(&batch.answers);
            batch.blobs.iter().for_each(|it| self.changes.blob(Digest::of(it)));
            self.changes.desk(batch.rows.iter().map(|row| (row.table.as_str(), row.key.as_str())));
        };
        let decide = |tx: &Transaction<'_>, known: &Arc<State>| {
            let state = self.state(tx, known)?;
            if state.checkpoint.size != expected {
                return Err(AppendError::Conflict { expected, actual: state.checkpoint.size });
            }
            remember(tx, batch)?;
            beside::keep_blobs(tx, &batch.blobs)?;
            beside::keep_rows(
                tx,
                batch.rows.iter().map(|row| (row.table.as_str(), row.key.as_str(), row.value.as_slice())),
            )?;
            if batch.entries.is_empty() {
                return Ok(state);
            }
            Ok(Arc::new(self.extend(tx, &state, batch)?))
        };
        let state = self.change("appending", bytes as u64, decide, noted)?;
        self.learn(&state);
        Ok(state.head())
    }

    fn extend(&self, tx: &Transaction<'_>, state: &State, batch: &Batch) -> Result<State, StoreError> {
        let appending = failed("appending");
        let mut edge = state.edge.clone();
        {
            let mut entry =
                tx.prepare_cached("INSERT INTO entry (position, body) VALUES (?, ?)").map_err(&appending)?;
            let mut tile = tx.prepare_cached("INSERT INTO tile (id, hashes) VALUES (?, ?)").map_err(&appending)?;
            let mut keep = |level, index, hashes: &[Digest]| {
                tile.execute(params![tile_id(level, index), encode_hashes(hashes)]).map(|_| ())
            };
            for new in &batch.entries {
                entry.execute(params![edge.size() as i64, new.body]).map_err(&appending)?;
                edge.push(Digest::leaf(&new.body), &mut keep).map_err(&appending)?;
            }
        }
        let checkpoint = Checkpoint::sign(&self.key, edge.size(), edge.root());
        tx.prepare_cached("UPDATE checkpoint SET size = ?, root = ?, edge = ?, note = ? WHERE id = 0")
            .and_then(|mut it| {
                it.execute(params![
                    checkpoint.size as i64,
                    checkpoint.root.0.as_slice(),
                    edge.encode(),
                    checkpoint.note
                ])
            })
            .map_err(&appending)?;
        Ok(State { checkpoint, edge })
    }

    pub(super) fn read_entries(&self, from: Position, limit: usize) -> Result<Vec<Entry>, StoreError> {
        self.ask(|conn, known| {
            let state = self.state(conn, known)?;
            let size = state.checkpoint.size;
            let wanted = (limit.min(limits::READ_ITEMS) as u64).min(size.saturating_sub(from));
            if wanted == 0 {
                return Ok(Vec::new());
            }
            let stored = Stored(conn);
            let tree = Tree::new(&state.edge, &stored);
            let mut statement = conn
                .prepare_cached(
                    "SELECT position, body FROM entry WHERE position >= ? AND position < ? ORDER BY position",
                )
                .map_err(failed("reading entries"))?;
            let mut rows = statement.query([from as i64, (from + wanted) as i64]).map_err(failed("reading entries"))?;
            let mut out = Vec::with_capacity(wanted.min(1_024) as usize);
            let mut bytes = 0usize;
            for position in from..from + wanted {
                if bytes >= limits::READ_BYTES {
                    break;
                }
                let row = rows.next().map_err(|error| match failed("reading entries")(error) {
                    StoreError::FileDamaged { doing, detail, .. } => {
                        StoreError::FileDamaged { doing, position: Some(position), detail }
                    }
                    other => other,
                })?;
                let found = row.filter(|row| row.get_ref(0).is_ok_and(|it| it.as_i64() == Ok(position as i64)));
                let Some(row) = found else { return Err(missing(conn, position, size)) };
                let Some(body) = row.get_ref(1).ok().and_then(|it| it.as_blob().ok()) else {
                    return Err(StoreError::EntryAltered { position });
                };
                let leaf = Digest::leaf(body);
                if tree.leaf(position)? != leaf {
                    return Err(StoreError::EntryAltered { position });
                }
                bytes += body.len();
                out.push(Entry { position, body: body.to_vec(), leaf });
            }
            Ok(out)
        })
    }

    /// A question about the tree.
    pub(super) fn ask_tree<R>(
        &self,
        question: impl FnOnce(&Tree<'_, Stored<'_>>) -> Result<R, StoreError>,
    ) -> Result<R, StoreError> {
        self.ask(|conn, known| question(&Tree::new(&self.state(conn, known)?.edge, &Stored(conn))))
    }
}

/// What an error of storage says beneath.
pub(super) trait Cause {
    fn cause(&self) -> Option<&StoreError>;
}

impl Cause for StoreError {
    fn cause(&self) -> Option<&StoreError> {
        Some(self)
    }
}

impl Cause for AppendError {
    fn cause(&self) -> Option<&StoreError> {
        match self {
            AppendError::Storage(error) => Some(error),
            AppendError::Conflict { .. } | AppendError::TooLarge { .. } => None,
        }
    }
}

/// The digest over an answer and its key, so that neither can be exchanged unnoticed.
pub(crate) fn answer_digest(key: &str, body: &[u8]) -> Digest {
    Digest::of_parts(&[b"answer", key.as_bytes(), body])
}

fn remember(tx: &Transaction<'_>, batch: &Batch) -> Result<(), StoreError> {
    if batch.answers.is_empty() {
        return Ok(());
    }
    let mut statement = tx
        .prepare_cached("INSERT INTO answer (key, digest, body) VALUES (?, ?, ?)")
        .map_err(failed("remembering an answer"))?;
    for answer in &batch.answers {
        let digest = answer_digest(&answer.key, &answer.body);
        statement.execute(params![answer.key, digest.0.as_slice(), answer.body]).map_err(|error| {
            match error.sqlite_error_code() {
                Some(ErrorCode::ConstraintViolation) => StoreError::AnswerExists { key: answer.key.clone() },
                _ => failed("remembering an answer")(error),
            }
        })?;
    }
    Ok(())
}
