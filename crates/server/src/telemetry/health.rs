//! Whether the server lives, and whether it should be given work: each check with its outcome and what was found.
//!
//! Invariants: only a check that fails makes the server not ready; what cannot be told is inconclusive and says so. Nothing here
//! names people or the paths of the machine.

use super::Telemetry;
use interlock_domain::core::Record;
pub use interlock_domain::reason::Outcome;
use interlock_engine::Engine;
use jiff::Timestamp;
use serde::Serialize;

/// Free bytes of the data directory below which nothing new should be begun.
const FREE_BYTES: u64 = 64 << 20;
/// How far behind the newest entry the clock may be; entries of other nodes may be this much ahead.
const BEHIND_SECONDS: i64 = 30;
/// Entries after the newest snapshot with which the next start takes noticeably longer.
const UNSNAPPED: u64 = 100_000;

#[derive(Clone, Debug, Serialize)]
pub struct Check {
    pub check: &'static str,
    pub outcome: Outcome,
    pub detail: String,
}

/// All checks.
#[derive(Clone, Debug, Serialize)]
pub struct Readiness {
    pub ready: bool,
    pub version: &'static str,
    /// Entries the server has taken in.
    pub position: u64,
    pub checks: Vec<Check>,
}

fn check(check: &'static str, outcome: Outcome, detail: impl Into<String>) -> Check {
    Check { check, outcome, detail: detail.into() }
}

/// Looks at everything that decides whether work may be sent here.
pub fn readiness(engine: &Engine, telemetry: &Telemetry) -> Readiness {
    let world = engine.world();
    let position = world.position;
    let checks = vec![
        match telemetry.is_draining() {
            true => check("draining", Outcome::Fail, "the server was asked to end and takes leave of its clients"),
            false => check("draining", Outcome::Pass, "no"),
        },
        ledger(engine),
        match world.policy.set().is_some() {
            true => check("policies", Outcome::Pass, "a set is in force"),
            false => check("policies", Outcome::Fail, "none are in force yet, so nothing is allowed"),
        },
        caught_up(engine, position),
        disk(telemetry),
        clock(engine),
        snapshot(engine, telemetry, position),
    ];
    let ready = checks.iter().all(|it| it.outcome != Outcome::Fail);
    Readiness { ready, version: env!("CARGO_PKG_VERSION"), position, checks }
}

fn ledger(engine: &Engine) -> Check {
    match (engine.ledger().stopped(), engine.ledger().head()) {
        (Some(_), _) => check("ledger", Outcome::Fail, "storage failed (L051): nothing is written until a restart"),
        (None, Ok(head)) => check("ledger", Outcome::Pass, format!("{} entries", head.size)),
        (None, Err(error)) => check("ledger", Outcome::Fail, format!("it cannot be read ({})", error.code())),
    }
}

fn caught_up(engine: &Engine, position: u64) -> Check {
    match engine.ledger().head() {
        Ok(head) if head.size <= position => check("caught-up", Outcome::Pass, "with the ledger"),
        // Read before the ledger's size: what was written in between is no lag.
        Ok(head) if engine.head() >= head.size => check("caught-up", Outcome::Pass, "with the ledger"),
        Ok(head) => check("caught-up", Outcome::Fail, format!("{} entries behind", head.size - position)),
        Err(error) => {
            check("caught-up", Outcome::Inconclusive, format!("the ledger cannot be read ({})", error.code()))
        }
    }
}

fn disk(telemetry: &Telemetry) -> Check {
    match telemetry.free_bytes() {
        None => check("disk", Outcome::Inconclusive, "the free space is not known"),
        Some(free) if free < FREE_BYTES => {
            check("disk", Outcome::Fail, format!("{} MiB free, {} are needed", free >> 20, FREE_BYTES >> 20))
        }
        Some(free) => check("disk", Outcome::Pass, format!("{} MiB free", free >> 20)),
    }
}

/// When the newest entry was written.
fn newest(engine: &Engine) -> Option<Timestamp> {
    let last = engine.head().checked_sub(1)?;
    let entry = engine.ledger().read(last, 1).ok()?.pop()?;
    Record::decode(&entry.body).ok().map(|record| record.at)
}

fn clock(engine: &Engine) -> Check {
    let Some(newest) = newest(engine) else {
        return check("clock", Outcome::Inconclusive, "there is no entry to compare it with");
    };
    let ahead = newest.duration_since(engine.now()).as_secs();
    if ahead > BEHIND_SECONDS {
        return check("clock", Outcome::Fail, format!("it is {ahead} s behind the newest entry; set it right"));
    }
    check("clock", Outcome::Pass, "not behind the newest entry")
}

fn snapshot(engine: &Engine, telemetry: &Telemetry, position: u64) -> Check {
    match telemetry.counted(engine).map(|it| it.snapshot_size) {
        Some(Some(size)) if position.saturating_sub(size) <= UNSNAPPED => {
            check("snapshot", Outcome::Pass, format!("{} entries after the newest", position.saturating_sub(size)))
        }
        Some(None) if position <= UNSNAPPED => check("snapshot", Outcome::Pass, "none, and none is needed yet"),
        Some(_) => check("snapshot", Outcome::Inconclusive, "the next start will take long: no snapshot is recent"),
        None => check("snapshot", Outcome::Inconclusive, "it cannot be told"),
    }
}
