//! Controls: what laws and standards ask for, and reports of what came of it.

use crate::reason::{Ref, Verdict};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// The catalogues that come with the server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Controls {
    pub catalogues: Vec<CatalogueView>,
    /// Digest of the policy set in force.
    pub policy_set: Option<String>,
}

/// What a law or standard asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CatalogueView {
    pub pack: String,
    pub title: String,
    pub source: String,
    /// Classes of data to which it applies; empty: any.
    pub data_classes: Vec<String>,
    /// Whether its pack is in force.
    pub in_force: bool,
    /// Services to which it applies by the data they handle.
    pub services: Vec<Ref>,
    pub controls: Vec<ControlView>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ControlView {
    pub id: String,
    pub title: String,
    /// Gates that guard it.
    pub gates: Vec<String>,
    /// Policies that decide.
    pub policies: Vec<PolicyRef>,
    pub evidence: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PolicyRef {
    pub id: String,
    pub in_force: bool,
}

/// How a report is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReportFormat {
    #[default]
    Json,
    Html,
    Csv,
}

/// Which report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ReportQuery {
    /// Beginning of the period.
    pub from: Timestamp,
    /// End of the period, which does not belong to it.
    pub to: Timestamp,
    /// One pack only.
    pub pack: Option<String>,
    #[serde(default)]
    pub format: ReportFormat,
}

/// A report over a period: every deployment that began in it, and what each control that applied came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ControlReport {
    pub organisation: String,
    pub from: Timestamp,
    pub to: Timestamp,
    pub made_at: Timestamp,
    pub made_by: Ref,
    /// The ledger it was made from: name, entries, root of its tree.
    pub origin: String,
    pub size: u64,
    pub root: String,
    /// Every deployment of the period, those that took something back included.
    pub population: u64,
    pub totals: Vec<ControlTotal>,
    pub changes: Vec<ChangeRow>,
}

/// One control over the whole population.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ControlTotal {
    pub pack: String,
    pub control: String,
    pub title: String,
    pub gates: Vec<String>,
    pub policies: Vec<String>,
    pub evidence: String,
    /// Deployments to which it applied.
    pub applied: u64,
    pub passed: u64,
    pub failed: u64,
    pub inconclusive: u64,
    /// Deployments to which it applied and that have an exception.
    pub with_exception: u64,
}

/// One deployment of the population.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ChangeRow {
    pub deployment: String,
    pub position: u64,
    pub at: Timestamp,
    /// `forward`, or `back`: it took another deployment back.
    pub direction: String,
    pub release: Ref,
    pub environment: String,
    pub class: Option<String>,
    pub services: Vec<String>,
    /// Null if it is not known.
    pub data_classes: Option<Vec<String>>,
    pub requested_by: Option<Ref>,
    pub authors: Vec<Ref>,
    pub approved_by: Vec<Ref>,
    /// Who attached evidence about what it shipped.
    pub tested_by: Vec<Ref>,
    /// Who signed evidence, and as what.
    pub signed_by: Vec<String>,
    pub started_by: Option<Ref>,
    pub ended_at: Option<Timestamp>,
    pub result: Option<String>,
    pub refusals: u32,
    pub controls: Vec<ControlOutcome>,
    pub exceptions: Vec<ExceptionRow>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ControlOutcome {
    pub pack: String,
    pub control: String,
    pub verdict: Verdict,
    pub why: String,
    /// Position of the entry it rests on.
    pub position: Option<u64>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ExceptionRow {
    pub position: u64,
    pub at: Timestamp,
    pub what: String,
    pub by: Option<Ref>,
    pub reason: Option<String>,
}
