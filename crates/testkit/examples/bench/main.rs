//! The figures that are promised, measured here: as ratios within one run wherever there is something to compare with.
//!
//! `cargo xtask bench [short | million] [part…]`. Each line goes to the screen and, as JSON, to `target/bench/<name>.json`, with the
//! machine's load and the median time of an fdatasync beside it: a figure without them means little. What each figure means
//! is in docs/performance.md.
//! Deliberately absent: absolute goals for throughput. What a disk and a host allow differs by a factor of a hundred.

mod audit;
mod calendar;
mod clients;
mod gates;
mod life;
mod machine;
mod pages;
mod postgres;
mod runners;
mod serve;
#[path = "../../../ledger/tests/server/mod.rs"]
mod server;
mod start;
mod workflow;

use serde_json::{Value, json};
use std::{
    error::Error,
    fs,
    io::Write,
    path::{Path, PathBuf},
};

pub type Done = Result<(), Box<dyn Error>>;

/// A name, and what measures it. The folder is for files, and gone afterwards.
type Part = (&'static str, fn(Size, &Path) -> Done);

/// What is measured, in order. A new part is a module and a line here.
const PARTS: &[Part] = &[
    ("gates", gates::measure),
    ("calendar", calendar::measure),
    ("clients", clients::measure),
    ("postgres", postgres::measure),
    ("start", start::measure),
    ("audit", audit::measure),
    ("pages", pages::measure),
    ("runners", runners::measure),
    ("workflow", workflow::measure),
];

/// How much is measured.
#[derive(Clone, Copy)]
pub struct Size {
    pub seconds: f64,
    pub rounds: usize,
    pub verdicts: usize,
    pub entries: u64,
    /// Closed releases behind the pages, and the seconds pages are asked for.
    pub lives: u64,
    pub asking: f64,
    /// Remote runners, and targets they deploy to.
    pub runners: usize,
    /// Workflows that each of the clients of a turn runs, one after the other.
    pub flows: usize,
    /// Windows of calendars, and releases planned among them.
    pub windows: usize,
    pub planned: usize,
}

const LONG: Size = Size {
    seconds: 3.0,
    rounds: 5,
    verdicts: 20_000,
    entries: 1_000_000,
    lives: 50_000,
    asking: 20.0,
    runners: 2000,
    flows: 10,
    windows: 100_000,
    planned: 10_000,
};
const SHORT: Size = Size {
    seconds: 0.5,
    rounds: 2,
    verdicts: 1_000,
    entries: 20_000,
    lives: 1_000,
    asking: 2.0,
    runners: 50,
    flows: 2,
    windows: 10_000,
    planned: 1_000,
};
/// A million closed releases: half an hour, and 20 GB of disk.
const MILLION: Size = Size { lives: 1_000_000, asking: 60.0, ..LONG };

fn folder() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| PathBuf::from("target"), PathBuf::from);
    target.join("bench")
}

/// Prints a figure and keeps it.
pub fn keep(name: &str, figures: &Value) -> Done {
    let mut line = json!({ "at": jiff::Timestamp::now().to_string(), "load": machine::load(), "fdatasync_p50_us": machine::fdatasync_us(&folder())? });
    for (key, value) in figures.as_object().into_iter().flatten() {
        line[key] = value.clone();
    }
    let words = figures.as_object().into_iter().flatten().map(|(key, value)| format!("{key} {value}"));
    println!(
        "{name}: {}   [load {}, fdatasync p50 {} µs]",
        words.collect::<Vec<_>>().join(", "),
        line["load"],
        line["fdatasync_p50_us"]
    );
    let mut file = fs::OpenOptions::new().create(true).append(true).open(folder().join(format!("{name}.json")))?;
    writeln!(file, "{line}")?;
    Ok(())
}

/// The value below which that share of the values lies.
pub fn share(values: &mut [f64], share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get((values.len().saturating_sub(1) as f64 * share) as usize).copied().unwrap_or_default()
}

/// Two digits after the point are as many as such figures have.
pub fn rounded(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

fn main() -> Done {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    // A process of its own, so that its memory is its own.
    if let ["open", path, mode] = words.as_slice() {
        return start::open(path, mode);
    }
    let (size, wanted) = match words.as_slice() {
        ["short", parts @ ..] => (SHORT, parts),
        ["million", parts @ ..] => (MILLION, parts),
        parts => (LONG, parts),
    };
    let known: Vec<&str> = PARTS.iter().map(|(name, _)| *name).collect();
    if let Some(other) = wanted.iter().find(|it| !known.contains(it)) {
        let text = format!("`{other}` is not understood; say `short` or `million`, or parts: {}", known.join(", "));
        return Err(text.into());
    }
    fs::create_dir_all(folder())?;
    let scratch = tempfile::TempDir::new_in(folder())?;
    for (name, measure) in PARTS.iter().filter(|(name, _)| wanted.is_empty() || wanted.contains(name)) {
        measure(size, scratch.path()).map_err(|error| format!("{name}: {error}"))?;
    }
    Ok(())
}
