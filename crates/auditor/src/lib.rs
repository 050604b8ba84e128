//! An auditor of its own: reads the bytes of a ledger's entries, and what targets and clients saw themselves, and finds what
//! must not be.
//!
//! Invariants: it imports nothing of ours, so it cannot share a rule, a type or a mistake with what it audits; it is told
//! things in the order in which they truly happened; a finding names the rule that was broken, the entry, and what was wrong.
//! Deliberately absent: policies. The rules here are those that hold with the packs shipped, written down a second time.

mod book;
mod calendar;
mod change;
mod deployment;
mod evidence;
mod governance;
mod liveness;
mod outside;
mod people;
mod read;
mod root;
mod scope;

pub use outside::{Acknowledged, Effect};
pub use root::Roots;

use book::Book;
use jiff::Timestamp;
use read::{Entry, by};
use serde_json::Value;
use std::collections::BTreeMap;

/// Something that must not be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The rule that was broken, such as `closed-window`.
    pub rule: &'static str,
    /// The entry that shows it; `None` if it shows outside the ledger.
    pub position: Option<u64>,
    pub text: String,
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.position {
            Some(position) => write!(f, "{} at entry {position}: {}", self.rule, self.text),
            None => write!(f, "{}: {}", self.rule, self.text),
        }
    }
}

/// How much was looked at: a rule that was never put to the test has shown nothing.
pub type Tally = BTreeMap<&'static str, u64>;

/// The auditor of one ledger.
#[derive(Default)]
pub struct Auditor {
    book: Book,
    roots: Roots,
    next: u64,
    findings: Vec<Finding>,
    tally: Tally,
    seen: outside::Seen,
    /// When it last looked for what is overdue.
    looked_at: Option<Timestamp>,
}

impl Auditor {
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes in the next entry, as stored.
    pub fn entry(&mut self, position: u64, body: &[u8]) {
        if position != self.next {
            let text = format!("entry {position} follows entry {}", self.next.saturating_sub(1));
            self.find("gapless", Some(position), text);
        }
        self.next = position + 1;
        self.roots.push(body);
        self.seen.stored(position, body);
        let value: Value = match serde_json::from_slice(body) {
            Ok(value) => value,
            Err(error) => return self.find("readable", Some(position), format!("the entry is no JSON: {error}")),
        };
        let Some(entry) = Entry::read(position, &value) else {
            return self.find("readable", Some(position), "the entry has not the form of a record");
        };
        self.actor(&entry);
        self.overdue_times(&entry);
        let room = entry.kind.split('.').next().unwrap_or_default();
        match room {
            "people" => self.people(&entry),
            "catalog" | "calendar" | "environment" | "artifact" => self.scope(&entry),
            "change" | "release" => self.change(&entry),
            "board" | "template" | "emergency" => self.governance(&entry),
            "deployment" => self.deployment(&entry),
            "verification" | "operations" | "rollback" | "learning" => self.evidence(&entry),
            "policy" | "reason" | "runner" | "intake" => {}
            _ => self.find("readable", Some(position), format!("`{}` is of no known room", entry.kind)),
        }
    }

    /// The number of entries and the root over them (RFC 6962), as this auditor computes it.
    pub fn root(&self) -> (u64, [u8; 32]) {
        (self.next, self.roots.root())
    }

    /// What must not be, so far.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// How often each rule was put to the test.
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// Says that something is wrong which somebody else has found, such as two worlds that differ.
    pub fn report(&mut self, rule: &'static str, text: impl Into<String>) {
        self.find(rule, None, text);
    }

    pub(crate) fn find(&mut self, rule: &'static str, position: Option<u64>, text: impl Into<String>) {
        // The first of a kind tells the story; a thousand more would only hide the others.
        if self.findings.len() < 200 {
            self.findings.push(Finding { rule, position, text: text.into() });
        }
    }

    /// One test of a rule: counted, and found if it failed.
    pub(crate) fn must(&mut self, rule: &'static str, entry: &Entry<'_>, good: bool, wrong: impl FnOnce() -> String) {
        *self.tally.entry(rule).or_default() += 1;
        if !good {
            self.find(rule, Some(entry.position), wrong());
        }
    }

    /// Whoever acts has an open account, with a role that may do this.
    fn actor(&mut self, entry: &Entry<'_>) {
        let Some(account) = by(entry) else { return };
        let Some(known) = self.book.accounts.get(account) else {
            // The first account makes itself known by its own entry.
            return;
        };
        let (closed, roles, robot) = (known.closed, known.roles.clone(), known.owner.is_some());
        self.must("closed-account", entry, !closed || entry.kind == "reason.refused", || {
            format!("{account} is closed and did {}", entry.kind)
        });
        let wanted = people::roles_for(entry.kind);
        if wanted.is_empty() || entry.kind == "change.decided" || entry.kind == "deployment.started" {
            return;
        }
        let has = wanted.iter().any(|role| roles.contains(*role)) || robot && entry.kind == "artifact.registered";
        self.must("role", entry, has, || format!("{account} did {} and has the roles {roles:?}", entry.kind));
    }
}

/// A moment as the ledger writes it.
pub(crate) fn moment(value: &Value) -> Option<Timestamp> {
    value.as_str()?.parse().ok()
}
