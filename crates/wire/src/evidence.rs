//! Evidence about artefacts, and packs of evidence. What a pack is, is told in `docs/reference/evidence-pack.md`.

use crate::reason::{Action, Ref};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Which pack: of one release, or of a period.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TakeEvidence {
    /// Id or name of a release; or else a period.
    #[serde(default)]
    pub release: Option<String>,
    /// Beginning of the period.
    #[serde(default)]
    pub from: Option<Timestamp>,
    /// End of the period, which does not belong to it.
    #[serde(default)]
    pub to: Option<Timestamp>,
    /// A checkpoint (signed note) that was kept: the pack shows that the ledger continues it.
    #[serde(default)]
    #[schema(max_length = 16384)]
    pub earlier: Option<String>,
    /// Puts the names of people in. They are not proven, and can no longer be erased from the pack.
    #[serde(default)]
    pub names: bool,
}

/// What kind of document it is: JUnit XML, SARIF 2.1.0, CycloneDX or SPDX in JSON, OpenVEX, an in-toto statement in a DSSE envelope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum EvidenceKind {
    Junit,
    Sarif,
    Cyclonedx,
    Spdx,
    Openvex,
    Statement,
}

/// As what a document is attached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AttachQuery {
    pub kind: EvidenceKind,
    /// By which a criterion asks for it, such as `unit-tests`: 1 to 63 characters of a-z, 0-9 and `-`. The newest of a name counts.
    pub name: String,
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FindingSeverity {
    Critical,
    High,
    Medium,
    Low,
    Info,
    Unknown,
}

/// Findings of one rule, or of one vulnerability.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FindingView {
    pub id: String,
    pub severity: FindingSeverity,
    /// The document itself says that it does not matter.
    pub set_aside: bool,
    pub count: u32,
    /// When it was first seen in any build of the service.
    pub since: Option<Timestamp>,
}

/// What a signature means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Meaning {
    Reviewed,
    Approved,
    /// Answers for it.
    Responsible,
    Authored,
}

/// A person's signature under evidence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SignatureView {
    pub by: Ref,
    pub meaning: Meaning,
    /// How whoever signed has shown again who they are: `password` or `provider`.
    pub shown_by: String,
    pub at: Timestamp,
    pub reason: Option<String>,
}

/// Evidence about an artefact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EvidenceView {
    pub id: String,
    pub name: String,
    pub kind: EvidenceKind,
    /// The artefact it is about.
    pub artifact: Ref,
    /// The document: `GET /blobs/{document}`.
    pub document: String,
    pub size: u64,
    /// What wrote the document.
    pub tool: Option<String>,
    /// When the document says it was made.
    pub made: Option<Timestamp>,
    pub attached_at: Timestamp,
    pub attached_by: Option<Ref>,
    /// What it says, in one sentence.
    pub says: String,
    /// The code of what is wrong with it, if it could not be read.
    pub unreadable: Option<String>,
    pub findings: Vec<FindingView>,
    pub signatures: Vec<SignatureView>,
    /// Whether it may be signed as approved, and why not.
    pub actions: Vec<Action>,
}

/// Evidence about one artefact: the newest of each name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EvidenceList {
    pub artifact: Ref,
    pub evidence: Vec<EvidenceView>,
    /// How many there were whose place newer ones took; they are in the ledger.
    pub former: u32,
}

/// Signs evidence, by a person who shows again who they are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignEvidence {
    pub meaning: Meaning,
    /// Your password; if you sign in at an identity provider, sign in anew there and leave it out.
    #[serde(default)]
    pub password: Option<String>,
    /// Said beside the signature: 1 to 4,000 characters; kept outside the ledger.
    #[serde(default)]
    pub reason: Option<String>,
}
