//! Reviews, and the DORA figures.

use crate::reason::{Action, Ref, Severity, Status};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// A review of a release that went wrong. It blocks the next release of the same services until it is done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Review {
    pub id: String,
    /// Name of the release.
    pub name: String,
    pub release: Ref,
    pub services: Vec<String>,
    pub status: Status,
    /// What happened, in one sentence.
    pub why: String,
    pub opened_at: Timestamp,
    pub due_at: Timestamp,
    pub done_at: Option<Timestamp>,
    pub done_by: Option<Ref>,
    pub root_cause: Option<String>,
    pub factors: Vec<String>,
    pub follow_ups: Vec<FollowUp>,
    /// Releases it stands in the way of.
    pub blocks: Vec<Ref>,
    pub actions: Vec<Action>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct FollowUp {
    pub text: String,
    pub owner: Ref,
    pub due_at: Timestamp,
}

/// Says what was found and what will be done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CompleteReview {
    pub root_cause: String,
    #[serde(default)]
    pub factors: Vec<String>,
    /// At least one.
    pub actions: Vec<FollowUpSpec>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FollowUpSpec {
    pub text: String,
    /// Login or id.
    pub owner: String,
    pub due: Timestamp,
}

/// Which reviews.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ReviewQuery {
    /// `open` or `done`.
    pub status: Option<String>,
    pub cursor: Option<String>,
    #[param(minimum = 1, maximum = 500)]
    pub limit: Option<u32>,
}

/// Which stretch of time, which services, which environments; the last 90 days and everything if absent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct DoraParams {
    pub from: Option<Timestamp>,
    pub to: Option<Timestamp>,
    pub service: Option<String>,
    pub environment: Option<String>,
}

/// The figures of the DORA research programme, computed from the ledger.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Dora {
    pub from: Timestamp,
    pub to: Timestamp,
    /// Of the intervals, such as 0.95.
    pub confidence: f64,
    pub figures: Vec<Figure>,
}

/// One figure with its interval and the observations behind it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Figure {
    /// `deployment_frequency`, `lead_time`, `change_failure_rate`, `time_to_recover`.
    pub key: String,
    pub label: String,
    /// What is counted, from what to what.
    pub definition: String,
    /// `per_day`, `seconds`, `ratio`.
    pub unit: String,
    /// Null if there is nothing to say yet.
    pub value: Option<f64>,
    pub low: Option<f64>,
    pub high: Option<f64>,
    /// The value in words.
    pub display: String,
    /// How many observations stand behind it.
    pub sample: u64,
    pub severity: Severity,
    /// At most 1,000, the newest first.
    pub observations: Vec<Observation>,
}

/// One observation behind a figure.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Observation {
    /// The entry it was read from.
    pub position: u64,
    pub at: Timestamp,
    pub release: Option<Ref>,
    pub environment: Option<Ref>,
    /// In the figure's unit.
    pub value: f64,
    pub detail: String,
}
