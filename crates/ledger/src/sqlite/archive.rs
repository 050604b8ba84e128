//! The archive: everything that is written, shipped to a folder while it is written, so that any position can be restored.
//!
//! Files in `segments/` are numbered from 1 without gaps. Each is lines of JSON: a head, the entries since the file before, what
//! changed beside the log meanwhile, and last the signed checkpoint with the SHA-256 of all lines above it. The first file of
//! every server process holds all that lies beside the log. Bytes of blobs are files of their own in `blobs/`, by digest.
//!
//! **Invariant:** a file appears under its name only when complete and synchronised, after the blobs it names; all it holds is
//! of one moment, that of its checkpoint. **Deliberately absent:** the signing key, which is kept elsewhere; and removal of
//! old files: an archive is begun anew in another folder, and the old one is thrown away whole.

use super::{
    SqliteLedger,
    changes::Dirty,
    keys,
    rebuild::{self, Filling, Keep},
    schema::{failed, io_failed},
    state::Stored,
    verify::VerifyReport,
};
use crate::{
    api::Ledger as _,
    checkpoint::Checkpoint,
    digest::Digest,
    error::StoreError,
    merkle::{Edge, Tree},
    note::VerifyingKey,
};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use rusqlite::{Connection, OptionalExtension as _, params};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    sync::Arc,
};

const FORMAT: u32 = 1;
/// Bytes of entries in one file, about.
const FILE_BYTES: usize = 64 << 20;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    interlock_archive: u32,
    number: u64,
    from: u64,
    to: u64,
    /// Whether all that lies beside the log is here, rather than what changed.
    full: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "lowercase")]
enum Line {
    Entry(u64, String),
    Answer(String, String),
    /// Table, key, value; without a value it was erased.
    Desk(String, String, Option<String>),
    Blob(Digest),
    /// The blob was erased.
    Gone(Digest),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Tail {
    checkpoint: String,
    sha256: String,
}

/// What was shipped at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Archived {
    pub file: PathBuf,
    /// Entries that the archive holds now.
    pub size: u64,
    pub bytes: u64,
}

/// Ships what a ledger writes; see the module.
pub struct Archiver {
    folder: PathBuf,
    ledger: Arc<SqliteLedger>,
    number: u64,
    size: u64,
}

fn segments(folder: &Path) -> PathBuf {
    folder.join("segments")
}

fn blob_path(folder: &Path, digest: &Digest) -> PathBuf {
    let name = hex::encode(digest.0);
    folder.join("blobs").join(&name[..2]).join(name)
}

/// The files in the order of their numbers; a gap is damage.
fn list(folder: &Path) -> Result<Vec<PathBuf>, StoreError> {
    let place = segments(folder);
    let mut found = Vec::new();
    for entry in fs::read_dir(&place).map_err(io_failed("reading", &place))? {
        let path = entry.map_err(io_failed("reading", &place))?.path();
        if path.extension().is_some_and(|it| it == "jsonl") {
            found.push(path);
        }
    }
    found.sort();
    for (path, number) in found.iter().zip(1u64..) {
        let named = path.file_name().and_then(|it| it.to_str()).and_then(|it| it.split('-').next()?.parse().ok());
        if named != Some(number) {
            return Err(StoreError::ArchiveDamaged { path: path.clone(), why: format!("file {number} is missing") });
        }
    }
    Ok(found)
}

/// A file that was read and holds together.
struct Segment {
    head: Head,
    lines: Vec<Line>,
    checkpoint: Checkpoint,
}

fn load(path: &Path, key: &VerifyingKey) -> Result<Segment, StoreError> {
    let damaged = |why: &str| StoreError::ArchiveDamaged { path: path.into(), why: why.into() };
    let text = fs::read(path).map_err(io_failed("reading", path))?;
    let body = text.strip_suffix(b"\n").ok_or_else(|| damaged("it does not end with its checkpoint"))?;
    let split = body.iter().rposition(|it| *it == b'\n').ok_or_else(|| damaged("it is cut short"))? + 1;
    let tail: Tail =
        serde_json::from_slice(&body[split..]).map_err(|_| damaged("it does not end with its checkpoint"))?;
    if hex::encode(Sha256::digest(&body[..split])) != tail.sha256 {
        return Err(damaged("its bytes have another SHA-256"));
    }
    let checkpoint = Checkpoint::open(key, &tail.checkpoint)
        .map_err(|error| StoreError::ArchiveForeign { path: path.into(), why: error.to_string() })?;
    let mut lines = body[..split].split(|it| *it == b'\n').filter(|it| !it.is_empty());
    let head: Head = lines
        .next()
        .and_then(|it| serde_json::from_slice(it).ok())
        .ok_or_else(|| damaged("its head is not readable"))?;
    if head.interlock_archive > FORMAT {
        return Err(StoreError::NewerFormat { found: head.interlock_archive.into(), known: FORMAT.into() });
    }
    let lines: Result<Vec<Line>, _> = lines.map(serde_json::from_slice).collect();
    let lines = lines.map_err(|error| damaged(&error.to_string()))?;
    if checkpoint.size != head.to {
        return Err(damaged("its checkpoint is of another size"));
    }
    Ok(Segment { head, lines, checkpoint })
}

/// Writes a file that appears whole and synchronised.
fn appear(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    let doing = io_failed("writing", path);
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(&doing)?;
    let partial = keys::beside(path, &format!(".partial-{}", std::process::id()));
    let write = || -> std::io::Result<()> {
        let mut options = fs::OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&partial)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&partial, path)?;
        fs::File::open(folder)?.sync_all()
    };
    write().map_err(|error| {
        let _ = fs::remove_file(&partial);
        doing(error)
    })
}

impl Archiver {
    /// Begins or continues an archive. The ledger must continue what the archive holds.
    pub fn open(ledger: Arc<SqliteLedger>, folder: &Path) -> Result<Archiver, StoreError> {
        let place = segments(folder);
        fs::create_dir_all(&place).map_err(io_failed("making", &place))?;
        let (mut number, mut size) = (0, 0);
        if let Some(last) = list(folder)?.last() {
            let segment = load(last, &ledger.verifying_key())?;
            (number, size) = (segment.head.number, segment.head.to);
            let has = ledger.head()?.size;
            if size > has || ledger.root_at(size)? != segment.checkpoint.root {
                let why = format!("it holds {size} entries that this ledger of {has} does not continue");
                return Err(StoreError::ArchiveForeign { path: folder.into(), why });
            }
        }
        ledger.changes.watch();
        Ok(Archiver { folder: folder.into(), ledger, number, size })
    }

    /// Entries that the archive holds.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Ships what was written since the last time; `None` if nothing was. More than fits a file is left for the next call.
    pub fn ship(&mut self) -> Result<Option<Archived>, StoreError> {
        let dirty = self.ledger.changes.take();
        let shipped = self.try_ship(&dirty);
        if shipped.is_err() || matches!(&shipped, Ok(Some(it)) if dirty.everything && !it.1) {
            self.ledger.changes.everything();
        }
        Ok(shipped?.map(|it| it.0))
    }

    fn try_ship(&mut self, dirty: &Dirty) -> Result<Option<(Archived, bool)>, StoreError> {
        let from = self.size;
        let made = self.ledger.ask(|conn, known| {
            let state = self.ledger.state(conn, known)?;
            let size = state.checkpoint.size;
            if size == from && dirty.is_empty() {
                return Ok(None);
            }
            let mut lines = Vec::new();
            let to = entries(conn, from, size, &mut lines)?;
            // Until the entries have caught up, the rest waits: it must not be of a later moment than they are.
            let whole = to == size;
            let mut blobs = Vec::new();
            if whole {
                beside(conn, dirty, &mut lines, &mut blobs)?;
            }
            let checkpoint = if whole {
                state.checkpoint.clone()
            } else {
                Checkpoint::sign(&self.ledger.key, to, Tree::new(&state.edge, &Stored(conn)).root_at(to)?)
            };
            for digest in &blobs {
                let path = blob_path(&self.folder, digest);
                if !path.exists() {
                    let found: Option<Vec<u8>> = conn
                        .query_row("SELECT body FROM blob WHERE digest = ?", [digest.0.as_slice()], |row| row.get(0))
                        .optional()
                        .map_err(failed("reading a blob"))?;
                    if let Some(body) = found.filter(|body| Digest::of(body) == *digest) {
                        appear(&path, &body)?;
                    } else {
                        return Err(StoreError::BlobDamaged { digest: *digest });
                    }
                }
            }
            Ok(Some((lines, to, whole, checkpoint)))
        })?;
        let Some((lines, to, whole, checkpoint)) = made else { return Ok(None) };
        let number = self.number + 1;
        let head = Head { interlock_archive: FORMAT, number, from, to, full: dirty.everything && whole };
        let mut text = line(&head)?;
        for it in &lines {
            text.push_str(&line(it)?);
        }
        let sha256 = hex::encode(Sha256::digest(text.as_bytes()));
        text.push_str(&line(&Tail { checkpoint: checkpoint.note, sha256 })?);
        let file = segments(&self.folder).join(format!("{number:012}-{from}-{to}.jsonl"));
        appear(&file, text.as_bytes())?;
        (self.number, self.size) = (number, to);
        for it in &lines {
            if let Line::Gone(digest) = it {
                // What was erased is erased here too, once the file that says so is there.
                let path = blob_path(&self.folder, digest);
                match fs::remove_file(&path) {
                    Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                        return Err(io_failed("erasing", &path)(error));
                    }
                    Ok(()) | Err(_) => {}
                }
            }
        }
        if !whole && !dirty.everything {
            self.ledger.changes.everything();
        }
        Ok(Some((Archived { file, size: to, bytes: text.len() as u64 }, whole)))
    }
}

fn line(it: &impl Serialize) -> Result<String, StoreError> {
    let text = serde_json::to_string(it);
    let text = text.map_err(|error| StoreError::Malformed { what: "a line of the archive", why: error.to_string() })?;
    Ok(text + "\n")
}

/// Entries from `from` on, as many as fit a file; gives the size reached.
fn entries(conn: &Connection, from: u64, size: u64, lines: &mut Vec<Line>) -> Result<u64, StoreError> {
    let doing = failed("reading entries");
    let mut statement = conn
        .prepare_cached("SELECT position, body FROM entry WHERE position >= ? AND position < ? ORDER BY position")
        .map_err(&doing)?;
    let mut rows = statement.query([from as i64, size as i64]).map_err(&doing)?;
    let (mut at, mut bytes) = (from, 0);
    while bytes < FILE_BYTES {
        let Some(row) = rows.next().map_err(&doing)? else { break };
        let (position, body): (i64, Vec<u8>) = (row.get(0).map_err(&doing)?, row.get(1).map_err(&doing)?);
        if position as u64 != at {
            return Err(StoreError::EntryMissing { position: at });
        }
        bytes += body.len();
        lines.push(Line::Entry(at, BASE64.encode(body)));
        at += 1;
    }
    Ok(at)
}

/// Reads rows of a question and makes a line of each.
fn each(
    conn: &Connection,
    sql: &str,
    given: impl rusqlite::Params,
    lines: &mut Vec<Line>,
    make: impl Fn(&rusqlite::Row<'_>) -> rusqlite::Result<Line>,
) -> Result<usize, StoreError> {
    let doing = failed("reading for the archive");
    let mut statement = conn.prepare_cached(sql).map_err(&doing)?;
    let found: Result<Vec<Line>, _> = statement.query_map(given, make).map_err(&doing)?.collect();
    let found = found.map_err(&doing)?;
    let count = found.len();
    lines.extend(found);
    Ok(count)
}

/// What lies beside the log: all of it, or what changed.
fn beside(conn: &Connection, dirty: &Dirty, lines: &mut Vec<Line>, blobs: &mut Vec<Digest>) -> Result<(), StoreError> {
    let answer = |row: &rusqlite::Row<'_>| Ok(Line::Answer(row.get(0)?, BASE64.encode(row.get::<_, Vec<u8>>(1)?)));
    let desk = |row: &rusqlite::Row<'_>| {
        Ok(Line::Desk(row.get(0)?, row.get(1)?, Some(BASE64.encode(row.get::<_, Vec<u8>>(2)?))))
    };
    if dirty.everything {
        each(conn, "SELECT key, body FROM answer", [], lines, answer)?;
        each(conn, "SELECT name, key, value FROM desk", [], lines, desk)?;
        let mut statement = conn.prepare_cached("SELECT digest FROM blob").map_err(failed("reading the blobs"))?;
        let found: Result<Vec<Vec<u8>>, _> =
            statement.query_map([], |row| row.get(0)).map_err(failed("reading the blobs"))?.collect();
        blobs.extend(found.map_err(failed("reading the blobs"))?.iter().filter_map(|it| Digest::from_slice(it)));
    } else {
        for key in &dirty.answers {
            each(conn, "SELECT key, body FROM answer WHERE key = ?", [key], lines, answer)?;
        }
        for (table, key) in &dirty.desk {
            let sql = "SELECT name, key, value FROM desk WHERE name = ? AND key = ?";
            if each(conn, sql, params![table, key], lines, desk)? == 0 {
                lines.push(Line::Desk(table.clone(), key.clone(), None));
            }
        }
        for digest in &dirty.blobs {
            let there = conn
                .prepare_cached("SELECT 1 FROM blob WHERE digest = ?")
                .and_then(|mut it| it.exists([digest.0.as_slice()]))
                .map_err(failed("reading the blobs"))?;
            if there {
                blobs.push(*digest);
            } else {
                lines.push(Line::Gone(*digest));
            }
        }
    }
    lines.extend(blobs.iter().map(|digest| Line::Blob(*digest)));
    Ok(())
}

/// An archive, read to restore from it. What was erased after the position is not brought back.
pub struct Recovery {
    folder: PathBuf,
    files: Vec<PathBuf>,
    key: crate::note::SigningKey,
}

impl Recovery {
    /// `key`: the private key that the ledger was signed with, as kept beside it or in a backup.
    pub fn open(folder: &Path, key: &Path) -> Result<Recovery, StoreError> {
        Ok(Recovery { folder: folder.into(), files: list(folder)?, key: keys::load_at(key)? })
    }

    /// Reads all files in order, checks each and that they follow each other under their checkpoints, and hands over the
    /// bytes of every entry; gives how many there are.
    pub fn entries(&self, mut each: impl FnMut(u64, &[u8])) -> Result<u64, StoreError> {
        self.walk(|_, position, body| {
            each(position, body);
            Ok(true)
        })
    }

    fn walk(&self, mut each: impl FnMut(&Segment, u64, &[u8]) -> Result<bool, StoreError>) -> Result<u64, StoreError> {
        let (public, mut edge) = (self.key.verifying_key(), Edge::new());
        for path in &self.files {
            let damaged = |why: &str| StoreError::ArchiveDamaged { path: path.clone(), why: why.into() };
            let segment = load(path, &public)?;
            if segment.head.from != edge.size() {
                return Err(damaged("it does not follow the file before it"));
            }
            for line in &segment.lines {
                if let Line::Entry(position, body) = line {
                    let body = BASE64.decode(body).map_err(|_| damaged("an entry is not base64"))?;
                    if *position != edge.size() {
                        return Err(damaged("an entry is out of order"));
                    }
                    let kept = each(&segment, *position, &body)?;
                    edge.push(Digest::leaf(&body), &mut |_, _, _: &[Digest]| Ok::<(), StoreError>(()))?;
                    if !kept {
                        return Ok(edge.size());
                    }
                }
            }
            if edge.size() != segment.head.to || edge.root() != segment.checkpoint.root {
                return Err(damaged("its entries do not hash to the root that was signed"));
            }
        }
        Ok(edge.size())
    }

    /// Makes at `to` the ledger as it was with `size` entries, and verifies it. Never overwrites.
    pub fn restore(&self, to: &Path, size: u64, keep: Keep<'_>) -> Result<VerifyReport, StoreError> {
        let has = self.entries(|_, _| {})?;
        if size > has {
            return Err(StoreError::OutOfRange { what: "the position to restore to", given: size, size: has });
        }
        rebuild::build(to, &self.key, |ledger| {
            let mut filling = Filling::new(ledger);
            let (mut answers, mut desk) = (BTreeMap::new(), BTreeMap::new());
            // Of each blob, whether it was there at the position, and whether it is there still.
            let mut blobs: BTreeMap<Digest, (bool, bool)> = BTreeMap::new();
            let mut reached = false;
            let public = self.key.verifying_key();
            for path in &self.files {
                let damaged = || StoreError::ArchiveDamaged { path: path.clone(), why: "it is not base64".into() };
                let bytes = |text: &str| BASE64.decode(text).map_err(|_| damaged());
                let segment = load(path, &public)?;
                // What lies beside the log is that of the last file with anything up to the position.
                reached |= segment.head.to > size && segment.head.from >= size;
                if segment.head.full {
                    // All there was then: what is not named was erased before.
                    blobs.values_mut().for_each(|it| it.1 = false);
                    if reached {
                        let rows = segment.lines.iter().filter_map(|it| match it {
                            Line::Desk(table, key, Some(_)) => Some((table.clone(), key.clone())),
                            _ => None,
                        });
                        let rows: BTreeSet<(String, String)> = rows.collect();
                        desk.retain(|row, _| rows.contains(row));
                    } else {
                        answers.clear();
                        desk.clear();
                    }
                }
                for line in segment.lines {
                    match line {
                        Line::Blob(digest) => {
                            let it = blobs.entry(digest).or_default();
                            *it = (it.0 || !reached, true);
                        }
                        // Erased later on is erased all the same.
                        Line::Gone(digest) => blobs.entry(digest).or_default().1 = false,
                        Line::Desk(table, key, None) => drop(desk.remove(&(table, key))),
                        Line::Entry(..) | Line::Answer(..) | Line::Desk(..) if reached => {}
                        Line::Entry(position, body) if position < size => filling.entry(bytes(&body)?)?,
                        Line::Entry(..) => {}
                        Line::Answer(key, body) => drop(answers.insert(key, bytes(&body)?)),
                        Line::Desk(table, key, Some(value)) => drop(desk.insert((table, key), bytes(&value)?)),
                    }
                }
            }
            for (key, body) in answers {
                if keep(&body) {
                    filling.answer(key, body)?;
                }
            }
            filling.rest()?;
            for digest in blobs.into_iter().filter(|(_, (then, now))| *then && *now).map(|(digest, _)| digest) {
                let path = blob_path(&self.folder, &digest);
                let body = fs::read(&path).map_err(io_failed("reading", &path))?;
                if ledger.put_blob(&body)? != digest {
                    return Err(StoreError::BlobDamaged { digest });
                }
            }
            let rows: Vec<(String, String, Vec<u8>)> =
                desk.into_iter().map(|((table, key), value)| (table, key, value)).collect();
            rows.chunks(5_000).try_for_each(|rows| rebuild::put(ledger, rows))
        })
    }
}
