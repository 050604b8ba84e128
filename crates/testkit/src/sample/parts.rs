//! What samples are put together from. The same number always gives the same value.

use interlock_domain::reason::{Blocker, Meaning, NoteRef, Outcome, Proof, Ruling, Signature, Slot};
use interlock_ids::{Digest, Id, Identity, Kind, Name};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeSet;

/// 1 January 2026, 00:00 UTC, in milliseconds.
const START_MS: i64 = 1_767_225_600_000;

pub fn at(minutes: i64) -> Timestamp {
    Timestamp::from_millisecond(START_MS).unwrap_or_default() + SignedDuration::from_mins(minutes)
}

pub fn id<K: Kind>(number: u8) -> Id<K> {
    Id::new(START_MS as u64 + u64::from(number), [number; 10])
}

pub fn digest(number: u8) -> Digest {
    Digest([number; 32])
}

pub fn identity(number: u8) -> Identity {
    Identity([number; 32])
}

pub fn name(text: &str) -> Name {
    text.parse().expect("a sample uses names")
}

pub fn names(all: &[&str]) -> BTreeSet<Name> {
    all.iter().map(|it| name(it)).collect()
}

pub fn note(number: u8) -> NoteRef {
    NoteRef { id: id(number), digest: digest(number) }
}

pub fn slot() -> Slot {
    Slot { start: at(60), end: at(120) }
}

pub fn blocker() -> Blocker {
    Blocker {
        code: "calendar-closed".into(),
        message: "freeze `quarter-end` of calendar `finance`".into(),
        clears: "take one of the slots offered".into(),
        who: "finance".into(),
        by: Some(at(600)),
    }
}

pub fn ruling() -> Ruling {
    Ruling {
        asked: interlock_domain::reason::Asked::default(),
        outcome: Outcome::Inconclusive,
        policy_set: digest(40).to_string(),
        facts: digest(41).to_string(),
        policies: vec!["base.calendar-closed".into()],
        blockers: vec![blocker()],
    }
}

pub fn signature(meaning: Meaning) -> Signature {
    Signature { meaning, at: at(30), proof: Proof::Password, signed: digest(42) }
}
