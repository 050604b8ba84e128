//! The sound ledger that harm is done to, and the means to do it.

use interlock_ledger::{Answer, Batch, Entry, Ledger, NewEntry, OpenOptions, SqliteLedger, StoreError};
use rusqlite::Connection;
use std::{
    fs,
    path::{Path, PathBuf},
};
use tempfile::TempDir;

/// A small generator (SplitMix64), so that a seed names a round for ever.
pub struct Seeded(pub u64);

impl Seeded {
    pub fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % limit
    }
}

pub const SIZE: u64 = 1_003;

pub fn body(n: u64) -> Vec<u8> {
    let mut random = Seeded(n);
    let length = 20 + random.below(300);
    (0..length).map(|_| random.below(256) as u8).collect()
}

pub struct Sound {
    _folder: TempDir,
    pub path: PathBuf,
    pub entries: Vec<Entry>,
}

/// A closed ledger of 1,003 entries (three full levels of tiles, and an edge), answers, a blob and a snapshot.
pub fn sound() -> Sound {
    let folder = crate::scratch::folder();
    let path = folder.path().join("ledger.db");
    let ledger = SqliteLedger::create(&path, OpenOptions::default()).unwrap();
    let mut at = 0;
    for part in (0..SIZE).collect::<Vec<_>>().chunks(100) {
        let batch = Batch {
            entries: part.iter().map(|n| NewEntry { body: body(*n) }).collect(),
            answers: vec![Answer { key: format!("key {at}"), body: body(at) }],
            ..Batch::default()
        };
        at = ledger.append(at, &batch).unwrap().size;
    }
    ledger.put_blob(&body(5)).unwrap();
    ledger.put_snapshot(500, "world", &body(6)).unwrap();
    ledger.put_snapshot(900, "world", &body(7)).unwrap();
    let entries = ledger.read(0, 10_000).unwrap();
    drop(ledger);
    Sound { _folder: folder, path, entries }
}

impl Sound {
    /// A copy to do harm to.
    pub fn copy(&self) -> (TempDir, PathBuf) {
        let folder = crate::scratch::folder();
        let path = folder.path().join("ledger.db");
        for suffix in ["", ".key", ".vkey"] {
            fs::copy(with(&self.path, suffix), with(&path, suffix)).unwrap();
        }
        fs::create_dir(with(&path, ".snapshots")).unwrap();
        for file in snapshots(&self.path) {
            fs::copy(&file, with(&path, ".snapshots").join(file.file_name().unwrap())).unwrap();
        }
        (folder, path)
    }
}

pub fn with(path: &Path, suffix: &str) -> PathBuf {
    PathBuf::from(format!("{}{suffix}", path.display()))
}

pub fn harm(path: &Path, work: impl FnOnce(&Connection)) {
    let conn = Connection::open(path).unwrap();
    work(&conn);
    conn.close().unwrap();
}

pub fn open(path: &Path) -> Result<SqliteLedger, StoreError> {
    SqliteLedger::open(path, OpenOptions::default())
}

pub fn flip(bytes: &mut [u8], random: &mut Seeded) {
    let at = random.below(bytes.len() as u64) as usize;
    bytes[at] ^= 1 << random.below(8);
}

pub fn stored(conn: &Connection, sql: &str, id: i64) -> Vec<u8> {
    conn.query_row(sql, [id], |row| row.get(0)).unwrap()
}

/// The snapshot files of a ledger, the oldest first.
pub fn snapshots(path: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> =
        fs::read_dir(with(path, ".snapshots")).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}
