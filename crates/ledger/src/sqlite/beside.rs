//! What lies beside the log in the same file: answers, blobs, the desk.
//!
//! **Invariant:** answers and blobs carry a digest that is checked whenever they are read.
//! **Deliberately absent:** digests on the desk. What lies there must be erasable, and the log vouches for none of it.

use super::{SqliteLedger, keys::beside, log::answer_digest, schema::failed, snapshots, state::State};
use crate::{api::Figures, digest::Digest, error::StoreError, limits};
use rusqlite::{Connection, OptionalExtension as _, Transaction, params};
use std::{collections::BTreeMap, fs, path::Path, sync::Arc};

fn bytes_of(path: &Path) -> Option<u64> {
    fs::metadata(path).ok().map(|it| it.len())
}

fn one(conn: &Connection, sql: &str) -> Result<Option<u64>, StoreError> {
    let found: i64 = conn.query_row(sql, [], |row| row.get(0)).map_err(failed("counting"))?;
    Ok(u64::try_from(found).ok())
}

impl SqliteLedger {
    /// How much there is of everything.
    pub(super) fn count(&self) -> Result<Figures, StoreError> {
        let newest = snapshots::newest(&self.path)?;
        let counted = self.ask(|conn, _| {
            let doing = failed("counting the desk");
            let mut statement = conn.prepare_cached("SELECT name, count(*) FROM desk GROUP BY name").map_err(&doing)?;
            let rows = statement.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?)));
            let rows: Result<Vec<(String, i64)>, _> = rows.map_err(&doing)?.collect();
            let desk_rows: BTreeMap<String, u64> =
                rows.map_err(&doing)?.into_iter().map(|(name, count)| (name, count.unsigned_abs())).collect();
            Ok(Figures {
                blobs: one(conn, "SELECT count(*) FROM blob")?,
                blob_bytes: one(conn, "SELECT coalesce(sum(length(body)), 0) FROM blob")?,
                answers: one(conn, "SELECT count(*) FROM answer")?,
                desk_rows,
                ..Figures::default()
            })
        })?;
        Ok(Figures {
            database_bytes: bytes_of(&self.path),
            log_bytes: bytes_of(&beside(&self.path, "-wal")),
            snapshot_bytes: Some(newest.bytes),
            snapshot_at: newest.at,
            snapshot_size: newest.size,
            ..counted
        })
    }

    pub(super) fn find_answer(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let found: Option<(Vec<u8>, Vec<u8>)> = self.ask(|conn, _| {
            conn.prepare_cached("SELECT digest, body FROM answer WHERE key = ?")
                .and_then(|mut it| it.query_row([key], |row| Ok((row.get(0)?, row.get(1)?))).optional())
                .map_err(failed("looking up an answer"))
        })?;
        match found {
            Some((digest, body)) if digest == answer_digest(key, &body).0 => Ok(Some(body)),
            Some(_) => Err(StoreError::AnswerDamaged { key: key.into() }),
            None => Ok(None),
        }
    }

    pub(super) fn store_blob(&self, bytes: &[u8]) -> Result<Digest, StoreError> {
        limits::within("a blob, in bytes,", bytes.len(), limits::BLOB_BYTES)?;
        let digest = Digest::of(bytes);
        let keep = |tx: &Transaction<'_>, _: &Arc<State>| keep_blobs(tx, &[bytes]);
        self.change("storing a blob", bytes.len() as u64, keep, || self.changes.blob(digest))?;
        Ok(digest)
    }

    pub(super) fn delete_blob(&self, digest: &Digest) -> Result<bool, StoreError> {
        let erase = |tx: &Transaction<'_>, _: &Arc<State>| {
            let erased = tx.execute("DELETE FROM blob WHERE digest = ?", [digest.0.as_slice()]);
            erased.map(|count| count > 0).map_err(failed("erasing a blob"))
        };
        self.change("erasing a blob", 0, erase, || self.changes.blob(*digest))
    }

    pub(super) fn find_blob(&self, digest: &Digest) -> Result<Option<Vec<u8>>, StoreError> {
        let found: Option<Vec<u8>> = self.ask(|conn, _| {
            conn.prepare_cached("SELECT body FROM blob WHERE digest = ?")
                .and_then(|mut it| it.query_row([digest.0.as_slice()], |row| row.get(0)).optional())
                .map_err(failed("reading a blob"))
        })?;
        match found {
            Some(body) if Digest::of(&body) != *digest => Err(StoreError::BlobDamaged { digest: *digest }),
            found => Ok(found),
        }
    }

    pub(super) fn put_desk(&self, rows: &[(&str, &str, &[u8])]) -> Result<(), StoreError> {
        limits::desk_rows(rows)?;
        let bytes = rows.iter().map(|(_, key, value)| key.len() + value.len() + 48).sum::<usize>();
        let put = |tx: &Transaction<'_>, _: &Arc<State>| keep_rows(tx, rows.iter().copied());
        let noted = || self.changes.desk(rows.iter().map(|(table, key, _)| (*table, *key)));
        self.change("writing to the desk", bytes as u64, put, noted)
    }

    pub(super) fn find_desk(&self, table: &str, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.ask(|conn, _| {
            conn.prepare_cached("SELECT value FROM desk WHERE name = ? AND key = ?")
                .and_then(|mut it| it.query_row([table, key], |row| row.get(0)).optional())
                .map_err(failed("reading from the desk"))
        })
    }

    pub(super) fn delete_desk(&self, table: &str, keys: &[&str]) -> Result<usize, StoreError> {
        limits::within("the number of desk rows", keys.len(), limits::BATCH_ITEMS)?;
        let erase = |tx: &Transaction<'_>, _: &Arc<State>| {
            let doing = failed("erasing from the desk");
            let mut statement = tx.prepare_cached("DELETE FROM desk WHERE name = ? AND key = ?").map_err(&doing)?;
            let mut count = 0;
            for key in keys {
                count += statement.execute([table, key]).map_err(&doing)?;
            }
            Ok(count)
        };
        self.change("erasing from the desk", 0, erase, || self.changes.desk(keys.iter().map(|key| (table, *key))))
    }

    /// Writes the desk anew in one transaction. SQLite overwrites what is deleted, but when it moves rows between pages copies of
    /// them stay in the unused parts of pages. Here all pages of the desk become free, which overwrites them whole, and only what is
    /// still there is written again.
    pub(super) fn write_desk_anew(&self) -> Result<(), StoreError> {
        let anew = |tx: &Transaction<'_>, _: &Arc<State>| {
            tx.execute_batch(
                "CREATE TEMP TABLE kept AS SELECT name, key, value FROM main.desk ORDER BY name, key;
                 DELETE FROM main.desk;
                 INSERT INTO main.desk (name, key, value) SELECT name, key, value FROM temp.kept ORDER BY rowid;
                 DROP TABLE temp.kept;",
            )
            .map_err(failed("writing the desk anew"))
        };
        // What is on it stays the same, so an archive has nothing to note.
        self.change("writing the desk anew", super::flush::GATHERED, anew, || {})
    }

    pub(super) fn scan_desk(
        &self,
        table: &str,
        prefix: &str,
        after_key: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        self.ask(|conn, _| {
            let doing = failed("reading from the desk");
            let limit = limit.min(limits::READ_ITEMS);
            // A key after a prefix is at or above it, and the rows that share it lie together.
            let (sql, low) = match after_key {
                Some(after) if after >= prefix => {
                    ("SELECT key, value FROM desk WHERE name = ? AND key > ? ORDER BY key LIMIT ?", after)
                }
                _ => ("SELECT key, value FROM desk WHERE name = ? AND key >= ? ORDER BY key LIMIT ?", prefix),
            };
            let mut statement = conn.prepare_cached(sql).map_err(&doing)?;
            let mut rows = statement.query(params![table, low, limit as i64]).map_err(&doing)?;
            let mut out = Vec::new();
            while let Some(row) = rows.next().map_err(&doing)? {
                let key: String = row.get(0).map_err(&doing)?;
                if !key.starts_with(prefix) {
                    break;
                }
                out.push((key, row.get(1).map_err(&doing)?));
            }
            Ok(out)
        })
    }
}

/// Stores bytes by their digests; what is there already is left as it is.
pub(super) fn keep_blobs(tx: &Connection, blobs: &[impl AsRef<[u8]>]) -> Result<(), StoreError> {
    if blobs.is_empty() {
        return Ok(());
    }
    let doing = failed("storing a blob");
    let mut statement = tx
        .prepare_cached("INSERT INTO blob (digest, body) VALUES (?, ?) ON CONFLICT (digest) DO NOTHING")
        .map_err(&doing)?;
    for bytes in blobs {
        let bytes = bytes.as_ref();
        statement.execute(params![Digest::of(bytes).0.as_slice(), bytes]).map_err(&doing)?;
    }
    Ok(())
}

/// Writes rows (table, key, value) to the desk, in place of what was there.
pub(super) fn keep_rows<'a>(
    tx: &Connection,
    rows: impl Iterator<Item = (&'a str, &'a str, &'a [u8])>,
) -> Result<(), StoreError> {
    let mut rows = rows.peekable();
    if rows.peek().is_none() {
        return Ok(());
    }
    let doing = failed("writing to the desk");
    let mut statement = tx
        .prepare_cached(
            "INSERT INTO desk (name, key, value) VALUES (?, ?, ?)
             ON CONFLICT (name, key) DO UPDATE SET value = excluded.value",
        )
        .map_err(&doing)?;
    for (table, key, value) in rows {
        statement.execute(params![table, key, value]).map_err(&doing)?;
    }
    Ok(())
}
