//! What was stored once is readable for ever: every golden event file decodes, and is written again to the same bytes.

#![allow(clippy::unwrap_used, reason = "the helpers of a test fail it by panicking")]

use interlock_domain::core::Record;
use interlock_testkit::{golden, sample};
use std::{collections::BTreeSet, fs};

#[test]
fn every_golden_event_decodes_and_is_written_again_to_the_same_bytes() {
    let mut seen = 0;
    for entry in fs::read_dir(golden::folder().join("events")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|it| it != "json") {
            continue;
        }
        let bytes = fs::read(&path).unwrap();
        let record = Record::decode(&bytes).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert!(record.encode() == bytes, "{}: is written again to other bytes", path.display());
        let name = path.file_name().unwrap().to_str().unwrap();
        assert!(name.starts_with(&format!("{}.v", record.event.kind())), "{name} holds a {}", record.event.kind());
        seen += 1;
    }
    assert!(seen >= sample::samples().len(), "{seen} files");
}

#[test]
fn every_kind_of_event_has_a_golden_file_of_its_sample() {
    let mut kinds = BTreeSet::new();
    for record in sample::samples() {
        let kind = record.event.kind();
        assert!(kinds.insert(kind), "two samples of {kind}");
        let path = golden::folder().join("events").join(golden::file_of(kind, record.v));
        let stored = fs::read(&path)
            .unwrap_or_else(|error| panic!("{}: {error}; `cargo xtask golden` writes it", path.display()));
        assert_eq!(Record::decode(&stored).unwrap(), record, "the sample of {kind} is not what is stored");
    }
}

#[test]
fn a_field_nobody_knows_is_refused() {
    for record in sample::samples() {
        let mut value: serde_json::Value = serde_json::from_slice(&record.encode()).unwrap();
        value["event"]["data"]["surprise"] = true.into();
        let bytes = serde_json::to_vec(&value).unwrap();
        assert!(Record::decode(&bytes).is_err(), "{} takes a field it does not know", record.event.kind());
    }
}
