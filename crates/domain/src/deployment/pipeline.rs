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
    /// Consecutive steps of one unit and phase that are handed out together, 1 to 20. Gates are asked once for all of them.
    #[serde(default = "once", skip_serializing_if = "is_once")]
    pub ahead: u32,
    pub steps: Vec<PipelineStep>,
}

/// What becomes of a step that is running when its permit is revoked or runs out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnRevocation {
    /// It is brought to its end: half a change is worse than a whole one.
    #[default]
    Finish,
    /// It is stopped at once, and is inconclusive.
    Stop,
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
    /// How often it is tried at all on the way back, 1 to 10; `attempts`, but at least [`ATTEMPTS_BACK`], if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempts_back: Option<u32>,
    #[serde(default)]
    pub on_rollback: OnRollback,
    #[serde(default, skip_serializing_if = "is_finish")]
    pub on_revocation: OnRevocation,
    /// Labels a runner must have to be given the step.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub runner: BTreeMap<String, String>,
}

/// Tries of a step on the way back, if its pipeline does not say otherwise: a way back that gives up early helps nobody.
pub const ATTEMPTS_BACK: u32 = 5;

impl PipelineStep {
    /// How often it is tried at all in a direction.
    pub fn tries(&self, back: bool) -> u32 {
        if back { self.attempts_back.unwrap_or(self.attempts.max(ATTEMPTS_BACK)) } else { self.attempts }
    }

    /// The kind, as runners name it.
    pub fn kind(&self) -> &'static str {
        match &self.run {
            Run::Program(_) => "program",
            Run::Http(_) => "http",
            Run::Traffic(_) => "traffic",
            Run::Wait { .. } => "wait",
        }
    }
}

fn once() -> u32 {
    1
}

fn is_once(it: &u32) -> bool {
    *it == 1
}

fn is_finish(it: &OnRevocation) -> bool {
    *it == OnRevocation::Finish
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
