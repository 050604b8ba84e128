//! The watch over a release.

use crate::{
    reason::{Ref, Status, Verdict},
    release::TriggerView,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The watch over a release while it is deployed and after.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Watch {
    pub id: String,
    pub release: Ref,
    /// `deploying`, `stabilising`, `passed`, `failed`, `inconclusive`, `stopped`.
    pub status: Status,
    pub started_at: Timestamp,
    /// Null while the deployment runs.
    pub ends_at: Option<Timestamp>,
    pub ended_at: Option<Timestamp>,
    /// Null until it is over.
    pub verdict: Option<Verdict>,
    pub interval_s: u32,
    /// Looks at all triggers, and those of them that gave data.
    pub looks: u32,
    pub usable: u32,
    pub triggers: Vec<TriggerView>,
}
