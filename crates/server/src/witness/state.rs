//! What a witness has signed, by origin: a small file, replaced as a whole.
//!
//! **Invariants:** a state that is there and cannot be read is an error, never an empty one: a witness that forgets would sign a fork.
//! The file is on the disk before a signature is answered. One process at a time has it.

use interlock_ledger::{Checkpoint, Digest};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    fs::{File, OpenOptions, TryLockError},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

/// The tree that was signed last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signed {
    pub size: u64,
    pub root: Digest,
    /// The checkpoint as the ledger signed it: evidence, should it ever show another.
    pub checkpoint: String,
}

/// Why a state cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    #[error("`{}` cannot be {doing}: {cause}", path.display())]
    File { path: PathBuf, doing: &'static str, cause: io::Error },
    #[error("`{}` is damaged: {cause}; restore it from a backup, for a witness that forgets what it signed is none", path.display())]
    Damaged { path: PathBuf, cause: serde_json::Error },
    #[error("`{}` is held by another witness; end it, or give this one a state of its own", path.display())]
    Held { path: PathBuf },
}

/// The file and what is in it.
pub struct State {
    path: PathBuf,
    signed: BTreeMap<String, Signed>,
    /// Held as long as this lives.
    _lock: File,
}

impl State {
    /// Reads a state; one that is not there is new.
    ///
    /// # Errors
    /// It cannot be read, or another process has it.
    pub fn open(path: &Path) -> Result<Self, StateError> {
        let failed = |doing| move |cause| StateError::File { path: path.to_owned(), doing, cause };
        let beside = path.with_added_extension("lock");
        let lock =
            OpenOptions::new().create(true).truncate(false).write(true).open(beside).map_err(failed("locked"))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(StateError::Held { path: path.to_owned() }),
            Err(TryLockError::Error(cause)) => return Err(failed("locked")(cause)),
        }
        let signed = match std::fs::read(path) {
            Ok(bytes) => {
                serde_json::from_slice(&bytes).map_err(|cause| StateError::Damaged { path: path.to_owned(), cause })?
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => BTreeMap::new(),
            Err(cause) => return Err(failed("read")(cause)),
        };
        Ok(Self { path: path.to_owned(), signed, _lock: lock })
    }

    /// What was signed last for an origin.
    pub fn of(&self, origin: &str) -> Option<&Signed> {
        self.signed.get(origin)
    }

    /// Keeps a checkpoint as signed, durably.
    ///
    /// # Errors
    /// The file cannot be written; what was there before stands.
    pub fn keep(&mut self, it: &Checkpoint) -> Result<(), StateError> {
        let signed = Signed { size: it.size, root: it.root, checkpoint: it.note.clone() };
        let mut next = self.signed.clone();
        next.insert(it.origin.clone(), signed);
        self.replace(&next).map_err(|cause| StateError::File { path: self.path.clone(), doing: "written", cause })?;
        self.signed = next;
        Ok(())
    }

    fn replace(&self, signed: &BTreeMap<String, Signed>) -> io::Result<()> {
        let beside = self.path.with_added_extension("new");
        let mut file = File::create(&beside)?;
        file.write_all(&serde_json::to_vec_pretty(signed)?)?;
        file.sync_all()?;
        std::fs::rename(&beside, &self.path)?;
        let folder = self.path.parent().filter(|it| !it.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(folder)?.sync_all()
    }
}
