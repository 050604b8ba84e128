//! The rows of a ledger, for those who carry it elsewhere or bring it here.
//!
//! **Invariant:** a schema into which a ledger is being moved bears another mark until the move is over, so that nobody opens
//! half of a ledger. **Deliberately absent:** writing, beyond that mark.

use super::{
    PostgresLedger, Source,
    link::{Conn, Failed},
    log::PORTION,
    schema, state, verify,
};
use crate::{
    api::Answer,
    checkpoint::Checkpoint,
    error::StoreError,
    moving::Named,
    note::SigningKey,
    sqlite::{OpenMode, OpenOptions, VerifyReport},
};
use std::path::Path;

/// What the schema says while a ledger is being moved into it.
const BEING_MOVED: &str = "interlock ledger, being moved here";
/// Bytes of one portion.
const BYTES: i64 = 16 << 20;

impl PostgresLedger {
    /// Makes an empty ledger with a key from elsewhere, which nobody else can open yet.
    pub(crate) fn begin_move(
        address: &str,
        key: &Path,
        secret: SigningKey,
        options: &OpenOptions,
    ) -> Result<PostgresLedger, StoreError> {
        let shown = super::address::parse(address)?.shown;
        PostgresLedger::found(address, key, secret, options).map_err(|error| match error {
            StoreError::AlreadyExists { path } if path.as_os_str() == shown.as_str() => {
                StoreError::TargetNotEmpty { target: shown.clone(), what: "it holds a ledger".into() }
            }
            StoreError::Foreign { why, .. } => StoreError::TargetNotEmpty { target: shown.clone(), what: why },
            StoreError::LedgerRemoved { .. } => StoreError::AlreadyExists { path: key.into() },
            other => other,
        })?;
        let options = OpenOptions { mode: OpenMode::Full, witness: None, ..options.clone() };
        let ledger = PostgresLedger::open(address, key, options)?;
        ledger.mark(BEING_MOVED)?;
        Ok(ledger)
    }

    /// Gives the schema its proper mark, and verifies what is there now.
    pub(crate) fn end_move(&self) -> Result<VerifyReport, StoreError> {
        self.mark(schema::MARK)?;
        let report = verify::examine(self, &self.verifying_key).0;
        if !report.passed() {
            self.mark(BEING_MOVED)?;
        }
        Ok(report)
    }

    fn mark(&self, mark: &str) -> Result<(), StoreError> {
        self.link.ask("marking the ledger", async |conn| {
            conn.execute("UPDATE format SET mark = $1 WHERE id = 0", &[&mark]).await.map(drop)
        })
    }

    /// The rows as they are, from connections of the usual kind.
    pub(crate) fn rows(&self) -> Rows<'_> {
        Rows { ledger: self, conn: None }
    }

    /// The key once more, for a copy.
    pub(crate) fn key_again(&self) -> Result<SigningKey, StoreError> {
        SigningKey::parse(&self.key.to_text())
            .map_err(|error| StoreError::Malformed { what: "the signing key", why: error.to_string() })
    }

    /// Runs `work` on rows that are all of one moment, whatever is written meanwhile, with the checkpoint of that moment.
    pub(crate) fn at_one_moment<R>(
        &self,
        work: impl FnOnce(&Rows<'_>, &Checkpoint) -> Result<R, StoreError>,
    ) -> Result<R, StoreError> {
        let doing = "copying the ledger";
        let key = &self.verifying_key;
        let (conn, row) = self
            .link
            .wait(async || {
                let conn = self.link.connect().await?;
                conn.script("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?;
                let row = state::load(&conn, key).await?;
                Ok::<_, Failed>((conn, row))
            })
            .map_err(|error| error.told(doing))?;
        let checkpoint = row.into_state()?.checkpoint;
        work(&Rows { ledger: self, conn: Some(&conn) }, &checkpoint)
    }
}

/// See [`PostgresLedger::rows`].
pub(crate) struct Rows<'l> {
    ledger: &'l PostgresLedger,
    /// The connection whose transaction all is seen through; without one, any.
    conn: Option<&'l Conn>,
}

impl Rows<'_> {
    fn ask<R: Send>(
        &self,
        doing: &str,
        work: impl AsyncFn(&Conn) -> Result<R, Failed> + Send + Sync,
    ) -> Result<R, StoreError> {
        let link = &self.ledger.link;
        match self.conn {
            Some(conn) => link.wait(async || link.within(conn, work).await).map_err(|error| error.told(doing)),
            None => link.ask(doing, work),
        }
    }
}

impl Source for Rows<'_> {
    fn entries(&self, from: u64, limit: usize) -> Result<Vec<Vec<u8>>, StoreError> {
        let (low, high) = (from as i64, (from + limit as u64) as i64);
        let rows = self.ask("reading entries", async |conn| {
            super::log::pairs(&conn.query(PORTION, &[&low, &high, &BYTES]).await?)
        })?;
        match rows.iter().zip(low..).find(|((at, _), wanted)| at != wanted) {
            Some((_, wanted)) => Err(StoreError::EntryMissing { position: wanted as u64 }),
            None => Ok(rows.into_iter().map(|(_, body)| body).collect()),
        }
    }

    fn answers(&self, after: &str, limit: usize) -> Result<Vec<Answer>, StoreError> {
        let limit = limit as i64;
        self.ask("reading answers", async |conn| {
            let rows = conn
                .query("SELECT key, body FROM answer WHERE key > $1 ORDER BY key LIMIT $2", &[&after, &limit])
                .await?;
            rows.iter().map(|row| Ok(Answer { key: row.try_get(0)?, body: row.try_get(1)? })).collect()
        })
    }

    fn blobs(&self, after: &[u8], limit: usize) -> Result<Vec<Named>, StoreError> {
        let limit = limit as i64;
        self.ask("reading blobs", async |conn| {
            let rows = conn.query(verify::BLOBS, &[&after, &limit]).await?;
            rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect()
        })
    }

    fn desk(&self, after: Option<(&str, &str)>, limit: usize) -> Result<Vec<(String, String, Vec<u8>)>, StoreError> {
        let ((table, key), limit) = (after.unwrap_or(("", "")), limit as i64);
        self.ask("reading the desk", async |conn| {
            let sql = "SELECT name, key, value FROM desk WHERE (name, key) > ($1, $2) ORDER BY name, key LIMIT $3";
            let rows = conn.query(sql, &[&table, &key, &limit]).await?;
            rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?))).collect()
        })
    }
}
