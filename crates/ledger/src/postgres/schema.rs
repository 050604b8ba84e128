//! The schema: its tables, what marks it as ours, and how it comes from one version to the next.
//!
//! **Invariant:** a ledger is used only if its tables are exactly those written here: a trigger, a rule, a row policy or a
//! column more could change what is read or written.
//! **Deliberately absent:** steps backwards. An older program refuses a newer schema by name.

use super::link::{Conn, Failed};
use crate::error::StoreError;
use std::path::PathBuf;

/// What the row `format.mark` says.
pub(super) const MARK: &str = "interlock ledger";

/// Each step makes the version that is its number, counted from one, out of the one before. Never changed, only added to.
const STEPS: [&str; 1] = ["
CREATE TABLE format (id integer PRIMARY KEY CHECK (id = 0), mark text NOT NULL, version integer NOT NULL);
CREATE TABLE identity (id integer PRIMARY KEY CHECK (id = 0), vkey text NOT NULL);
CREATE TABLE entry (position bigint PRIMARY KEY, body bytea NOT NULL, batch bytea);
CREATE TABLE tile (id bigint PRIMARY KEY, hashes bytea NOT NULL);
CREATE TABLE checkpoint (id integer PRIMARY KEY CHECK (id = 0), size bigint NOT NULL, root bytea NOT NULL, edge bytea NOT NULL, note text NOT NULL) WITH (fillfactor = 10);
CREATE TABLE answer (key text COLLATE \"C\" PRIMARY KEY, digest bytea NOT NULL, body bytea NOT NULL);
CREATE TABLE blob (digest bytea PRIMARY KEY, body bytea NOT NULL);
CREATE TABLE desk (name text COLLATE \"C\" NOT NULL, key text COLLATE \"C\" NOT NULL, value bytea NOT NULL, PRIMARY KEY (name, key)) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 50);
CREATE TABLE snapshot (tag text COLLATE \"C\" NOT NULL, size bigint NOT NULL, part integer NOT NULL, root bytea NOT NULL, digest bytea NOT NULL, parts integer NOT NULL, body bytea NOT NULL, PRIMARY KEY (tag, size, part));
CREATE TABLE lease (name text COLLATE \"C\" PRIMARY KEY, holder text NOT NULL, until timestamptz NOT NULL);
ALTER TABLE blob ALTER COLUMN body SET STORAGE EXTERNAL;
ALTER TABLE snapshot ALTER COLUMN body SET STORAGE EXTERNAL;
"];

pub(super) const FORMAT: i64 = STEPS.len() as i64;

/// The tables of [`FORMAT`] as the catalogue tells them. Checked against what the steps make by a test.
const MODEL: &[&str] = &[
    "column answer.body bytea not null",
    "column answer.digest bytea not null",
    "column answer.key text not null C",
    "column blob.body bytea not null",
    "column blob.digest bytea not null",
    "column checkpoint.edge bytea not null",
    "column checkpoint.id integer not null",
    "column checkpoint.note text not null",
    "column checkpoint.root bytea not null",
    "column checkpoint.size bigint not null",
    "column desk.key text not null C",
    "column desk.name text not null C",
    "column desk.value bytea not null",
    "column entry.batch bytea",
    "column entry.body bytea not null",
    "column entry.position bigint not null",
    "column format.id integer not null",
    "column format.mark text not null",
    "column format.version integer not null",
    "column identity.id integer not null",
    "column identity.vkey text not null",
    "column lease.holder text not null",
    "column lease.name text not null C",
    "column lease.until timestamp with time zone not null",
    "column snapshot.body bytea not null",
    "column snapshot.digest bytea not null",
    "column snapshot.part integer not null",
    "column snapshot.parts integer not null",
    "column snapshot.root bytea not null",
    "column snapshot.size bigint not null",
    "column snapshot.tag text not null C",
    "column tile.hashes bytea not null",
    "column tile.id bigint not null",
    "key answer (key)",
    "key blob (digest)",
    "key checkpoint (id)",
    "key desk (name, key)",
    "key entry (position)",
    "key format (id)",
    "key identity (id)",
    "key lease (name)",
    "key snapshot (tag, size, part)",
    "key tile (id)",
];

/// Everything in the schema that could matter, one line each.
const CATALOGUE: &str = "
WITH ours AS (SELECT c.oid, c.relname::text AS name, c.relkind FROM pg_catalog.pg_class c
              WHERE c.relnamespace = pg_catalog.to_regnamespace($1))
SELECT 'column ' || o.name || '.' || a.attname || ' ' || pg_catalog.format_type(a.atttypid, a.atttypmod)
       || CASE WHEN a.attnotnull THEN ' not null' ELSE '' END
       || CASE WHEN l.collname = 'C' THEN ' C' ELSE '' END
       || CASE WHEN a.atthasdef THEN ' default' ELSE '' END AS line
  FROM ours o JOIN pg_catalog.pg_attribute a ON a.attrelid = o.oid
  LEFT JOIN pg_catalog.pg_collation l ON l.oid = a.attcollation
 WHERE o.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped
UNION ALL
SELECT 'key ' || o.name || ' ' || pg_catalog.replace(pg_catalog.substr(pg_catalog.pg_get_constraintdef(k.oid), 13), '\"', '')
  FROM ours o JOIN pg_catalog.pg_constraint k ON k.conrelid = o.oid WHERE k.contype = 'p'
UNION ALL
SELECT 'constraint ' || k.conname FROM ours o JOIN pg_catalog.pg_constraint k ON k.conrelid = o.oid
 WHERE k.contype NOT IN ('p', 'c', 'n')
UNION ALL
SELECT 'index ' || o.name FROM ours o WHERE o.relkind IN ('i', 'I')
   AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_constraint k WHERE k.conindid = o.oid)
UNION ALL
SELECT 'object ' || o.name FROM ours o WHERE o.relkind NOT IN ('r', 'i', 'I', 't')
UNION ALL
SELECT 'trigger ' || t.tgname FROM ours o JOIN pg_catalog.pg_trigger t ON t.tgrelid = o.oid WHERE NOT t.tgisinternal
UNION ALL
SELECT 'rule ' || r.rulename FROM ours o JOIN pg_catalog.pg_rewrite r ON r.ev_class = o.oid
UNION ALL
SELECT 'row policy on ' || o.name FROM ours o JOIN pg_catalog.pg_class c ON c.oid = o.oid WHERE c.relrowsecurity
UNION ALL
SELECT 'parent of ' || o.name FROM ours o JOIN pg_catalog.pg_inherits h ON h.inhrelid = o.oid OR h.inhparent = o.oid
";

/// What is at an address.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    Nothing,
    Ledger { version: i64 },
}

/// Looks, without changing anything.
pub(super) async fn look(conn: &Conn, schema: &str, shown: &str) -> Result<Found, Failed> {
    let foreign = |why: &str| StoreError::Foreign { path: PathBuf::from(shown), why: why.into() };
    let lines = catalogue(conn, schema).await?;
    if lines.is_empty() {
        return Ok(Found::Nothing);
    }
    if !lines.iter().any(|line| line == "column format.mark text not null") {
        return Err(foreign(&format!("the schema `{schema}` holds tables of something else")).into());
    }
    let row = conn.one("SELECT mark, version FROM format WHERE id = 0", &[]).await?;
    let Some(row) = row else { return Err(foreign("its format is not stated").into()) };
    let (mark, version): (String, i32) = (row.try_get(0)?, row.try_get(1)?);
    match i64::from(version) {
        _ if mark != MARK => Err(foreign("it is marked as something else").into()),
        found if found > FORMAT => Err(StoreError::NewerFormat { found, known: FORMAT }.into()),
        found if found < 1 => Err(foreign("it has no format version").into()),
        version => Ok(Found::Ledger { version }),
    }
}

async fn catalogue(conn: &Conn, schema: &str) -> Result<Vec<String>, Failed> {
    let rows = conn.query(CATALOGUE, &[&schema]).await?;
    let mut lines = rows.iter().map(|row| row.try_get(0)).collect::<Result<Vec<String>, _>>()?;
    lines.sort();
    Ok(lines)
}

/// Whether the tables are exactly those of [`FORMAT`].
pub(super) async fn check(conn: &Conn, schema: &str) -> Result<(), Failed> {
    let found = catalogue(conn, schema).await?;
    let odd = found.iter().find(|line| !MODEL.contains(&line.as_str())).map(|line| format!("{line} is not ours"));
    let gone = MODEL.iter().find(|line| !found.iter().any(|it| it == *line)).map(|line| format!("{line} is not there"));
    match odd.or(gone) {
        Some(what) => Err(StoreError::SchemaAltered { what }.into()),
        None => Ok(()),
    }
}

/// Takes the lock under which a schema is made or changed, until the transaction ends.
pub(super) async fn lock(conn: &Conn, schema: &str) -> Result<(), Failed> {
    conn.query(
        "SELECT pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended('interlock ' || $1, 0))",
        &[&schema],
    )
    .await
    .map(drop)
}

/// Makes or changes the tables from `version` (0: nothing yet) on, inside the caller's transaction.
pub(super) async fn migrate(conn: &Conn, schema: &str, version: i64) -> Result<(), Failed> {
    if version == 0 {
        conn.script(&format!("CREATE SCHEMA IF NOT EXISTS {schema}")).await?;
    }
    for step in STEPS.iter().skip(version as usize) {
        conn.script(step).await?;
    }
    let format = FORMAT as i32;
    conn.execute(
        "INSERT INTO format (id, mark, version) VALUES (0, $1, $2) ON CONFLICT (id) DO UPDATE SET version = excluded.version",
        &[&MARK, &format],
    )
    .await
    .map(drop)
}
