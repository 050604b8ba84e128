//! A ledger in memory: for tests and simulators, and the model that the SQLite one is compared with.
//!
//! **Invariant:** refuses exactly what [`crate::SqliteLedger`] refuses. **Deliberately absent:** durability.

use crate::{
    api::{Batch, Entry, Head, Ledger, Position, Snapshot},
    checkpoint::Checkpoint,
    digest::Digest,
    error::{AppendError, StoreError},
    limits,
    merkle::{Edge, Tile, Tiles, Tree},
    note::{NoteError, SigningKey, VerifyingKey},
};
use std::{
    collections::BTreeMap,
    convert::Infallible,
    ops::Bound,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// See the module.
pub struct MemoryLedger {
    key: SigningKey,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    bodies: Vec<Vec<u8>>,
    edge: Edge,
    tiles: Kept,
    answers: BTreeMap<String, Vec<u8>>,
    blobs: BTreeMap<Digest, Vec<u8>>,
    snapshots: BTreeMap<String, BTreeMap<u64, Snapshot>>,
    desk: BTreeMap<(String, String), Vec<u8>>,
}

#[derive(Default)]
struct Kept(BTreeMap<(u8, u64), Tile>);

impl Tiles for Kept {
    fn tile(&self, level: u8, index: u64) -> Result<Tile, StoreError> {
        self.0.get(&(level, index)).copied().ok_or(StoreError::TreeDamaged { position: 0, level })
    }
}

impl MemoryLedger {
    /// An empty ledger that signs with the key made from `seed`, so that a simulation repeats to the byte.
    pub fn new(origin: &str, seed: [u8; 32]) -> Result<MemoryLedger, NoteError> {
        Ok(MemoryLedger { key: SigningKey::from_seed(origin, &seed)?, inner: Mutex::default() })
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for MemoryLedger {
    fn default() -> MemoryLedger {
        MemoryLedger::new("interlock.memory/ledger", [0; 32]).expect("the name is a constant without spaces")
    }
}

impl Inner {
    fn tree(&self) -> Tree<'_, Kept> {
        Tree::new(&self.edge, &self.tiles)
    }

    fn head(&self) -> Head {
        Head { size: self.edge.size(), root: self.edge.root() }
    }
}

impl Ledger for MemoryLedger {
    fn append(&self, expected: Position, batch: &Batch) -> Result<Head, AppendError> {
        limits::batch(batch)?;
        let mut guard = self.inner();
        let inner = &mut *guard;
        if inner.edge.size() != expected {
            return Err(AppendError::Conflict { expected, actual: inner.edge.size() });
        }
        if let Some(answer) = batch.answers.iter().find(|answer| inner.answers.contains_key(&answer.key)) {
            return Err(StoreError::AnswerExists { key: answer.key.clone() }.into());
        }
        for blob in &batch.blobs {
            inner.blobs.entry(Digest::of(blob)).or_insert_with(|| blob.clone());
        }
        for row in &batch.rows {
            inner.desk.insert((row.table.clone(), row.key.clone()), row.value.clone());
        }
        for entry in &batch.entries {
            let tiles = &mut inner.tiles.0;
            let Ok(()) = inner.edge.push(Digest::leaf(&entry.body), &mut |level, index, hashes| {
                if let Ok(tile) = hashes.try_into() {
                    tiles.insert((level, index), tile);
                }
                Ok::<(), Infallible>(())
            });
            inner.bodies.push(entry.body.clone());
        }
        inner.answers.extend(batch.answers.iter().map(|answer| (answer.key.clone(), answer.body.clone())));
        Ok(inner.head())
    }

    fn head(&self) -> Result<Head, StoreError> {
        Ok(self.inner().head())
    }

    fn read(&self, from: Position, limit: usize) -> Result<Vec<Entry>, StoreError> {
        let inner = self.inner();
        let start = usize::try_from(from).unwrap_or(usize::MAX).min(inner.bodies.len());
        let mut bytes = 0usize;
        let mut out = Vec::new();
        for (body, position) in inner.bodies[start..].iter().take(limit.min(limits::READ_ITEMS)).zip(from..) {
            if bytes >= limits::READ_BYTES {
                break;
            }
            bytes += body.len();
            out.push(Entry { position, body: body.clone(), leaf: Digest::leaf(body) });
        }
        Ok(out)
    }

    fn answer(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.inner().answers.get(key).cloned())
    }

    fn checkpoint(&self) -> Result<Checkpoint, StoreError> {
        let head = self.inner().head();
        Ok(Checkpoint::sign(&self.key, head.size, head.root))
    }

    fn verifying_key(&self) -> VerifyingKey {
        self.key.verifying_key()
    }

    fn root_at(&self, size: u64) -> Result<Digest, StoreError> {
        self.inner().tree().root_at(size)
    }

    fn inclusion(&self, position: Position, size: u64) -> Result<Vec<Digest>, StoreError> {
        self.inner().tree().inclusion(position, size)
    }

    fn consistency(&self, old: u64, new: u64) -> Result<Vec<Digest>, StoreError> {
        self.inner().tree().consistency(old, new)
    }

    fn subtrees(&self, height: u32, from: u64, count: u64) -> Result<Vec<Digest>, StoreError> {
        self.inner().tree().subtrees(height, from, count)
    }

    fn sign(&self, text: &str) -> Result<String, StoreError> {
        limits::statement(self.key.verifying_key().name(), text)?;
        Ok(self.key.sign(text))
    }

    fn put_blob(&self, bytes: &[u8]) -> Result<Digest, StoreError> {
        limits::within("a blob, in bytes,", bytes.len(), limits::BLOB_BYTES)?;
        let digest = Digest::of(bytes);
        self.inner().blobs.entry(digest).or_insert_with(|| bytes.to_vec());
        Ok(digest)
    }

    fn erase_blob(&self, digest: &Digest) -> Result<bool, StoreError> {
        Ok(self.inner().blobs.remove(digest).is_some())
    }

    fn blob(&self, digest: &Digest) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.inner().blobs.get(digest).cloned())
    }

    fn put_snapshot(&self, size: u64, tag: &str, bytes: &[u8]) -> Result<(), StoreError> {
        limits::key("the tag of a snapshot", tag)?;
        limits::within("a snapshot, in bytes,", bytes.len(), limits::SNAPSHOT_BYTES)?;
        let mut inner = self.inner();
        let root = inner.tree().root_at(size)?;
        let kept = inner.snapshots.entry(tag.into()).or_default();
        kept.insert(size, Snapshot { size, root, bytes: bytes.to_vec() });
        while kept.len() > limits::SNAPSHOTS_KEPT {
            kept.pop_first();
        }
        Ok(())
    }

    fn latest_snapshot(&self, tag: &str) -> Result<Option<Snapshot>, StoreError> {
        Ok(self.inner().snapshots.get(tag).and_then(|kept| kept.last_key_value()).map(|(_, it)| it.clone()))
    }

    fn notices(&self) -> Vec<String> {
        Vec::new()
    }

    fn desk_put_many(&self, rows: &[(&str, &str, &[u8])]) -> Result<(), StoreError> {
        limits::desk_rows(rows)?;
        let mut inner = self.inner();
        for (table, key, value) in rows {
            inner.desk.insert((table.to_string(), key.to_string()), value.to_vec());
        }
        Ok(())
    }

    fn desk_get(&self, table: &str, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.inner().desk.get(&(table.to_string(), key.to_string())).cloned())
    }

    fn desk_delete_many(&self, table: &str, keys: &[&str]) -> Result<usize, StoreError> {
        limits::within("the number of desk rows", keys.len(), limits::BATCH_ITEMS)?;
        let mut inner = self.inner();
        Ok(keys.iter().filter(|key| inner.desk.remove(&(table.to_string(), key.to_string())).is_some()).count())
    }

    fn desk_scan(
        &self,
        table: &str,
        prefix: &str,
        after_key: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        let inner = self.inner();
        let start = match after_key {
            Some(after) if after >= prefix => Bound::Excluded((table.to_string(), after.to_string())),
            _ => Bound::Included((table.to_string(), prefix.to_string())),
        };
        Ok(inner
            .desk
            .range((start, Bound::Unbounded))
            .take_while(|((at, key), _)| at == table && key.starts_with(prefix))
            .take(limit.min(limits::READ_ITEMS))
            .map(|((_, key), value)| (key.clone(), value.clone()))
            .collect())
    }
}
