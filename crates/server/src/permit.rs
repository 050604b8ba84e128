//! Signs deployment permits. What is signed is the exact text that travels (see `interlock_wire::permit`).

use base64::{Engine as _, engine::general_purpose::STANDARD};
use ed25519_dalek::{Signer, SigningKey};
use interlock_runner::PermitKeys;
use interlock_wire::{
    permit::{Permit, SignedPermit, signing_bytes},
    runner::PermitKey,
};
use sha2::{Digest as _, Sha256};
use std::{io, path::Path, sync::Arc};

/// The key permits are signed with (Ed25519, RFC 8032). Its id is the beginning of the SHA-256 of its public half.
#[derive(Clone)]
pub struct PermitSigner {
    id: String,
    key: Arc<SigningKey>,
}

impl PermitSigner {
    /// A signer from 32 random bytes.
    pub fn from_seed(seed: [u8; 32]) -> Self {
        let key = SigningKey::from_bytes(&seed);
        let digest = Sha256::digest(key.verifying_key().as_bytes());
        Self { id: format!("permit-{}", hex::encode(&digest[..8])), key: Arc::new(key) }
    }

    /// Reads the seed from `file` (64 hexadecimal digits), or makes the file, readable by its owner only, from `fresh`.
    ///
    /// # Errors
    /// The file cannot be read or written, or holds something else.
    pub fn open(file: &Path, fresh: impl FnOnce() -> [u8; 32]) -> io::Result<Self> {
        match std::fs::read_to_string(file) {
            Ok(text) => {
                let mut seed = [0; 32];
                let bad = |_| {
                    io::Error::new(io::ErrorKind::InvalidData, format!("{}: not 64 hexadecimal digits", file.display()))
                };
                hex::decode_to_slice(text.trim(), &mut seed).map_err(bad)?;
                Ok(Self::from_seed(seed))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let seed = fresh();
                write_private(file, hex::encode(seed).as_bytes())?;
                Ok(Self::from_seed(seed))
            }
            Err(error) => Err(error),
        }
    }

    pub fn id(&self) -> &str {
        &self.id
    }

    /// The public half, 32 bytes.
    pub fn public_key(&self) -> [u8; 32] {
        self.key.verifying_key().to_bytes()
    }

    /// What a runner has to trust.
    pub fn trusted(&self) -> PermitKeys {
        PermitKeys::one(self.id.clone(), self.public_key())
    }

    /// The same, as it travels.
    pub fn keys(&self) -> Vec<PermitKey> {
        let key = STANDARD.encode(self.public_key());
        vec![PermitKey { id: self.id.clone(), key, endorsed_by: None, endorsement: None }]
    }

    pub fn sign(&self, permit: &Permit) -> SignedPermit {
        let payload = serde_json::to_string(permit).expect("a permit holds only text, numbers and times");
        let signature = STANDARD.encode(self.key.sign(&signing_bytes(&payload)).to_bytes());
        SignedPermit { payload, key_id: self.id.clone(), signature }
    }
}

#[cfg(unix)]
fn write_private(file: &Path, bytes: &[u8]) -> io::Result<()> {
    use std::{io::Write as _, os::unix::fs::OpenOptionsExt as _};
    let mut out = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(file)?;
    let written = out.write_all(bytes).and_then(|()| out.sync_all());
    if written.is_err() {
        // Half a key would be in the way of the next try.
        let _ = std::fs::remove_file(file);
    }
    written
}

#[cfg(not(unix))]
fn write_private(file: &Path, bytes: &[u8]) -> io::Result<()> {
    std::fs::write(file, bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_made_once_and_read_ever_after() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("permit.key");
        let made = PermitSigner::open(&file, || [7; 32]).unwrap();
        let read = PermitSigner::open(&file, || [8; 32]).unwrap();
        assert_eq!((made.id(), made.public_key()), (read.id(), read.public_key()));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        }
        std::fs::write(&file, "nonsense").unwrap();
        assert!(PermitSigner::open(&file, || [7; 32]).is_err());
    }
}
