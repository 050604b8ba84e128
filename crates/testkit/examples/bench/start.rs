//! How long a server takes to know what its ledger holds, with a snapshot and without; and what a closed release costs in memory.

use super::{Done, Size, keep, life, machine, rounded};
use interlock_engine::{Engine, FORM, Options};
use interlock_ledger::{OpenMode, OpenOptions, SqliteLedger};
use serde_json::{Value, json};
use std::{path::Path, process::Command, sync::Arc, time::Instant};

/// Opens a ledger as a server does, and prints how long it took and what it holds in memory.
pub fn open(path: &str, mode: &str) -> Done {
    let begun = Instant::now();
    let mode = if mode == "since" { OpenMode::SinceSnapshot(FORM.into()) } else { OpenMode::Full };
    let ledger = SqliteLedger::open(Path::new(path), OpenOptions { mode, ..OpenOptions::default() })?;
    let verified = begun.elapsed().as_secs_f64();
    let before = machine::resident();
    let engine = Engine::open(Arc::new(ledger), Options::default())?;
    let took = begun.elapsed().as_secs_f64();
    let world = engine.world();
    let grown = machine::resident().zip(before).map(|(after, before)| after.saturating_sub(before));
    println!(
        "{}",
        json!({ "verified_s": rounded(verified), "ready_s": rounded(took), "entries": world.position, "releases": world.release.releases.len(), "open": world.release.open.len(), "grown": grown })
    );
    Ok(())
}

fn opened(path: &Path, mode: &str) -> Result<Value, Box<dyn std::error::Error>> {
    let output = Command::new(std::env::current_exe()?).arg("open").arg(path).arg(mode).output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into());
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

pub fn measure(size: Size, folder: &Path) -> Done {
    let path = folder.join("start.db");
    let (entries, lives) = life::write(&path, life::in_waves()?, |entries, _| entries >= size.entries)?;
    let without = opened(&path, "none")?;
    if without["releases"] != json!(lives) || without["open"] != json!(0) {
        return Err(format!("the ledger does not hold {lives} closed releases: {without}").into());
    }
    keep(
        "start",
        &json!({ "entries": entries, "snapshot": false, "ready_s": without["ready_s"], "verified_s": without["verified_s"] }),
    )?;
    let bytes = without["grown"].as_u64().map(|grown| grown / lives);
    keep(
        "memory",
        &json!({
            "closed_releases": lives, "bytes_per_closed_release": bytes, "entries_per_release": entries / lives,
            "goal_bytes_per_closed_deployment": 1024,
        }),
    )?;

    let engine = Engine::open(Arc::new(SqliteLedger::open(&path, OpenOptions::default())?), Options::default())?;
    let begun = Instant::now();
    engine.snapshot()?;
    let taken = begun.elapsed().as_secs_f64();
    drop(engine);
    let bytes = snapshot_bytes(&path);
    // As a server starts: every entry is verified, the world is that of the snapshot. And with only what came since verified.
    for (mode, all) in [("all", true), ("since", false)] {
        let with = opened(&path, mode)?;
        let figures = json!({
            "entries": entries, "snapshot": true, "every_entry_verified": all, "ready_s": with["ready_s"],
            "verified_s": with["verified_s"], "goal_s": 2, "snapshot_written_in_s": rounded(taken),
            "snapshot_bytes": bytes,
        });
        keep("start", &figures)?;
    }
    Ok(())
}

fn snapshot_bytes(path: &Path) -> Option<u64> {
    let mut folder = path.as_os_str().to_owned();
    folder.push(".snapshots");
    let files = std::fs::read_dir(folder).ok()?;
    files.filter_map(|file| file.ok()?.metadata().ok()).map(|it| it.len()).max()
}
