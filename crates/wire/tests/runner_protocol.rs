//! Runner and server may be two versions of their protocol apart: recorded exchanges of every version, and of one that is two ahead,
//! are understood. Files of `golden/runner-protocol` are only ever added.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use interlock_wire::runner::*;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::{fs, path::PathBuf};

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../golden/runner-protocol")
}

/// A message as it was recorded, and as today's code writes what it has understood of it.
fn both(version: &str, message: &str) -> (Value, Value) {
    fn again<T: Serialize + DeserializeOwned>(text: &str) -> Value {
        serde_json::to_value(serde_json::from_str::<T>(text).unwrap()).unwrap()
    }
    let text = fs::read_to_string(folder().join(version).join(format!("{message}.json"))).unwrap();
    let understood = match message {
        "lease-request" => again::<LeaseRequest>(&text),
        "lease" => again::<Lease>(&text),
        "report-batch" => again::<ReportBatch>(&text),
        "report-ack" => again::<ReportAck>(&text),
        "output-batch" => again::<OutputBatch>(&text),
        "enrol-runner" => again::<EnrolRunner>(&text),
        "enrolled-runner" => again::<EnrolledRunner>(&text),
        "rotate-runner-key" => again::<RotateRunnerKey>(&text),
        "permit-key-list" => again::<PermitKeyList>(&text),
        other => panic!("what is {other}?"),
    };
    (serde_json::from_str(&text).unwrap(), understood)
}

fn messages(version: &str) -> Vec<String> {
    let files = fs::read_dir(folder().join(version)).unwrap();
    let mut names: Vec<_> =
        files.map(|it| it.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned()).collect();
    names.sort();
    names
}

/// Nothing is lost, and nothing that an older reader would refuse is added: protocol 1 was strict.
#[test]
fn what_was_said_in_an_earlier_version_is_said_in_the_same_words() {
    for version in ["v1", "v2"] {
        for message in messages(version) {
            let (recorded, understood) = both(version, &message);
            assert_eq!(recorded, understood, "{version}/{message}");
        }
    }
}

#[test]
fn what_a_version_two_ahead_says_is_understood_as_far_as_it_goes() {
    assert_eq!(messages("ahead-by-two"), messages("v2"));
    for message in messages("ahead-by-two") {
        let (recorded, mut understood) = both("ahead-by-two", &message);
        let (_, mut today) = both("v2", &message);
        assert_ne!(recorded, understood, "{message}: the recording holds what is not known");
        for it in [&mut understood, &mut today] {
            it.as_object_mut().unwrap().remove("protocol");
        }
        assert_eq!(understood, today, "{message}");
    }
}

#[test]
fn a_kind_of_step_that_is_not_known_is_not_taken_for_another() {
    let text = fs::read_to_string(folder().join("v2/lease.json")).unwrap();
    let newer = text.replace("\"kind\": \"http\"", "\"kind\": \"sql\"");
    assert!(serde_json::from_str::<Lease>(&newer).is_err());
}

#[test]
fn recordings_are_only_ever_added() {
    let sums = fs::read_to_string(folder().join("SHA256SUMS")).unwrap();
    let mut listed = Vec::new();
    for line in sums.lines() {
        let (sum, name) = line.split_once("  ").unwrap();
        let bytes = fs::read(folder().join(name)).unwrap_or_else(|_| panic!("{name} was removed"));
        let digest: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(digest, sum, "{name} was changed");
        listed.push(name.to_owned());
    }
    for version in ["v1", "v2", "ahead-by-two"] {
        for message in messages(version) {
            assert!(listed.contains(&format!("{version}/{message}.json")), "{version}/{message} is not listed");
        }
    }
}
