//! Templates of standard changes.

use crate::{
    length::Length,
    reason::{Action, Ref, Status},
    signature::Signing,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Proposes a template, or another version of one, from the shape of a release that is open.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProposeTemplate {
    pub name: String,
    /// Name or id of the release.
    pub release: String,
    /// The lower bound of the success rate from which on it is trusted, 0.5 to 0.999.
    #[serde(default = "bar")]
    #[schema(minimum = 0.5, maximum = 0.999)]
    pub bar: f64,
    pub reason: String,
}

fn bar() -> f64 {
    0.9
}

/// Approves a template.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ApproveTemplate {
    pub reason: String,
    #[serde(default)]
    pub signature: Signing,
}

/// A template.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Template {
    pub name: String,
    pub version: u32,
    /// `proposed`, `probation`, `earned` or `withdrawn`.
    pub status: Status,
    pub environment: Ref,
    pub services: Vec<String>,
    pub pipeline: String,
    /// `big_bang` or `phased`.
    pub model: String,
    pub length: Length,
    pub from: Ref,
    pub reason: String,
    pub proposed_by: Ref,
    pub proposed_at: Timestamp,
    pub approved_by: Option<Ref>,
    pub approved_at: Option<Timestamp>,
    /// Of the last 100 releases that used it: how many, and how many went well.
    pub uses: u32,
    pub good: u32,
    /// Lower bound of the success rate, 95 % one-sided.
    pub lower: f64,
    pub bar: f64,
    /// Uses without a failure that would make it trusted; 0 if it is.
    pub still_needed: u32,
    /// The last 20 uses, oldest first.
    pub record: Vec<Use>,
    pub actions: Vec<Action>,
}

/// A release that used a template.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Use {
    pub release: Ref,
    pub good: bool,
}
