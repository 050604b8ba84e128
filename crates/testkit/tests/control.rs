//! Control reports: the population is whole, counted from the raw entries by nothing that the report is made with.

#![allow(clippy::unwrap_used, reason = "the helpers of a test fail it by panicking")]

use interlock_testkit::{golden, house::House, story};
use jiff::Timestamp;
use serde_json::Value;
use std::collections::BTreeSet;

/// Ids of deployments that began within a period, from the bytes of the ledger.
fn counted(house: &House, from: Timestamp, to: Timestamp) -> BTreeSet<String> {
    let ledger = house.engine().ledger();
    let (mut found, mut next) = (BTreeSet::new(), 0);
    loop {
        let entries = ledger.read(next, 100).unwrap();
        let Some(last) = entries.last() else { return found };
        next = last.position + 1;
        for entry in entries {
            let it: Value = serde_json::from_slice(&entry.body).unwrap();
            let at: Timestamp = it["at"].as_str().unwrap().parse().unwrap();
            if it["event"]["kind"] == "deployment.started" && at >= from && at < to {
                assert!(found.insert(it["event"]["data"]["deployment"].as_str().unwrap().to_owned()));
            }
        }
    }
}

#[test]
fn every_deployment_of_the_period_is_in_it_and_no_other() {
    let (from, to): (Timestamp, Timestamp) =
        ("2026-01-01T00:00:00Z".parse().unwrap(), "2026-04-01T00:00:00Z".parse().unwrap());
    let mut seen = 0;
    for file in std::fs::read_dir(golden::folder().join("transcripts")).unwrap() {
        let path = file.unwrap().path();
        let house = story::live(&std::fs::read_to_string(&path).unwrap()).unwrap();
        let report = house.engine().control_report(from, to).unwrap();
        let told: BTreeSet<String> = report.changes.iter().map(|it| it.deployment.to_string()).collect();
        assert_eq!(told.len(), report.changes.len());
        assert_eq!(told, counted(&house, from, to), "{}", path.display());
        assert_eq!(report, house.engine().control_report(from, to).unwrap(), "the same question, the same report");
        for it in report.changes.iter().filter(|it| !it.back) {
            seen += 1;
            assert!(it.name.is_some() && it.class.is_some() && it.started_by.is_some() && !it.approved_by.is_empty());
            // The shop's service handles no data of any class, so that no catalogue applies.
            assert_eq!(it.data_classes, Some(BTreeSet::new()), "the gates were told");
            assert!(it.results.is_empty());
        }
        // Up to the moment of the first, and from the moment after the last, there is none.
        if let (Some(first), Some(last)) = (report.changes.first(), report.changes.last()) {
            assert!(house.engine().control_report(from, first.at).unwrap().changes.is_empty());
            let after = last.at + jiff::SignedDuration::from_micros(1);
            assert!(house.engine().control_report(after, to).unwrap().changes.is_empty());
        }
        assert!(house.engine().control_report(to, from).is_err());
    }
    assert!(seen >= 3, "{seen}");
}
