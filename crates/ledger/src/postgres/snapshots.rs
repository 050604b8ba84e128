//! Snapshots, in parts, so that no single value grows beyond what a server holds in memory comfortably.
//!
//! They are only a cache: lost or damaged ones are passed over, and the log is replayed instead.

use super::{PostgresLedger, link::Failed, state::Stored};
use crate::{
    api::{Ledger as _, Snapshot},
    digest::Digest,
    error::StoreError,
    limits,
    merkle::Tree,
    sqlite::snapshots::digest,
};

/// Bytes of one part.
const PART: usize = 16 << 20;

impl PostgresLedger {
    pub(super) fn store_snapshot(&self, size: u64, tag: &str, state: &[u8]) -> Result<(), StoreError> {
        limits::key("the tag of a snapshot", tag)?;
        limits::within("a snapshot, in bytes,", state.len(), limits::SNAPSHOT_BYTES)?;
        let root = Tree::new(&self.state()?.edge, &Stored(self)).root_at(size)?;
        let sum = digest(tag, size, &root.0, state);
        let parts: Vec<&[u8]> = if state.is_empty() { vec![state] } else { state.chunks(PART).collect() };
        let (at, count, kept) = (size as i64, parts.len() as i32, limits::SNAPSHOTS_KEPT as i64);
        self.link.ask("writing a snapshot", async |conn| {
            conn.script("BEGIN").await?;
            let written = async {
                conn.execute("DELETE FROM snapshot WHERE tag = $1 AND size = $2", &[&tag, &at]).await?;
                for (part, body) in (0i32..).zip(&parts) {
                    conn.execute(
                        "INSERT INTO snapshot (tag, size, part, root, digest, parts, body) VALUES ($1, $2, $3, $4, $5, $6, $7)",
                        &[&tag, &at, &part, &root.0.as_slice(), &sum.0.as_slice(), &count, body],
                    )
                    .await?;
                }
                conn.execute(
                    "DELETE FROM snapshot WHERE tag = $1 AND size NOT IN
                       (SELECT DISTINCT size FROM snapshot WHERE tag = $1 ORDER BY size DESC LIMIT $2)",
                    &[&tag, &kept],
                )
                .await
            };
            match written.await {
                Ok(_) => conn.script("COMMIT").await,
                Err(error) => {
                    // Whatever went wrong, the connection must not stay in a broken transaction.
                    conn.script("ROLLBACK").await?;
                    // Another node has just written the same one.
                    if error.violated().is_some() { Ok(()) } else { Err(error) }
                }
            }
        })
    }

    /// The sizes of the snapshots of a tag, the newest first.
    pub(super) fn snapshot_sizes(&self, tag: &str) -> Result<Vec<u64>, StoreError> {
        self.link.ask("looking for snapshots", async |conn| {
            let sql = "SELECT DISTINCT size FROM snapshot WHERE tag = $1 ORDER BY size DESC";
            let rows = conn.query(sql, &[&tag]).await?;
            let sizes = rows.iter().map(|row| row.try_get::<_, i64>(0)).collect::<Result<Vec<_>, _>>()?;
            Ok(sizes.into_iter().filter_map(|size| size.try_into().ok()).collect())
        })
    }

    pub(super) fn find_snapshot(&self, tag: &str) -> Result<Option<Snapshot>, StoreError> {
        for size in self.snapshot_sizes(tag)? {
            let verdict = self.load_snapshot(tag, size)?.and_then(|snapshot| match self.root_at(snapshot.size) {
                Ok(root) if root == snapshot.root => Ok(snapshot),
                Ok(_) => Err("it was taken of another log".into()),
                Err(error) => Err(error.to_string()),
            });
            match verdict {
                Ok(snapshot) => return Ok(Some(snapshot)),
                Err(why) => self.notice(format!("the snapshot of `{tag}` at {size} was passed over: {why}")),
            }
        }
        Ok(None)
    }

    /// Reads the parts and checks the digest over the whole; why not, if it is not sound.
    pub(super) fn load_snapshot(&self, tag: &str, size: u64) -> Result<Result<Snapshot, String>, StoreError> {
        let at = size as i64;
        let parts = self.link.ask("reading a snapshot", async |conn| {
            let sql = "SELECT root, digest, parts, body FROM snapshot WHERE tag = $1 AND size = $2 ORDER BY part";
            let rows = conn.query(sql, &[&tag, &at]).await?;
            let each = rows
                .iter()
                .map(|row| Ok::<_, Failed>((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?, row.try_get(3)?)));
            each.collect::<Result<Vec<(Vec<u8>, Vec<u8>, i32, Vec<u8>)>, _>>()
        })?;
        let Some((root, sum, count, _)) = parts.first() else { return Ok(Err("it is gone".into())) };
        let Some(root) = Digest::from_slice(root).filter(|_| *count as usize == parts.len()) else {
            return Ok(Err("it is not a complete snapshot".into()));
        };
        let mut bytes = Vec::with_capacity(parts.iter().map(|part| part.3.len()).sum());
        parts.iter().for_each(|part| bytes.extend_from_slice(&part.3));
        if digest(tag, size, &root.0, &bytes).0.as_slice() != sum.as_slice() {
            return Ok(Err("it has another digest".into()));
        }
        Ok(Ok(Snapshot { size, root, bytes }))
    }
}
