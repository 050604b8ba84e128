//! The activity log: who did what, from where, when, under which change, on which targets.

use crate::{ledger::EntryRow, reason::Ref};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Which activity, the newest first. Filters are combined: all must fit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ActivityQuery {
    /// Login or id of an account, `runner:<name>`, or `system`.
    pub actor: Option<String>,
    /// Id of a change: the change, its release and its deployments.
    pub change: Option<String>,
    /// Name or id of a release: the release, its change and its deployments.
    pub release: Option<String>,
    pub environment: Option<String>,
    /// A target of an environment: steps on it, and what was found there.
    pub target: Option<String>,
    /// A kind such as `release.planned`, or the room alone: `release`.
    pub kind: Option<String>,
    pub from: Option<Timestamp>,
    pub to: Option<Timestamp>,
    /// Words that occur in the sentence.
    pub q: Option<String>,
    pub cursor: Option<String>,
    #[param(minimum = 1, maximum = 500)]
    pub limit: Option<u32>,
}

/// Something that was done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Activity {
    #[serde(flatten)]
    pub row: EntryRow,
    /// Everything one command caused carries the same.
    pub submission: String,
    /// The change under which it was done.
    pub change: Option<Ref>,
    pub release: Option<Ref>,
    pub environment: Option<String>,
    pub targets: Vec<String>,
    /// From where; null if it did not come in over HTTP, is older than 400 days, was erased, or is not yours to see.
    pub origin: Option<ActivityOrigin>,
    /// Digests of the output of steps, and of other evidence: `GET /blobs/<digest>`.
    pub evidence: Vec<String>,
}

/// From where something was done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ActivityOrigin {
    pub address: Option<String>,
    /// What the client says it is.
    pub agent: Option<String>,
    /// The token it came with; null for a session of the page.
    pub token: Option<String>,
}

/// What to export, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ExportQuery {
    /// `csv` (RFC 4180, with titles), `jsonl` (one object per line, the default) or `cef` (Common Event Format, version 0).
    pub form: Option<String>,
    /// With names, texts and addresses. Needs the permission `activity.origins`. Without, accounts appear by their ids.
    pub personal: Option<bool>,
    /// The position to begin with.
    #[param(minimum = 0)]
    pub after: Option<u64>,
    pub actor: Option<String>,
    pub change: Option<String>,
    pub release: Option<String>,
    pub environment: Option<String>,
    pub target: Option<String>,
    pub kind: Option<String>,
    pub from: Option<Timestamp>,
    pub to: Option<Timestamp>,
    pub q: Option<String>,
    /// Entries looked through, 1 to 10,000; 10,000 if absent. The header `X-Next-After` says where to go on.
    #[param(minimum = 1, maximum = 10000)]
    pub count: Option<u64>,
}
