//! The policy set in force.

use crate::reason::Severity;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// A pack in a manifest of kind `PolicyPack`; `metadata.name` is its name. Either the text of its files, or `shipped: true` for
/// one of the packs that come with the server.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PackSpec {
    pub version: Option<String>,
    pub shipped: bool,
    /// Cedar text by file name, such as `gates.cedar`.
    pub files: BTreeMap<String, String>,
}

/// Replaces the policy set in force as a whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InstallPolicies {
    pub packs: Vec<Pack>,
}

/// Policies that belong together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Pack {
    pub name: String,
    pub version: String,
    /// Cedar text by file name.
    pub files: BTreeMap<String, String>,
}

/// The policy set in force.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PolicySet {
    /// Null before the first installation: then nothing is allowed.
    pub digest: Option<String>,
    pub packs: Vec<Pack>,
    pub policies: Vec<Policy>,
    /// Position of the entry that installed it.
    pub since: Option<u64>,
    pub installed_at: Option<Timestamp>,
    /// Packs that come with the server.
    pub shipped: Vec<Pack>,
}

/// One policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Policy {
    pub id: String,
    pub pack: String,
    pub file: String,
    /// `permit` or `forbid`.
    pub effect: String,
    pub title: String,
    /// The control of the law it meets, if it says so.
    pub control: Option<String>,
    pub text: String,
}

/// What a check of packs found; nothing is installed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PolicyCheck {
    pub ok: bool,
    /// Digest of the set, if it compiles.
    pub digest: Option<String>,
    pub policies: u32,
    pub findings: Vec<PolicyFinding>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PolicyFinding {
    pub severity: Severity,
    pub code: String,
    pub pack: String,
    pub file: String,
    pub line: u32,
    pub message: String,
    pub remedy: String,
}
