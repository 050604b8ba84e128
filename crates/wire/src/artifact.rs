//! Artefacts: builds by digest, commits, signatures, quarantine.

use crate::reason::{Action, Ref, Status, Verdict};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Some bytes that were stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Blob {
    /// `sha256:` and 64 hexadecimal digits.
    pub digest: String,
    pub size: u64,
}

/// Enters an artefact whose bytes were stored with `PUT /blobs`. The server checks the signature over those bytes and reads the
/// commits from the repository.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RegisterArtifact {
    pub digest: String,
    pub service: String,
    /// What people call it, such as `1.4.2`; 1 to 100 characters.
    pub version: String,
    #[serde(default)]
    pub signature: Option<SignatureSpec>,
    #[serde(default)]
    pub source: Option<SourceSpec>,
}

/// A minisign signature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignatureSpec {
    /// Name of the signing key.
    pub key: String,
    /// Text of the `.minisig` file.
    pub text: String,
}

/// Where the bytes were built from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SourceSpec {
    /// A path or address that `git` understands; the service's own if absent.
    #[serde(default)]
    pub repository: Option<String>,
    /// The commit it was built from, or anything that names one.
    pub commit: String,
    /// The commit up to which everything was in already; absent: the whole history is new.
    #[serde(default)]
    pub since: Option<String>,
}

/// An artefact in a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ArtifactRow {
    /// Its digest.
    pub id: String,
    /// Service and version.
    pub name: String,
    pub service: Ref,
    pub version: String,
    pub digest: String,
    pub size: u64,
    pub registered_at: Timestamp,
    /// Whether a key that is in force signed it.
    pub signature: SignatureCheck,
    /// The commit it was built from.
    pub commit: Option<String>,
    pub commits: u32,
    /// `free` or `quarantined`.
    pub status: Status,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SignatureCheck {
    pub verdict: Verdict,
    /// Name of the key.
    pub signer: Option<String>,
    pub detail: String,
}

/// An artefact with its commits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Artifact {
    #[serde(flatten)]
    pub row: ArtifactRow,
    pub repository: Option<String>,
    pub since: Option<String>,
    pub commit_list: Vec<Commit>,
    pub quarantine: Option<Quarantine>,
    pub running_in: Vec<Ref>,
    pub releases: Vec<Ref>,
    pub actions: Vec<Action>,
}

/// A commit as its repository has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Commit {
    pub sha: String,
    /// First line of its message.
    pub subject: String,
    /// The person, if an account commits with that address; what Git says otherwise.
    pub author: String,
    pub author_account: Option<Ref>,
    pub co_authors: Vec<String>,
    pub authored_at: Timestamp,
    pub service: Option<String>,
}

/// Holds an artefact back, everywhere, at once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Quarantine {
    pub id: String,
    pub digest: String,
    pub service: Ref,
    pub version: Option<String>,
    pub commit: Option<String>,
    /// The release that brought it about.
    pub because_of: Option<Ref>,
    pub reason: Option<String>,
    pub since: Timestamp,
    pub lifted: Option<Timestamp>,
    pub status: Status,
    pub actions: Vec<Action>,
}

/// Which artefacts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ArtifactQuery {
    pub service: Option<String>,
    pub version: Option<String>,
    pub cursor: Option<String>,
    #[param(minimum = 1, maximum = 500)]
    pub limit: Option<u32>,
}

/// A key that signs artefacts, in a manifest of kind `SigningKey`; `metadata.name` is its name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SigningKeySpec {
    /// The base64 line of a minisign public key, or the text of the whole `.pub` file.
    pub public_key: String,
    #[serde(default)]
    pub revoked: bool,
}

/// A signing key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SigningKey {
    pub id: String,
    pub name: String,
    pub public_key: String,
    pub status: Status,
    pub actions: Vec<Action>,
}
