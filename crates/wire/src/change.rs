//! Changes: class, impact, authors, approvals, conditions.

use crate::reason::{Action, Ref, Ruling, Status};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// ITIL's classes of change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    Standard,
    Normal,
    Emergency,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    Low,
    Medium,
    High,
}

/// A change in a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ChangeRow {
    pub id: String,
    /// Name of the release that carries it.
    pub name: String,
    pub summary: String,
    pub release: Ref,
    pub class: Class,
    pub impact: Level,
    pub services: Vec<String>,
    /// Who wrote what is in it, from Git.
    pub authors: Vec<Ref>,
    pub status: Status,
    pub opened_at: Timestamp,
    pub approvals: u32,
    pub approvals_required: u32,
    pub open_conditions: u32,
}

/// A change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Change {
    #[serde(flatten)]
    pub row: ChangeRow,
    pub requested_by: Option<Ref>,
    pub impact_detail: Impact,
    pub co_authors: Vec<Ref>,
    /// Addresses of authors that belong to no account: how many.
    pub unknown_authors: u32,
    pub commits: u64,
    pub decisions: Vec<Approval>,
    pub conditions: Vec<Condition>,
    pub actions: Vec<Action>,
}

/// What is at stake.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Impact {
    pub level: Level,
    pub users: u64,
    pub revenue_per_hour: u64,
    pub data_classes: Vec<String>,
    /// Services that depend on those touched, directly or not.
    pub dependants: Vec<String>,
    /// Why the level is what it is.
    pub reasons: Vec<String>,
}

/// `approve` or `reject`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    Approve,
    Reject,
}

/// One person's decision.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Approval {
    pub person: Ref,
    pub on_behalf_of: Option<Ref>,
    pub decision: Decision,
    /// `approved`, `approved with conditions`, `rejected`, `withdrawn`.
    pub status: Status,
    pub reason: String,
    pub conditions: Vec<Condition>,
    pub at: Timestamp,
    pub ruling: Ruling,
}

/// What somebody attached to an approval: a gate until it is met.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Condition {
    pub id: String,
    pub text: String,
    pub by: Ref,
    pub status: Status,
    pub met_by: Option<Ref>,
    pub met_at: Option<Timestamp>,
    pub evidence: Option<String>,
}

/// Approves a change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Approve {
    pub reason: String,
    /// Texts of conditions; each becomes a gate. At most 20.
    #[serde(default)]
    pub conditions: Vec<String>,
    /// Login or id of whoever delegated the decision.
    #[serde(default)]
    pub on_behalf_of: Option<String>,
}

/// Rejects a change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Reject {
    pub reason: String,
    #[serde(default)]
    pub on_behalf_of: Option<String>,
}

/// Says that a condition is met, and how one can see that.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MeetCondition {
    pub evidence: String,
}

/// Which changes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ChangeQuery {
    /// `open`, `rejected`, `closed`.
    pub status: Option<String>,
    pub class: Option<Class>,
    pub cursor: Option<String>,
    #[param(minimum = 1, maximum = 500)]
    pub limit: Option<u32>,
}
