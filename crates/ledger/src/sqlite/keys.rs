//! The files beside the database: the private key (`<database>.key`, mode 0600) and its public half (`<database>.vkey`).
//!
//! **Invariant:** a key is made once, with the ledger, and never replaced: who can write the database alone cannot sign
//! for it. **Deliberately absent:** rotation; a new key is a new ledger that begins with the old one's last checkpoint.

use super::schema::io_failed;
use crate::{
    error::StoreError,
    note::{NoteError, SigningKey, VerifyingKey},
};
use std::{
    ffi::OsString,
    fs::{self, OpenOptions},
    io::Write as _,
    path::{Path, PathBuf},
};
use zeroize::Zeroizing;

/// `path` with `suffix` after its whole name.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path.as_os_str());
    name.push(suffix);
    PathBuf::from(name)
}

pub(super) fn key_path(database: &Path) -> PathBuf {
    beside(database, ".key")
}

/// A fresh key. Without a name given, the origin is `interlock/` and twelve digits of the key's own hash.
pub(crate) fn generate(origin: Option<&str>) -> Result<SigningKey, StoreError> {
    let mut seed = Zeroizing::new([0u8; 32]);
    getrandom::fill(&mut *seed)
        .map_err(|error| StoreError::Storage { doing: "making a signing key".into(), detail: error.to_string() })?;
    let made = |name: &str| {
        SigningKey::from_seed(name, &seed).map_err(|error: NoteError| StoreError::Malformed {
            what: "the origin of the ledger",
            why: error.to_string(),
        })
    };
    match origin {
        Some(origin) => made(origin),
        None => {
            let id = made("interlock")?.verifying_key().to_string();
            made(&format!("interlock/{}", &crate::Digest::of(id.as_bytes()).to_string()[7..19]))
        }
    }
}

/// Writes both files; refuses if either is there.
pub(super) fn store(database: &Path, key: &SigningKey) -> Result<(), StoreError> {
    store_at(&key_path(database), key)
}

/// Writes the private key to `path` and the public one beside it; refuses if either is there.
pub(crate) fn store_at(path: &Path, key: &SigningKey) -> Result<(), StoreError> {
    write_new(path, key.to_text().as_bytes(), 0o600)?;
    write_new(&public_beside(path), format!("{}\n", key.verifying_key()).as_bytes(), 0o644)
}

/// Where the public half of a private key lies: `x.vkey` beside `x.key`.
fn public_beside(private: &Path) -> PathBuf {
    private.with_extension("vkey")
}

fn write_new(path: &Path, bytes: &[u8], mode: u32) -> Result<(), StoreError> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode);
    let mut file = options.open(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => StoreError::AlreadyExists { path: path.into() },
        _ => io_failed("creating", path)(error),
    })?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all());
    if written.is_err() {
        // Half a key would be in the way of the next try.
        let _ = fs::remove_file(path);
    }
    written.map_err(io_failed("writing", path))
}

/// Reads the private key; refuses one that others may read.
pub(super) fn load(database: &Path) -> Result<SigningKey, StoreError> {
    load_at(&key_path(database))
}

/// Reads the private key in the file `path`; refuses one that others may read.
pub(crate) fn load_at(path: &Path) -> Result<SigningKey, StoreError> {
    let path = path.to_path_buf();
    let unusable = |why: String| StoreError::KeyUnusable { path: path.clone(), why };
    let text = Zeroizing::new(fs::read_to_string(&path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => StoreError::KeyMissing { path: path.clone() },
        _ => unusable(error.to_string()),
    })?);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = fs::metadata(&path).map_err(|error| unusable(error.to_string()))?.permissions().mode();
        if mode & 0o077 != 0 {
            return Err(unusable(format!("others may read it (mode {:o}); run chmod 600 on it", mode & 0o777)));
        }
    }
    SigningKey::parse(&text).map_err(|error| unusable(error.to_string()))
}

/// The public key to verify with: from the private key, or where that is kept away, from its published half.
pub(super) fn load_public(database: &Path) -> Result<VerifyingKey, StoreError> {
    load_public_at(&key_path(database))
}

/// The same for the private key in the file `path`.
pub(crate) fn load_public_at(path: &Path) -> Result<VerifyingKey, StoreError> {
    match load_at(path) {
        Ok(key) => Ok(key.verifying_key()),
        Err(missing @ StoreError::KeyMissing { .. }) => {
            let path = public_beside(path);
            let text = fs::read_to_string(&path).map_err(|_| missing)?;
            VerifyingKey::parse(&text).map_err(|error| StoreError::KeyUnusable { path, why: error.to_string() })
        }
        Err(other) => Err(other),
    }
}
