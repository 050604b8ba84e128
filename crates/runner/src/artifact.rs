//! Fetches artefacts, keeps them by digest, and proves the very bytes on disk just before they are used.
//!
//! Invariants: a file enters the cache only after its size, SHA-256 and signature were checked; it is read-only there; it is
//! read and checked again, whole, for every use; a file that no longer matches is moved aside and never handed out.
//! Deliberately absent: unpacking, and eviction: the cache grows until somebody empties it.

use crate::fault::{Code, Fault, excerpt};
use async_trait::async_trait;
use bytes::Bytes;
use futures::{Stream, StreamExt as _};
use interlock_ids::Digest;
use interlock_wire::runner::ArtifactOrder;
use minisign_verify::{PublicKey, Signature};
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// Bytes as they arrive.
pub type ByteStream = Pin<Box<dyn Stream<Item = Result<Bytes, DepotError>> + Send>>;

/// Where artefacts come from.
#[async_trait]
pub trait Depot: Send + Sync {
    /// The bytes stored under `digest`; `url_path` is where the order says to ask for them, empty for no other place. Nothing
    /// needs to be verified here.
    async fn fetch(&self, digest: &Digest, url_path: &str) -> Result<ByteStream, DepotError>;
}

/// An artefact did not come.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct DepotError(pub String);

/// An artefact order, read and found plausible.
#[derive(Clone)]
pub struct Wanted {
    pub digest: Digest,
    size: u64,
    url_path: String,
    signature: Signature,
    key: PublicKey,
}

impl Wanted {
    /// Reads an order. With `trusted`, the key must be one of these (base64 line of a minisign public key).
    ///
    /// # Errors
    /// R201 digest, R205 signature, R206 key, R209 path, R211 key not trusted.
    pub fn read(order: &ArtifactOrder, trusted: Option<&BTreeSet<String>>) -> Result<Self, Fault> {
        let digest = order.digest.parse::<Digest>().map_err(|error| Fault::failed(Code::DigestMalformed, error))?;
        if !plain_path(&order.url_path) {
            let message = format!("artefact {digest} has path `{}`", excerpt(&order.url_path));
            return Err(Fault::failed(Code::ArtifactPath, message));
        }
        let key_line = order.public_key.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or_default();
        let key = PublicKey::from_base64(key_line).map_err(|error| {
            Fault::failed(
                Code::PublicKeyUnreadable,
                format!("the public key of artefact {digest} cannot be read: {error}"),
            )
        })?;
        if trusted.is_some_and(|trusted| !trusted.contains(key_line)) {
            let message =
                format!("artefact {digest} is signed by `{}`, whom this runner does not trust", excerpt(key_line));
            return Err(Fault::failed(Code::SignerNotTrusted, message));
        }
        let unreadable =
            |why: String| Fault::failed(Code::SignatureUnreadable, format!("the signature of artefact {digest} {why}"));
        let signature =
            Signature::decode(&order.signature).map_err(|error| unreadable(format!("cannot be read: {error}")))?;
        match key.verify_stream(&signature).map(drop) {
            Ok(()) => {}
            Err(minisign_verify::Error::UnexpectedKeyId) => {
                let message = format!("the signature of artefact {digest} is by another key than the one named");
                return Err(Fault::failed(Code::SignatureWrong, message));
            }
            Err(error) => return Err(unreadable(format!("is not a prehashed minisign signature: {error}"))),
        }
        Ok(Self { digest, size: order.size, url_path: order.url_path.clone(), signature, key })
    }
}

/// Whether a path stays where it is meant to: empty, or absolute, without empty, `.` or `..` segments, escapes, query or host.
fn plain_path(path: &str) -> bool {
    path.is_empty()
        || path.len() <= 1024
            && path.strip_prefix('/').is_some_and(|rest| rest.split('/').all(|part| !matches!(part, "" | "." | "..")))
            && path.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/._-:~+@".contains(&byte))
}

/// The artefacts on this machine.
pub struct Cache {
    dir: PathBuf,
    fetching: Mutex<BTreeMap<Digest, Weak<tokio::sync::Mutex<()>>>>,
    count: AtomicU64,
}

impl Cache {
    /// Opens the cache in `dir` and clears away downloads that were cut off.
    ///
    /// # Errors
    /// R210 when the directory cannot be made.
    pub fn open(dir: PathBuf) -> Result<Self, Fault> {
        let partial = dir.join("partial");
        let _ = fs::remove_dir_all(&partial);
        fs::create_dir_all(&partial).map_err(|error| storage(&partial, &error))?;
        Ok(Self { dir, fetching: Mutex::default(), count: AtomicU64::new(0) })
    }

    /// Where the artefact is, or will be.
    pub fn path(&self, digest: &Digest) -> PathBuf {
        self.dir.join(digest.to_string().replace(':', "-"))
    }

    /// Fetches the artefact unless it is here.
    ///
    /// # Errors
    /// R202 to R204, R207, R210.
    pub async fn fetch(&self, wanted: &Wanted, depot: &dyn Depot) -> Result<(), Fault> {
        let path = self.path(&wanted.digest);
        if path.exists() {
            return Ok(());
        }
        let one_at_a_time = self.lock_for(&wanted.digest);
        let _held = one_at_a_time.lock().await;
        if path.exists() { Ok(()) } else { self.download(wanted, depot, &path).await }
    }

    /// Reads the file on disk and checks it whole.
    ///
    /// # Errors
    /// R208 when it is not what it was, or is gone; the file is then moved aside.
    pub async fn prove(&self, wanted: &Wanted) -> Result<PathBuf, Fault> {
        let (path, proving) = (self.path(&wanted.digest), wanted.clone());
        let aside = self
            .dir
            .join(format!("bad-{}-{}", proving.digest, self.count.fetch_add(1, Ordering::Relaxed)).replace(':', "-"));
        blocking(move || {
            check_file(&path, &proving).map_err(|fault| {
                let _ = fs::rename(&path, &aside);
                let message = format!("{} (moved to {})", fault.message, aside.display());
                Fault::failed(Code::ArtifactChanged, format!("the cached file is no longer the artefact: {message}"))
            })?;
            Ok(path)
        })
        .await
    }

    fn lock_for(&self, digest: &Digest) -> Arc<tokio::sync::Mutex<()>> {
        let mut fetching = self.fetching.lock().unwrap_or_else(PoisonError::into_inner);
        fetching.retain(|_, lock| lock.strong_count() > 0);
        if let Some(lock) = fetching.get(digest).and_then(Weak::upgrade) {
            return lock;
        }
        let lock = Arc::new(tokio::sync::Mutex::new(()));
        fetching.insert(*digest, Arc::downgrade(&lock));
        lock
    }

    async fn download(&self, wanted: &Wanted, depot: &dyn Depot, path: &Path) -> Result<(), Fault> {
        let digest = wanted.digest;
        let lost = |error: DepotError| {
            Fault::failed(Code::ArtifactNotFetched, format!("artefact {digest} did not come: {error}"))
        };
        let mut stream = depot.fetch(&digest, &wanted.url_path).await.map_err(lost)?;
        let name = format!("{digest}-{}", self.count.fetch_add(1, Ordering::Relaxed)).replace(':', "-");
        let partial = Partial(self.dir.join("partial").join(name));
        let mut file = File::create(&partial.0).map_err(|error| storage(&partial.0, &error))?;
        let mut size = 0;
        while let Some(bytes) = stream.next().await {
            let bytes = bytes.map_err(lost)?;
            size += bytes.len() as u64;
            if size > wanted.size {
                let message =
                    format!("artefact {digest} is longer than the {} bytes it was registered with", wanted.size);
                return Err(Fault::failed(Code::ArtifactSize, message));
            }
            file.write_all(&bytes).map_err(|error| storage(&partial.0, &error))?;
        }
        let (proving, path) = (wanted.clone(), path.to_path_buf());
        blocking(move || {
            let in_place = || {
                file.sync_all()?;
                drop(file);
                fs::set_permissions(&partial.0, fs::Permissions::from_mode(0o444))
            };
            in_place().map_err(|error| storage(&partial.0, &error))?;
            check_file(&partial.0, &proving)?;
            fs::rename(&partial.0, &path).map_err(|error| storage(&path, &error))
        })
        .await
    }
}

/// A download that disappears unless it is moved to its place.
struct Partial(PathBuf);

impl Drop for Partial {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

fn check_file(path: &Path, wanted: &Wanted) -> Result<(), Fault> {
    let digest = wanted.digest;
    let meta = path.symlink_metadata().map_err(|error| storage(path, &error))?;
    if !meta.is_file() {
        return Err(Fault::failed(Code::ArtifactChanged, format!("{} is not a plain file", path.display())));
    }
    let mut file = File::open(path).map_err(|error| storage(path, &error))?;
    let (mut hash, mut size, mut buffer) = (Sha256::new(), 0, vec![0; 128 << 10]);
    let unreadable = |error| Fault::failed(Code::SignatureUnreadable, format!("the signature of {digest}: {error}"));
    let mut signature = wanted.key.verify_stream(&wanted.signature).map_err(unreadable)?;
    loop {
        let read = file.read(&mut buffer).map_err(|error| storage(path, &error))?;
        if read == 0 {
            break;
        }
        hash.update(&buffer[..read]);
        signature.update(&buffer[..read]);
        size += read as u64;
    }
    if size != wanted.size {
        let message = format!("artefact {digest} has {size} bytes; it was registered with {}", wanted.size);
        return Err(Fault::failed(Code::ArtifactSize, message));
    }
    let found = Digest(hash.finalize().into());
    if found != digest {
        let message = format!("the bytes given as artefact {digest} have the digest {found}");
        return Err(Fault::failed(Code::ArtifactDigest, message));
    }
    signature.finalize().map_err(|_| {
        Fault::failed(Code::SignatureWrong, format!("artefact {digest} is not signed by the key named for it"))
    })
}

fn storage(path: &Path, error: &std::io::Error) -> Fault {
    Fault::failed(Code::Storage, format!("{}: {error}", path.display()))
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, Fault> + Send + 'static) -> Result<T, Fault> {
    let lost = |error| Err(Fault::failed(Code::RunnerDefect, format!("checking the artefact broke off: {error}")));
    tokio::task::spawn_blocking(work).await.unwrap_or_else(lost)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_that_lead_elsewhere_are_refused() {
        for good in ["", "/api/v1/blobs/sha256:00", "/a/b.tar.gz"] {
            assert!(plain_path(good), "{good}");
        }
        for bad in [
            "a",
            "/../etc/passwd",
            "/a/..",
            "/a//b",
            "//host/a",
            "/a/%2e%2e/b",
            "/a?b",
            "/a#b",
            "/a\\b",
            "http://h/a",
            "/a/./b",
            "/\n",
        ] {
            assert!(!plain_path(bad), "{bad}");
        }
    }
}
