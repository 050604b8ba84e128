//! What if: when releases would ship, and what they would wait for. Nothing is written by asking.

use crate::{calendar::ScopeSpec, length::Length, reason::Ref};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// A question about the open releases of this moment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Simulate {
    /// How far ahead is looked, at most 90 days.
    pub ahead: Length,
    /// Courses that are tried, 1 to 500.
    pub runs: u32,
    /// The same question with the same seed has the same answer, as long as nothing is written meanwhile.
    pub seed: u64,
    pub assume: Assume,
    pub what_if: WhatIf,
}

impl Default for Simulate {
    fn default() -> Self {
        Self { ahead: Length(14 * 86_400), runs: 40, seed: 1, assume: Assume::default(), what_if: WhatIf::default() }
    }
}

/// How long things take, in the median. What is left out is taken from what was, or, where too little is known, assumed; the
/// answer says which.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Assume {
    /// Until somebody decides on a change.
    pub approval: Option<Length>,
    /// Until somebody gets to anything else: planning, authorising, starting.
    pub act: Option<Length>,
    /// One step on one target.
    pub step: Option<Length>,
    /// Share of judged waves that fail, 0 to 1.
    pub failing: Option<f64>,
}

/// What is changed. Empty: only the present is looked at.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct WhatIf {
    pub away: Vec<Absence>,
    pub freezes: Vec<AssumedFreeze>,
    /// Windows that are left out, as `calendar/window`.
    pub without: Vec<String>,
    /// Roles that somebody has in addition.
    pub roles: Vec<AssumedRole>,
    /// By release: nothing of it happens before.
    pub not_before: BTreeMap<String, Timestamp>,
}

/// One person, or everybody with a role, is away.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Absence {
    /// Login or id of an account.
    #[serde(default)]
    pub account: Option<String>,
    /// Everybody who has this role, such as `approver`: the board is absent.
    #[serde(default)]
    pub role: Option<String>,
    pub from: Timestamp,
    pub until: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AssumedFreeze {
    pub start: Timestamp,
    pub end: Timestamp,
    #[serde(default)]
    pub scope: ScopeSpec,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AssumedRole {
    /// Login or id of an account.
    pub account: String,
    pub role: String,
}

/// When releases would ship.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Simulation {
    /// The number of entries the answer rests on.
    pub position: u64,
    pub from: Timestamp,
    pub until: Timestamp,
    pub runs: u32,
    pub seed: u64,
    pub assumptions: Vec<Assumption>,
    pub releases: Vec<Prospect>,
}

/// Something the answer rests on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Assumption {
    pub name: String,
    pub value: String,
    /// `stated`, `history` or `default`.
    pub source: String,
    /// Of history: how many were seen.
    pub seen: u32,
}

/// One release, as things are and with what is changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Prospect {
    pub release: Ref,
    pub environment: String,
    /// The stage it is in now.
    pub stage: String,
    pub before: Outlook,
    /// Null if nothing is changed.
    pub after: Option<Outlook>,
    /// How much later half of the courses ship with what is changed, in seconds; negative: earlier. Null if that cannot be told.
    pub later_s: Option<i64>,
}

/// How a release fares.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Outlook {
    /// `ships` (in every course), `does_not` (in none, and something stands in the way that does not pass by itself), or
    /// `cannot_tell`.
    pub answer: String,
    /// Share of courses in which it shipped, 0 to 1.
    pub shipped: f64,
    /// One in ten of those ships before this.
    pub p10: Option<Timestamp>,
    pub p50: Option<Timestamp>,
    /// Nine in ten of those ship before this.
    pub p90: Option<Timestamp>,
    /// What it waits for, the longest first.
    pub waits: Vec<Waiting>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Waiting {
    /// A blocker's code, or `people`, `approval`, `window`, `steps`, `judging`, `bake`.
    pub code: String,
    pub message: String,
    /// Share of courses in which it is waited for.
    pub share: f64,
    /// For how long, in the median of those, in seconds.
    pub median_s: u64,
}
