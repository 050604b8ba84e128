//! A ledger that can be held back and made to fail: what stands behind is real, and everything but appending goes straight to it.
//!
//! Invariant: an append that was told to fail *before* has written nothing; one that was told to fail *after* has written all.
//! Deliberately absent: damage. What is stored is what was given.

use interlock_ledger::{
    AppendError, Batch, Checkpoint, Digest, Entry, Head, Ledger, Position, Snapshot, StoreError, VerifyingKey,
};
use std::{
    collections::VecDeque,
    sync::{Arc, Condvar, Mutex, MutexGuard},
    time::Duration,
};

/// How an append goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    Good,
    /// It fails, and nothing was written.
    FailBefore,
    /// All was written, and it fails all the same: the disk did it, and the answer was lost.
    FailAfter,
}

#[derive(Default)]
struct Plan {
    held: bool,
    entered: usize,
    fates: VecDeque<Fate>,
    /// The expected position and the number of entries of every append, in order.
    seen: Vec<(Position, usize)>,
}

/// See the module.
pub struct FaultyLedger {
    inner: Arc<dyn Ledger>,
    plan: Mutex<Plan>,
    moved: Condvar,
}

impl FaultyLedger {
    pub fn over(inner: Arc<dyn Ledger>) -> Arc<Self> {
        Arc::new(Self { inner, plan: Mutex::default(), moved: Condvar::new() })
    }

    fn plan(&self) -> MutexGuard<'_, Plan> {
        self.plan.lock().expect("nobody panics with the plan in hand")
    }

    /// From now on every append waits until it is let go.
    pub fn hold(&self) {
        self.plan().held = true;
    }

    /// Lets go what was held.
    pub fn let_go(&self) {
        self.plan().held = false;
        self.moved.notify_all();
    }

    /// Waits until so many appends have been begun, counted from the beginning.
    pub fn wait_for(&self, appends: usize) {
        let plan = self.plan();
        drop(self.moved.wait_while(plan, |plan| plan.entered < appends).expect("nobody panics with the plan in hand"));
    }

    /// Appends begun so far.
    pub fn begun(&self) -> usize {
        self.plan().entered
    }

    /// How the next appends go; those after them are good.
    pub fn fates(&self, fates: impl IntoIterator<Item = Fate>) {
        self.plan().fates.extend(fates);
    }

    /// The expected position and the number of entries of every append so far.
    pub fn seen(&self) -> Vec<(Position, usize)> {
        self.plan().seen.clone()
    }
}

fn broken() -> AppendError {
    StoreError::Storage { doing: "appending".into(), detail: "the test wants it so".into() }.into()
}

impl Ledger for FaultyLedger {
    fn append(&self, expected: Position, batch: &Batch) -> Result<Head, AppendError> {
        let mut plan = self.plan();
        plan.entered += 1;
        plan.seen.push((expected, batch.entries.len()));
        self.moved.notify_all();
        let mut plan = self.moved.wait_while(plan, |plan| plan.held).expect("nobody panics with the plan in hand");
        let fate = plan.fates.pop_front().unwrap_or(Fate::Good);
        drop(plan);
        match fate {
            Fate::Good => self.inner.append(expected, batch),
            Fate::FailBefore => Err(broken()),
            Fate::FailAfter => self.inner.append(expected, batch).and_then(|_| Err(broken())),
        }
    }

    fn head(&self) -> Result<Head, StoreError> {
        self.inner.head()
    }

    fn read(&self, from: Position, limit: usize) -> Result<Vec<Entry>, StoreError> {
        self.inner.read(from, limit)
    }

    fn answer(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.inner.answer(key)
    }

    fn answers(&self, keys: &[&str]) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        self.inner.answers(keys)
    }

    fn shared(&self) -> bool {
        self.inner.shared()
    }

    fn listen(&self, known: u64, patience: Duration) -> Result<(), StoreError> {
        self.inner.listen(known, patience)
    }

    fn claim(&self, task: &str, holder: &str, length: Duration) -> Result<bool, StoreError> {
        self.inner.claim(task, holder, length)
    }

    fn erase_blob(&self, digest: &Digest) -> Result<bool, StoreError> {
        self.inner.erase_blob(digest)
    }

    fn scrub(&self) -> Result<(), StoreError> {
        self.inner.scrub()
    }

    fn checkpoint(&self) -> Result<Checkpoint, StoreError> {
        self.inner.checkpoint()
    }

    fn verifying_key(&self) -> VerifyingKey {
        self.inner.verifying_key()
    }

    fn root_at(&self, size: u64) -> Result<Digest, StoreError> {
        self.inner.root_at(size)
    }

    fn inclusion(&self, position: Position, size: u64) -> Result<Vec<Digest>, StoreError> {
        self.inner.inclusion(position, size)
    }

    fn consistency(&self, old: u64, new: u64) -> Result<Vec<Digest>, StoreError> {
        self.inner.consistency(old, new)
    }

    fn subtrees(&self, height: u32, from: u64, count: u64) -> Result<Vec<Digest>, StoreError> {
        self.inner.subtrees(height, from, count)
    }

    fn sign(&self, text: &str) -> Result<String, StoreError> {
        self.inner.sign(text)
    }

    fn put_blob(&self, bytes: &[u8]) -> Result<Digest, StoreError> {
        self.inner.put_blob(bytes)
    }

    fn blob(&self, digest: &Digest) -> Result<Option<Vec<u8>>, StoreError> {
        self.inner.blob(digest)
    }

    fn put_snapshot(&self, size: u64, tag: &str, bytes: &[u8]) -> Result<(), StoreError> {
        self.inner.put_snapshot(size, tag, bytes)
    }

    fn latest_snapshot(&self, tag: &str) -> Result<Option<Snapshot>, StoreError> {
        self.inner.latest_snapshot(tag)
    }

    fn notices(&self) -> Vec<String> {
        self.inner.notices()
    }

    fn desk_put_many(&self, rows: &[(&str, &str, &[u8])]) -> Result<(), StoreError> {
        self.inner.desk_put_many(rows)
    }

    fn desk_get(&self, table: &str, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.inner.desk_get(table, key)
    }

    fn desk_delete_many(&self, table: &str, keys: &[&str]) -> Result<usize, StoreError> {
        self.inner.desk_delete_many(table, keys)
    }

    fn desk_scan(
        &self,
        table: &str,
        prefix: &str,
        after_key: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        self.inner.desk_scan(table, prefix, after_key, limit)
    }
}
