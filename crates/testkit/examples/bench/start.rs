//! How long a server takes to know what its ledger holds, with a snapshot and without; and what a closed release costs in memory.
//!
//! The ledger is made of the life of one release, lived through once and written again and again under other ids and names.

use super::{Done, Size, keep, machine, rounded};
use interlock_engine::{Engine, Options};
use interlock_ids::{Id, Release};
use interlock_ledger::{Batch, Ledger, NewEntry, OpenMode, OpenOptions, SqliteLedger};
use interlock_testkit::{golden, house::House, shop, story};
use serde_json::{Value, json};
use std::{collections::BTreeMap, path::Path, process::Command, sync::Arc, time::Instant};

/// The engine's tag for snapshots, which says from where on entries need to be verified at start.
const FORM: &str = concat!("world-", env!("CARGO_PKG_VERSION"), "-1");
const BATCH: usize = 1000;

/// An entry as text, cut where an id stands that is another one in another life.
struct Template(Vec<Piece>);

enum Piece {
    Text(String),
    /// A prefix, and which id of the life it is.
    Id(&'static str, u16),
    Name,
}

/// The name of the release in the transcript.
const NAMED: &str = "\"spring\"";

/// Cuts the entries of a life.
fn templates(bodies: &[String], kept: &str) -> Vec<Template> {
    let mut slots: BTreeMap<String, u16> = BTreeMap::new();
    bodies.iter().map(|body| Template(cut(body, kept, &mut slots))).collect()
}

fn cut(body: &str, kept: &str, slots: &mut BTreeMap<String, u16>) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut rest = body;
    let mut text = String::new();
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix(NAMED) {
            pieces.extend([Piece::Text(std::mem::take(&mut text)), Piece::Name]);
            rest = after;
            continue;
        }
        let found = interlock_ids::PREFIXES.iter().find(|prefix| {
            let id = rest.strip_prefix(**prefix).and_then(|it| it.strip_prefix('_')).and_then(|it| it.get(..26));
            id.is_some_and(|id| id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()))
        });
        match found {
            // What was there before the release is the same in every life.
            Some(prefix) if !kept.contains(&rest[..prefix.len() + 27]) => {
                let id = &rest[..prefix.len() + 27];
                let next = u16::try_from(slots.len()).unwrap_or(u16::MAX);
                let slot = *slots.entry(id.to_owned()).or_insert(next);
                pieces.extend([Piece::Text(std::mem::take(&mut text)), Piece::Id(prefix, slot)]);
                rest = &rest[id.len()..];
            }
            _ => {
                let length = rest.chars().next().map_or(1, char::len_utf8);
                text.push_str(&rest[..length]);
                rest = &rest[length..];
            }
        }
    }
    pieces.push(Piece::Text(text));
    pieces
}

impl Template {
    fn body(&self, life: u64) -> Vec<u8> {
        let mut out = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => out.push_str(text),
                Piece::Name => out.push_str(&format!("\"r-{life}\"")),
                Piece::Id(prefix, slot) => {
                    let mut random = [0; 10];
                    random[..2].copy_from_slice(&slot.to_be_bytes());
                    random[2..].copy_from_slice(&life.to_be_bytes());
                    let id = Id::<Release>::new(1_772_442_000_000 + life, random).to_string();
                    out.push_str(prefix);
                    out.push_str(&id["rel".len()..]);
                }
            }
        }
        out.into_bytes()
    }
}

/// Entries as they are stored.
type Bodies = Vec<Vec<u8>>;

/// Lives through one release, from draft to closed; the entries before it, and its own.
fn life() -> Result<(Bodies, Bodies), Box<dyn std::error::Error>> {
    let mut empty = House::new(2026);
    shop::open(&mut empty);
    let before = empty.world().position;
    let transcript = std::fs::read_to_string(golden::folder().join("transcripts/ships-in-waves.txt"))?;
    let sentences: Vec<&str> = transcript.lines().take_while(|line| !line.starts_with("# No evidence")).collect();
    let house = story::live(&sentences.join("\n"))?;
    let bodies = house.engine().ledger().read(0, 10_000)?.into_iter().map(|entry| entry.body).collect::<Vec<_>>();
    let (shop, own) = bodies.split_at(usize::try_from(before)?);
    Ok((shop.to_vec(), own.to_vec()))
}

fn write(path: &Path, entries: u64) -> Result<(u64, u64), Box<dyn std::error::Error>> {
    let (shop, own) = life()?;
    let text =
        |bodies: &[Vec<u8>]| bodies.iter().map(|it| String::from_utf8_lossy(it).into_owned()).collect::<Vec<_>>();
    let templates = templates(&text(&own), &text(&shop).concat());
    let ledger = SqliteLedger::create(path, OpenOptions::default())?;
    let mut head = 0;
    let mut append = |bodies: &mut Vec<Vec<u8>>| -> Result<u64, Box<dyn std::error::Error>> {
        let entries = bodies.drain(..).map(|body| NewEntry { body }).collect();
        head = ledger.append(head, &Batch { entries, ..Batch::default() })?.size;
        Ok(head)
    };
    let mut waiting = shop;
    let (mut written, mut life) = (0, 0);
    while written < entries {
        waiting.extend(templates.iter().map(|template| template.body(life)));
        life += 1;
        if waiting.len() >= BATCH {
            written = append(&mut waiting)?;
        }
    }
    Ok((append(&mut waiting)?, life))
}

/// Opens a ledger as a server does, and prints how long it took and what it holds in memory.
pub fn open(path: &str, mode: &str) -> Done {
    let begun = Instant::now();
    let mode = if mode == "snapshot" { OpenMode::SinceSnapshot(FORM.into()) } else { OpenMode::Full };
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
    let (entries, lives) = write(&path, size.entries)?;
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
        &json!({ "closed_releases": lives, "bytes_per_closed_release": bytes, "entries_per_release": entries / lives }),
    )?;

    let engine = Engine::open(Arc::new(SqliteLedger::open(&path, OpenOptions::default())?), Options::default())?;
    let begun = Instant::now();
    engine.snapshot()?;
    let taken = begun.elapsed().as_secs_f64();
    drop(engine);
    let with = opened(&path, "snapshot")?;
    let figures = json!({
        "entries": entries, "snapshot": true, "ready_s": with["ready_s"], "verified_s": with["verified_s"], "goal_s": 2,
        "snapshot_written_in_s": rounded(taken),
    });
    keep("start", &figures)
}
