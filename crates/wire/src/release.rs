//! Releases: what is to ship, when, how, under which gates, and all that has become of it.

use crate::{
    artifact::{Commit, SignatureCheck},
    change::{Change, Class},
    length::{Amount, Length},
    reason::{Action, Blocker, Ref, Ruling, Severity, Span, Status, Verdict},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// A release in a manifest of kind `Release`; `metadata.name` is its name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReleaseSpec {
    pub environment: String,
    pub class: Class,
    /// What it is for; kept outside the ledger, where it can be erased.
    pub summary: String,
    pub items: Vec<ItemSpec>,
    pub pipeline: String,
    #[serde(default)]
    pub model: ModelSpec,
    /// Length of the window it needs.
    pub length: Length,
    #[serde(default)]
    pub triggers: Vec<TriggerSpec>,
    #[serde(default)]
    pub rollback: RollbackSpec,
    pub watch: WatchSpec,
    /// What evidence has to show about every build before it ships.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub criteria: Vec<crate::criterion::ReleaseCriterionSpec>,
}

/// One service and the build of it that is to ship: by `digest`, or by `version` if only one build has that.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ItemSpec {
    pub service: String,
    #[serde(default)]
    pub version: Option<String>,
    #[serde(default)]
    pub digest: Option<String>,
}

/// How it ships: exactly one of the two; a big bang if neither is given.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ModelSpec {
    /// All targets in one wave.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub big_bang: Option<BigBang>,
    /// Wave after wave.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phased: Option<Phased>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BigBang {}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Phased {
    pub waves: Vec<WaveSpec>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WaveSpec {
    pub name: String,
    /// How many of each service's targets.
    pub take: Amount,
    /// Weight of a target of this wave in its router while the wave is judged, 0 to 100: `${wave.weight}`.
    #[serde(default)]
    #[schema(maximum = 100)]
    pub weight: Option<u32>,
    /// Time to wait after the wave before the next.
    #[serde(default)]
    pub bake: Length,
    /// Judged against the old version before the next wave begins.
    #[serde(default)]
    pub canary: Option<CanarySpec>,
}

/// How old and new are compared.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CanarySpec {
    /// Time between two looks.
    pub interval: Length,
    /// Looks after which the answer is inconclusive.
    pub horizon: u32,
    /// Looks before which nothing passes.
    pub at_least: u32,
    pub on_inconclusive: OnInconclusive,
    #[serde(default)]
    pub margins: Margins,
}

/// What counts as harm: a wave passes only if the new version is shown to be better than this.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Margins {
    /// Additional errors per request, such as 0.001 for a tenth of a percentage point.
    pub errors: f64,
    /// Relative rise of the median duration, such as 0.2 for 20 %.
    pub latency_p50: f64,
    pub latency_p90: f64,
    pub latency_p99: f64,
}

impl Default for Margins {
    fn default() -> Self {
        Self { errors: 0.001, latency_p50: 0.2, latency_p90: 0.2, latency_p99: 0.4 }
    }
}

/// What is done when the judge could not tell by the horizon.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnInconclusive {
    /// A person decides.
    Hold,
    Rollback,
}

/// A figure that is watched: exactly one of the three.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct IndicatorSpec {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_ratio: Option<ErrorRatio>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latency: Option<Latency>,
    /// The first value a PromQL expression gives.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub promql: Option<String>,
}

/// Errors over requests of a service within the last `window`, 0 to 1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ErrorRatio {
    pub service: String,
    pub window: Length,
}

/// A quantile (0 to 1) of the request duration, in seconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Latency {
    pub service: String,
    pub quantile: f64,
    pub window: Length,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Comparison {
    Above,
    Below,
}

/// What a trigger does: `page` tells its owner, and a person decides; `rollback` starts the rollback.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TriggerAction {
    Page,
    Rollback,
}

/// What takes the release back, and who answers for it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TriggerSpec {
    pub name: String,
    pub indicator: IndicatorSpec,
    pub comparison: Comparison,
    pub threshold: f64,
    /// For how long it has to hold without a break.
    #[serde(rename = "for", default)]
    pub for_: Length,
    pub action: TriggerAction,
    /// Login of who answers for it.
    #[serde(default)]
    pub owner: Option<String>,
    /// Login of who does if the owner cannot.
    #[serde(default)]
    pub deputy: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RollbackSpec {
    /// What must be true after a rollback for it to have worked.
    pub criteria: Vec<CriterionSpec>,
}

/// One criterion: exactly one of `http`, `reports`, `metric`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CriterionSpec {
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http: Option<HttpCriterion>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reports: Option<ReportsCriterion>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metric: Option<MetricCriterion>,
}

/// Availability: every target that was taken back answers `path` with a 2xx status.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct HttpCriterion {
    pub path: String,
}

/// Configuration: every target that was taken back reports the former digest at `path`, at a JSON pointer (RFC 6901).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReportsCriterion {
    pub path: String,
    pub pointer: String,
}

/// A figure is on the right side of a threshold.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MetricCriterion {
    pub indicator: IndicatorSpec,
    pub comparison: Comparison,
    pub threshold: f64,
}

/// How long and how often a release is watched after it is everywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WatchSpec {
    pub length: Length,
    pub interval: Length,
}

/// Puts a release together, and plans it at once if `start` is given: both or neither.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DraftRelease {
    /// 1 to 63 characters of a-z, 0-9 and `-`; never used before.
    pub name: String,
    pub spec: ReleaseSpec,
    #[serde(default)]
    pub start: Option<Timestamp>,
}

/// Gives a release a window that begins at `start`; again, to move it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PlanRelease {
    pub start: Timestamp,
}

/// Which releases.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ReleaseQuery {
    /// A stage (`draft`, `planned`, `frozen`, `ready`, `authorised`, `deploying`, `stabilising`, `closed`, `rolled_back`,
    /// `cancelled`), or `open` for all whose life is not over, or `ended`.
    pub state: Option<String>,
    pub environment: Option<String>,
    pub service: Option<String>,
    /// Part of the name.
    pub q: Option<String>,
    pub cursor: Option<String>,
    #[param(minimum = 1, maximum = 500)]
    pub limit: Option<u32>,
}

/// A release in a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ReleaseRow {
    pub id: String,
    pub name: String,
    pub summary: String,
    pub class: Class,
    pub status: Status,
    /// The state in one sentence.
    pub sentence: String,
    /// `big_bang` or `phased`.
    pub model: String,
    pub environment: Ref,
    pub services: Vec<String>,
    /// Who put it together.
    pub owner: Option<Ref>,
    pub window: Option<Span>,
    pub created_at: Timestamp,
    /// When it reached the stage it is in.
    pub updated_at: Timestamp,
}

/// A release, its whole life on one page.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Release {
    #[serde(flatten)]
    pub row: ReleaseRow,
    pub spec: ReleaseSpec,
    /// The stages of a life in order; those reached say when.
    pub life: Vec<LifeStage>,
    pub items: Vec<ReleaseItem>,
    /// What is new in it, oldest first, of all its artefacts; at most 1,000.
    pub commits: Vec<Commit>,
    pub commits_total: u64,
    pub plan: ReleasePlan,
    /// The gates as they stand now.
    pub gates: Vec<Gate>,
    /// The criteria as they stand now.
    pub criteria: Vec<crate::criterion::CriterionView>,
    pub exceptions: Vec<crate::criterion::ExceptionView>,
    pub change: Option<Change>,
    pub permit: Option<PermitView>,
    pub deployment: Option<Ref>,
    /// The analyses of its deployment, the newest last.
    pub analyses: Vec<Ref>,
    pub watch: Option<crate::operations::Watch>,
    pub rollback: RollbackView,
    pub review: Option<crate::learning::Review>,
    pub actions: Vec<Action>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct LifeStage {
    pub value: String,
    pub label: String,
    pub at: Option<Timestamp>,
    pub current: bool,
    pub severity: Severity,
}

/// One build of its scope.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ReleaseItem {
    pub service: Ref,
    pub version: String,
    pub digest: String,
    pub size: u64,
    pub signature: SignatureCheck,
    pub quarantined: bool,
    /// What runs in the environment now.
    pub from_version: Option<String>,
    pub repository: Option<String>,
    pub commit: Option<String>,
    pub since: Option<String>,
}

/// How it will ship: waves with the targets they would take now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ReleasePlan {
    pub model: String,
    pub length_s: u32,
    pub waves: Vec<PlanWave>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PlanWave {
    pub name: String,
    pub targets: Vec<String>,
    pub weight: Option<u32>,
    pub bake_s: u32,
    pub canary: bool,
}

/// A gate as it stands now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Gate {
    /// `calendar`, `artifact`, `traceability`, `approvals`, `segregation`, `conditions`, `review`, `rollback-plan`, `environment`, …
    pub id: String,
    pub name: String,
    /// What it asks, in one sentence.
    pub description: String,
    pub verdict: Verdict,
    pub ruling: Ruling,
}

/// The gates of a release as they stand at a position.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Gates {
    pub release: Ref,
    pub verdict: Verdict,
    pub sentence: String,
    pub gates: Vec<Gate>,
    pub position: u64,
    pub at: Timestamp,
}

/// The permission to execute.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PermitView {
    pub id: String,
    /// `valid`, `waiting`, `expired`, `revoked`.
    pub status: Status,
    pub not_before: Timestamp,
    pub not_after: Timestamp,
    pub environment: String,
    pub digests: Vec<String>,
    pub approved_by: Vec<Ref>,
    pub policy_set: String,
}

/// Whether and how it can be taken back, and what became of that.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RollbackView {
    /// Whether the rollback plan is complete and every target's former version is known.
    pub feasible: Verdict,
    pub sentence: String,
    pub triggers: Vec<TriggerView>,
    pub criteria: Vec<String>,
    pub current: Option<crate::rollback::Rollback>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TriggerView {
    pub name: String,
    /// In words.
    pub condition: String,
    pub action: TriggerAction,
    pub owner: Option<Ref>,
    pub deputy: Option<Ref>,
    pub fired_at: Option<Timestamp>,
    pub value: Option<f64>,
}

/// Why a release is where it is and what has to happen next.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Explanation {
    pub release: Ref,
    pub sentence: String,
    /// Everything that stands in the way of the next step.
    pub blockers: Vec<Blocker>,
    /// What happens next, by itself or by whom.
    pub next: String,
    /// Other times, if it is a matter of time.
    pub slots: Vec<Span>,
}
