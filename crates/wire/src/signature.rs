//! Electronic signatures (21 CFR Part 11): the proof a request carries, and a signature as it was made.

use crate::reason::Ref;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Proves with this very request who signs: by the password of the account that asks, or, left out, by a sign-in at the identity
/// provider that is at most five minutes old.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Signing {
    #[serde(default)]
    pub password: Option<String>,
    /// Digest of what the signer has seen (`seen` of the object). If it has changed meanwhile, nothing is signed.
    #[serde(default)]
    pub seen: Option<String>,
}

/// A signature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Signature {
    /// Who.
    pub by: Ref,
    /// When.
    pub at: Timestamp,
    /// What it means: `approval`, `rejection`, `abstention`, `ratification`, `objection`, `responsibility`.
    pub meaning: String,
    /// How the signer proved himself on that occasion: `password` or `provider`.
    pub proof: String,
    /// SHA-256 of what was signed.
    pub signed: String,
}
