//! The figures that are promised, measured here: as ratios within one run wherever there is something to compare with.
//!
//! `cargo xtask bench [short]`. Each line goes to the screen and, as JSON, to `target/bench/<name>.json`, with the machine's load
//! and the median time of an fdatasync beside it: a figure without them means little.
//! Deliberately absent: absolute goals for throughput. What a disk and a host allow differs by a factor of a hundred.

mod clients;
mod gates;
mod machine;
mod start;

use serde_json::{Value, json};
use std::{error::Error, fs, io::Write, path::PathBuf};

pub type Done = Result<(), Box<dyn Error>>;

/// How much is measured.
#[derive(Clone, Copy)]
pub struct Size {
    pub seconds: f64,
    pub rounds: usize,
    pub verdicts: usize,
    pub entries: u64,
}

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
    let long = Size { seconds: 3.0, rounds: 5, verdicts: 20_000, entries: 1_000_000 };
    let short = Size { seconds: 0.5, rounds: 2, verdicts: 1_000, entries: 20_000 };
    let size = match words.as_slice() {
        [] => long,
        ["short"] => short,
        // A process of its own, so that its memory is its own.
        ["open", path, mode] => return start::open(path, mode),
        other => return Err(format!("`{}` is not understood; say nothing, or `short`", other.join(" ")).into()),
    };
    fs::create_dir_all(folder())?;
    let scratch = tempfile::TempDir::new_in(folder())?;
    gates::measure(size)?;
    clients::measure(size, scratch.path())?;
    start::measure(size, scratch.path())
}
