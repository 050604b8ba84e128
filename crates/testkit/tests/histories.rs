//! Ledgers that former versions wrote: each is read, folded, and comes to what it came to. `UPDATE_GOLDEN=1` writes summaries that are
//! missing; what is there is never written anew.

#![allow(clippy::unwrap_used, reason = "the helpers of a test fail it by panicking")]

use interlock_domain::core::{DecodeError, Record, Upcast};
use interlock_ledger::{Batch, Ledger, MemoryLedger, NewEntry};
use interlock_testkit::{golden, history, house::time};
use serde_json::{Value, json};
use std::{fs, path::PathBuf, sync::Arc};

/// Until when figures are computed: after every history.
const UNTIL: &str = "2026-06-01T00:00:00Z";

fn histories() -> Vec<PathBuf> {
    let files = fs::read_dir(golden::folder().join("histories")).unwrap().map(|it| it.unwrap().path());
    let mut all: Vec<_> = files.filter(|path| path.extension().is_some_and(|it| it == "jsonl")).collect();
    all.sort();
    all
}

#[test]
fn every_history_comes_to_the_same_figures_as_when_it_was_written() {
    let all = histories();
    assert!(all.len() >= 6, "{all:?}");
    for path in all {
        let text = fs::read_to_string(&path).unwrap();
        let world = history::whole(&text, interlock_domain::core::UPCASTS)
            .unwrap_or_else(|(position, error)| panic!("{}: entry {position}: {error}", path.display()));
        assert!(world.position > 20 && world.position == text.lines().count() as u64);
        let made = serde_json::to_string_pretty(&history::summary(&world, time(UNTIL))).unwrap() + "\n";
        let kept = path.with_extension("summary.json");
        if std::env::var_os("UPDATE_GOLDEN").is_some() && !kept.exists() {
            fs::write(&kept, &made).unwrap();
        }
        let kept_text = fs::read_to_string(&kept).unwrap_or_else(|error| panic!("{}: {error}", kept.display()));
        assert!(made == kept_text, "{} does not come to {}:\n{made}", path.display(), kept.display());
    }
}

#[test]
fn what_is_read_is_written_again_to_the_same_bytes() {
    for path in histories() {
        for (line, position) in fs::read_to_string(&path).unwrap().lines().zip(0..) {
            let record = Record::decode(line.as_bytes()).unwrap();
            assert!(record.encode() == line.as_bytes(), "{}: entry {position}", path.display());
        }
    }
}

#[test]
fn an_event_of_a_newer_version_is_refused_with_its_position_and_the_version_that_cannot_read_it() {
    let text = fs::read_to_string(&histories()[0]).unwrap();
    let (good, last) = text.trim_end().rsplit_once('\n').unwrap();
    let mut newer: Value = serde_json::from_str(last).unwrap();
    newer["event"] = json!({ "kind": "release.teleported", "data": { "to": "mars" } });
    let ledger = Arc::new(MemoryLedger::default());
    let entries: Vec<NewEntry> = good
        .lines()
        .map(|line| NewEntry { body: line.as_bytes().to_vec() })
        .chain([NewEntry { body: newer.to_string().into() }])
        .collect();
    let size = entries.len() as u64;
    ledger.append(0, &Batch { entries, ..Batch::default() }).unwrap();
    let error = interlock_engine::Engine::open(ledger, interlock_engine::Options::default()).err().unwrap().to_string();
    let version = env!("CARGO_PKG_VERSION");
    assert!(error.contains(&format!("entry {} cannot be understood by Interlock {version}", size - 1)), "{error}");
    assert!(error.contains("release.teleported") && error.contains("or a newer one"), "{error}");
    // A newer form of the record itself is told apart from that.
    newer["v"] = json!(2);
    assert!(matches!(Record::decode(newer.to_string().as_bytes()), Err(DecodeError::Version { found: 2 })));
}

/// How a kind is carried over when its meaning changes: the product has no such kind yet, so here is one. Once, a release was
/// `release.pencilled_in` for a day; then that became a window with a beginning and an end, under the kind `release.planned`.
const CASTS: &[Upcast] = &[
    Upcast { from: "release.pencilled_in", to: "release.booked", data: booked },
    Upcast { from: "release.booked", to: "release.planned", data: planned },
];

/// A day became a beginning and a length.
fn booked(mut data: Value) -> Value {
    let day = data["day"].as_str().unwrap_or_default().to_owned();
    data["start"] = json!(format!("{day}T00:00:00Z"));
    data["hours"] = json!(24);
    data.as_object_mut().unwrap().remove("day");
    data
}

/// A beginning and a length became a window.
fn planned(mut data: Value) -> Value {
    let start: jiff::Timestamp = data["start"].as_str().unwrap_or_default().parse().unwrap_or_default();
    let end = start + jiff::SignedDuration::from_hours(data["hours"].as_i64().unwrap_or_default());
    json!({ "release": data["release"].take(), "window": { "start": start, "end": end }, "ruling": data["ruling"].take() })
}

#[test]
fn an_event_of_a_kind_that_is_no_longer_written_is_carried_over_step_by_step() {
    let text = fs::read_to_string(golden::folder().join("histories/ships-in-waves.v0.1.jsonl")).unwrap();
    let mut once = String::new();
    let mut changed = 0;
    for line in text.lines() {
        let mut it: Value = serde_json::from_str(line).unwrap();
        if it["event"]["kind"] == "release.planned" {
            let data = &it["event"]["data"];
            it["event"] = json!({ "kind": "release.pencilled_in", "data": { "release": data["release"], "day": "2026-03-02", "ruling": data["ruling"] } });
            changed += 1;
        }
        once.push_str(&format!("{it}\n"));
    }
    assert!(changed > 0);
    let (position, error) = history::fold(&once, &[]).err().unwrap();
    assert!(position > 0 && error.to_string().contains("release.pencilled_in"), "{error}");
    let world = history::fold(&once, CASTS).unwrap();
    let planned = world.release.releases.values().find_map(|it| it.window).unwrap();
    assert_eq!((planned.start, planned.end), (time("2026-03-02T00:00:00Z"), time("2026-03-03T00:00:00Z")));
}
