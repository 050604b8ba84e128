//! What lies beside the log: answers, blobs, the desk, leases.
//!
//! **Invariant:** answers and blobs carry a digest that is checked whenever they are read. Leases are timed by the clock of
//! the database, so that the clocks of the nodes need not agree.
//! **Deliberately absent:** digests on the desk. What lies there must be erasable, and the log vouches for none of it.

use super::{PostgresLedger, link::Failed};
use crate::{digest::Digest, error::StoreError, limits, sqlite::log::answer_digest};
use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

/// Space of erased rows is given back at most this often.
const VACUUM_EVERY: Duration = Duration::from_secs(60);

impl PostgresLedger {
    pub(super) fn find_answers(&self, keys: &[&str]) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        let rows = self.link.ask("looking up answers", async |conn| {
            let rows = conn.query("SELECT key, digest, body FROM answer WHERE key = ANY($1)", &[&keys]).await?;
            let each = rows.iter().map(|row| Ok::<_, Failed>((row.try_get(0)?, (row.try_get(1)?, row.try_get(2)?))));
            each.collect::<Result<BTreeMap<String, (Vec<u8>, Vec<u8>)>, _>>()
        })?;
        let found = |key: &&str| match rows.get(*key) {
            None => Ok(None),
            Some((digest, body)) if *digest == answer_digest(key, body).0 => Ok(Some(body.clone())),
            Some(_) => Err(StoreError::AnswerDamaged { key: (*key).into() }),
        };
        keys.iter().map(found).collect()
    }

    pub(super) fn store_blob(&self, bytes: &[u8]) -> Result<Digest, StoreError> {
        limits::within("a blob, in bytes,", bytes.len(), limits::BLOB_BYTES)?;
        let digest = Digest::of(bytes);
        self.link.ask("storing a blob", async |conn| {
            conn.execute(
                "INSERT INTO blob (digest, body) VALUES ($1, $2) ON CONFLICT (digest) DO NOTHING",
                &[&digest.0.as_slice(), &bytes],
            )
            .await
        })?;
        Ok(digest)
    }

    pub(super) fn delete_blob(&self, digest: &Digest) -> Result<bool, StoreError> {
        let digest = digest.0;
        let count = self.link.ask("erasing a blob", async |conn| {
            conn.execute("DELETE FROM blob WHERE digest = $1", &[&digest.as_slice()]).await
        })?;
        Ok(count > 0)
    }

    /// Has the desk written anew to a file of its own, and space of erased blobs freed. What the database keeps elsewhere (its
    /// write-ahead log, files it has let go of, replicas and archives) goes as it is recycled.
    pub(super) fn write_desk_anew(&self) -> Result<(), StoreError> {
        self.link.ask("writing the desk anew", async |conn| conn.script("VACUUM FULL desk").await)?;
        self.link.ask("freeing space of erased blobs", async |conn| conn.script("VACUUM blob").await)
    }

    pub(super) fn find_blob(&self, digest: &Digest) -> Result<Option<Vec<u8>>, StoreError> {
        let found: Option<Vec<u8>> = self.link.ask("reading a blob", async |conn| {
            let row = conn.one("SELECT body FROM blob WHERE digest = $1", &[&digest.0.as_slice()]).await?;
            Ok(row.map(|row| row.try_get(0)).transpose()?)
        })?;
        match found {
            Some(body) if Digest::of(&body) != *digest => Err(StoreError::BlobDamaged { digest: *digest }),
            found => Ok(found),
        }
    }

    pub(super) fn put_desk(&self, rows: &[(&str, &str, &[u8])]) -> Result<(), StoreError> {
        limits::desk_rows(rows)?;
        // One statement may not change a row twice: of two values for a key the later one counts.
        let last: BTreeMap<(&str, &str), &[u8]> =
            rows.iter().map(|(table, key, value)| ((*table, *key), *value)).collect();
        let names: Vec<&str> = last.keys().map(|(table, _)| *table).collect();
        let keys: Vec<&str> = last.keys().map(|(_, key)| *key).collect();
        let values: Vec<&[u8]> = last.values().copied().collect();
        self.link.ask("writing to the desk", async |conn| {
            conn.execute(
                "INSERT INTO desk (name, key, value) SELECT * FROM unnest($1::text[], $2::text[], $3::bytea[])
                 ON CONFLICT (name, key) DO UPDATE SET value = excluded.value",
                &[&names, &keys, &values],
            )
            .await
        })?;
        Ok(())
    }

    pub(super) fn find_desk(&self, table: &str, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.link.ask("reading from the desk", async |conn| {
            let row = conn.one("SELECT value FROM desk WHERE name = $1 AND key = $2", &[&table, &key]).await?;
            Ok(row.map(|row| row.try_get(0)).transpose()?)
        })
    }

    pub(super) fn delete_desk(&self, table: &str, keys: &[&str]) -> Result<usize, StoreError> {
        limits::within("the number of desk rows", keys.len(), limits::BATCH_ITEMS)?;
        let count = self.link.ask("erasing from the desk", async |conn| {
            conn.execute("DELETE FROM desk WHERE name = $1 AND key = ANY($2)", &[&table, &keys]).await
        })?;
        if count > 0 {
            self.give_back_space();
        }
        Ok(count as usize)
    }

    /// Lets the database overwrite erased rows now instead of when it comes to it. Nothing depends on it.
    fn give_back_space(&self) {
        let mut last = self.vacuumed.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if last.is_none_or(|at| at.elapsed() >= VACUUM_EVERY) {
            *last = Some(Instant::now());
            drop(last);
            if let Err(error) = self.link.ask("giving back space", async |conn| conn.script("VACUUM desk").await) {
                self.notice(format!("erased rows still take space: {error}"));
            }
        }
    }

    pub(super) fn scan_desk(
        &self,
        table: &str,
        prefix: &str,
        after_key: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        let limit = limit.min(limits::READ_ITEMS) as i64;
        // A key after a prefix is at or above it, and the rows that share it lie together.
        let after = after_key.filter(|after| *after >= prefix);
        let rows = self.link.ask("reading from the desk", async |conn| {
            let rows = match after {
                Some(after) => {
                    let sql = "SELECT key, value FROM desk WHERE name = $1 AND key > $2 ORDER BY key LIMIT $3";
                    conn.query(sql, &[&table, &after, &limit]).await?
                }
                None => {
                    let sql = "SELECT key, value FROM desk WHERE name = $1 AND key >= $2 ORDER BY key LIMIT $3";
                    conn.query(sql, &[&table, &prefix, &limit]).await?
                }
            };
            let each = rows.iter().map(|row| Ok::<_, Failed>((row.try_get(0)?, row.try_get(1)?)));
            each.collect::<Result<Vec<(String, Vec<u8>)>, _>>()
        })?;
        Ok(rows.into_iter().take_while(|(key, _)| key.starts_with(prefix)).collect())
    }

    pub(super) fn take_lease(&self, name: &str, holder: &str, length: Duration) -> Result<bool, StoreError> {
        let seconds = length.as_secs_f64();
        self.link.ask("claiming a task", async |conn| {
            let sql = "INSERT INTO lease (name, holder, until)
                VALUES ($1, $2, clock_timestamp() + $3::double precision * interval '1 second')
                ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, until = excluded.until
                 WHERE lease.holder = excluded.holder OR lease.until < clock_timestamp()";
            Ok(conn.execute(sql, &[&name, &holder, &seconds]).await? == 1)
        })
    }
}
