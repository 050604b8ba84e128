//! A data directory: who may read it, how the disk is, whether the ledger and its keys are whole.

use super::Finding;
use crate::commands::ledger;
use interlock_domain::core::{self, Meta, Record, World};
use interlock_ledger::{Digest, Ledger as _, OpenMode, OpenOptions, SqliteLedger};
use jiff::Timestamp;
use std::{
    fs,
    io::Write as _,
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    path::Path,
    time::{Duration, Instant},
};

const NEEDED: u64 = 64 << 20;
const COMFORTABLE: u64 = 1 << 30;
/// Synchronised writes of a block; half of them take no longer than is told.
const SYNCS: usize = 31;
const QUICK: Duration = Duration::from_millis(25);
const SLOW: Duration = Duration::from_millis(250);

pub fn look(data: &Path, full: bool) -> Vec<Finding> {
    let mut found = vec![directory(data)];
    if !data.is_dir() {
        return found;
    }
    found.extend([space(data), disk(data)]);
    found.extend(["ledger.db.key", "permit.key", "setup-link"].iter().filter_map(|name| private(data, name)));
    if full {
        found.extend(verified(data));
    }
    found.extend(contents(data));
    found
}

fn directory(data: &Path) -> Finding {
    match fs::metadata(data) {
        Err(error) => {
            Finding::fail("data", format!("{}: {error}", data.display()), "name the directory that `serve --data` has")
        }
        Ok(it) if !it.is_dir() => Finding::fail(
            "data",
            format!("{} is no directory", data.display()),
            "name the directory that `serve --data` has",
        ),
        Ok(it) if it.permissions().mode() & 0o022 != 0 => Finding::fail(
            "data",
            format!("others may write to {} (mode {:o})", data.display(), it.permissions().mode() & 0o777),
            "run chmod 700 on it",
        ),
        Ok(it) if it.permissions().mode() & 0o077 != 0 => Finding::pass(
            "data",
            format!("{} (mode {:o}; 700 would tell others less)", data.display(), it.permissions().mode() & 0o777),
        ),
        Ok(_) => Finding::pass("data", data.display().to_string()),
    }
}

fn space(data: &Path) -> Finding {
    let todo = "free some space, or move the data to a larger disk";
    match interlock_server::telemetry::free_bytes(data) {
        None => Finding::unclear("free space", "it cannot be told", todo),
        Some(free) if free < NEEDED => Finding::fail("free space", format!("{} MiB", free >> 20), todo),
        Some(free) if free < COMFORTABLE => {
            Finding::unclear("free space", format!("{} MiB: not much", free >> 20), todo)
        }
        Some(free) => Finding::pass("free space", format!("{} MiB", free >> 20)),
    }
}

/// How long it takes until a block is on the disk.
fn disk(data: &Path) -> Finding {
    let path = data.join(format!(".doctor-{}", std::process::id()));
    let measure = || -> std::io::Result<Duration> {
        let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
        let mut times = Vec::with_capacity(SYNCS);
        for _ in 0..SYNCS {
            let begun = Instant::now();
            file.write_all(&[0; 4096])?;
            file.sync_data()?;
            times.push(begun.elapsed());
        }
        times.sort();
        Ok(times[SYNCS / 2])
    };
    let measured = measure();
    let removed = fs::remove_file(&path);
    match (measured, removed) {
        (Ok(half), Ok(())) => {
            let text =
                format!("half of all synchronised writes of 4 KiB take at most {:.2} ms", half.as_secs_f64() * 1e3);
            let todo = "every acknowledged command waits for one: use a local disk with a write cache that survives a power cut";
            match half {
                half if half <= QUICK => Finding::pass("disk", text),
                half if half <= SLOW => Finding::unclear("disk", text, todo),
                _ => Finding::fail("disk", text, todo),
            }
        }
        (Err(error), _) | (_, Err(error)) => Finding::fail(
            "disk",
            format!("it cannot be written to: {error}"),
            "run as the user of the server; see permissions and disk",
        ),
    }
}

/// A file that nobody else may read; nothing if it is not there and need not be.
fn private(data: &Path, name: &'static str) -> Option<Finding> {
    let check = match name {
        "ledger.db.key" => "ledger key",
        "permit.key" => "permit key",
        _ => "setup link",
    };
    match fs::metadata(data.join(name)) {
        Err(_) if name == "setup-link" => None,
        Err(error) => Some(Finding::fail(
            check,
            format!("{name}: {error}"),
            "restore it from the backup; a new one is no substitute",
        )),
        Ok(it) if it.permissions().mode() & 0o077 != 0 => Some(Finding::fail(
            check,
            format!("others may read {name} (mode {:o})", it.permissions().mode() & 0o777),
            "run chmod 600 on it",
        )),
        Ok(it) if it.len() == 0 => Some(Finding::fail(check, format!("{name} is empty"), "restore it from the backup")),
        Ok(_) => Some(Finding::pass(check, format!("{name} is there, for its owner only"))),
    }
}

fn verified(data: &Path) -> Vec<Finding> {
    let report = SqliteLedger::verify(&data.join(ledger::FILE));
    let mut found: Vec<Finding> = report
        .faults
        .iter()
        .map(|fault| {
            let place = fault.position.map(|it| format!(" at position {it}")).unwrap_or_default();
            let todo = "do not start a server on it; keep it, and restore a backup: docs/operations.md, Restore";
            Finding::fail("verification", format!("{}{place}: {}", fault.code, fault.message), todo)
        })
        .collect();
    if found.is_empty() {
        let text = format!("{} entries, {} answers and {} blobs verify", report.entries, report.answers, report.blobs);
        found.push(Finding::pass("verification", text));
    }
    found.extend(
        report.warnings.iter().map(|text| Finding::unclear("snapshots", text.clone(), "nothing: it is made anew")),
    );
    found
}

/// What the entries say, read by a second reader that hashes what it reads.
fn contents(data: &Path) -> Vec<Finding> {
    let path = data.join(ledger::FILE);
    let options = OpenOptions { mode: OpenMode::Since(0), patience: Duration::from_secs(2), ..OpenOptions::default() };
    let store = match SqliteLedger::open(&path, options) {
        Ok(store) => store,
        Err(error) => {
            let todo = "keep the directory as it is; `interlock ledger verify --data` lists all that is wrong, a backup brings it back";
            return vec![Finding::fail("ledger", ledger::refused(error).to_string(), todo)];
        }
    };
    let (mut world, mut newest) = (World::default(), None);
    loop {
        let entries = match store.read(world.position, 10_000) {
            Ok(entries) => entries,
            Err(error) => return vec![Finding::fail("ledger", error.to_string(), "restore a backup")],
        };
        if entries.is_empty() {
            break;
        }
        for entry in entries {
            match Record::decode(&entry.body) {
                Ok(record) => {
                    newest = Some(record.at);
                    let meta = Meta { position: entry.position, at: record.at, by: record.by };
                    core::apply(&mut world, &record.event, &meta);
                }
                Err(error) => {
                    let text = format!("entry {} cannot be understood: {error}", entry.position);
                    return vec![Finding::fail("ledger", text, "use the version that wrote it, or a newer one")];
                }
            }
        }
    }
    let mut found = vec![Finding::pass("ledger", format!("{} entries, signed by {}", world.position, store.vkey()))];
    found.push(match world.policy.set() {
        Some(_) => Finding::pass("policies", "the set in force compiles"),
        None if world.position == 0 => {
            Finding::unclear("policies", "none yet: this ledger is empty", "start the server once")
        }
        None => Finding::fail(
            "policies",
            "no set is in force that this version compiles",
            "use a version that does, or install policies",
        ),
    });
    found.push(behind(newest));
    let missing =
        world.artifact.artifacts.keys().filter(|it| !matches!(store.blob(&Digest(it.0)), Ok(Some(_)))).count();
    found.push(match missing {
        0 => Finding::pass("artefacts", format!("the bytes of all {} are here", world.artifact.artifacts.len())),
        missing => Finding::unclear(
            "artefacts",
            format!("the bytes of {missing} of {} are not here", world.artifact.artifacts.len()),
            "upload them with `interlock artifact register`, or restore a backup that has them",
        ),
    });
    found.push(snapshot(&store, world.position));
    found
}

fn behind(newest: Option<Timestamp>) -> Finding {
    match newest {
        None => {
            Finding::unclear("clock and ledger", "there is no entry to compare the clock with", "start the server once")
        }
        Some(newest) if newest > Timestamp::now() => Finding::fail(
            "clock and ledger",
            format!("the newest entry is of {newest}, which is in the future"),
            "set the clock right before the server is started",
        ),
        Some(newest) => Finding::pass("clock and ledger", format!("the newest entry is of {newest}")),
    }
}

fn snapshot(store: &SqliteLedger, position: u64) -> Finding {
    match store.latest_snapshot(interlock_engine::FORM) {
        Ok(Some(it)) => {
            Finding::pass("snapshot", format!("usable, {} entries behind", position.saturating_sub(it.size)))
        }
        Ok(None) if position < 20_000 => Finding::pass("snapshot", "none, and none is needed yet"),
        Ok(None) => Finding::unclear(
            "snapshot",
            "none that is usable: the next start folds everything",
            "nothing, or stop the server in order",
        ),
        Err(error) => Finding::unclear("snapshot", error.to_string(), "nothing: it is made anew"),
    }
}
