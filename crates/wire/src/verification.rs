//! Canary analyses.

use crate::reason::{Action, Ref, Status, Verdict};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// An analysis: the new version against the old.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Analysis {
    pub id: String,
    /// Name of the release and of the wave.
    pub name: String,
    pub release: Ref,
    pub deployment: Ref,
    pub environment: Ref,
    pub wave: u32,
    pub status: Status,
    /// Null until there is one.
    pub verdict: Option<Verdict>,
    pub sentence: String,
    pub started_at: Timestamp,
    pub ended_at: Option<Timestamp>,
    pub interval_s: u32,
    /// Looks after which the answer is inconclusive.
    pub horizon: u32,
    pub horizon_at: Timestamp,
    pub at_least: u32,
    pub summary: Option<AnalysisSummary>,
    pub compared: Vec<Compared>,
    /// What a person decided after an inconclusive verdict.
    pub resolution: Option<Resolution>,
    /// Blob with the whole course of evidence.
    pub evidence: Option<String>,
    pub actions: Vec<Action>,
}

/// The verdict in figures.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AnalysisSummary {
    pub text: String,
    /// log10 of the evidence that the new version is worse; convicts at 2.
    pub log10_evidence: f64,
    pub looks: u32,
    /// Looks at which both versions could be measured.
    pub usable: u32,
    pub requests_new: u64,
    pub requests_old: u64,
    /// Indicators that are worse, the worst first.
    pub culprits: Vec<String>,
    /// Bad requests that would not have been, so far.
    pub excess_bad_requests: f64,
}

/// One service's new and old targets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Compared {
    pub service: Ref,
    pub new: Vec<String>,
    pub old: Vec<String>,
    pub new_version: Option<String>,
    pub old_version: Option<String>,
}

/// The course of an analysis, look by look, as the judge keeps it; live while it runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Course {
    pub analysis: Ref,
    pub complete: bool,
    /// Null before the first look.
    #[schema(value_type = Option<Object>)]
    pub course: Option<serde_json::Value>,
}

/// What a person decides when the judge could not tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Resolution {
    Proceed,
    Rollback,
    MeasureAgain,
}

/// Decides what the judge could not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ResolveAnalysis {
    pub resolution: Resolution,
    pub reason: String,
}
