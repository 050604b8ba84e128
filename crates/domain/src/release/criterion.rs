//! Criteria of a release: what evidence has to show about every build in it before it may ship.
//!
//! Deliberately absent: criteria of a rollback (`RollbackPlan`), which are about targets after it.

use crate::artifact::{FindingSeverity, Meaning};
use interlock_ids::{AccountId, Name};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// One thing that has to be shown.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReleaseCriterion {
    pub name: Name,
    /// The services whose builds it asks about; empty: every service of the scope.
    pub services: BTreeSet<Name>,
    pub asks: Asks,
    /// Whose signature the evidence has to bear.
    pub signature: Option<SignatureRule>,
}

/// What evidence has to show. `evidence` is the name under which it is attached, `fresh_s` how old it may be, in seconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Asks {
    /// No commit is younger than this, save those that are excepted by name.
    CodeFreeze { at: Timestamp },
    /// Enough tests ran, and few enough failed or were skipped.
    Tests { evidence: Name, fresh_s: u32, at_least: u32, failed_at_most: u32, skipped_at_most: Option<u32> },
    /// Few enough findings of each severity. What no limit names may be there; severities that are not told may not.
    Findings {
        evidence: Name,
        fresh_s: u32,
        limits: BTreeMap<FindingSeverity, Limit>,
        /// The name of OpenVEX evidence whose statements are believed; none: no such statement changes anything.
        vex: Option<Name>,
    },
    /// A bill of materials that names enough, and knows enough of it.
    Components { evidence: Name, fresh_s: u32, at_least: u32, identified_percent: u32 },
    /// A statement of this kind, signed by one of these keys.
    Statement { evidence: Name, fresh_s: u32, predicate: String, keys: BTreeSet<Name> },
}

/// How many findings of a severity there may be that are older than `after_s`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limit {
    pub at_most: u32,
    /// Younger ones do not count yet, in seconds.
    pub after_s: u32,
}

/// Whose signature it takes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignatureRule {
    pub meaning: Meaning,
    /// One of these persons; both empty: anybody who may sign.
    pub by: BTreeSet<AccountId>,
    /// Or somebody in one of these groups.
    pub groups: BTreeSet<Name>,
    /// By somebody who wrote none of the build.
    pub independent: bool,
}

impl Asks {
    /// The name of the evidence, where it is not Git itself.
    pub fn evidence(&self) -> Option<(&Name, u32)> {
        match self {
            Asks::CodeFreeze { .. } => None,
            Asks::Tests { evidence, fresh_s, .. }
            | Asks::Findings { evidence, fresh_s, .. }
            | Asks::Components { evidence, fresh_s, .. }
            | Asks::Statement { evidence, fresh_s, .. } => Some((evidence, *fresh_s)),
        }
    }

    /// The word policies know it by.
    pub fn word(&self) -> &'static str {
        match self {
            Asks::CodeFreeze { .. } => "code-freeze",
            Asks::Tests { .. } => "tests",
            Asks::Findings { .. } => "findings",
            Asks::Components { .. } => "components",
            Asks::Statement { .. } => "statement",
        }
    }
}
