//! Changes: class, impact, authors, approvals, conditions.

use crate::{
    emergency::{Debt, Glass},
    length::Length,
    reason::{Action, Ref, Ruling, Status},
    signature::{Signature, Signing},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// ITIL's classes of change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    Standard,
    Normal,
    Emergency,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    Low,
    Medium,
    High,
}

/// A change in a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ChangeRow {
    pub id: String,
    /// Name of the release that carries it.
    pub name: String,
    pub summary: String,
    pub release: Ref,
    pub class: Class,
    pub impact: Level,
    pub services: Vec<String>,
    /// Who wrote what is in it, from Git.
    pub authors: Vec<Ref>,
    pub status: Status,
    pub opened_at: Timestamp,
    pub approvals: u32,
    pub approvals_required: u32,
    pub open_conditions: u32,
}

/// A change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Change {
    #[serde(flatten)]
    pub row: ChangeRow,
    pub requested_by: Option<Ref>,
    pub impact_detail: Impact,
    pub co_authors: Vec<Ref>,
    /// Addresses of authors that belong to no account: how many.
    pub unknown_authors: u32,
    pub commits: u64,
    pub decisions: Vec<Approval>,
    pub conditions: Vec<Condition>,
    pub documents: Vec<ChangeDocument>,
    /// Kinds of documents that its class asks for and that are missing.
    pub documents_missing: Vec<String>,
    /// Whether approvals have to be signed.
    pub signed: bool,
    /// Digest of what is decided on: what a signature is put under.
    pub seen: String,
    /// What the board has to do with it; none if it need not decide.
    pub board: Option<BoardDecision>,
    /// Of a standard change: the template it follows.
    pub template: Option<String>,
    /// What is owed after the emergency.
    pub debt: Option<Debt>,
    /// Glasses broken for it, the newest first.
    pub glasses: Vec<Glass>,
    pub actions: Vec<Action>,
}

/// What the board has decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BoardDecision {
    pub board: String,
    /// `waiting`, `on_agenda`, `approved`, `rejected`, `void`.
    pub status: Status,
    pub meeting: Option<String>,
    /// Why a decision does not count any more.
    pub why: Vec<String>,
}

/// A document that was attached, by its bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ChangeDocument {
    pub kind: String,
    /// Its bytes are the blob of this digest.
    pub digest: String,
    pub by: Ref,
    pub at: Timestamp,
    pub remark: String,
}

/// Attaches a document, in place of one of its kind if there is one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AttachDocument {
    /// Such as `test-report`.
    pub kind: String,
    /// Digest of a blob that was put first.
    pub digest: String,
    pub remark: String,
}

/// What a class of change asks for, beside approvals.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FlowSpec {
    /// Between asking for the change and the beginning of its window; none for emergencies.
    #[serde(default)]
    pub lead_time: Length,
    /// Kinds of documents; at most 20.
    #[serde(default)]
    pub documents: Vec<String>,
    /// The board that decides, and from which impact on.
    #[serde(default)]
    pub board: Option<BoardRule>,
    /// Whether approvals are signed.
    #[serde(default)]
    pub signed: bool,
    /// Of emergencies: when the approval after the event is due.
    #[serde(default = "day")]
    pub ratify_within: Length,
    /// Of emergencies: when the review is due.
    #[serde(default = "three_days")]
    pub review_within: Length,
    /// Of emergencies: how many one group of owners may make in 30 days.
    #[serde(default)]
    pub budget: Option<u32>,
}

fn day() -> Length {
    Length(86_400)
}

fn three_days() -> Length {
    Length(3 * 86_400)
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BoardRule {
    pub board: String,
    pub from: Level,
}

/// What a class asks for, as it is in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Flow {
    pub class: Class,
    pub spec: FlowSpec,
    /// Whether anybody has set it.
    pub set: bool,
}

/// What is at stake.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Impact {
    pub level: Level,
    pub users: u64,
    pub revenue_per_hour: u64,
    pub data_classes: Vec<String>,
    /// Services that depend on those touched, directly or not.
    pub dependants: Vec<String>,
    /// Why the level is what it is.
    pub reasons: Vec<String>,
}

/// `approve` or `reject`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    Approve,
    Reject,
}

/// One person's decision.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Approval {
    pub person: Ref,
    pub on_behalf_of: Option<Ref>,
    pub decision: Decision,
    /// `approved`, `approved with conditions`, `rejected`, `withdrawn`.
    pub status: Status,
    pub reason: String,
    pub conditions: Vec<Condition>,
    pub at: Timestamp,
    /// There if it was signed.
    pub signature: Option<Signature>,
    pub ruling: Ruling,
}

/// What somebody attached to an approval: a gate until it is met.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Condition {
    pub id: String,
    pub text: String,
    pub by: Ref,
    pub status: Status,
    pub met_by: Option<Ref>,
    pub met_at: Option<Timestamp>,
    pub evidence: Option<String>,
}

/// Approves a change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Approve {
    pub reason: String,
    /// Texts of conditions; each becomes a gate. At most 20.
    #[serde(default)]
    pub conditions: Vec<String>,
    /// Login or id of whoever delegated the decision.
    #[serde(default)]
    pub on_behalf_of: Option<String>,
    #[serde(default)]
    pub signature: Signing,
}

/// Rejects a change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Reject {
    pub reason: String,
    #[serde(default)]
    pub on_behalf_of: Option<String>,
    #[serde(default)]
    pub signature: Signing,
}

/// Says that a condition is met, and how one can see that.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MeetCondition {
    pub evidence: String,
}

/// Which changes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ChangeQuery {
    /// `open`, `rejected`, `closed`.
    pub status: Option<String>,
    pub class: Option<Class>,
    pub cursor: Option<String>,
    #[param(minimum = 1, maximum = 500)]
    pub limit: Option<u32>,
}
