//! Errors as RFC 9457 problem details, `application/problem+json`.

use crate::reason::{Blocker, Span};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Why a request was not carried out: every reason at once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// Where the code is explained.
    #[serde(rename = "type")]
    pub kind: String,
    /// What kind of problem it is, the same for every occurrence.
    pub title: String,
    /// The HTTP status.
    #[schema(minimum = 400, maximum = 599)]
    pub status: u16,
    /// What happened, to what.
    pub detail: String,
    /// Stable.
    pub code: String,
    /// What stands in the way, and what clears it.
    #[serde(default)]
    pub blockers: Vec<Blocker>,
    /// Times that would do instead, if it is a matter of time.
    #[serde(default)]
    pub slots: Vec<Span>,
    /// Places in what was sent that are wrong.
    #[serde(default)]
    pub faults: Vec<Fault>,
    /// To be quoted when asking for help; the server's log carries it.
    #[serde(default)]
    pub request_id: Option<String>,
}

/// One place in what was sent, and what is wrong there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Fault {
    /// Field, as `spec.items[0].service`, or what is known of it.
    pub field: Option<String>,
    /// 1-based, in a file of several documents counted from the file's beginning.
    pub line: Option<u32>,
    pub column: Option<u32>,
    pub message: String,
}
