//! The runner protocol: what a runner asks for, what it is told to do, what it answers.
//!
//! Invariants: an order is fully resolved (target, digest, parameters, permit) and leaves the runner nothing to choose; its key
//! stays the same however often the same attempt is leased, so that work done once is answered, not repeated; a report repeats
//! the fence of the order it answers; outcomes are four and only two of them mean success.
//! Deliberately absent: heartbeats (the lease request names what still runs) and secrets.
//!
//! **The exception to strictness.** Runner and server may be two releases apart, either way. So what travels between them (and
//! nothing else in this crate) is read leniently: a field a reader does not know is left alone. What makes that safe is the rule
//! for writers: whoever would be misunderstood by a reader that leaves a field alone does not send it. A server sends a kind of step,
//! or a field that changes what has to be done, only to runners that say they know it ([`LeaseRequest::protocol`], `kinds`).
//! Permits are read strictly, always: an unknown field there may be a restriction. `golden/runner-protocol` holds recorded
//! exchanges of every version; `docs/reference/runner-protocol.md` says what each added.

use crate::{
    deployment::OnRevocation,
    length::Length,
    permit::SignedPermit,
    reason::{Action, Ref, Status},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// The version of the protocol this release speaks.
pub const PROTOCOL: u32 = 2;
/// The oldest version of the protocol this release still speaks.
pub const PROTOCOL_OLDEST: u32 = 1;
/// Kinds of steps a runner of protocol 1 knows.
pub const KINDS: [&str; 4] = ["http", "program", "traffic", "wait"];

fn first_protocol() -> u32 {
    1
}

fn is_first(it: &u32) -> bool {
    *it == 1
}

fn is_zero_u32(it: &u32) -> bool {
    *it == 0
}

fn is_zero(it: &u64) -> bool {
    *it == 0
}

fn is_finish(it: &OnRevocation) -> bool {
    *it == OnRevocation::Finish
}

/// A runner offers its free hands. Sent also with `capacity` 0, to hear of revocations and to say what still runs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
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
    /// The newest version of the protocol the runner speaks. Since 2; absent means 1.
    #[serde(default = "first_protocol", skip_serializing_if = "is_first")]
    pub protocol: u32,
    /// Version of the runner's program. Since 2.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub version: String,
    /// Kinds of steps it knows; empty means those of protocol 1. Since 2.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kinds: Vec<String>,
    /// How many steps it can do at once at all. Since 2.
    #[serde(default, skip_serializing_if = "is_zero_u32")]
    pub slots: u32,
    /// What became of steps: taken in before anything is handed out, and acknowledged in [`Lease::reported`]. Since 2.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reports: Vec<StepReport>,
}

/// The answer to a [`LeaseRequest`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
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
    /// The version of the protocol the server answers in: the runner's, or its own newest if that is older. Since 2.
    #[serde(default = "first_protocol", skip_serializing_if = "is_first")]
    pub protocol: u32,
    /// What became of the request's reports. Since 2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reported: Option<ReportAck>,
    /// The runner gets no new steps and may be stopped once nothing runs. Since 2.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub drained: bool,
}

/// One operation of one step on one target, with everything needed to do it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
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
    /// The order of the same lease that has to pass before this one is begun; its key. Since 2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// How long to wait before it is begun, in milliseconds. Since 2.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub pause_ms: u64,
    /// What becomes of it when its permit is revoked or runs out while it runs. Since 2.
    #[serde(default, skip_serializing_if = "is_finish")]
    pub on_revocation: OnRevocation,
}

/// The target as a step sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
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
pub struct WaitStep {
    pub ms: u64,
}

/// The share of the traffic a server of a pool gets, set through the router's administration address and read back:
/// `PUT {router}/pools/{pool}/servers/{server}/weight` with `{"weight":n}`, `GET` of the same, and for all servers
/// `GET {router}/pools/{pool}/servers` answering `{"servers":[{"name":"…","weight":n}]}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
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
pub struct ReportBatch {
    pub runner: String,
    pub reports: Vec<StepReport>,
}

/// What became of a [`ReportBatch`]. A key in neither list is reported again later.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
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
pub struct OutputBatch {
    pub runner: String,
    pub chunks: Vec<OutputChunk>,
}

/// A piece of a step's output.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OutputChunk {
    pub key: String,
    /// Where in the full output (UTF-8) the text begins, in bytes.
    pub offset: u64,
    pub text: String,
}

/// The administrator lets a runner in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InviteRunner {
    /// 1 to 63 characters of a-z, 0-9 and `-`; unique in the installation.
    pub name: String,
    /// What it can reach and do. The runner cannot change them.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// How long the invitation is good for, up to `7d`; `1h` if absent.
    #[serde(default = "an_hour")]
    pub lasts: Length,
}

fn an_hour() -> Length {
    Length(3600)
}

/// An invitation; its token is shown this once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RunnerInvitation {
    pub name: String,
    pub token: String,
    #[schema(value_type = String, format = DateTime)]
    pub until: Timestamp,
    /// What to compare on the runner's machine: the keys its permits will be signed with.
    pub permit_keys: Vec<PermitKey>,
}

/// A runner uses its invitation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EnrolRunner {
    pub token: String,
    /// The public half of its Ed25519 key (RFC 8032): 32 bytes, base64.
    pub key: String,
}

/// A runner was let in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EnrolledRunner {
    pub name: String,
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// The keys permits are signed with: trusted from now on.
    pub permit_keys: Vec<PermitKey>,
}

/// A runner replaces its key. The request is signed with the key in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RotateRunnerKey {
    /// The public half of the new key: 32 bytes, base64.
    pub key: String,
}

/// The keys permits are signed with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PermitKeyList {
    pub keys: Vec<PermitKey>,
}

/// A key permits are signed with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PermitKey {
    /// As permits name it in `key_id`.
    pub id: String,
    /// Ed25519 public key (RFC 8032), base64.
    pub key: String,
    /// The key that vouches for this one; absent for the first. A runner that trusts the one comes to trust the other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endorsed_by: Option<String>,
    /// Its signature over [`crate::permit::endorsement_bytes`], base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endorsement: Option<String>,
}

/// A runner as the administrator sees it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Runner {
    pub id: String,
    pub name: String,
    pub labels: BTreeMap<String, String>,
    /// `invited`, `active`, `silent`, `draining`, `revoked`.
    pub status: Status,
    /// SHA-256 of its public key, the first 16 hexadecimal digits; null for one that was only invited.
    pub key: Option<String>,
    pub key_since: Option<Timestamp>,
    pub enrolled_at: Option<Timestamp>,
    /// Until when its invitation is good, if it has one.
    pub invited_until: Option<Timestamp>,
    /// When this node last heard from it. Not in the ledger: it is forgotten when the node restarts.
    pub last_contact: Option<Timestamp>,
    /// Version of its program, as it says.
    pub version: Option<String>,
    /// Version of the protocol it speaks.
    pub protocol: Option<u32>,
    /// Kinds of steps it says it knows.
    pub kinds: Vec<String>,
    /// Steps it holds now.
    pub running: u32,
    /// Steps it can do at once, as it says.
    pub slots: Option<u32>,
    /// Deployments it works on.
    pub deployments: Vec<Ref>,
    pub actions: Vec<Action>,
}

#[cfg(test)]
mod tests;
