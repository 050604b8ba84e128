//! What every object shares: statuses, verdicts, blockers, actions, references, receipts.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How a status is to be taken; colour never alone carries it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    Neutral,
    Info,
    Good,
    Warning,
    Bad,
}

/// A status in words. Clients show it and never derive one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Status {
    /// Stable.
    pub value: String,
    pub label: String,
    pub severity: Severity,
    /// Nothing follows any more.
    pub is_terminal: bool,
}

impl Status {
    pub fn new(value: &str, label: impl Into<String>, severity: Severity, is_terminal: bool) -> Self {
        Self { value: value.into(), label: label.into(), severity, is_terminal }
    }
}

/// Three outcomes everywhere; only `pass` opens a gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Pass,
    Fail,
    Inconclusive,
}

/// One thing that stands in the way, and what would clear it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Blocker {
    /// Stable; documented under `docs/errors/<code>.md`.
    pub code: String,
    /// What is the matter, with what.
    pub message: String,
    /// What would clear it.
    pub clears: String,
    /// Who can.
    pub who: Vec<String>,
    /// By when it has to be cleared, or when it clears by itself.
    #[serde(default)]
    pub by: Option<Timestamp>,
}

/// Something that can be done to an object, by a dry run of the decision that would carry it out. It is carried out with
/// `POST {object}/{name}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Action {
    pub name: String,
    pub label: String,
    pub allowed: bool,
    /// Everything that stands in the way; empty if it is allowed.
    pub reasons: Vec<Blocker>,
    /// What happens if it is done now, in one sentence.
    pub effect: String,
    /// The request has to give a `reason`.
    pub needs_reason: bool,
}

/// What a policy decided and what it rested on, so that it can be recomputed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Ruling {
    pub verdict: Verdict,
    pub policy_set: String,
    pub facts_digest: String,
    pub policies: Vec<String>,
    pub blockers: Vec<Blocker>,
}

/// Names an object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Ref {
    /// What its address takes: an id, or the name if that is the id.
    pub id: String,
    /// What people call it.
    pub name: String,
}

impl Ref {
    pub fn new(id: impl ToString, name: impl Into<String>) -> Self {
        Self { id: id.to_string(), name: name.into() }
    }
}

/// Names an object of any kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Subject {
    /// `release`, `deployment`, `change`, `service`, `environment`, `artifact`, `account`, `calendar`, `review`, …
    pub kind: String,
    pub id: String,
    pub name: String,
}

/// From `start` up to, not including, `end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Span {
    pub start: Timestamp,
    pub end: Timestamp,
}

/// What a command did. The same `Idempotency-Key` again gives the same receipt with `repeated` set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Receipt {
    /// What was created or changed.
    pub subject: Option<Subject>,
    /// Entries in the ledger after it.
    pub position: u64,
    pub repeated: bool,
    pub entries: Vec<ReceiptEntry>,
    /// What proves that the entries are in the ledger. Absent if there are none, or if it could not be read at this moment: what
    /// was acknowledged stands, and can be proved later.
    #[serde(default)]
    pub proof: Option<ReceiptProof>,
}

/// Proof of the entries of a receipt under one signed checkpoint (RFC 6962, C2SP tlog-checkpoint).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReceiptProof {
    pub tree_size: u64,
    pub root_hash: String,
    /// The signed note.
    pub checkpoint: String,
    /// The key that checks it: name, key id and key.
    pub verifier_key: String,
    /// The first 64 entries; others are proved one by one at `/ledger/entries/{position}`.
    pub entries: Vec<EntryProof>,
}

/// The audit path of one entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EntryProof {
    pub position: u64,
    /// RFC 6962 leaf hash of the entry's bytes.
    pub leaf_hash: String,
    /// From the leaf to the root.
    pub hashes: Vec<String>,
}

/// One entry a command has caused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReceiptEntry {
    pub position: u64,
    pub kind: String,
    /// One sentence.
    pub summary: String,
}

/// The request of an action that needs a reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Because {
    /// Kept outside the ledger, where it can be erased; 1 to 4,000 characters.
    pub reason: String,
}

/// The request of an action that needs nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Nothing {}

/// A question: may I? Answered by a dry run of the decision itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MayRequest {
    /// `release`, `deployment`, `change`, `review`, `environment`, `rollback`, `analysis`, `artifact`.
    pub kind: String,
    /// Id or name of the object.
    pub id: String,
    /// An action as the object lists it.
    pub action: String,
    /// For planning: when.
    #[serde(default)]
    pub at: Option<Timestamp>,
}

/// The answer, with every reason, and other times if it is a matter of time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct MayAnswer {
    pub allowed: bool,
    pub summary: String,
    pub reasons: Vec<Blocker>,
    pub slots: Vec<Span>,
    /// Kinds of the entries it would cause.
    pub would_record: Vec<String>,
    pub position: u64,
}
