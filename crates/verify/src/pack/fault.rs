//! What a check found: outcomes, and faults with the place they are at.
//!
//! **Invariant:** codes are stable and have a page each, `docs/errors/<code>.md`. V001 to V029 mean that the pack is not what was made;
//! V030 and above, that something was not shown.

use serde::Serialize;

/// Three outcomes; only one is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Pass,
    /// Not shown, either way.
    Inconclusive,
    Fail,
}

impl Outcome {
    /// 0, 1 for a failure, 3 for inconclusive.
    pub fn exit_code(self) -> u8 {
        match self {
            Outcome::Pass => 0,
            Outcome::Fail => 1,
            Outcome::Inconclusive => 3,
        }
    }
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Outcome::Pass => "pass",
            Outcome::Fail => "fail",
            Outcome::Inconclusive => "inconclusive",
        })
    }
}

/// Something that is not as it should be, or not shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fault {
    pub code: &'static str,
    /// File within the pack.
    pub file: String,
    /// Position in the ledger, where it has one.
    pub position: Option<u64>,
    pub message: String,
}

impl Fault {
    pub(crate) fn new(code: &'static str, file: &str, message: impl Into<String>) -> Self {
        Self { code, file: file.into(), position: None, message: message.into() }
    }

    pub(crate) fn at(mut self, position: u64) -> Self {
        self.position = Some(position);
        self
    }

    /// Whether this says that the pack is not what was made, rather than that something was not shown.
    pub fn is_damage(&self) -> bool {
        self.code < "V030"
    }
}

/// One question, answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    pub name: &'static str,
    pub outcome: Outcome,
    /// What was shown, or why not, in one sentence.
    pub told: String,
    pub faults: Vec<Fault>,
}

/// Everything a check of a pack has to say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    pub outcome: Outcome,
    pub checks: Vec<Check>,
}

impl Report {
    pub(crate) fn of(checks: Vec<Check>) -> Self {
        let outcome = checks.iter().map(|it| it.outcome).max().unwrap_or(Outcome::Inconclusive);
        Self { outcome, checks }
    }

    /// All faults, in the order of the checks.
    pub fn faults(&self) -> impl Iterator<Item = &Fault> {
        self.checks.iter().flat_map(|it| &it.faults)
    }
}

impl Check {
    /// The outcome follows from the faults: none passes, damage fails, anything else is inconclusive.
    pub(crate) fn new(name: &'static str, told: impl Into<String>, faults: Vec<Fault>) -> Self {
        let worst = |it: &Fault| if it.is_damage() { Outcome::Fail } else { Outcome::Inconclusive };
        let outcome = faults.iter().map(worst).max().unwrap_or(Outcome::Pass);
        let told = match faults.as_slice() {
            [] => told.into(),
            [only] => only.message.clone(),
            [first, rest @ ..] => format!("{} (and {} more)", first.message, rest.len()),
        };
        Self { name, outcome, told, faults }
    }
}
