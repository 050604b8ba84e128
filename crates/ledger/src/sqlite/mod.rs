//! The ledger in one SQLite file: write-ahead log, synchronised at each commit, one writer, many readers.
//!
//! `schema` the file · `keys` what signs · `state` the signed head · `log` append and read · `beside` answers, blobs,
//! desk · `snapshots` files of their own · `audit` entries against tree against signature · `verify` the report ·
//! `backup` copies · `archive` what was written, shipped as it is written · `changes` what is to be shipped · `rebuild` a
//! ledger as it was at an earlier position · `flush` and `wal` the write-ahead log.
//!
//! **Invariant:** opening checks who made the file, that its tables are as written, that the checkpoint is signed by our
//! key, and that the tree (and, by default, every entry) agrees with it; the first thing that does not is the error.
//! Two processes may have the file open: the position is the primary key, and whoever is late gets a conflict.
//! **Deliberately absent:** repair of any kind.

mod archive;
mod audit;
mod backup;
mod beside;
mod changes;
mod flush;
pub(crate) mod keys;
pub(crate) mod log;
mod rebuild;
pub(crate) mod schema;
pub(crate) mod snapshots;
pub(crate) mod state;
mod verify;
mod wal;

pub use archive::{Archived, Archiver, Recovery};
pub use verify::{Fault, VerifyReport};

use crate::{
    api::{Batch, Entry, Figures, Head, Ledger, Position, Snapshot},
    checkpoint::Checkpoint,
    digest::Digest,
    error::{AppendError, StoreError},
    merkle::Tree,
    note::{SigningKey, VerifyingKey},
};
use rusqlite::{Connection, params};
use schema::{failed, io_failed};
use state::{Row, State, Stored};
use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::Duration,
};

const READERS_KEPT: usize = 8;
const NOTICES_KEPT: usize = 100;

/// How much of a ledger is verified before it is used. All of them check the signature and the whole stored tree.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum OpenMode {
    /// Hashes every entry: about a second for a million.
    #[default]
    Full,
    /// Hashes the entries from this size on, that of a snapshot. Earlier ones are checked when they are read.
    Since(u64),
    /// The same from the newest stored snapshot of this tag; everything if there is none.
    SinceSnapshot(String),
}

/// How to open or create a ledger.
#[derive(Debug, Clone)]
pub struct OpenOptions {
    pub mode: OpenMode,
    /// The name in checkpoints, used at creation only; shaped like a URL without scheme. Without one it is
    /// `interlock/` and digits of the key's hash.
    pub origin: Option<String>,
    /// How long to wait for another process that writes.
    pub patience: Duration,
    /// A checkpoint of this ledger that was kept elsewhere. The ledger must continue it.
    pub witness: Option<Checkpoint>,
}

impl Default for OpenOptions {
    fn default() -> OpenOptions {
        OpenOptions { mode: OpenMode::Full, origin: None, patience: Duration::from_secs(5), witness: None }
    }
}

/// See the module.
pub struct SqliteLedger {
    path: PathBuf,
    patience: Duration,
    key: SigningKey,
    verifying_key: VerifyingKey,
    state: Mutex<Arc<State>>,
    /// Why nothing is written any more.
    stopped: OnceLock<String>,
    changes: changes::Changes,
    notices: Mutex<Vec<String>>,
    readers: Mutex<Vec<Connection>>,
    snapshots: Mutex<()>,
    // Dropped before the writer, whose closing then moves the rest of the log.
    flusher: flush::Flusher,
    writer: Mutex<Connection>,
}

impl SqliteLedger {
    /// Makes a new ledger and its key, and opens it. Refuses if a ledger, or a key without its ledger, is there.
    pub fn create(path: &Path, options: OpenOptions) -> Result<SqliteLedger, StoreError> {
        backup::refuse_existing(path)?;
        SqliteLedger::create_signed(path, &keys::generate(options.origin.as_deref())?, options)
    }

    /// The same with a key that is there already: that of a ledger of which this becomes a copy.
    pub(crate) fn create_signed(
        path: &Path,
        key: &SigningKey,
        options: OpenOptions,
    ) -> Result<SqliteLedger, StoreError> {
        backup::refuse_existing(path)?;
        let partial = keys::beside(path, &format!(".creating-{}", std::process::id()));
        let made = (|| -> Result<(), StoreError> {
            let doing = failed("creating the ledger");
            let conn = Connection::open(&partial).map_err(&doing)?;
            schema::initialise(&conn).map_err(&doing)?;
            let State { checkpoint, edge } = State::empty(key);
            conn.execute("INSERT INTO identity (id, vkey) VALUES (0, ?)", [key.verifying_key().to_string()])
                .map_err(&doing)?;
            conn.execute(
                "INSERT INTO checkpoint (id, size, root, edge, note) VALUES (0, 0, ?, ?, ?)",
                params![checkpoint.root.0.as_slice(), edge.encode(), checkpoint.note],
            )
            .map_err(&doing)?;
            conn.close().map_err(|(_, error)| doing(error))?;
            fs::File::open(&partial).and_then(|file| file.sync_all()).map_err(io_failed("synchronising", &partial))?;
            keys::store(path, key)?;
            backup::appear(&partial, path)
        })();
        if let Err(error) = made {
            // What was begun under an odd name does no harm if it stays.
            let _ = fs::remove_file(&partial);
            return Err(error);
        }
        SqliteLedger::open(path, options)
    }

    /// Opens a ledger, or makes one if neither it nor its key is there.
    pub fn open_or_create(path: &Path, options: OpenOptions) -> Result<SqliteLedger, StoreError> {
        if path.exists() || keys::key_path(path).exists() {
            SqliteLedger::open(path, options)
        } else {
            SqliteLedger::create(path, options)
        }
    }

    /// Opens an existing ledger after verifying as much as `options.mode` says.
    pub fn open(path: &Path, options: OpenOptions) -> Result<SqliteLedger, StoreError> {
        if !path.exists() && keys::key_path(path).exists() {
            return Err(StoreError::LedgerRemoved { path: path.into() });
        }
        schema::check_header(path)?;
        wal::check(path)?;
        let key = keys::load(path)?;
        let verifying_key = key.verifying_key();
        let patience = options.patience;
        let conn = schema::writer(path, patience)?;
        schema::check_tables(&conn)?;
        state::check_identity(&conn, &verifying_key)?;
        let row = Row::load(&conn, &verifying_key)?;
        let from = match &options.mode {
            OpenMode::Full => 0,
            OpenMode::Since(size) => *size,
            OpenMode::SinceSnapshot(tag) => {
                snapshots::newest_size(path, tag)?.filter(|size| *size <= row.checkpoint.size).unwrap_or(0)
            }
        };
        audit::run(path, patience, &verifying_key, &row, from)?;
        let state = row.into_state()?;
        if let Some(witness) = &options.witness {
            check_witness(&conn, &verifying_key, &state, witness)?;
        }
        flush::settle(&conn)?;
        Ok(SqliteLedger {
            path: path.into(),
            patience,
            key,
            verifying_key,
            state: Mutex::new(Arc::new(state)),
            stopped: OnceLock::new(),
            changes: changes::Changes::default(),
            notices: Mutex::default(),
            readers: Mutex::default(),
            snapshots: Mutex::default(),
            flusher: flush::Flusher::start(path, patience)?,
            writer: Mutex::new(conn),
        })
    }

    /// Verifies everything in the file, with the key beside it. Reads only; a fault never stops the other checks that
    /// can still be made.
    pub fn verify(path: &Path) -> VerifyReport {
        verify::examine(path, None).0
    }

    /// Verifies with a public key that was kept elsewhere, as an auditor does.
    pub fn verify_with(path: &Path, key: &VerifyingKey) -> VerifyReport {
        verify::examine(path, Some(key)).0
    }

    /// Copies the ledger and its key to `to` while it runs; the copy is verified. Never overwrites.
    pub fn backup(&self, to: &Path) -> Result<VerifyReport, StoreError> {
        backup::copy(&schema::reader(&self.path, self.patience)?, to, &self.key)
    }

    /// Verifies the ledger at `from` and copies it with its key to `to`. Never overwrites.
    pub fn restore(from: &Path, to: &Path) -> Result<VerifyReport, StoreError> {
        let key = keys::load(from)?;
        let (_, mut errors) = verify::examine(from, Some(&key.verifying_key()));
        if !errors.is_empty() {
            return Err(errors.swap_remove(0));
        }
        backup::copy(&schema::reader(from, Duration::from_secs(5))?, to, &key)
    }

    /// The public key as text, `name+id+base64`: publish it, and keep it where the ledger is not.
    pub fn vkey(&self) -> String {
        self.verifying_key.to_string()
    }

    /// Where the ledger is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Keeps every writer out while `work` reads what is here.
    pub(crate) fn hold<R>(
        &self,
        work: impl FnOnce(&Connection, &State) -> Result<R, StoreError>,
    ) -> Result<R, StoreError> {
        self.change("holding the ledger still", 0, |tx, known| work(tx, &*self.state(tx, known)?), || {})
    }

    /// The private key, to sign a copy with.
    pub(crate) fn load_key(path: &Path) -> Result<SigningKey, StoreError> {
        keys::load(path)
    }

    fn notice(&self, text: String) {
        let mut notices = self.notices.lock().unwrap_or_else(PoisonError::into_inner);
        if notices.len() < NOTICES_KEPT && !notices.contains(&text) {
            notices.push(text);
        }
    }
}

fn check_witness(conn: &Connection, key: &VerifyingKey, state: &State, witness: &Checkpoint) -> Result<(), StoreError> {
    let signed = Checkpoint::open(key, &witness.note)
        .map_err(|error| StoreError::Malformed { what: "the checkpoint kept elsewhere", why: error.to_string() })?;
    let found = state.checkpoint.size;
    let continued = signed.size <= found && Tree::new(&state.edge, &Stored(conn)).root_at(signed.size)? == signed.root;
    if continued { Ok(()) } else { Err(StoreError::NotAContinuation { witnessed: signed.size, found }) }
}

impl Ledger for SqliteLedger {
    fn append(&self, expected: Position, batch: &Batch) -> Result<Head, AppendError> {
        self.append_batch(expected, batch)
    }

    fn stopped(&self) -> Option<String> {
        self.stopped.get().cloned()
    }

    fn figures(&self) -> Result<Figures, StoreError> {
        self.count()
    }

    fn head(&self) -> Result<Head, StoreError> {
        self.ask(|conn, known| Ok(self.state(conn, known)?.head()))
    }

    fn read(&self, from: Position, limit: usize) -> Result<Vec<Entry>, StoreError> {
        self.read_entries(from, limit)
    }

    fn answer(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.find_answer(key)
    }

    fn checkpoint(&self) -> Result<Checkpoint, StoreError> {
        self.ask(|conn, known| Ok(self.state(conn, known)?.checkpoint.clone()))
    }

    fn verifying_key(&self) -> VerifyingKey {
        self.verifying_key.clone()
    }

    fn root_at(&self, size: u64) -> Result<Digest, StoreError> {
        self.ask_tree(|tree| tree.root_at(size))
    }

    fn inclusion(&self, position: Position, size: u64) -> Result<Vec<Digest>, StoreError> {
        self.ask_tree(|tree| tree.inclusion(position, size))
    }

    fn consistency(&self, old: u64, new: u64) -> Result<Vec<Digest>, StoreError> {
        self.ask_tree(|tree| tree.consistency(old, new))
    }

    fn subtrees(&self, height: u32, from: u64, count: u64) -> Result<Vec<Digest>, StoreError> {
        self.ask_tree(|tree| tree.subtrees(height, from, count))
    }

    fn sign(&self, text: &str) -> Result<String, StoreError> {
        crate::limits::statement(self.verifying_key.name(), text)?;
        Ok(self.key.sign(text))
    }

    fn put_blob(&self, bytes: &[u8]) -> Result<Digest, StoreError> {
        self.store_blob(bytes)
    }

    fn erase_blob(&self, digest: &Digest) -> Result<bool, StoreError> {
        self.delete_blob(digest)
    }

    fn scrub(&self) -> Result<(), StoreError> {
        self.empty_log()
    }

    fn blob(&self, digest: &Digest) -> Result<Option<Vec<u8>>, StoreError> {
        self.find_blob(digest)
    }

    fn put_snapshot(&self, size: u64, tag: &str, bytes: &[u8]) -> Result<(), StoreError> {
        self.store_snapshot(size, tag, bytes)
    }

    fn latest_snapshot(&self, tag: &str) -> Result<Option<Snapshot>, StoreError> {
        self.find_snapshot(tag)
    }

    fn notices(&self) -> Vec<String> {
        if let Some(trouble) = self.flusher.trouble() {
            self.notice(trouble.to_string());
        }
        std::mem::take(&mut *self.notices.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn desk_put_many(&self, rows: &[(&str, &str, &[u8])]) -> Result<(), StoreError> {
        self.put_desk(rows)
    }

    fn desk_get(&self, table: &str, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.find_desk(table, key)
    }

    fn desk_delete_many(&self, table: &str, keys: &[&str]) -> Result<usize, StoreError> {
        self.delete_desk(table, keys)
    }

    fn desk_scan(
        &self,
        table: &str,
        prefix: &str,
        after_key: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        self.scan_desk(table, prefix, after_key, limit)
    }
}
