//! Criteria of a release: what evidence has to show before it ships, and what it shows now.

use crate::{
    evidence::{EvidenceKind, FindingSeverity, Meaning, SignatureView},
    length::Length,
    reason::{Blocker, Ref, Verdict},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// One thing that has to be shown about every build: exactly one of `code_freeze`, `tests`, `findings`, `components`, `statement`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReleaseCriterionSpec {
    pub name: String,
    /// The services whose builds it asks about; all of the scope if there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub services: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code_freeze: Option<CodeFreezeSpec>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tests: Option<TestsSpec>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub findings: Option<FindingsSpec>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub components: Option<ComponentsSpec>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statement: Option<StatementSpec>,
    /// Whose signature the evidence has to bear.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<SignatureRuleSpec>,
}

/// No commit is younger than `at`, by the later of its two dates, save those that are excepted by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CodeFreezeSpec {
    pub at: Timestamp,
}

/// Test reports (JUnit XML).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TestsSpec {
    /// The name under which the report is attached.
    pub evidence: String,
    /// Tests that have to have run; skipped ones have not.
    #[schema(minimum = 1)]
    pub at_least: u32,
    /// Failures and errors that are let pass.
    #[serde(default)]
    pub failed_at_most: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skipped_at_most: Option<u32>,
    /// How old it may be.
    pub fresh: Length,
}

/// Scans (SARIF), or vulnerabilities listed in a bill of materials (CycloneDX).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FindingsSpec {
    pub evidence: String,
    /// By severity. What no limit names may be there; `unknown` may only be there under a limit of its own.
    pub limits: BTreeMap<FindingSeverity, LimitSpec>,
    /// The name of OpenVEX evidence that is believed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vex: Option<String>,
    pub fresh: Length,
}

/// How many findings there may be that have been open for longer than `after`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LimitSpec {
    pub at_most: u32,
    /// Younger ones do not count yet.
    #[serde(default)]
    pub after: Length,
}

/// Bills of materials (CycloneDX, SPDX).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ComponentsSpec {
    pub evidence: String,
    #[schema(minimum = 1)]
    pub at_least: u32,
    /// Percent of the components that have to have a package address, a version or a digest.
    #[serde(default)]
    #[schema(maximum = 100)]
    pub identified: u32,
    pub fresh: Length,
}

/// Signed statements (in-toto in DSSE).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StatementSpec {
    pub evidence: String,
    /// The predicate type, such as `https://slsa.dev/provenance/v1`.
    pub predicate: String,
    /// Names of signing keys, one of which has to have signed it.
    pub keys: Vec<String>,
    pub fresh: Length,
}

/// Whose signature it takes. Without `by` and `groups`: that of anybody who may sign.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignatureRuleSpec {
    pub meaning: Meaning,
    /// Logins.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub by: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    /// By somebody who wrote none of the build.
    #[serde(default)]
    pub independent: bool,
}

/// A criterion and what is shown about each build now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CriterionView {
    pub name: String,
    /// `code-freeze`, `tests`, `findings`, `components`, `statement`.
    pub asks: String,
    /// What is asked for, in words.
    pub wanted: String,
    pub verdict: Verdict,
    pub results: Vec<CriterionResult>,
}

/// What one criterion says of one build.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CriterionResult {
    pub service: Ref,
    pub version: String,
    pub digest: String,
    pub verdict: Verdict,
    /// What was found.
    pub found: String,
    /// What stands in the way, if anything does.
    pub blocker: Option<Blocker>,
    pub evidence: Option<EvidenceRef>,
    /// When what it rests on was made.
    pub made: Option<Timestamp>,
    /// When a pass ends by itself: the evidence is too old then, or a finding has been open too long.
    pub until: Option<Timestamp>,
    /// Let pass by a decision: excepted commits, findings that a believed VEX document sets aside.
    pub excepted: Vec<String>,
    /// Commits that are younger than the freeze and not excepted.
    pub late_commits: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EvidenceRef {
    pub id: String,
    pub name: String,
    pub kind: EvidenceKind,
    /// The document: `GET /blobs/{document}`.
    pub document: String,
    pub tool: Option<String>,
    pub signatures: Vec<SignatureView>,
}

/// The criteria of a release as they stand at a position.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Criteria {
    pub release: Ref,
    pub verdict: Verdict,
    pub criteria: Vec<CriterionView>,
    pub exceptions: Vec<ExceptionView>,
    pub position: u64,
    pub at: Timestamp,
}

/// Commits that were let through a code freeze.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ExceptionView {
    pub criterion: String,
    pub commits: Vec<String>,
    pub by: Option<Ref>,
    pub reason: String,
    pub at: Timestamp,
}

/// Lets commits through a code freeze.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GrantException {
    /// Name of a criterion with a code freeze.
    pub criterion: String,
    /// Full object ids; 1 to 1,000.
    pub commits: Vec<String>,
    pub reason: String,
}
