//! The ledger in PostgreSQL: several equal nodes on one database, which brings its own replication and failover.
//!
//! `address` where it is · `link` connections · `schema` its tables · `state` the signed head · `log` append and read ·
//! `beside` answers, blobs, desk, leases · `snapshots` · `audit` entries against tree against signature · `verify` the
//! report · `copy` its rows, for moving.
//!
//! **Invariants**
//! - Entries, tiles, answers and the signed checkpoint of an append are one transaction, acknowledged once committed.
//! - The private key never enters the database: it is a file that all nodes have (`keys`), so whoever can write to the
//!   database alone cannot sign for it.
//! - What SQLite's ledger refuses is refused here in the same words; one suite runs over all stores.
//!
//! **Deliberately absent:** replication, failover and backups of our own (PostgreSQL has better ones), and repair.

mod address;
mod audit;
mod beside;
mod copy;
mod link;
mod log;
mod schema;
mod snapshots;
mod state;
mod verify;

pub use address::is_address;

use crate::{
    api::{Batch, Entry, Head, Ledger, Position, Snapshot},
    checkpoint::Checkpoint,
    digest::Digest,
    error::{AppendError, StoreError},
    merkle::Tree,
    moving::Source,
    note::{SigningKey, VerifyingKey},
    sqlite::{OpenMode, OpenOptions, VerifyReport, keys, state::State},
};
use address::Address;
use link::{Conn, Failed, Link};
use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

const NOTICES_KEPT: usize = 100;

/// See the module.
pub struct PostgresLedger {
    link: Link,
    key: Arc<SigningKey>,
    verifying_key: VerifyingKey,
    state: Mutex<Arc<State>>,
    /// The connection that appends. Held for the length of an append: one thread of a node appends at a time anyway.
    writer: Mutex<Option<Arc<Conn>>>,
    notices: Mutex<Vec<String>>,
    vacuumed: Mutex<Option<Instant>>,
}

fn absent(address: &Address) -> StoreError {
    let why = format!("there is no ledger in the schema `{}`", address.schema);
    StoreError::Foreign { path: PathBuf::from(&address.shown), why }
}

impl PostgresLedger {
    /// Makes a new ledger in an empty schema, and its key in the file `key`; refuses if either is there.
    pub fn create(address: &str, key: &Path, options: OpenOptions) -> Result<PostgresLedger, StoreError> {
        let secret = keys::generate(options.origin.as_deref())?;
        PostgresLedger::found(address, key, secret, &options)?;
        PostgresLedger::open(address, key, options)
    }

    /// Makes the tables and writes the key.
    pub(crate) fn found(
        address: &str,
        key: &Path,
        secret: SigningKey,
        options: &OpenOptions,
    ) -> Result<(), StoreError> {
        let link = Link::new(address::parse(address)?, options.patience)?;
        if key.exists() {
            return Err(StoreError::LedgerRemoved { path: PathBuf::from(&link.address.shown) });
        }
        let empty = State::empty(&secret);
        let (vkey, edge) = (secret.verifying_key().to_string(), empty.edge.encode());
        let address = &link.address;
        link.ask("creating the ledger", async |conn| {
            conn.script("BEGIN").await?;
            let made = async {
                schema::lock(conn, &address.schema).await?;
                if schema::look(conn, &address.schema, &address.shown).await? != schema::Found::Nothing {
                    return Err(Failed::Store(StoreError::AlreadyExists { path: PathBuf::from(&address.shown) }));
                }
                schema::migrate(conn, &address.schema, 0).await?;
                conn.execute("INSERT INTO identity (id, vkey) VALUES (0, $1)", &[&vkey]).await?;
                conn.execute(
                    "INSERT INTO checkpoint (id, size, root, edge, note) VALUES (0, 0, $1, $2, $3)",
                    &[&empty.checkpoint.root.0.as_slice(), &edge, &empty.checkpoint.note],
                )
                .await?;
                // Before the tables are there for good: a ledger whose key was never written could not be used.
                keys::store_at(key, &secret)?;
                Ok(())
            };
            match made.await {
                Ok(()) => conn.script("COMMIT").await,
                Err(error) => {
                    conn.script("ROLLBACK").await?;
                    Err(error)
                }
            }
        })
    }

    /// Opens a ledger, or makes one if neither it nor the key is there.
    pub fn open_or_create(address: &str, key: &Path, options: OpenOptions) -> Result<PostgresLedger, StoreError> {
        if key.exists() || PostgresLedger::exists(address, &options)? {
            PostgresLedger::open(address, key, options)
        } else {
            PostgresLedger::create(address, key, options)
        }
    }

    fn exists(address: &str, options: &OpenOptions) -> Result<bool, StoreError> {
        let link = Link::new(address::parse(address)?, options.patience)?;
        let address = &link.address;
        link.ask("looking for the ledger", async |conn| {
            Ok(schema::look(conn, &address.schema, &address.shown).await? != schema::Found::Nothing)
        })
    }

    /// Opens an existing ledger after verifying as much as `options.mode` says.
    pub fn open(address: &str, key: &Path, options: OpenOptions) -> Result<PostgresLedger, StoreError> {
        let link = Link::new(address::parse(address)?, options.patience)?;
        let address = &link.address;
        let version = link
            .ask("opening the ledger", async |conn| Ok(schema::look(conn, &address.schema, &address.shown).await?))?;
        let schema::Found::Ledger { version } = version else {
            let shown = PathBuf::from(&address.shown);
            return Err(if key.exists() { StoreError::LedgerRemoved { path: shown } } else { absent(address) });
        };
        let secret = keys::load_at(key)?;
        let verifying_key = secret.verifying_key();
        let row = link.ask("opening the ledger", async |conn| {
            if version < schema::FORMAT {
                upgrade(conn, address).await?;
            }
            schema::check(conn, &address.schema).await?;
            state::check_identity(conn, &verifying_key).await?;
            state::load(conn, &verifying_key).await
        })?;
        let ledger = PostgresLedger {
            state: Mutex::new(Arc::new(State::empty(&secret))),
            key: Arc::new(secret),
            verifying_key,
            link,
            writer: Mutex::default(),
            notices: Mutex::default(),
            vacuumed: Mutex::default(),
        };
        let from = match &options.mode {
            OpenMode::Full => 0,
            OpenMode::Since(size) => *size,
            OpenMode::SinceSnapshot(tag) => {
                ledger.snapshot_sizes(tag)?.into_iter().find(|size| *size <= row.checkpoint.size).unwrap_or(0)
            }
        };
        audit::run(&ledger, &row, from)?;
        ledger.learn(&Arc::new(row.into_state()?));
        if let Some(witness) = &options.witness {
            ledger.check_witness(witness)?;
        }
        ledger.warn_of_settings()?;
        Ok(ledger)
    }

    /// Verifies everything in the database with the key in the file, or its public half beside it.
    pub fn verify(address: &str, key: &Path, patience: Duration) -> VerifyReport {
        match keys::load_public_at(key) {
            Ok(key) => PostgresLedger::verify_with(address, &key, patience),
            Err(error) => verify::failed(address::parse(address).map_or(String::new(), |it| it.shown).as_str(), &error),
        }
    }

    /// Verifies with a public key that was kept elsewhere, as an auditor does.
    pub fn verify_with(address: &str, key: &VerifyingKey, patience: Duration) -> VerifyReport {
        let ledger = address::parse(address)
            .and_then(|address| Ok((address.shown.clone(), Link::new(address, patience)?)))
            // Nothing is signed while verifying; the key that could is not even asked for.
            .and_then(|(shown, link)| Ok((shown, PostgresLedger::only_to_read(link, key)?)));
        match ledger {
            Ok((_, ledger)) => verify::examine(&ledger, key).0,
            Err(error) => verify::failed(&address::parse(address).map_or(String::new(), |it| it.shown), &error),
        }
    }

    fn only_to_read(link: Link, key: &VerifyingKey) -> Result<PostgresLedger, StoreError> {
        let stand_in = SigningKey::from_seed(key.name(), &[0; 32])
            .map_err(|error| StoreError::Malformed { what: "the name of the key", why: error.to_string() })?;
        Ok(PostgresLedger {
            state: Mutex::new(Arc::new(State::empty(&stand_in))),
            key: Arc::new(stand_in),
            verifying_key: key.clone(),
            link,
            writer: Mutex::default(),
            notices: Mutex::default(),
            vacuumed: Mutex::default(),
        })
    }

    fn check_witness(&self, witness: &Checkpoint) -> Result<(), StoreError> {
        let signed = Checkpoint::open(&self.verifying_key, &witness.note)
            .map_err(|error| StoreError::Malformed { what: "the checkpoint kept elsewhere", why: error.to_string() })?;
        let found = self.known().checkpoint.size;
        let continued = signed.size <= found && self.root_at(signed.size)? == signed.root;
        if continued { Ok(()) } else { Err(StoreError::NotAContinuation { witnessed: signed.size, found }) }
    }

    /// Says what the database is set to that makes its acknowledgements worth less than they seem.
    fn warn_of_settings(&self) -> Result<(), StoreError> {
        let odd = self.link.ask("looking at the settings", async |conn| {
            let sql = "SELECT name FROM pg_catalog.pg_settings WHERE name IN ('fsync', 'full_page_writes') AND setting = 'off'";
            let rows = conn.query(sql, &[]).await?;
            Ok(rows.iter().map(|row| row.try_get(0)).collect::<Result<Vec<String>, _>>()?)
        })?;
        for name in odd {
            self.notice(format!(
                "the database runs with `{name} = off`: a crash of its machine can lose what was acknowledged"
            ));
        }
        Ok(())
    }

    /// The public key as text, `name+id+base64`: publish it, and keep it where the ledger is not.
    pub fn vkey(&self) -> String {
        self.verifying_key.to_string()
    }

    /// A secret of 32 bytes that all nodes of this ledger have and nobody else can know, a different one for each `purpose`:
    /// SHA-256 over the purpose and the private key, each with its length before it.
    pub fn derive(&self, purpose: &str) -> [u8; 32] {
        Digest::of_parts(&[b"interlock derived secret", purpose.as_bytes(), self.key.to_text().as_bytes()]).0
    }

    /// Where the ledger is, without any password.
    pub fn shown(&self) -> &str {
        &self.link.address.shown
    }

    fn notice(&self, text: String) {
        let mut notices = self.notices.lock().unwrap_or_else(PoisonError::into_inner);
        if notices.len() < NOTICES_KEPT && !notices.contains(&text) {
            notices.push(text);
        }
    }
}

async fn upgrade(conn: &Conn, address: &Address) -> Result<(), Failed> {
    conn.script("BEGIN").await?;
    let done = async {
        schema::lock(conn, &address.schema).await?;
        // Another node may have done it meanwhile.
        match schema::look(conn, &address.schema, &address.shown).await? {
            schema::Found::Ledger { version } => schema::migrate(conn, &address.schema, version).await,
            schema::Found::Nothing => Err(absent(address).into()),
        }
    };
    match done.await {
        Ok(()) => conn.script("COMMIT").await,
        Err(error) => {
            conn.script("ROLLBACK").await?;
            Err(error)
        }
    }
}

impl Ledger for PostgresLedger {
    fn append(&self, expected: Position, batch: &Batch) -> Result<Head, AppendError> {
        self.append_batch(expected, batch)
    }

    fn head(&self) -> Result<Head, StoreError> {
        Ok(self.state()?.head())
    }

    fn read(&self, from: Position, limit: usize) -> Result<Vec<Entry>, StoreError> {
        self.read_entries(from, limit)
    }

    fn answer(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.find_answers(&[key])?.pop().flatten())
    }

    fn answers(&self, keys: &[&str]) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        self.find_answers(keys)
    }

    fn checkpoint(&self) -> Result<Checkpoint, StoreError> {
        Ok(self.state()?.checkpoint.clone())
    }

    fn verifying_key(&self) -> VerifyingKey {
        self.verifying_key.clone()
    }

    fn root_at(&self, size: u64) -> Result<Digest, StoreError> {
        Tree::new(&self.state()?.edge, &state::Stored(self)).root_at(size)
    }

    fn inclusion(&self, position: Position, size: u64) -> Result<Vec<Digest>, StoreError> {
        Tree::new(&self.state()?.edge, &state::Stored(self)).inclusion(position, size)
    }

    fn subtrees(&self, height: u32, from: u64, count: u64) -> Result<Vec<Digest>, StoreError> {
        Tree::new(&self.state()?.edge, &state::Stored(self)).subtrees(height, from, count)
    }

    fn sign(&self, text: &str) -> Result<String, StoreError> {
        crate::limits::statement(self.verifying_key.name(), text)?;
        Ok(self.key.sign(text))
    }

    fn consistency(&self, old: u64, new: u64) -> Result<Vec<Digest>, StoreError> {
        Tree::new(&self.state()?.edge, &state::Stored(self)).consistency(old, new)
    }

    fn put_blob(&self, bytes: &[u8]) -> Result<Digest, StoreError> {
        self.store_blob(bytes)
    }

    fn erase_blob(&self, digest: &Digest) -> Result<bool, StoreError> {
        self.delete_blob(digest)
    }

    fn scrub(&self) -> Result<(), StoreError> {
        self.write_desk_anew()
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

    fn shared(&self) -> bool {
        true
    }

    fn listen(&self, known: u64, patience: Duration) -> Result<(), StoreError> {
        self.link.listen(known, patience)
    }

    fn claim(&self, task: &str, holder: &str, length: Duration) -> Result<bool, StoreError> {
        self.take_lease(task, holder, length)
    }
}
