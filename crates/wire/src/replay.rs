//! The past: the world at any position, what was known at a decision, rulings recomputed.

use crate::{
    deployment::DeploymentRow,
    ledger::EntryRow,
    reason::{Ref, Status, Subject, Verdict},
    release::ReleaseRow,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Which moment: a position or a time; the present if neither is given.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct WorldQuery {
    /// The world of so many entries.
    #[param(minimum = 0)]
    pub position: Option<u64>,
    /// The world of all entries recorded then or before.
    pub time: Option<Timestamp>,
    /// One object as it was: `release/<name or id>`, or `change`, `deployment`, `environment`, `service`, `calendar`, `account`,
    /// `rollback`, `review`.
    pub object: Option<String>,
}

/// The world at one moment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct WorldView {
    /// Entries it is the fold of.
    pub position: u64,
    /// When the last of them was recorded.
    pub at: Option<Timestamp>,
    /// Entries there are by now.
    pub size: u64,
    /// When the first and the newest entry were recorded.
    pub first_at: Option<Timestamp>,
    pub last_at: Option<Timestamp>,
    pub policy_set: Option<String>,
    pub counts: Vec<Count>,
    /// Releases that were open, at most 100, the newest first.
    pub releases: Vec<ReleaseRow>,
    /// Deployments that were running.
    pub deployments: Vec<DeploymentRow>,
    /// Emergency stops in force.
    pub lockdowns: u32,
    /// What was installed, by environment and service.
    pub installed: Vec<Installed>,
    /// The object asked for, as its own address would have given it then.
    #[schema(value_type = Option<Object>)]
    pub object: Option<serde_json::Value>,
}

/// How many there are of something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Count {
    pub name: String,
    pub count: u64,
}

/// What ran somewhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Installed {
    pub environment: Ref,
    pub service: Ref,
    pub version: String,
    pub digest: String,
    pub targets: u32,
}

/// What was known when a decision was taken.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Knowledge {
    pub entry: EntryRow,
    /// Who decided, as he stood at that position.
    pub decider: Decider,
    /// The rulings the entry records, with the facts they rest on, recomputed.
    pub rulings: Vec<RecomputedRuling>,
    /// The objects the entry is about, as they stood before it.
    pub objects: Vec<KnownObject>,
    /// What was recorded about them up to the decision, oldest first: entries, texts, evidence.
    pub documents: Vec<Document>,
    /// Documents that were left out because there are more than 500.
    pub documents_left_out: u32,
    /// Entries about the same objects that came after: nobody could know them.
    pub later: Vec<EntryRow>,
}

/// Somebody as he stood at a position.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Decider {
    pub who: Subject,
    pub roles: Vec<String>,
    pub groups: Vec<String>,
    /// Whose decisions were in his hands.
    pub stands_in_for: Vec<Ref>,
    /// Whether the policies then in force let him read.
    pub may_read: Verdict,
    pub on_leave: bool,
}

/// An object as it stood.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct KnownObject {
    pub subject: Subject,
    /// As its own address would have given it; null if it did not exist, or has no view of the past.
    #[schema(value_type = Option<Object>)]
    pub state: Option<serde_json::Value>,
}

/// Something that was on record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Document {
    /// The entry that brought it.
    pub position: u64,
    pub at: Timestamp,
    pub kind: String,
    pub summary: String,
    /// Texts and blobs it refers to.
    pub refers_to: Vec<Attachment>,
}

/// A text or a blob.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Attachment {
    /// `note` or `blob`.
    pub kind: String,
    /// Id of a note, digest of a blob.
    pub id: String,
    /// Whether it is still there.
    pub there: bool,
    /// The text of a note that is still there.
    pub text: Option<String>,
}

/// A ruling, and the same question asked again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RecomputedRuling {
    pub position: u64,
    /// `decision`, `refusal`, or the name of a gate.
    pub name: String,
    pub recorded: RulingTold,
    /// Null if it could not be recomputed.
    pub again: Option<RulingTold>,
    /// Pass: the same to the byte; fail: different; inconclusive: it could not be recomputed.
    pub verdict: Verdict,
    pub why: String,
    /// What the policies were asked: principal, action, resource, facts.
    #[schema(value_type = Option<Object>)]
    pub request: Option<serde_json::Value>,
}

/// What a ruling says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RulingTold {
    pub verdict: Verdict,
    pub policy_set: String,
    pub facts_digest: String,
    pub policies: Vec<String>,
}

/// Which stretch of the ledger to recompute.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct RecomputeQuery {
    /// The first entry; 0 if absent.
    #[param(minimum = 0)]
    pub from: Option<u64>,
    /// Entries, 1 to 10,000; 2,000 if absent.
    #[param(minimum = 1, maximum = 10000)]
    pub count: Option<u64>,
}

/// Rulings of a stretch of the ledger, recomputed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Recomputation {
    pub from: u64,
    /// Where to go on; null at the end.
    pub next: Option<u64>,
    pub rulings: u64,
    pub same: u64,
    pub different: u64,
    pub inconclusive: u64,
    /// Those that are not the same, at most 100.
    pub not_the_same: Vec<RecomputedRuling>,
    pub status: Status,
}
