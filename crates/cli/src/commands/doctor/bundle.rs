//! What is handed to whoever helps: one file of JSON that anybody can read before it is sent.
//!
//! Invariant: made only of what is listed here. No environment, no configuration, no log, no entry and nothing of the desk is in it.

use super::{Report, server::Answers};
use crate::failure::{Done, Failure};
use serde_json::json;
use std::{fs, os::unix::fs::OpenOptionsExt as _, path::Path};

/// Writes the bundle; never overwrites.
///
/// # Errors
/// The file is there already or cannot be written.
pub fn write(file: &Path, report: &Report, asked: Option<&Answers>) -> Done {
    let first_line = |path: &str| fs::read_to_string(path).ok().and_then(|it| it.lines().next().map(str::to_owned));
    let bundle = json!({
        "interlock_bundle": 1,
        "at": jiff::Timestamp::now(),
        "version": env!("CARGO_PKG_VERSION"),
        "machine": {
            "system": std::env::consts::OS,
            "architecture": std::env::consts::ARCH,
            "kernel": first_line("/proc/sys/kernel/osrelease"),
            "load": first_line("/proc/loadavg"),
            "memory": first_line("/proc/meminfo"),
            "processors": std::thread::available_parallelism().map(usize::from).ok(),
        },
        "report": report,
        "readiness": asked.and_then(|it| it.readiness.clone()),
        "figures": asked.and_then(|it| it.figures.as_ref()).map(|it| it.lines().collect::<Vec<_>>()),
    });
    let text = serde_json::to_string_pretty(&bundle).map_err(|error| Failure::Bug(error.to_string()))?;
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    let failed = |error: std::io::Error| Failure::io("writing", file, &error);
    std::io::Write::write_all(&mut options.open(file).map_err(failed)?, text.as_bytes()).map_err(failed)
}
