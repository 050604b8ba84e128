//! Emergencies: what is owed after one, and broken glasses.

use crate::{
    length::Length,
    reason::{Action, Ref, Status},
    signature::{Signature, Signing},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Approves after the event, or objects.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Ratify {
    pub reason: String,
    #[serde(default)]
    pub signature: Signing,
}

/// What is owed after an emergency.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Debt {
    pub change: Ref,
    pub release: Ref,
    /// `emergency` or `broken_glass`.
    pub cause: String,
    /// Groups that own the services in it.
    pub owners: Vec<String>,
    pub incurred_at: Timestamp,
    /// `open`, `overdue` or `paid`.
    pub status: Status,
    pub ratify_by: Timestamp,
    pub ratified: Option<Ratified>,
    pub review_by: Timestamp,
    pub review_done: bool,
    /// Digest of what is approved after the event.
    pub seen: String,
    /// `ratify` and `object`, below the change.
    pub actions: Vec<Action>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Ratified {
    /// Whether it was approved; else somebody objected.
    pub agreed: bool,
    pub reason: String,
    pub signature: Signature,
}

/// Asks for a way round gates of one release, for a time. A second person has to confirm it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BreakGlass {
    /// Names of the gates, such as `approvals`.
    pub gates: Vec<String>,
    /// For how long they are open once it is confirmed, 1 minute to 4 hours.
    pub lasts: Length,
    pub reason: String,
    #[serde(default)]
    pub signature: Signing,
}

/// Confirms a broken glass as the second person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConfirmGlass {
    pub reason: String,
    #[serde(default)]
    pub signature: Signing,
}

/// A broken glass.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Glass {
    pub id: String,
    pub release: Ref,
    pub gates: Vec<String>,
    /// `waiting`, `in_force`, `void`, `over`.
    pub status: Status,
    pub broken_by: Ref,
    pub broken_at: Timestamp,
    pub reason: String,
    pub confirmed_by: Option<Ref>,
    pub until: Option<Timestamp>,
    pub actions: Vec<Action>,
}
