//! Appending and reading.
//!
//! An append is one statement, hence one transaction and one journey: the row of the checkpoint moves on only if size and
//! root are still those the append was decided at, and entries, filled tiles and answers go in only if it did. Of several
//! nodes the first to lock that row wins; the others find it moved and have lost. The position is the primary key all the
//! same, so that no two entries could ever share one.
//!
//! **Invariant:** an append is acknowledged only after the database has said that it is committed. If the connection breaks
//! before it could say so, the same append is sent again: it finds the head where it was, or moved on, and then the mark of
//! the batch at that position says by whom. It cannot be carried out twice.
//! **Deliberately absent:** reliance on isolation above READ COMMITTED, and locks held between two statements.

use super::{
    PostgresLedger,
    link::{Conn, Failed},
    state::Stored,
};
use crate::{
    api::{Batch, Entry, Head, Position},
    checkpoint::Checkpoint,
    digest::Digest,
    error::{AppendError, StoreError},
    limits,
    merkle::{Tree, encode_hashes},
    sqlite::{
        log::answer_digest,
        state::{State, tile_id},
    },
};
use std::{
    collections::BTreeMap,
    convert::Infallible,
    sync::{Arc, PoisonError},
    thread,
    time::{Duration, Instant},
};

const APPEND: &str = "
WITH head AS (
    UPDATE checkpoint SET size = $3, root = $4, edge = $5, note = $6
     WHERE id = 0 AND size = $1 AND root = $2 RETURNING 1
), entries AS (
    INSERT INTO entry (position, body, batch)
    SELECT $1 + new.at - 1, new.body, CASE WHEN new.at = 1 THEN $7::bytea END
      FROM head, unnest($8::bytea[]) WITH ORDINALITY AS new(body, at)
), tiles AS (
    INSERT INTO tile (id, hashes) SELECT new.id, new.hashes FROM head, unnest($9::bigint[], $10::bytea[]) AS new(id, hashes)
), answers AS (
    INSERT INTO answer (key, digest, body)
    SELECT new.key, new.digest, new.body FROM head, unnest($11::text[], $12::bytea[], $13::bytea[]) AS new(key, digest, body)
), blobs AS (
    INSERT INTO blob (digest, body) SELECT new.digest, new.body FROM head, unnest($14::bytea[], $15::bytea[]) AS new(digest, body)
    ON CONFLICT (digest) DO NOTHING
), kept AS (
    INSERT INTO desk (name, key, value)
    SELECT new.name, new.key, new.value FROM head, unnest($16::text[], $17::text[], $18::bytea[]) AS new(name, key, value)
    ON CONFLICT (name, key) DO UPDATE SET value = excluded.value
)
SELECT count(*) FROM head";

/// Answers without entries leave the head where it is, but hold it there meanwhile.
const REMEMBER: &str = "
WITH head AS (
    SELECT 1 FROM checkpoint WHERE id = 0 AND size = $1 AND root = $2 FOR UPDATE
), answers AS (
    INSERT INTO answer (key, digest, body)
    SELECT new.key, new.digest, new.body FROM head, unnest($3::text[], $4::bytea[], $5::bytea[]) AS new(key, digest, body)
), blobs AS (
    INSERT INTO blob (digest, body) SELECT new.digest, new.body FROM head, unnest($6::bytea[], $7::bytea[]) AS new(digest, body)
    ON CONFLICT (digest) DO NOTHING
), kept AS (
    INSERT INTO desk (name, key, value)
    SELECT new.name, new.key, new.value FROM head, unnest($8::text[], $9::text[], $10::bytea[]) AS new(name, key, value)
    ON CONFLICT (name, key) DO UPDATE SET value = excluded.value
)
SELECT count(*) FROM head";

/// Waits for whoever holds the head, and, being a change itself, for the replica.
const SETTLE: &str = "SELECT size FROM checkpoint WHERE id = 0 FOR UPDATE";

pub(super) const PORTION: &str = "
SELECT position, body FROM (
    SELECT position, body, sum(octet_length(body)) OVER (ORDER BY position) - octet_length(body) AS before
      FROM entry WHERE position >= $1 AND position < $2
) AS found WHERE before < $3 ORDER BY position";

const AGAIN: Duration = Duration::from_millis(100);

/// An append, ready to be sent as often as needed.
struct Made<'b> {
    before: Arc<State>,
    after: Arc<State>,
    mark: [u8; 16],
    bodies: Vec<&'b [u8]>,
    tile_ids: Vec<i64>,
    tiles: Vec<Vec<u8>>,
    keys: Vec<&'b str>,
    digests: Vec<Vec<u8>>,
    answers: Vec<&'b [u8]>,
    blob_digests: Vec<Vec<u8>>,
    blobs: Vec<&'b [u8]>,
    /// Table, key and value of rows for the desk.
    rows: (Vec<&'b str>, Vec<&'b str>, Vec<&'b [u8]>),
}

impl PostgresLedger {
    pub(super) fn append_batch(&self, expected: Position, batch: &Batch) -> Result<Head, AppendError> {
        limits::batch(batch)?;
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let mut before = self.known();
        if before.checkpoint.size != expected {
            before = self.state()?;
        }
        if before.checkpoint.size != expected {
            return Err(AppendError::Conflict { expected, actual: before.checkpoint.size });
        }
        let made = self.make(before, batch)?;
        let deadline = Instant::now() + 2 * self.link.patience;
        // Whether an earlier attempt may have been carried out.
        let mut sent = false;
        loop {
            let (outcome, kept) = self.attempt(writer.take(), &made, &mut sent);
            *writer = kept;
            match outcome {
                Ok(true) => {
                    self.learn(&made.after);
                    return Ok(made.after.head());
                }
                Ok(false) => {
                    let now = self.state()?;
                    return Err(AppendError::Conflict { expected, actual: now.checkpoint.size });
                }
                Err(Failed::Lost(_)) if Instant::now() < deadline => thread::sleep(AGAIN),
                Err(Failed::Lost(detail)) if sent => {
                    return Err(StoreError::OutcomeUnknown { position: expected, detail }.into());
                }
                Err(error) => return Err(self.refused(error, expected, batch)),
            }
        }
    }

    fn make<'b>(&self, before: Arc<State>, batch: &'b Batch) -> Result<Made<'b>, StoreError> {
        let mut edge = before.edge.clone();
        let (mut tile_ids, mut tiles) = (Vec::new(), Vec::new());
        for entry in &batch.entries {
            let Ok(()) = edge.push(Digest::leaf(&entry.body), &mut |level, index, hashes: &[Digest]| {
                tile_ids.push(tile_id(level, index));
                tiles.push(encode_hashes(hashes));
                Ok::<(), Infallible>(())
            });
        }
        let after = if batch.entries.is_empty() {
            Arc::clone(&before)
        } else {
            Arc::new(State { checkpoint: Checkpoint::sign(&self.key, edge.size(), edge.root()), edge })
        };
        let mut mark = [0; 16];
        getrandom::fill(&mut mark)
            .map_err(|error| StoreError::Storage { doing: "marking a batch".into(), detail: error.to_string() })?;
        // One statement may not change a row twice: of two values for a key the later one counts.
        let blobs: BTreeMap<Digest, &[u8]> = batch.blobs.iter().map(|it| (Digest::of(it), it.as_slice())).collect();
        let rows: BTreeMap<(&str, &str), &[u8]> =
            batch.rows.iter().map(|it| ((it.table.as_str(), it.key.as_str()), it.value.as_slice())).collect();
        Ok(Made {
            blob_digests: blobs.keys().map(|it| it.0.to_vec()).collect(),
            blobs: blobs.into_values().collect(),
            rows: (
                rows.keys().map(|(table, _)| *table).collect(),
                rows.keys().map(|(_, key)| *key).collect(),
                rows.into_values().collect(),
            ),
            before,
            after,
            mark,
            bodies: batch.entries.iter().map(|it| it.body.as_slice()).collect(),
            tile_ids,
            tiles,
            keys: batch.answers.iter().map(|it| it.key.as_str()).collect(),
            digests: batch.answers.iter().map(|it| answer_digest(&it.key, &it.body).0.to_vec()).collect(),
            answers: batch.answers.iter().map(|it| it.body.as_slice()).collect(),
        })
    }

    /// One attempt: whether the append stands. Also the connection, if it is still good.
    fn attempt(
        &self,
        kept: Option<Arc<Conn>>,
        made: &Made<'_>,
        sent: &mut bool,
    ) -> (Result<bool, Failed>, Option<Arc<Conn>>) {
        self.link.wait(async || {
            let conn = match kept {
                Some(conn) => conn,
                None => match self.link.connect().await {
                    Ok(conn) => conn,
                    Err(error) => return (Err(error), None),
                },
            };
            let before = *sent;
            *sent = true;
            let outcome = self.link.within(&conn, async |conn| made.send(conn, before).await).await;
            if let Ok(true) = outcome
                && !made.bodies.is_empty()
            {
                self.link.call_out(&conn, made.after.checkpoint.size);
            }
            let good = !matches!(outcome, Err(Failed::Lost(_)));
            (outcome, good.then_some(conn))
        })
    }

    fn refused(&self, error: Failed, expected: Position, batch: &Batch) -> AppendError {
        match error.violated() {
            // Somebody wrote past the checkpoint: the next look at the head says what is wrong there.
            Some("entry_pkey" | "tile_pkey") => match self.state() {
                Ok(now) if now.checkpoint.size == expected => {
                    StoreError::EntryUnsigned { position: expected as i64, signed: expected }.into()
                }
                Ok(now) => AppendError::Conflict { expected, actual: now.checkpoint.size },
                Err(error) => error.into(),
            },
            Some("answer_pkey") => self.first_known(batch).into(),
            _ => error.told("appending").into(),
        }
    }

    /// Which answer of a batch was remembered already.
    fn first_known(&self, batch: &Batch) -> StoreError {
        let keys: Vec<&str> = batch.answers.iter().map(|it| it.key.as_str()).collect();
        let known = self.link.ask("looking up answers", async |conn| {
            let rows = conn.query("SELECT key FROM answer WHERE key = ANY($1)", &[&keys]).await?;
            Ok(rows.iter().map(|row| row.try_get(0)).collect::<Result<Vec<String>, _>>()?)
        });
        match known {
            Ok(known) => {
                let first = keys.iter().find(|key| known.iter().any(|it| it == *key)).or(keys.first());
                StoreError::AnswerExists { key: first.map(ToString::to_string).unwrap_or_default() }
            }
            Err(error) => error,
        }
    }

    pub(super) fn read_entries(&self, from: Position, limit: usize) -> Result<Vec<Entry>, StoreError> {
        let state = self.state()?;
        let size = state.checkpoint.size;
        let wanted = (limit.min(limits::READ_ITEMS) as u64).min(size.saturating_sub(from));
        if wanted == 0 {
            return Ok(Vec::new());
        }
        let (low, high, bytes) = (from as i64, (from + wanted) as i64, limits::READ_BYTES as i64);
        // Neither entries nor full tiles ever change, so they need not be of one moment with the head.
        let (first, last) = (tile_id(0, from / WIDTH), tile_id(0, (from + wanted - 1) / WIDTH));
        let (found, tiles) = self.link.ask("reading entries", async |conn| {
            let rows = conn.query(PORTION, &[&low, &high, &bytes]).await?;
            let tiles = conn.query("SELECT id, hashes FROM tile WHERE id BETWEEN $1 AND $2", &[&first, &last]).await?;
            Ok((pairs(&rows)?, pairs(&tiles)?))
        })?;
        let stored = Few { ledger: Stored(self), tiles: tiles.into_iter().collect() };
        let tree = Tree::new(&state.edge, &stored);
        let mut out = Vec::with_capacity(found.len());
        let mut read = 0usize;
        let mut found = found.into_iter();
        for position in from..from + wanted {
            if read >= limits::READ_BYTES {
                break;
            }
            let Some((_, body)) = found.next().filter(|(at, _)| *at == position as i64) else {
                return Err(self.missing(position, size));
            };
            let leaf = Digest::leaf(&body);
            if tree.leaf(position)? != leaf {
                return Err(StoreError::EntryAltered { position });
            }
            read += body.len();
            out.push(Entry { position, body, leaf });
        }
        Ok(out)
    }

    /// A hole, if anything that was signed follows; else the end is gone.
    pub(super) fn missing(&self, position: u64, signed: u64) -> StoreError {
        let (at, end) = (position as i64, signed as i64);
        let later = self.link.ask("reading entries", async |conn| {
            Ok(conn
                .one("SELECT 1 FROM entry WHERE position > $1 AND position < $2 LIMIT 1", &[&at, &end])
                .await?
                .is_some())
        });
        match later {
            Ok(false) => StoreError::TailMissing { position, signed },
            Ok(true) => StoreError::EntryMissing { position },
            Err(error) => error,
        }
    }
}

pub(super) const WIDTH: u64 = crate::merkle::TILE_WIDTH as u64;

/// Rows of a number and bytes.
pub(super) fn pairs(rows: &[tokio_postgres::Row]) -> Result<Vec<(i64, Vec<u8>)>, Failed> {
    rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect()
}

/// Tiles fetched together, before those that are fetched one by one.
struct Few<'l> {
    ledger: Stored<'l>,
    tiles: BTreeMap<i64, Vec<u8>>,
}

impl crate::merkle::Tiles for Few<'_> {
    fn tile(&self, level: u8, index: u64) -> Result<crate::merkle::Tile, StoreError> {
        match self.tiles.get(&tile_id(level, index)).and_then(|bytes| crate::merkle::decode_tile(bytes)) {
            Some(tile) => Ok(tile),
            None => self.ledger.tile(level, index),
        }
    }
}

impl Made<'_> {
    /// Sends it. `again`: an earlier attempt may have been carried out, so a head that has moved on is asked who moved it.
    async fn send(&self, conn: &Conn, again: bool) -> Result<bool, Failed> {
        let (size, root) = (self.before.checkpoint.size as i64, self.before.checkpoint.root.0);
        let rows = if self.bodies.is_empty() {
            if again && self.remembered(conn).await? {
                return Ok(true);
            }
            let (tables, row_keys, values) = &self.rows;
            let (digests, blobs) = (&self.blob_digests, &self.blobs);
            let given: [&(dyn tokio_postgres::types::ToSql + Sync); 10] = [
                &size,
                &root.as_slice(),
                &self.keys,
                &self.digests,
                &self.answers,
                digests,
                blobs,
                tables,
                row_keys,
                values,
            ];
            conn.query(REMEMBER, &given).await?
        } else {
            let after = &self.after.checkpoint;
            let (new_size, new_root, edge) = (after.size as i64, after.root.0, self.after.edge.encode());
            conn.query(
                APPEND,
                &[
                    &size,
                    &root.as_slice(),
                    &new_size,
                    &new_root.as_slice(),
                    &edge,
                    &after.note,
                    &self.mark.as_slice(),
                    &self.bodies,
                    &self.tile_ids,
                    &self.tiles,
                    &self.keys,
                    &self.digests,
                    &self.answers,
                    &self.blob_digests,
                    &self.blobs,
                    &self.rows.0,
                    &self.rows.1,
                    &self.rows.2,
                ],
            )
            .await?
        };
        conn.replicated()?;
        let moved = rows.first().map(|row| row.try_get::<_, i64>(0)).transpose()? == Some(1);
        if moved || !again || self.bodies.is_empty() {
            return Ok(moved);
        }
        conn.query(SETTLE, &[]).await?;
        conn.replicated()?;
        let row = conn.one("SELECT batch FROM entry WHERE position = $1", &[&size]).await?;
        let mark: Option<Vec<u8>> = row.map(|row| row.try_get(0)).transpose()?.flatten();
        Ok(mark.as_deref() == Some(self.mark.as_slice()))
    }

    /// Whether exactly these answers are there.
    async fn remembered(&self, conn: &Conn) -> Result<bool, Failed> {
        conn.query(SETTLE, &[]).await?;
        conn.replicated()?;
        let row = conn
            .one(
                "SELECT count(*) FROM answer JOIN unnest($1::text[], $2::bytea[]) AS ours(key, digest) USING (key, digest)",
                &[&self.keys, &self.digests],
            )
            .await?;
        let count: i64 = row.map(|row| row.try_get(0)).transpose()?.unwrap_or_default();
        Ok(!self.keys.is_empty() && count == self.keys.len() as i64)
    }
}
