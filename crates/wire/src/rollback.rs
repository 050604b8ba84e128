//! Rollbacks.

use crate::reason::{Action, Ref, Status, Verdict};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Taking a release back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Rollback {
    pub id: String,
    /// Name of the release.
    pub name: String,
    pub release: Ref,
    pub environment: Ref,
    /// `undoing`, `checking`, `succeeded`, `failed`.
    pub status: Status,
    pub sentence: String,
    /// Why, in words: a person, a trigger, the judge.
    pub cause: String,
    /// The deployment that takes it back.
    pub deployment: Option<Ref>,
    pub criteria: Vec<CriterionView>,
    pub started_at: Timestamp,
    pub ended_at: Option<Timestamp>,
    pub actions: Vec<Action>,
}

/// A criterion and what it said.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CriterionView {
    pub name: String,
    /// What it asks, in words.
    pub asks: String,
    /// Null until it was checked.
    pub verdict: Option<Verdict>,
    pub detail: String,
}

/// Takes a release back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StartRollback {
    /// Id or name.
    pub release: String,
    pub reason: String,
}
