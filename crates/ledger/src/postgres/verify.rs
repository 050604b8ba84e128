//! Verifying a ledger without opening it for use: everything that can be checked, and all that is wrong.
//!
//! **Invariant:** never writes; a check that could not be made is a fault, not a pass.

use super::{PostgresLedger, Source as _, audit, link::Failed, schema, state};
use crate::{
    digest::Digest,
    error::StoreError,
    note::VerifyingKey,
    sqlite::{Fault, VerifyReport, log::answer_digest},
};
use std::path::PathBuf;

/// Blobs, or answers, fetched at once: as many as are not too many even where each is as large as it may be.
const AT_ONCE: usize = 16;

/// Blobs in the order of their digests, after one; no more at once than a few of the largest.
pub(super) const BLOBS: &str = "
SELECT digest, body FROM (
    SELECT digest, body, sum(octet_length(body)) OVER (ORDER BY digest) - octet_length(body) AS before
      FROM (SELECT digest, body FROM blob WHERE digest > $1 ORDER BY digest LIMIT $2) AS next
) AS found WHERE before < 67108864 ORDER BY digest";

/// Verifies with `key`. Also gives the errors behind the faults.
pub(super) fn examine(ledger: &PostgresLedger, key: &VerifyingKey) -> (VerifyReport, Vec<StoreError>) {
    let mut report = blank(&ledger.link.address.shown);
    let mut errors = Vec::new();
    if let Err(error) = examine_all(ledger, key, &mut report, &mut errors) {
        errors.push(error);
    }
    report.faults = errors.iter().map(Fault::from).collect();
    (report, errors)
}

/// A report on what could not even be looked at.
pub(super) fn failed(shown: &str, error: &StoreError) -> VerifyReport {
    VerifyReport { faults: vec![Fault::from(error)], ..blank(shown) }
}

fn blank(shown: &str) -> VerifyReport {
    VerifyReport {
        path: PathBuf::from(shown),
        vkey: None,
        size: None,
        root: None,
        entries: 0,
        answers: 0,
        blobs: 0,
        snapshots: 0,
        faults: Vec::new(),
        warnings: Vec::new(),
    }
}

/// What makes further looking pointless is returned; what does not is put into `errors`.
fn examine_all(
    ledger: &PostgresLedger,
    key: &VerifyingKey,
    report: &mut VerifyReport,
    errors: &mut Vec<StoreError>,
) -> Result<(), StoreError> {
    report.vkey = Some(key.to_string());
    let address = &ledger.link.address;
    let row = ledger.link.ask("verifying", async |conn| {
        match schema::look(conn, &address.schema, &address.shown).await? {
            schema::Found::Nothing => Err(super::absent(address).into()),
            schema::Found::Ledger { .. } => {
                schema::check(conn, &address.schema).await?;
                state::check_identity(conn, key).await?;
                state::load(conn, key).await
            }
        }
    })?;
    (report.size, report.root) = (Some(row.checkpoint.size), Some(row.checkpoint.root));
    match audit::run(ledger, &row, 0) {
        Ok(()) => report.entries = row.checkpoint.size,
        Err(error) => errors.push(error),
    }
    match answers(ledger, errors) {
        Ok(count) => report.answers = count,
        Err(error) => errors.push(error),
    }
    match blobs(ledger, errors) {
        Ok(count) => report.blobs = count,
        Err(error) => errors.push(error),
    }
    match snapshots(ledger, &mut report.warnings) {
        Ok(count) => report.snapshots = count,
        Err(error) => report.warnings.push(format!("the snapshots cannot be read: {error}")),
    }
    Ok(())
}

fn answers(ledger: &PostgresLedger, errors: &mut Vec<StoreError>) -> Result<u64, StoreError> {
    let (mut count, mut after) = (0, String::new());
    loop {
        let rows = ledger.link.ask("checking the answers", async |conn| {
            let sql = "SELECT key, digest, body FROM answer WHERE key > $1 ORDER BY key LIMIT $2";
            let rows = conn.query(sql, &[&after, &256_i64]).await?;
            let each = rows.iter().map(|row| Ok::<_, Failed>((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?)));
            each.collect::<Result<Vec<(String, Vec<u8>, Vec<u8>)>, _>>()
        })?;
        let Some((last, ..)) = rows.last() else { return Ok(count) };
        after = last.clone();
        for (key, digest, body) in rows {
            if digest == answer_digest(&key, &body).0 {
                count += 1;
            } else {
                errors.push(StoreError::AnswerDamaged { key });
            }
        }
    }
}

fn blobs(ledger: &PostgresLedger, errors: &mut Vec<StoreError>) -> Result<u64, StoreError> {
    let (mut count, mut after) = (0, Vec::new());
    loop {
        let rows = ledger.rows().blobs(&after, AT_ONCE)?;
        let Some((last, _)) = rows.last() else { return Ok(count) };
        after = last.clone();
        for (name, body) in rows {
            let found = Digest::of(&body);
            if name == found.0 {
                count += 1;
            } else {
                errors.push(StoreError::BlobDamaged { digest: Digest::from_slice(&name).unwrap_or(found) });
            }
        }
    }
}

fn snapshots(ledger: &PostgresLedger, warnings: &mut Vec<String>) -> Result<u64, StoreError> {
    let tags = ledger.link.ask("checking the snapshots", async |conn| {
        let rows = conn.query("SELECT DISTINCT tag FROM snapshot ORDER BY tag", &[]).await?;
        Ok(rows.iter().map(|row| row.try_get(0)).collect::<Result<Vec<String>, _>>()?)
    })?;
    let mut sound = 0;
    for tag in tags {
        for size in ledger.snapshot_sizes(&tag)? {
            match ledger.load_snapshot(&tag, size)? {
                Ok(_) => sound += 1,
                Err(why) => warnings.push(format!("the snapshot of `{tag}` at {size} will be passed over: {why}")),
            }
        }
    }
    Ok(sound)
}
