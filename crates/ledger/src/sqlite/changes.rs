//! What was written beside the log since the archive last looked: names only, the values are read when they are shipped.
//!
//! **Invariant:** whoever takes the names and then begins to read sees every change behind them; what changes later is named
//! again. At the start, and after more changes than are kept, all there is counts as changed.
//! **Deliberately absent:** anything while no archive is kept.

use crate::{api::Answer, digest::Digest};
use std::{
    collections::BTreeSet,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

/// Names that are kept; with more, everything is shipped anew.
const KEPT: usize = 200_000;

/// Names of what changed.
#[derive(Debug, Default)]
pub(super) struct Dirty {
    pub everything: bool,
    pub answers: BTreeSet<String>,
    /// Table and key.
    pub desk: BTreeSet<(String, String)>,
    pub blobs: BTreeSet<Digest>,
}

impl Dirty {
    pub fn is_empty(&self) -> bool {
        !self.everything && self.answers.is_empty() && self.desk.is_empty() && self.blobs.is_empty()
    }
}

/// See the module.
#[derive(Default)]
pub(super) struct Changes {
    watched: AtomicBool,
    dirty: Mutex<Dirty>,
}

impl Changes {
    fn lock(&self) -> MutexGuard<'_, Dirty> {
        self.dirty.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on changes are noted; all there is counts as changed.
    pub fn watch(&self) {
        self.watched.store(true, Ordering::SeqCst);
        self.everything();
    }

    /// What was taken did not arrive.
    pub fn everything(&self) {
        *self.lock() = Dirty { everything: true, ..Dirty::default() };
    }

    pub fn take(&self) -> Dirty {
        std::mem::take(&mut *self.lock())
    }

    fn note(&self, note: impl FnOnce(&mut Dirty)) {
        if !self.watched.load(Ordering::SeqCst) {
            return;
        }
        let mut dirty = self.lock();
        if dirty.everything {
            return;
        }
        note(&mut dirty);
        if dirty.answers.len() + dirty.desk.len() + dirty.blobs.len() > KEPT {
            *dirty = Dirty { everything: true, ..Dirty::default() };
        }
    }

    pub fn answers(&self, answers: &[Answer]) {
        self.note(|dirty| dirty.answers.extend(answers.iter().map(|it| it.key.clone())));
    }

    pub fn desk<'a>(&self, rows: impl Iterator<Item = (&'a str, &'a str)>) {
        self.note(|dirty| dirty.desk.extend(rows.map(|(table, key)| (table.to_owned(), key.to_owned()))));
    }

    pub fn blob(&self, digest: Digest) {
        self.note(|dirty| dirty.blobs.extend([digest]));
    }
}
