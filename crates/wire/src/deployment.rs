//! Deployments: waves, targets, steps, output; pipelines.

use crate::{
    length::Length,
    reason::{Action, Blocker, Ref, Status},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::{IntoParams, ToSchema};

/// A pipeline in a manifest of kind `Pipeline`; `metadata.name` is its name. Texts of its steps may hold `${target.name}`,
/// `${target.address}`, `${target.params.<name>}`, `${target.labels.<name>}`, `${service}`, `${artifact.digest}`,
/// `${artifact.version}`, `${wave.name}`, `${wave.weight}`, `${environment}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PipelineSpec {
    /// Steps that may run at once over the whole deployment, 1 to 1,000.
    #[serde(default = "eight")]
    #[schema(minimum = 1, maximum = 1000)]
    pub max_parallel: u32,
    /// Consecutive steps of one target and phase that are handed out together, 1 to 20. What may stop a step is asked once for all
    /// of them; a revocation stops those that have not begun.
    #[serde(default = "once", skip_serializing_if = "is_once")]
    #[schema(minimum = 1, maximum = 20)]
    pub ahead: u32,
    pub steps: Vec<StepSpec>,
}

fn is_once(it: &u32) -> bool {
    *it == 1
}

fn eight() -> u32 {
    8
}

/// One step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StepSpec {
    pub name: String,
    #[serde(default)]
    pub phase: Phase,
    pub run: RunSpec,
    /// After which it is stopped and counts as failed, up to `1d`.
    pub timeout: Length,
    /// How often it is tried at all, 1 to 10.
    #[serde(default = "once")]
    #[schema(minimum = 1, maximum = 10)]
    pub attempts: u32,
    /// How often it is tried at all on the way back, 1 to 10; `attempts`, but at least 5, if absent. Tries on the way back are 2, 4, 8
    /// and then 10 seconds apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 10)]
    pub attempts_back: Option<u32>,
    #[serde(default)]
    pub on_rollback: OnRollback,
    #[serde(default)]
    pub on_revocation: OnRevocation,
    /// Labels a runner must have to be given the step. Absent: any runner.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub runner: BTreeMap<String, String>,
}

/// What becomes of a step that runs when its permit is revoked or runs out: it is brought to its end, or stopped at once (and is
/// then inconclusive).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnRevocation {
    #[default]
    Finish,
    Stop,
}

fn once() -> u32 {
    1
}

/// What a step does: exactly one of these.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RunSpec {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub program: Option<ProgramSpec>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http: Option<HttpSpec>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub traffic: Option<TrafficSpec>,
    /// Nothing happens for so long.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wait: Option<Length>,
}

/// When in a wave a step runs: `deploy` before the wave is judged, `settle` after it was judged good.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    #[default]
    Deploy,
    Settle,
}

/// What a rollback does with a step: undo it, do it again with the former artefact, or leave it out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnRollback {
    Undo,
    #[default]
    Apply,
    Skip,
}

/// A program of one's own: JSON in, JSON lines out. Each command is a program and its arguments; no shell is involved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProgramSpec {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check: Option<Vec<String>>,
    pub apply: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verify: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undo: Option<Vec<String>>,
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// Whether running it twice does no more than running it once.
    #[serde(default)]
    pub repeatable: bool,
    /// Whether it needs the artefact's file.
    #[serde(default = "yes")]
    pub artifact: bool,
}

fn yes() -> bool {
    true
}

/// A request and what must come back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct HttpSpec {
    #[serde(default = "get")]
    pub method: String,
    pub url: String,
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    #[serde(default)]
    pub body: Option<String>,
    /// Status codes that pass; `[200]` if absent.
    #[serde(default = "ok")]
    pub expect_status: Vec<u16>,
    #[serde(default)]
    pub expect_contains: Option<String>,
    /// JSON pointer (RFC 6901) to the text expected there.
    #[serde(default)]
    pub expect_json: BTreeMap<String, String>,
    /// How often it is asked until it answers as expected.
    #[serde(default = "once")]
    pub tries: u32,
    /// Pause between two tries, in milliseconds.
    #[serde(default)]
    pub every_ms: u32,
}

fn get() -> String {
    "GET".into()
}

fn ok() -> Vec<u16> {
    vec![200]
}

/// A weight in a router.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TrafficSpec {
    /// Address of the router's administration.
    pub router: String,
    pub pool: String,
    pub server: String,
    /// 0 to 100, or a placeholder that becomes it.
    pub weight: String,
}

/// A pipeline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Pipeline {
    pub id: String,
    pub name: String,
    pub spec: PipelineSpec,
}

/// A deployment in a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DeploymentRow {
    pub id: String,
    /// Name of its release.
    pub name: String,
    pub release: Ref,
    pub environment: Ref,
    /// `forward` or `back`.
    pub direction: String,
    pub status: Status,
    pub sentence: String,
    pub started_at: Timestamp,
    pub started_by: Option<Ref>,
    pub ended_at: Option<Timestamp>,
    /// Steps done, and steps in all.
    pub steps_done: u32,
    pub steps_total: u32,
}

/// A deployment with its waves. The details of an archived one are in the ledger only.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Deployment {
    #[serde(flatten)]
    pub row: DeploymentRow,
    pub pipeline: String,
    pub max_parallel: u32,
    pub paused: bool,
    /// Why no step is handed out at the moment.
    pub held: Vec<Blocker>,
    pub held_until: Option<Timestamp>,
    /// The analysis of the wave it is in, or the last.
    pub analysis: Option<Ref>,
    pub waves: Vec<Wave>,
    pub archived: bool,
    pub actions: Vec<Action>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Wave {
    pub index: u32,
    pub name: String,
    pub status: Status,
    /// Weight of its targets while it is judged.
    pub weight: Option<u32>,
    pub bake_until: Option<Timestamp>,
    pub targets: Vec<WaveTarget>,
}

/// One service on one target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct WaveTarget {
    /// Number of the unit in the deployment: what `skip` takes.
    pub unit: u32,
    pub name: String,
    pub service: Ref,
    pub status: Status,
    pub from_version: Option<String>,
    pub to_version: String,
    pub digest: String,
    pub steps: Vec<Step>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Step {
    /// `<unit>.<step>`: what the address of its output takes.
    pub id: String,
    pub name: String,
    /// `program`, `http`, `traffic`, `wait`.
    pub kind: String,
    pub phase: Phase,
    /// `waiting`, `running`, `changed`, `unchanged`, `failed`, `inconclusive`, `skipped`.
    pub status: Status,
    pub attempt: u32,
    pub runner: Option<String>,
    pub started_at: Option<Timestamp>,
    pub ended_at: Option<Timestamp>,
    pub code: Option<String>,
    pub summary: String,
    /// Blob with everything it printed, once it has ended.
    pub output: Option<String>,
}

/// Where to read on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct OutputQuery {
    /// Byte to begin at; 0 if absent.
    pub from: Option<u64>,
    /// Which try; the last if absent.
    #[param(minimum = 1)]
    pub attempt: Option<u32>,
}

/// What a step has printed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Output {
    pub text: String,
    pub from: u64,
    /// Where to read on.
    pub next: u64,
    /// Nothing more will come.
    pub complete: bool,
    pub attempt: u32,
    /// Blob with all of it, once it has ended.
    pub digest: Option<String>,
}

/// Leaves out the step on which a unit has failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SkipStep {
    pub unit: u32,
    pub reason: String,
}

/// Begins to deploy an authorised release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StartDeployment {
    /// Id or name.
    pub release: String,
}

/// What was found running before Interlock: written down once, so that a rollback knows where to go back to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RecordInstalled {
    pub found: Vec<FoundInstalled>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FoundInstalled {
    pub service: String,
    pub target: String,
    pub digest: String,
}

/// Which deployments.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct DeploymentQuery {
    pub environment: Option<String>,
    /// Id or name.
    pub release: Option<String>,
    /// Only those that are not over.
    pub running: Option<bool>,
    pub cursor: Option<String>,
    #[param(minimum = 1, maximum = 500)]
    pub limit: Option<u32>,
}
