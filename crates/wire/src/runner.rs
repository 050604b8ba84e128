//! The runner protocol: what a runner asks for, what it is told to do, what it answers.
//!
//! Invariants: an order is fully resolved (target, digest, parameters, permit) and leaves the runner nothing to choose; its key
//! stays the same however often the same attempt is leased, so that work done once is answered, not repeated; a report repeats
//! the fence of the order it answers; outcomes are four and only two of them mean success.
//! Deliberately absent: heartbeats (the lease request names what still runs) and secrets.

use crate::permit::SignedPermit;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// A runner offers its free hands. Sent also with `capacity` 0, to hear of revocations and to say what still runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LeaseRequest {
    /// Name of the runner, unique in the installation.
    pub runner: String,
    /// What the runner can reach and do; steps are leased by label.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// How many steps it can take now.
    pub capacity: u32,
    /// Keys of the steps it is working on: their leases stay alive.
    #[serde(default)]
    pub running: Vec<String>,
    /// `revocation_position` of the last lease, 0 at first: the answer names what was revoked after it.
    pub seen_revocations: u64,
}

/// The answer to a [`LeaseRequest`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Lease {
    /// At most `capacity` orders.
    pub steps: Vec<StepOrder>,
    /// Ids of permits revoked after `seen_revocations`.
    #[serde(default)]
    pub revoked_permits: Vec<String>,
    /// What to send as `seen_revocations` next time.
    #[serde(default)]
    pub revocation_position: u64,
    /// How long to wait before asking again when nothing else happens, in milliseconds.
    pub next_poll_ms: u64,
}

/// One operation of one step on one target, with everything needed to do it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StepOrder {
    pub deployment: String,
    pub environment: String,
    pub wave: u32,
    pub target: TargetView,
    pub service: String,
    /// Name of the step within the deployment.
    pub step: String,
    /// Idempotency key: the same for every lease of the same attempt of the same operation, never used for anything else.
    pub key: String,
    /// Grows with every lease; the answer to an older one changes nothing.
    pub fence: u64,
    /// 1 for the first attempt.
    pub attempt: u32,
    pub kind: StepKind,
    pub operation: Operation,
    /// Time limit of the whole order, download and checks included, in milliseconds; at least 1.
    pub timeout_ms: u64,
    #[serde(default)]
    pub artifact: Option<ArtifactOrder>,
    pub permit: SignedPermit,
    /// What should be true afterwards, by name. A fact of the same name with another value fails the step.
    #[serde(default)]
    pub expected: BTreeMap<String, String>,
}

/// The target as a step sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TargetView {
    pub name: String,
    /// Where it answers, as the environment's manifest says; empty when it has no address.
    #[serde(default)]
    pub address: String,
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    #[serde(default)]
    pub params: BTreeMap<String, String>,
}

/// What is asked of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// Bring it about: check, apply, verify.
    Apply,
    /// Take it back.
    Undo,
}

/// How a step does its work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum StepKind {
    Program(ProgramStep),
    Http(HttpStep),
    Wait(WaitStep),
    Traffic(TrafficStep),
}

/// A program that reads one JSON document and writes JSON lines; see `docs/step-program.md`. Each command is a program and its
/// arguments; no shell is involved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProgramStep {
    /// Says whether the work is already done; must change nothing.
    #[serde(default)]
    pub check: Option<Vec<String>>,
    pub apply: Vec<String>,
    /// Says whether the work was done well; must change nothing.
    #[serde(default)]
    pub verify: Option<Vec<String>>,
    #[serde(default)]
    pub undo: Option<Vec<String>>,
    /// The whole environment of the program beside PATH, HOME and LANG.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// Whether an interrupted `apply` or `undo` may simply be run again when no `check` can tell what it did.
    #[serde(default)]
    pub repeatable: bool,
}

/// One HTTP request and what its answer must look like. Redirects are not followed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct HttpStep {
    pub method: String,
    pub url: String,
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    #[serde(default)]
    pub body: Option<String>,
    /// Status codes that pass; empty means any of 200 to 299.
    #[serde(default)]
    pub expect_status: Vec<u16>,
    /// A text that must occur in the body.
    #[serde(default)]
    pub expect_body_contains: Option<String>,
    /// JSON pointer (RFC 6901) to the value that must stand there: a string as it is, anything else as JSON.
    #[serde(default)]
    pub expect_json: BTreeMap<String, String>,
    /// How often to try at most; at least 1.
    pub attempts: u32,
    /// Pause between two tries, in milliseconds.
    pub every_ms: u64,
}

/// Nothing happens for a while.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WaitStep {
    pub ms: u64,
}

/// The share of the traffic a server of a pool gets, set through the router's administration address and read back:
/// `PUT {router}/pools/{pool}/servers/{server}/weight` with `{"weight":n}`, `GET` of the same, and for all servers
/// `GET {router}/pools/{pool}/servers` answering `{"servers":[{"name":"…","weight":n}]}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TrafficStep {
    /// Administration address of the router, `http://…` or `https://…`.
    pub router: String,
    pub pool: String,
    /// Name of the server, or [`ALL_SERVERS`].
    pub server: String,
    /// 0 (no traffic) to 100.
    #[schema(maximum = 100)]
    pub weight: u32,
}

/// Stands for every server of a pool in [`TrafficStep::server`].
pub const ALL_SERVERS: &str = "all";

/// The artefact an order is about and what proves it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ArtifactOrder {
    /// `sha256:` and 64 hexadecimal digits.
    pub digest: String,
    /// Bytes.
    pub size: u64,
    /// Path below the server's address to fetch it from; empty means the blob of that digest.
    #[serde(default)]
    pub url_path: String,
    /// Text of the `.minisig` file (prehashed, the default of minisign since 0.10).
    pub signature: String,
    /// The minisign public key it must be by: the base64 line, or the whole `.pub` file.
    pub public_key: String,
}

/// How an order ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Done now.
    Changed,
    /// Was done already, or there was nothing to do.
    Unchanged,
    Failed,
    /// Nobody can say. Never counts as success.
    Inconclusive,
}

impl Outcome {
    /// Whether the deployment may go on.
    pub fn passes(self) -> bool {
        matches!(self, Self::Changed | Self::Unchanged)
    }
}

/// The answer to a [`StepOrder`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StepReport {
    pub key: String,
    pub deployment: String,
    pub target: String,
    pub step: String,
    pub fence: u64,
    pub attempt: u32,
    pub outcome: Outcome,
    /// Stable code of the fault when the outcome is not a success: `R` and three digits.
    #[serde(default)]
    pub code: Option<String>,
    /// One sentence for people.
    pub message: String,
    /// Digest of the full output: of all [`OutputChunk`] texts of this key, put together by offset.
    #[serde(default)]
    pub output: Option<String>,
    /// The last of the output, at most 4 KiB.
    #[serde(default)]
    pub output_tail: String,
    #[schema(value_type = String, format = DateTime)]
    pub started_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    pub finished_at: Timestamp,
    /// What the step found out, by name.
    #[serde(default)]
    pub facts: BTreeMap<String, String>,
}

/// Reports together. The same report may come more than once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReportBatch {
    pub runner: String,
    pub reports: Vec<StepReport>,
}

/// What became of a [`ReportBatch`]. A key in neither list is reported again later.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReportAck {
    /// Keys of reports that were recorded, now or before.
    #[serde(default)]
    pub accepted: Vec<String>,
    /// Keys of reports that no longer matter, because their fence was overtaken or nobody asked for them.
    #[serde(default)]
    pub stale: Vec<String>,
}

/// Output of running steps. The same chunk may come more than once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OutputBatch {
    pub runner: String,
    pub chunks: Vec<OutputChunk>,
}

/// A piece of a step's output.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OutputChunk {
    pub key: String,
    /// Where in the full output (UTF-8) the text begins, in bytes.
    pub offset: u64,
    pub text: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_is_told_by_its_tag_and_refuses_strangers() {
        let wait: StepKind = serde_json::from_str(r#"{"kind":"wait","ms":5}"#).unwrap();
        assert_eq!(wait, StepKind::Wait(WaitStep { ms: 5 }));
        assert_eq!(serde_json::to_string(&wait).unwrap(), r#"{"kind":"wait","ms":5}"#);
        for bad in [r#"{"kind":"wait","ms":5,"jitter":1}"#, r#"{"kind":"nap","ms":5}"#, r#"{"ms":5}"#] {
            assert!(serde_json::from_str::<StepKind>(bad).is_err(), "{bad}");
        }
        let typo = r#"{"kind":"program","apply":["x"],"repeatabel":true}"#;
        assert!(serde_json::from_str::<StepKind>(typo).unwrap_err().to_string().contains("repeatabel"));
    }

    #[test]
    fn a_program_is_not_repeatable_unless_it_says_so() {
        let StepKind::Program(program) = serde_json::from_str(r#"{"kind":"program","apply":["x"]}"#).unwrap() else {
            panic!("another kind")
        };
        assert!(!program.repeatable && program.check.is_none());
    }

    #[test]
    fn only_two_outcomes_pass() {
        let all = [Outcome::Changed, Outcome::Unchanged, Outcome::Failed, Outcome::Inconclusive];
        assert_eq!(all.map(Outcome::passes), [true, true, false, false]);
        assert_eq!(serde_json::to_string(&all).unwrap(), r#"["changed","unchanged","failed","inconclusive"]"#);
    }

    #[test]
    fn times_travel_as_rfc_3339_text() {
        let report = serde_json::json!({
            "key": "k", "deployment": "d", "target": "t", "step": "s", "fence": 1, "attempt": 1, "outcome": "changed",
            "message": "", "started_at": "2026-11-23T10:00:00Z", "finished_at": "2026-11-23T12:00:00+02:00"
        });
        let report: StepReport = serde_json::from_value(report).unwrap();
        assert_eq!(report.started_at, report.finished_at);
    }
}
