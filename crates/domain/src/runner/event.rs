//! What has happened to runners.

use super::Key;
use crate::{
    core::{Subject, payload},
    reason::NoteRef,
};
use interlock_ids::{AccountId, Digest, Name};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "data")]
pub enum Event {
    #[serde(rename = "runner.invited")]
    Invited(Invited),
    #[serde(rename = "runner.invitation_withdrawn")]
    Withdrawn(Withdrawn),
    #[serde(rename = "runner.enrolled")]
    Enrolled(Enrolled),
    #[serde(rename = "runner.key_rotated")]
    KeyRotated(KeyRotated),
    #[serde(rename = "runner.revoked")]
    Revoked(Revoked),
    #[serde(rename = "runner.drained")]
    Drained(Drained),
    #[serde(rename = "runner.undrained")]
    Undrained(Undrained),
}

payload! {
    /// A runner was invited. Since 0.2.
    Invited { runner: Name, token: Digest, labels: BTreeMap<String, String>, until: Timestamp, account: Option<AccountId> }
    /// An invitation was taken back. Since 0.2.
    Withdrawn { runner: Name }
    /// A runner used its invitation. Since 0.2.
    Enrolled { runner: Name, token: Digest, key: Key, labels: BTreeMap<String, String> }
    /// A runner replaced its key. Since 0.2.
    KeyRotated {
        runner: Name,
        key: Key,
        /// Until when the former key is taken, too.
        overlap: Timestamp,
    }
    /// A runner was revoked. Since 0.2.
    Revoked { runner: Name, reason: NoteRef }
    /// A runner gets no new steps. Since 0.2.
    Drained { runner: Name }
    /// A runner gets steps again. Since 0.2.
    Undrained { runner: Name }
}

impl Event {
    pub fn kind(&self) -> &'static str {
        match self {
            Event::Invited(_) => "runner.invited",
            Event::Withdrawn(_) => "runner.invitation_withdrawn",
            Event::Enrolled(_) => "runner.enrolled",
            Event::KeyRotated(_) => "runner.key_rotated",
            Event::Revoked(_) => "runner.revoked",
            Event::Drained(_) => "runner.drained",
            Event::Undrained(_) => "runner.undrained",
        }
    }

    /// A runner has no timeline of its own; its entries are found by their kind.
    pub fn subjects(&self) -> Vec<Subject> {
        Vec::new()
    }
}
