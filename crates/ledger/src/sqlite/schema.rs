//! The file: its tables, what marks it as ours, and how connections to it are set up.
//!
//! **Invariant:** a file is looked at with plain reads before SQLite is let near it, so that nothing foreign is touched.
//! **Deliberately absent:** migrations. This is format 1; a later format is read by a later program, step by step from
//! `user_version`.

use crate::error::StoreError;
use rusqlite::{Connection, ErrorCode, OpenFlags};
use std::{fs::File, io::Read as _, path::Path, time::Duration};

/// `ILLG`, for SQLite's `application_id` and for `file(1)`.
pub(super) const APPLICATION_ID: u32 = 0x494c_4c47;
pub(super) const FORMAT: i64 = 1;

/// A level goes into the top byte of a tile's id, so that each level lies together and in order.
pub(super) const LEVEL_SHIFT: u32 = 56;

const TABLES: &str = "
CREATE TABLE entry (position INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT;
CREATE TABLE tile (id INTEGER PRIMARY KEY, hashes BLOB NOT NULL) STRICT;
CREATE TABLE checkpoint (id INTEGER PRIMARY KEY CHECK (id = 0), size INTEGER NOT NULL, root BLOB NOT NULL, edge BLOB NOT NULL, note TEXT NOT NULL) STRICT;
CREATE TABLE identity (id INTEGER PRIMARY KEY CHECK (id = 0), vkey TEXT NOT NULL) STRICT;
CREATE TABLE answer (key TEXT PRIMARY KEY, digest BLOB NOT NULL, body BLOB NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE blob (digest BLOB NOT NULL UNIQUE, body BLOB NOT NULL) STRICT;
CREATE TABLE desk (name TEXT NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL, PRIMARY KEY (name, key)) STRICT, WITHOUT ROWID;
";

/// Turns what SQLite says into what a person can act on.
pub(crate) fn failed(doing: &str) -> impl Fn(rusqlite::Error) -> StoreError + '_ {
    move |error| {
        let doing = doing.to_string();
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StoreError::Busy { doing },
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                StoreError::FileDamaged { doing, position: None, detail: error.to_string() }
            }
            Some(ErrorCode::DiskFull) => StoreError::DiskFull { doing, detail: error.to_string() },
            Some(_) => StoreError::Storage { doing, detail: error.to_string() },
            // Without a code the row did not have the form we wrote: a type or a length is wrong.
            None => StoreError::FileDamaged { doing, position: None, detail: error.to_string() },
        }
    }
}

/// The same for plain file operations.
pub(super) fn io_failed(doing: &str, path: &Path) -> impl Fn(std::io::Error) -> StoreError {
    let doing = format!("{doing} `{}`", path.display());
    move |error| StoreError::Storage { doing: doing.clone(), detail: error.to_string() }
}

/// Whether the file is one of ours, judged by its first hundred bytes.
pub(super) fn check_header(path: &Path) -> Result<(), StoreError> {
    let foreign = |why: &str| StoreError::Foreign { path: path.into(), why: why.into() };
    let mut file = File::open(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => foreign("there is no such file"),
        _ => io_failed("opening", path)(error),
    })?;
    if !file.metadata().map_err(io_failed("looking at", path))?.is_file() {
        return Err(foreign("it is not a regular file"));
    }
    let mut header = [0u8; 100];
    file.read_exact(&mut header).map_err(|error| match error.kind() {
        std::io::ErrorKind::UnexpectedEof => foreign("it is too short to be one"),
        _ => io_failed("reading", path)(error),
    })?;
    let word = |at: usize| u32::from_be_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
    if &header[..16] != b"SQLite format 3\0" {
        return Err(foreign("it is not an SQLite database"));
    }
    if word(68) != APPLICATION_ID {
        return Err(foreign("it is an SQLite database of another application"));
    }
    match i64::from(word(60)) {
        FORMAT => Ok(()),
        found if found > FORMAT => Err(StoreError::NewerFormat { found, known: FORMAT }),
        _ => Err(foreign("it has no format version")),
    }
}

fn objects(conn: &Connection) -> rusqlite::Result<Vec<(String, String, String)>> {
    let mut statement = conn.prepare("SELECT type, name, coalesce(sql, '') FROM sqlite_schema ORDER BY type, name")?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    rows.collect()
}

/// Whether the tables are exactly those we make: one index or trigger more could change what is read or written.
pub(super) fn check_tables(conn: &Connection) -> Result<(), StoreError> {
    let model = Connection::open_in_memory().map_err(failed("comparing the tables"))?;
    model.execute_batch(TABLES).map_err(failed("comparing the tables"))?;
    let wanted = objects(&model).map_err(failed("comparing the tables"))?;
    let found = objects(conn).map_err(failed("reading the table definitions"))?;
    let odd = found.iter().find(|it| !wanted.contains(it)).map(|it| format!("{} `{}` is not as written", it.0, it.1));
    let gone = wanted.iter().find(|it| !found.contains(it)).map(|it| format!("{} `{}` is not there", it.0, it.1));
    match odd.or(gone) {
        Some(what) => Err(StoreError::SchemaAltered { what }),
        None => Ok(()),
    }
}

/// Makes the tables in a new, empty file.
pub(super) fn initialise(conn: &Connection) -> rusqlite::Result<()> {
    // 8 KiB pages hold some twenty entries each; measured a little faster than 4 KiB at batches, equal at single ones.
    conn.pragma_update(None, "page_size", 8192)?;
    conn.pragma_update(None, "journal_mode", "WAL")?;
    conn.pragma_update(None, "application_id", APPLICATION_ID)?;
    conn.pragma_update(None, "user_version", FORMAT)?;
    conn.execute_batch(TABLES)
}

fn common(conn: &Connection, patience: Duration) -> rusqlite::Result<()> {
    conn.busy_timeout(patience)?;
    conn.set_prepared_statement_cache_capacity(64);
    conn.pragma_update(None, "trusted_schema", false)?;
    conn.pragma_update(None, "cell_size_check", true)
}

/// The one connection that writes. Commits are synchronised to the disk; erased values are overwritten; moving the
/// write-ahead log into the file is left to [`super::flush`].
pub(super) fn writer(path: &Path, patience: Duration) -> Result<Connection, StoreError> {
    let open = || -> rusqlite::Result<Connection> {
        let conn =
            Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
        common(&conn, patience)?;
        conn.pragma_update(None, "journal_mode", "WAL")?;
        conn.pragma_update(None, "synchronous", "FULL")?;
        conn.pragma_update(None, "secure_delete", true)?;
        conn.pragma_update(None, "wal_autocheckpoint", 0)?;
        conn.pragma_update(None, "journal_size_limit", 64i64 << 20)?;
        conn.pragma_update(None, "cache_size", -16_384)?;
        Ok(conn)
    };
    open().map_err(failed("opening the database"))
}

/// A connection that only reads.
pub(super) fn reader(path: &Path, patience: Duration) -> Result<Connection, StoreError> {
    let open = || -> rusqlite::Result<Connection> {
        let conn =
            Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
        common(&conn, patience)?;
        conn.pragma_update(None, "cache_size", -8_192)?;
        Ok(conn)
    };
    open().map_err(failed("opening the database for reading"))
}
