//! The contract of a ledger, whatever it is stored in.
//!
//! **Invariant:** all stores behave alike; one test suite runs over each of them through this trait.
//! **Deliberately absent:** async. The engine calls from its own writer thread; reads take microseconds.

use crate::{
    checkpoint::Checkpoint,
    digest::Digest,
    error::{AppendError, StoreError},
};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, time::Duration};

/// The 0-based index of an entry.
pub type Position = u64;

/// An entry to be appended. At most [`crate::limits::ENTRY_BYTES`] bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEntry {
    pub body: Vec<u8>,
}

/// The answer to a command, remembered under its idempotency key in the transaction that stores what it caused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub key: String,
    pub body: Vec<u8>,
}

/// A row that goes to the desk in the transaction that stores the entries it belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeskRow {
    pub table: String,
    pub key: String,
    pub value: Vec<u8>,
}

/// What is appended at once: all of it or nothing. Any list may be empty.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Batch {
    pub entries: Vec<NewEntry>,
    pub answers: Vec<Answer>,
    /// Bytes stored by their SHA-256, as [`Ledger::put_blob`] does; what is there already is left as it is.
    pub blobs: Vec<Vec<u8>>,
    /// Rows for the desk, as [`Ledger::desk_put_many`] does.
    pub rows: Vec<DeskRow>,
}

/// Where the ledger stands: its number of entries, and the root over them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Head {
    pub size: u64,
    pub root: Digest,
}

/// A stored entry. `leaf` was computed from `body` and found to equal what the tree holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub position: Position,
    pub body: Vec<u8>,
    pub leaf: Digest,
}

/// A cached state with the head it was taken at. Its digest was checked, and `root` is that of this very log at `size`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    pub size: u64,
    pub root: Digest,
    pub bytes: Vec<u8>,
}

/// How much lies in a store; what it does not know is left out.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Figures {
    /// Bytes of the database, of its write-ahead log, and of the snapshots beside it.
    pub database_bytes: Option<u64>,
    pub log_bytes: Option<u64>,
    pub snapshot_bytes: Option<u64>,
    pub blobs: Option<u64>,
    pub blob_bytes: Option<u64>,
    pub answers: Option<u64>,
    /// Rows on the desk by table.
    pub desk_rows: BTreeMap<String, u64>,
    /// When the newest snapshot was written, in seconds of Unix time, and at which size.
    pub snapshot_at: Option<u64>,
    pub snapshot_size: Option<u64>,
}

/// An append-only log under a Merkle tree, with the stores beside it. Object safe; all calls block.
///
/// Damage found by any call is an error whose [`StoreError::is_damage`] holds; whoever gets one stops and says so.
pub trait Ledger: Send + Sync {
    /// Appends `batch` if the ledger has exactly `expected` entries, durably and with a signed checkpoint. A batch
    /// without entries only remembers its answers.
    fn append(&self, expected: Position, batch: &Batch) -> Result<Head, AppendError>;

    /// Why nothing is written any more, if so: storage failed, and only a restart can tell what the disk holds.
    fn stopped(&self) -> Option<String> {
        None
    }

    /// How much lies in the store. Counts what has no index, so it is not for every second.
    fn figures(&self) -> Result<Figures, StoreError> {
        Ok(Figures::default())
    }

    /// The current size and root.
    fn head(&self) -> Result<Head, StoreError>;

    /// Entries from `from` on, each checked against the tree. At most `limit`, and possibly fewer
    /// ([`crate::limits::READ_ITEMS`], [`crate::limits::READ_BYTES`]); none only at the end or for a `limit` of zero.
    fn read(&self, from: Position, limit: usize) -> Result<Vec<Entry>, StoreError>;

    /// The answer remembered under `key`.
    fn answer(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError>;

    /// The answers remembered under several keys, in their order.
    fn answers(&self, keys: &[&str]) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        keys.iter().map(|key| self.answer(key)).collect()
    }

    /// The signed note over the current head.
    fn checkpoint(&self) -> Result<Checkpoint, StoreError>;

    /// The key that checks this ledger's checkpoints; publish it.
    fn verifying_key(&self) -> crate::note::VerifyingKey;

    /// The root when the ledger had `size` entries.
    fn root_at(&self, size: u64) -> Result<Digest, StoreError>;

    /// The audit path of an entry in the tree of `size` entries; check it with [`crate::merkle::verify_inclusion`].
    fn inclusion(&self, position: Position, size: u64) -> Result<Vec<Digest>, StoreError>;

    /// The proof that the tree of `new` entries begins with that of `old`; check it with
    /// [`crate::merkle::verify_consistency`].
    fn consistency(&self, old: u64, new: u64) -> Result<Vec<Digest>, StoreError>;

    /// The roots of `count` perfect subtrees, each over 2^`height` entries, from number `from` on: what tiles and proofs of
    /// many entries are made of. All of them must be complete.
    fn subtrees(&self, height: u32, from: u64, count: u64) -> Result<Vec<Digest>, StoreError>;

    /// A note over `text` by the ledger's key. The first line says what the text is and must not be the key's name: with that
    /// it would be a checkpoint, and only appends make those.
    fn sign(&self, text: &str) -> Result<String, StoreError>;

    /// Stores bytes under their SHA-256. Storing the same bytes again changes nothing.
    fn put_blob(&self, bytes: &[u8]) -> Result<Digest, StoreError>;

    /// Erases the bytes of a blob; they are overwritten where the store can. `false` if there were none. For blobs that hold what
    /// may have to be forgotten: an entry goes on naming the digest, and nothing can be found under it.
    fn erase_blob(&self, digest: &Digest) -> Result<bool, StoreError>;

    /// Sees to it that what was erased before is in no file of this store any more, the write-ahead log included. Blocks until it is
    /// done. A store over a server of its own does what that server allows, and says in its documentation what is left.
    ///
    /// # Errors
    /// [`StoreError::Busy`] if somebody reads for so long that it could not be done; it can be tried again.
    fn scrub(&self) -> Result<(), StoreError> {
        Ok(())
    }

    /// The bytes of a blob, checked against its digest.
    fn blob(&self, digest: &Digest) -> Result<Option<Vec<u8>>, StoreError>;

    /// Keeps a state taken at `size`, without holding up appends, and the last [`crate::limits::SNAPSHOTS_KEPT`] of this tag only.
    fn put_snapshot(&self, size: u64, tag: &str, bytes: &[u8]) -> Result<(), StoreError>;

    /// The newest snapshot of the tag that is intact and of this log. Others are passed over with a [notice], since a
    /// snapshot is only a cache.
    ///
    /// [notice]: Ledger::notices
    fn latest_snapshot(&self, tag: &str) -> Result<Option<Snapshot>, StoreError>;

    /// What people should be told though it stops nothing, each said once: snapshots passed over, for example.
    fn notices(&self) -> Vec<String>;

    /// Puts a value on the desk: what must be erasable or is hot lies there, outside the log, without proofs.
    fn desk_put(&self, table: &str, key: &str, value: &[u8]) -> Result<(), StoreError> {
        self.desk_put_many(&[(table, key, value)])
    }

    /// Puts many values (table, key, value) in one transaction.
    fn desk_put_many(&self, rows: &[(&str, &str, &[u8])]) -> Result<(), StoreError>;

    /// The value under a key.
    fn desk_get(&self, table: &str, key: &str) -> Result<Option<Vec<u8>>, StoreError>;

    /// Erases a value; the bytes are overwritten in the file. `false` if there was none.
    fn desk_delete(&self, table: &str, key: &str) -> Result<bool, StoreError> {
        Ok(self.desk_delete_many(table, &[key])? > 0)
    }

    /// Erases many values of a table in one transaction; gives how many there were.
    fn desk_delete_many(&self, table: &str, keys: &[&str]) -> Result<usize, StoreError>;

    /// Rows whose key begins with `prefix`, ordered by key (bytewise), after `after_key` if given; at most `limit` and
    /// [`crate::limits::READ_ITEMS`].
    fn desk_scan(
        &self,
        table: &str,
        prefix: &str,
        after_key: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(String, Vec<u8>)>, StoreError>;

    /// Whether other processes are expected to write here too, so that what they write has to be followed.
    fn shared(&self) -> bool {
        false
    }

    /// Waits, at most `patience`, until somebody else may have appended beyond `known`. May return early and for nothing;
    /// only a store that is [shared](Ledger::shared) ever has anything to wait for.
    fn listen(&self, known: u64, patience: Duration) -> Result<(), StoreError> {
        let _ = known;
        std::thread::sleep(patience);
        Ok(())
    }

    /// Claims a task for `holder`, or prolongs the claim it has, for `length` from now on. `false`: another holder has it.
    /// A store that is not [shared](Ledger::shared) has one process, which gets everything.
    fn claim(&self, task: &str, holder: &str, length: Duration) -> Result<bool, StoreError> {
        let _ = (task, holder, length);
        Ok(true)
    }
}

/// The proof that these entries, by ascending position, stand in the tree of `size` entries; see [`crate::proof::root_of_many`].
pub fn proof_of_many(ledger: &dyn Ledger, size: u64, entries: &[Entry]) -> Result<crate::pack::Proof, StoreError> {
    let positions: Vec<Position> = entries.iter().map(|entry| entry.position).collect();
    let needed = crate::proof::needed(size, &positions);
    let nodes = needed.into_iter().map(|it| Ok((it, ledger.subtrees(it.height, it.index, 1)?.remove(0))));
    Ok(crate::pack::Proof {
        size,
        leaves: entries.iter().map(|entry| (entry.position, entry.leaf)).collect(),
        nodes: nodes.collect::<Result<_, StoreError>>()?,
    })
}
