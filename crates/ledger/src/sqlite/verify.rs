//! Verifying a ledger file without opening it for use: everything that can be checked, and all that is wrong.
//!
//! **Invariant:** never writes to the database; a check that could not be made is a fault, not a pass.

use super::{
    audit, keys,
    log::answer_digest,
    schema::{check_header, check_tables, failed, reader},
    snapshots,
    state::{Row, check_identity},
    wal,
};
use crate::{digest::Digest, error::StoreError, note::VerifyingKey};
use rusqlite::Connection;
use serde::Serialize;
use std::{
    path::{Path, PathBuf},
    time::Duration,
};

const PATIENCE: Duration = Duration::from_secs(5);

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// See [`StoreError::code`].
    pub code: &'static str,
    pub message: String,
    /// The first bad position, where the fault has one.
    pub position: Option<u64>,
}

impl From<&StoreError> for Fault {
    fn from(error: &StoreError) -> Fault {
        Fault { code: error.code(), message: error.to_string(), position: error.position() }
    }
}

/// What a verification looked at and found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct VerifyReport {
    pub path: PathBuf,
    /// The public key it was verified with; its name is the origin.
    pub vkey: Option<String>,
    /// What the signed checkpoint says, if its signature holds.
    pub size: Option<u64>,
    pub root: Option<Digest>,
    /// Entries whose bytes were hashed and found under the signed root.
    pub entries: u64,
    pub answers: u64,
    pub blobs: u64,
    pub snapshots: u64,
    /// Why the ledger must not be used. Empty means that everything was checked and holds.
    pub faults: Vec<Fault>,
    /// What costs nothing but time: damaged snapshots.
    pub warnings: Vec<String>,
}

impl VerifyReport {
    /// Whether everything was checked and holds.
    pub fn passed(&self) -> bool {
        self.faults.is_empty()
    }

    /// The lowest position that a fault names.
    pub fn first_bad_position(&self) -> Option<u64> {
        self.faults.iter().filter_map(|fault| fault.position).min()
    }
}

/// Verifies with `key`, or with the key beside the file. Also gives the errors behind the faults.
pub(super) fn examine(path: &Path, key: Option<&VerifyingKey>) -> (VerifyReport, Vec<StoreError>) {
    let mut report = VerifyReport {
        path: path.into(),
        vkey: None,
        size: None,
        root: None,
        entries: 0,
        answers: 0,
        blobs: 0,
        snapshots: 0,
        faults: Vec::new(),
        warnings: Vec::new(),
    };
    let mut errors = Vec::new();
    if let Err(error) = examine_all(path, key, &mut report, &mut errors) {
        errors.push(error);
    }
    report.faults = errors.iter().map(Fault::from).collect();
    (report, errors)
}

/// What makes further looking pointless is returned; what does not is put into `errors`.
fn examine_all(
    path: &Path,
    key: Option<&VerifyingKey>,
    report: &mut VerifyReport,
    errors: &mut Vec<StoreError>,
) -> Result<(), StoreError> {
    if !path.exists() && keys::key_path(path).exists() {
        return Err(StoreError::LedgerRemoved { path: path.into() });
    }
    check_header(path)?;
    wal::check(path)?;
    let key = match key {
        Some(key) => key.clone(),
        None => keys::load_public(path)?,
    };
    report.vkey = Some(key.to_string());
    let conn = reader(path, PATIENCE)?;
    check_tables(&conn)?;
    check_identity(&conn, &key)?;
    let row = Row::load(&conn, &key)?;
    (report.size, report.root) = (Some(row.checkpoint.size), Some(row.checkpoint.root));
    match audit::run(path, PATIENCE, &key, &row, 0) {
        Ok(()) => report.entries = row.checkpoint.size,
        Err(error) => errors.push(error),
    }
    match answers(&conn, errors) {
        Ok(count) => report.answers = count,
        Err(error) => errors.push(error),
    }
    match blobs(&conn, errors) {
        Ok(count) => report.blobs = count,
        Err(error) => errors.push(error),
    }
    match snapshots::check_all(path) {
        Ok((sound, damaged)) => {
            report.snapshots = sound;
            report.warnings = damaged;
        }
        Err(error) => report.warnings.push(format!("the snapshots cannot be read: {error}")),
    }
    structure(&conn)
}

/// SQLite's own look at its pages and indexes.
fn structure(conn: &Connection) -> Result<(), StoreError> {
    let doing = "checking the structure of the file";
    let said: String = conn.query_row("PRAGMA quick_check(1)", [], |row| row.get(0)).map_err(failed(doing))?;
    if said == "ok" {
        Ok(())
    } else {
        Err(StoreError::FileDamaged { doing: doing.into(), position: None, detail: said })
    }
}

fn answers(conn: &Connection, errors: &mut Vec<StoreError>) -> Result<u64, StoreError> {
    let doing = failed("checking the answers");
    let mut statement = conn.prepare("SELECT key, digest, body FROM answer ORDER BY key").map_err(&doing)?;
    let mut rows = statement.query([]).map_err(&doing)?;
    let mut count = 0;
    while let Some(row) = rows.next().map_err(&doing)? {
        let (key, digest, body): (String, Vec<u8>, Vec<u8>) =
            (row.get(0).map_err(&doing)?, row.get(1).map_err(&doing)?, row.get(2).map_err(&doing)?);
        if digest == answer_digest(&key, &body).0 {
            count += 1;
        } else {
            errors.push(StoreError::AnswerDamaged { key });
        }
    }
    Ok(count)
}

fn blobs(conn: &Connection, errors: &mut Vec<StoreError>) -> Result<u64, StoreError> {
    let doing = failed("checking the blobs");
    let mut statement = conn.prepare("SELECT digest, body FROM blob ORDER BY rowid").map_err(&doing)?;
    let mut rows = statement.query([]).map_err(&doing)?;
    let mut count = 0;
    while let Some(row) = rows.next().map_err(&doing)? {
        let (name, body): (Vec<u8>, Vec<u8>) = (row.get(0).map_err(&doing)?, row.get(1).map_err(&doing)?);
        let found = Digest::of(&body);
        if name == found.0 {
            count += 1;
        } else {
            errors.push(StoreError::BlobDamaged { digest: Digest::from_slice(&name).unwrap_or(found) });
        }
    }
    Ok(count)
}
