//! Snapshots: files in `<database>.snapshots/`, one per tag and size.
//!
//! They are not in the database, because writing hundreds of megabytes there would hold up the writer, and because they
//! are only a cache: lost, damaged or foreign ones are passed over, and the log is replayed instead.
//!
//! A file is a line of text, then size (8 bytes, big endian), root (32), digest over tag, size, root and state (32), length
//! of the tag (4), tag, state. **Invariant:** it appears under its name only when complete and synchronised.
//! **Deliberately absent:** from backups.

use super::{SqliteLedger, keys::beside, schema::io_failed};
use crate::{api::Snapshot, digest::Digest, error::StoreError, limits};
use std::{
    fs,
    io::{ErrorKind, Write as _},
    path::{Path, PathBuf},
};

const MAGIC: &[u8] = b"interlock snapshot 1\n";
const FIXED: usize = MAGIC.len() + 8 + 32 + 32 + 4;
const SUFFIX: &str = ".snapshot";

fn folder(database: &Path) -> PathBuf {
    beside(database, ".snapshots")
}

/// A tag may hold any character; its digest may be a file name.
fn tag_name(tag: &str) -> String {
    hex::encode(&Digest::of(tag.as_bytes()).0[..8])
}

/// The digest over a snapshot and all that it claims of itself.
pub(crate) fn digest(tag: &str, size: u64, root: &[u8], state: &[u8]) -> Digest {
    Digest::of_parts(&[b"snapshot", tag.as_bytes(), &size.to_be_bytes(), root, state])
}

/// The files whose name begins with `prefix`, the newest first. Names that are not ours are left alone.
fn list(database: &Path, prefix: &str) -> Result<Vec<(u64, PathBuf)>, StoreError> {
    let folder = folder(database);
    let entries = match fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(io_failed("reading", &folder)(error)),
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry.map_err(io_failed("reading", &folder))?;
        let name = entry.file_name();
        let size = name
            .to_str()
            .filter(|name| name.starts_with(prefix))
            .and_then(|name| name.strip_suffix(SUFFIX))
            .and_then(|name| name.split_once('-'))
            .and_then(|(_, size)| size.parse().ok());
        if let Some(size) = size {
            found.push((size, entry.path()));
        }
    }
    found.sort();
    found.reverse();
    Ok(found)
}

/// The size of the newest snapshot of a tag, going by its name.
pub(super) fn newest_size(database: &Path, tag: &str) -> Result<Option<u64>, StoreError> {
    Ok(list(database, &format!("{}-", tag_name(tag)))?.first().map(|(size, _)| *size))
}

/// What lies in the folder, judged by names and dates.
#[derive(Debug, Default)]
pub(super) struct Newest {
    pub bytes: u64,
    pub size: Option<u64>,
    /// When the newest was written, in seconds of Unix time.
    pub at: Option<u64>,
}

pub(super) fn newest(database: &Path) -> Result<Newest, StoreError> {
    let mut found = Newest::default();
    for (size, path) in list(database, "")? {
        // One that was replaced meanwhile is not there to be counted.
        let Ok(data) = fs::metadata(&path) else { continue };
        found.bytes += data.len();
        let at = data.modified().ok().and_then(|at| at.duration_since(std::time::UNIX_EPOCH).ok());
        let at = at.map(|since| since.as_secs());
        if at >= found.at {
            (found.size, found.at) = (Some(size), at);
        }
    }
    Ok(found)
}

/// Reads a file and checks its digest; the tag with the snapshot, or why not.
fn load(path: &Path) -> Result<(String, Snapshot), String> {
    let mut bytes = fs::read(path).map_err(|error| error.to_string())?;
    let malformed = || "it is not a complete snapshot".to_string();
    if bytes.len() < FIXED || !bytes.starts_with(MAGIC) {
        return Err(malformed());
    }
    let (head, rest) = bytes[MAGIC.len()..].split_at(FIXED - MAGIC.len());
    let size = u64::from_be_bytes(head[..8].try_into().map_err(|_| malformed())?);
    let root = Digest::from_slice(&head[8..40]).ok_or_else(malformed)?;
    let length = u32::from_be_bytes(head[72..].try_into().map_err(|_| malformed())?) as usize;
    let tag = rest.get(..length).and_then(|tag| std::str::from_utf8(tag).ok()).ok_or_else(malformed)?.to_string();
    if digest(&tag, size, &root.0, &rest[length..]).0 != head[40..72] {
        return Err("it has another digest".into());
    }
    bytes.drain(..FIXED + length);
    Ok((tag, Snapshot { size, root, bytes }))
}

/// How many files are sound, and what to say of each that is not.
pub(super) fn check_all(database: &Path) -> Result<(u64, Vec<String>), StoreError> {
    let (mut sound, mut damaged) = (0, Vec::new());
    for (_, path) in list(database, "")? {
        match load(&path) {
            Ok(_) => sound += 1,
            Err(why) => damaged.push(format!("the snapshot `{}` will be passed over: {why}", path.display())),
        }
    }
    Ok((sound, damaged))
}

impl SqliteLedger {
    pub(super) fn store_snapshot(&self, size: u64, tag: &str, state: &[u8]) -> Result<(), StoreError> {
        limits::key("the tag of a snapshot", tag)?;
        limits::within("a snapshot, in bytes,", state.len(), limits::SNAPSHOT_BYTES)?;
        let root = self.ask_tree(|tree| tree.root_at(size))?;
        let folder = folder(&self.path);
        fs::create_dir_all(&folder).map_err(io_failed("creating", &folder))?;
        let prefix = format!("{}-", tag_name(tag));
        let path = folder.join(format!("{prefix}{size:020}{SUFFIX}"));
        let partial = beside(&path, &format!(".partial-{}", std::process::id()));
        let write = || -> std::io::Result<()> {
            let mut options = fs::OpenOptions::new();
            options.write(true).create(true).truncate(true);
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            let mut file = options.open(&partial)?;
            file.write_all(MAGIC)?;
            file.write_all(&size.to_be_bytes())?;
            file.write_all(&root.0)?;
            file.write_all(&digest(tag, size, &root.0, state).0)?;
            file.write_all(&(tag.len() as u32).to_be_bytes())?;
            file.write_all(tag.as_bytes())?;
            file.write_all(state)?;
            file.sync_all()?;
            fs::rename(&partial, &path)?;
            fs::File::open(&folder)?.sync_all()
        };
        // One at a time: two writers of one tag and size would share the partial file.
        let _one = self.snapshots.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        write().map_err(io_failed("writing", &path))?;
        for (_, old) in list(&self.path, &prefix)?.into_iter().skip(limits::SNAPSHOTS_KEPT) {
            fs::remove_file(&old).map_err(io_failed("removing", &old))?;
        }
        Ok(())
    }

    pub(super) fn find_snapshot(&self, tag: &str) -> Result<Option<Snapshot>, StoreError> {
        for (_, path) in list(&self.path, &format!("{}-", tag_name(tag)))? {
            let verdict = load(&path).and_then(|(found, snapshot)| {
                if found != tag {
                    return Err("it is of another tag".into());
                }
                match self.ask_tree(|tree| tree.root_at(snapshot.size)) {
                    Ok(root) if root == snapshot.root => Ok(snapshot),
                    Ok(_) => Err("it was taken of another log".into()),
                    Err(error) => Err(error.to_string()),
                }
            });
            match verdict {
                Ok(snapshot) => return Ok(Some(snapshot)),
                Err(why) => self.notice(format!("the snapshot `{}` was passed over: {why}", path.display())),
            }
        }
        Ok(None)
    }
}
