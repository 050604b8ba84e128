//! Who a runner is: its name, its key, the server it belongs to, and whose permits it trusts. One file, made at enrolment.
//!
//! Invariants: the private key is made here and never leaves the file, which only its owner may read; the permit keys are pinned at
//! enrolment, and another one comes to be trusted only when a trusted one vouches for it; a new key of the runner is on disk before
//! the server hears of it, so that no crash between the two locks the runner out.

use crate::fault::excerpt;
use crate::permit::PermitKeys;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, SigningKey, VerifyingKey};
use interlock_wire::permit::endorsement_bytes;
use interlock_wire::runner::PermitKey;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// Name of the file within the runner's data directory.
pub const FILE: &str = "identity.json";

#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    runner: String,
    server: String,
    /// Ed25519 seed (RFC 8032), 64 hexadecimal digits.
    key: String,
    /// A key that is to take the place of `key`; the server may or may not know of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    next: Option<String>,
    /// When `key` was made.
    since: Timestamp,
    permit_keys: Vec<PermitKey>,
    #[serde(default)]
    labels: BTreeMap<String, String>,
}

/// Why an identity cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdentityError {
    #[error("{0} cannot be read or written: {1}")]
    Storage(String, String),
    #[error("{0} is not a runner's identity: {1}; enrol the runner anew in an empty directory")]
    Unreadable(String, String),
    #[error("{0} holds the identity of runner `{1}` already; give this one a data directory of its own")]
    Taken(String, String),
}

/// A runner's identity, on disk.
#[derive(Clone)]
pub struct Identity {
    path: PathBuf,
    stored: Stored,
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Identity")
            .field("runner", &self.stored.runner)
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

impl Identity {
    /// A fresh identity from 32 random bytes, which is not on disk before [`Identity::enrolled`].
    ///
    /// # Errors
    /// [`IdentityError::Taken`] when the directory holds one already.
    pub fn fresh(dir: &Path, server: &str, seed: [u8; 32], now: Timestamp) -> Result<Self, IdentityError> {
        let path = dir.join(FILE);
        if path.exists() {
            let runner = Self::open(dir).map(|it| it.runner().to_owned()).unwrap_or_default();
            return Err(IdentityError::Taken(path.display().to_string(), runner));
        }
        let stored = Stored {
            runner: String::new(),
            server: server.to_owned(),
            key: hex::encode(seed),
            next: None,
            since: now,
            permit_keys: Vec::new(),
            labels: BTreeMap::new(),
        };
        Ok(Self { path, stored })
    }

    /// The identity in a data directory.
    ///
    /// # Errors
    /// It is not there, or is none.
    pub fn open(dir: &Path) -> Result<Self, IdentityError> {
        let path = dir.join(FILE);
        let shown = path.display().to_string();
        let text =
            std::fs::read_to_string(&path).map_err(|error| IdentityError::Storage(shown.clone(), error.to_string()))?;
        let unreadable = |why: String| IdentityError::Unreadable(shown.clone(), why);
        let stored: Stored = serde_json::from_str(&text).map_err(|error| unreadable(error.to_string()))?;
        for key in std::iter::once(&stored.key).chain(&stored.next) {
            seed(key).ok_or_else(|| unreadable("its key is not 64 hexadecimal digits".into()))?;
        }
        Ok(Self { path, stored })
    }

    /// What the server answered to the enrolment; on disk from now on.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn enrolled(
        &mut self,
        runner: &str,
        labels: BTreeMap<String, String>,
        keys: Vec<PermitKey>,
    ) -> Result<(), IdentityError> {
        self.stored.runner = runner.to_owned();
        self.stored.labels = labels;
        self.stored.permit_keys = keys;
        self.write()
    }

    pub fn runner(&self) -> &str {
        &self.stored.runner
    }

    pub fn server(&self) -> &str {
        &self.stored.server
    }

    pub fn labels(&self) -> &BTreeMap<String, String> {
        &self.stored.labels
    }

    /// The key in force.
    pub fn key(&self) -> SigningKey {
        SigningKey::from_bytes(&seed(&self.stored.key).unwrap_or_default())
    }

    /// A key that was made to take its place; whether the server knows it is to be found out.
    pub fn next_key(&self) -> Option<SigningKey> {
        self.stored.next.as_deref().and_then(seed).map(|seed| SigningKey::from_bytes(&seed))
    }

    /// When the key in force was made.
    pub fn key_since(&self) -> Timestamp {
        self.stored.since
    }

    /// Keeps a key that is to take the place of the one in force.
    ///
    /// # Errors
    /// It cannot be written; then it must not be sent.
    pub fn prepare(&mut self, seed: [u8; 32]) -> Result<(), IdentityError> {
        self.stored.next = Some(hex::encode(seed));
        self.write()
    }

    /// The server takes the next key.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn replace(&mut self, now: Timestamp) -> Result<(), IdentityError> {
        if let Some(next) = self.stored.next.take() {
            (self.stored.key, self.stored.since) = (next, now);
        }
        self.write()
    }

    /// Whose permits count.
    pub fn permit_keys(&self) -> PermitKeys {
        let keys = self.stored.permit_keys.iter().filter_map(|it| public(&it.key).map(|key| (it.id.clone(), key)));
        keys.fold(PermitKeys::default(), |keys, (id, key)| keys.with(id, key))
    }

    /// Takes in keys the server names: only those that a trusted one vouches for. Gives the ids of what is new.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn learn(&mut self, named: &[PermitKey]) -> Result<Vec<String>, IdentityError> {
        let mut learnt = Vec::new();
        // One key may vouch for the next, and that one for the one after it.
        loop {
            let trusted = &self.stored.permit_keys;
            let new = named.iter().find(|it| trusted.iter().all(|known| known.id != it.id) && vouched(it, trusted));
            let Some(new) = new else { break };
            learnt.push(new.id.clone());
            self.stored.permit_keys.push(new.clone());
        }
        if !learnt.is_empty() {
            self.write()?;
        }
        Ok(learnt)
    }

    fn write(&self) -> Result<(), IdentityError> {
        let storage =
            |error: std::io::Error| IdentityError::Storage(self.path.display().to_string(), error.to_string());
        let text = serde_json::to_vec_pretty(&self.stored).map_err(|error| storage(error.into()))?;
        let new = self.path.with_extension("new");
        let _ = std::fs::remove_file(&new);
        if let Some(parent) = self.path.parent() {
            std::fs::create_dir_all(parent).map_err(storage)?;
        }
        let mut file = private(&new).map_err(storage)?;
        file.write_all(&text).and_then(|()| file.sync_all()).map_err(storage)?;
        std::fs::rename(&new, &self.path).map_err(storage)?;
        match self.path.parent() {
            Some(parent) => std::fs::File::open(parent).and_then(|dir| dir.sync_all()).map_err(storage),
            None => Ok(()),
        }
    }
}

fn private(path: &Path) -> std::io::Result<std::fs::File> {
    use std::os::unix::fs::OpenOptionsExt as _;
    std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

fn seed(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    hex::decode_to_slice(text, &mut bytes).ok().map(|()| bytes)
}

/// A public key of 32 bytes in base64.
pub fn public(text: &str) -> Option<[u8; 32]> {
    STANDARD.decode(text).ok()?.try_into().ok()
}

/// Whether a key in `trusted` vouches for `new`.
pub fn vouched(new: &PermitKey, trusted: &[PermitKey]) -> bool {
    let (Some(by), Some(signature)) = (&new.endorsed_by, &new.endorsement) else { return false };
    let key = trusted.iter().find(|it| it.id == *by).and_then(|it| public(&it.key));
    let key = key.and_then(|key| VerifyingKey::from_bytes(&key).ok());
    let signature = STANDARD.decode(signature).ok().and_then(|bytes| Signature::from_slice(&bytes).ok());
    let good = key
        .zip(signature)
        .is_some_and(|(key, signature)| key.verify_strict(&endorsement_bytes(&new.id, &new.key), &signature).is_ok());
    if !good {
        tracing::warn!(key = excerpt(&new.id), by = excerpt(by), "a permit key is not vouched for and is not trusted");
    }
    good
}

#[cfg(test)]
mod tests {
    use super::*;
    use ed25519_dalek::Signer as _;

    fn permit_key(id: &str, seed: u8, by: Option<(&str, u8)>) -> PermitKey {
        let key = STANDARD.encode(SigningKey::from_bytes(&[seed; 32]).verifying_key().to_bytes());
        let endorsement = by.map(|(_, seed)| {
            STANDARD.encode(SigningKey::from_bytes(&[seed; 32]).sign(&endorsement_bytes(id, &key)).to_bytes())
        });
        PermitKey { id: id.into(), key, endorsed_by: by.map(|(id, _)| id.into()), endorsement }
    }

    fn made(dir: &Path) -> Identity {
        let mut it = Identity::fresh(dir, "https://a.example", [1; 32], Timestamp::UNIX_EPOCH).unwrap();
        it.enrolled("berlin-1", BTreeMap::new(), vec![permit_key("k1", 11, None)]).unwrap();
        it
    }

    #[test]
    fn it_is_read_again_by_its_owner_only_and_no_second_one_takes_its_place() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        let it = made(dir.path());
        let mode = std::fs::metadata(dir.path().join(FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let again = Identity::open(dir.path()).unwrap();
        assert_eq!((again.runner(), again.key().to_bytes()), (it.runner(), [1; 32]));
        assert!(
            matches!(Identity::fresh(dir.path(), "https://a.example", [2; 32], Timestamp::UNIX_EPOCH), Err(IdentityError::Taken(_, name)) if name == "berlin-1")
        );
        std::fs::write(dir.path().join(FILE), "{}").unwrap();
        assert!(matches!(Identity::open(dir.path()), Err(IdentityError::Unreadable(..))));
    }

    #[test]
    fn a_next_key_is_kept_before_it_is_used() {
        let dir = tempfile::tempdir().unwrap();
        made(dir.path()).prepare([2; 32]).unwrap();
        let mut it = Identity::open(dir.path()).unwrap();
        assert_eq!((it.key().to_bytes(), it.next_key().map(|key| key.to_bytes())), ([1; 32], Some([2; 32])));
        it.replace(Timestamp::UNIX_EPOCH).unwrap();
        let it = Identity::open(dir.path()).unwrap();
        assert_eq!((it.key().to_bytes(), it.next_key().is_none()), ([2; 32], true));
    }

    #[test]
    fn only_a_permit_key_that_a_trusted_one_vouches_for_is_trusted() {
        let dir = tempfile::tempdir().unwrap();
        let mut it = made(dir.path());
        let strangers = [
            permit_key("k2", 12, None),
            permit_key("k2", 12, Some(("k9", 11))),
            permit_key("k2", 12, Some(("k1", 13))),
            PermitKey { key: permit_key("k3", 13, None).key, ..permit_key("k2", 12, Some(("k1", 11))) },
            permit_key("k1", 99, Some(("k1", 11))),
        ];
        assert_eq!(it.learn(&strangers).unwrap(), Vec::<String>::new());
        let chain = [permit_key("k3", 13, Some(("k2", 12))), permit_key("k2", 12, Some(("k1", 11)))];
        assert_eq!(it.learn(&chain).unwrap(), ["k2", "k3"]);
        let again = Identity::open(dir.path()).unwrap();
        let wanted = [("k1", 11), ("k2", 12), ("k3", 13)];
        let wanted = wanted.iter().fold(PermitKeys::default(), |keys, (id, seed)| {
            keys.with(*id, SigningKey::from_bytes(&[*seed; 32]).verifying_key().to_bytes())
        });
        assert_eq!(again.permit_keys(), wanted);
    }
}
