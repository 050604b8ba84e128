//! The live feed: server-sent events that resume by ledger position.

use crate::reason::Subject;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Where to begin. The header `Last-Event-ID` says the same, and goes first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct LiveQuery {
    /// Entries from this position on; only what comes from now on if absent.
    pub from: Option<u64>,
}

/// The data of one event `entries`: something was appended. Its `id` is `position_to`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LiveEntries {
    /// First of the new entries.
    pub position_from: u64,
    /// One past the last of them.
    pub position_to: u64,
    pub kinds: Vec<String>,
    /// What they are about: read these again.
    pub subjects: Vec<Subject>,
}
