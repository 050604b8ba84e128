//! Pipelines: the steps that bring one service onto one target. Texts may hold `${…}` placeholders, filled in by the plan:
//! `target.name`, `target.address`, `target.params.<name>`, `target.labels.<name>`, `service`, `artifact.digest`,
//! `artifact.version`, `wave.name`, `wave.weight`, `environment`.

use interlock_ids::Name;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pipeline {
    pub name: Name,
    /// Steps that may run at once over the whole deployment, 1 to 1,000.
    pub max_parallel: u32,
    pub steps: Vec<PipelineStep>,
}

/// When in a wave a step runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Before the wave is judged.
    #[default]
    Deploy,
    /// After the wave was judged good (at once, if it is not judged).
    Settle,
}

/// What a rollback does with a step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnRollback {
    /// Undoes it: a program runs its `undo`.
    Undo,
    /// Does it again, with the former artefact: smoke tests, traffic.
    #[default]
    Apply,
    Skip,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PipelineStep {
    pub name: Name,
    #[serde(default)]
    pub phase: Phase,
    pub run: Run,
    /// Seconds after which it is stopped and counts as failed, 1 to 86,400.
    pub timeout_s: u32,
    /// How often it is tried at all, 1 to 10.
    #[serde(default = "once")]
    pub attempts: u32,
    #[serde(default)]
    pub on_rollback: OnRollback,
}

fn once() -> u32 {
    1
}

/// What a step does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Run {
    Program(ProgramStep),
    Http(HttpStep),
    Traffic(TrafficStep),
    Wait { seconds: u32 },
}

/// A program of one's own: JSON in, JSON lines out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProgramStep {
    /// Says whether there is anything to do.
    #[serde(default)]
    pub check: Option<Vec<String>>,
    pub apply: Vec<String>,
    #[serde(default)]
    pub verify: Option<Vec<String>>,
    #[serde(default)]
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpStep {
    pub method: String,
    pub url: String,
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    #[serde(default)]
    pub body: Option<String>,
    pub expect_status: Vec<u16>,
    #[serde(default)]
    pub expect_contains: Option<String>,
    /// JSON pointer (RFC 6901) to the text expected there.
    #[serde(default)]
    pub expect_json: BTreeMap<String, String>,
    /// How often it is asked until it answers as expected.
    #[serde(default = "once")]
    pub tries: u32,
    #[serde(default)]
    pub every_ms: u32,
}

/// A weight in a router.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrafficStep {
    /// Address of the router's administration.
    pub router: String,
    pub pool: String,
    pub server: String,
    /// 0 to 100, or a placeholder that becomes it.
    pub weight: String,
}
