//! Copies of a whole ledger: made while it runs, and brought back.
//!
//! **Invariant:** a copy appears under its name only after every entry in it was verified, and never replaces anything.
//! The signing key goes with it, so a backup is as secret as the ledger itself.
//! **Deliberately absent:** increments; ship the entries and their proofs for that.

use super::{
    keys::{self, beside},
    schema::{failed, io_failed},
    verify::{VerifyReport, examine},
};
use crate::{error::StoreError, note::SigningKey};
use rusqlite::{Connection, backup::Backup};
use std::{fs, path::Path};

/// Copies what `from` sees to `to`, and verifies the copy.
pub(super) fn copy(from: &Connection, to: &Path, key: &SigningKey) -> Result<VerifyReport, StoreError> {
    refuse_existing(to)?;
    let partial = beside(to, &format!(".partial-{}", std::process::id()));
    let outcome = copy_to(from, &partial, to, key);
    for leftover in [partial.clone(), beside(&partial, "-wal"), beside(&partial, "-shm"), beside(&partial, "-journal")]
    {
        // Gone already in most cases; what cannot be removed does no harm under its odd name.
        let _ = fs::remove_file(leftover);
    }
    outcome
}

fn copy_to(from: &Connection, partial: &Path, to: &Path, key: &SigningKey) -> Result<VerifyReport, StoreError> {
    let doing = failed("copying the ledger");
    {
        let mut target = Connection::open(partial).map_err(&doing)?;
        // All in one step, hence of one moment; in WAL mode nobody waits for it.
        Backup::new(from, &mut target).and_then(|backup| backup.step(-1)).map_err(&doing)?;
    }
    fs::File::open(partial).and_then(|file| file.sync_all()).map_err(io_failed("synchronising", partial))?;
    let (mut report, mut errors) = examine(partial, Some(&key.verifying_key()));
    if !errors.is_empty() {
        return Err(errors.swap_remove(0));
    }
    keys::store(to, key)?;
    appear(partial, to)?;
    report.path = to.into();
    Ok(report)
}

/// Gives a finished file its name, unless the name is taken by then.
pub(super) fn appear(partial: &Path, to: &Path) -> Result<(), StoreError> {
    fs::hard_link(partial, to).map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => StoreError::AlreadyExists { path: to.into() },
        _ => io_failed("creating", to)(error),
    })?;
    fs::remove_file(partial).map_err(io_failed("removing", partial))?;
    let folder = to.parent().filter(|it| !it.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::File::open(folder).and_then(|it| it.sync_all()).map_err(io_failed("synchronising", folder))
}

/// Nothing of a ledger may be at `to` yet; an old log would even be read into the new file.
pub(super) fn refuse_existing(to: &Path) -> Result<(), StoreError> {
    for path in [to.to_path_buf(), beside(to, "-wal"), beside(to, "-journal"), beside(to, ".vkey")] {
        if path.exists() {
            return Err(StoreError::AlreadyExists { path });
        }
    }
    let key = keys::key_path(to);
    if key.exists() { Err(StoreError::LedgerRemoved { path: to.into() }) } else { Ok(()) }
}
