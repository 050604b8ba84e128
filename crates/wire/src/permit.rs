//! The deployment permit: the short-lived, signed statement without which no runner acts.
//!
//! Invariants: what is signed is the exact text of the payload, never a re-encoding of it; every scope is spelled out, so that an
//! omitted list binds nothing instead of everything; a field a reader does not know makes the permit unreadable, because it may be
//! a restriction.
//! Deliberately absent: keys and cryptography. Whoever signs and whoever verifies brings them; both call [`signing_bytes`].

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What stands before the payload when it is signed, so that a signature made for another purpose is never a permit.
pub const SIGNING_CONTEXT: &str = "interlock-permit-v1\n";

/// The bytes under the Ed25519 signature (RFC 8032, pure Ed25519): [`SIGNING_CONTEXT`] and the payload as it is transmitted.
pub fn signing_bytes(payload: &str) -> Vec<u8> {
    [SIGNING_CONTEXT.as_bytes(), payload.as_bytes()].concat()
}

/// What stands before a key that another one vouches for.
pub const ENDORSING_CONTEXT: &str = "interlock-permit-key-v1\n";

/// The bytes under a signature by which one permit key vouches for the next: the context, the new key's id, a space, its 32
/// bytes in base64.
pub fn endorsement_bytes(id: &str, key: &str) -> Vec<u8> {
    format!("{ENDORSING_CONTEXT}{id} {key}").into_bytes()
}

/// What a permit allows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Permit {
    pub id: String,
    pub release: String,
    pub scope: PermitScope,
    /// The one environment it is good for.
    pub environment: String,
    /// Every service that may be touched, with the digest it may become. A rollback needs a permit that names the digest it
    /// goes back to.
    pub artifacts: Vec<PermittedArtifact>,
    /// Names of the targets that may be touched.
    pub targets: Vec<String>,
    /// First instant at which it is good.
    #[schema(value_type = String, format = DateTime)]
    pub not_before: Timestamp,
    /// First instant at which it is no longer good.
    #[schema(value_type = String, format = DateTime)]
    pub not_after: Timestamp,
    /// Digest of the policy set under which it was given.
    pub policy_set: String,
    /// The approvals it rests on.
    pub approvals: Vec<String>,
    /// The lowest fence it is good for.
    pub fence_floor: u64,
}

/// Which deployments of the release a permit covers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum PermitScope {
    /// Any deployment of the release.
    Release,
    /// These deployments only; an empty list covers none.
    Deployments { ids: Vec<String> },
}

/// A service and the one digest it may become.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PermittedArtifact {
    pub service: String,
    /// `sha256:` and 64 hexadecimal digits.
    pub digest: String,
}

/// A permit as it travels: the text that was signed, and the signature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignedPermit {
    /// A [`Permit`] as JSON, byte for byte as it was signed.
    pub payload: String,
    /// Which of the keys the runner was given the signature is by.
    pub key_id: String,
    /// Ed25519 signature (64 bytes) over [`signing_bytes`], in standard base64 with padding.
    pub signature: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAYLOAD: &str = r#"{"id":"pmt_1","release":"rel_1","scope":{"kind":"deployments","ids":["dep_1"]},"environment":"production","artifacts":[{"service":"cart","digest":"sha256:00"}],"targets":["cart-1"],"not_before":"2026-11-23T10:00:00Z","not_after":"2026-11-23T11:00:00Z","policy_set":"sha256:11","approvals":["chg_1/acc_1"],"fence_floor":3}"#;

    #[test]
    fn the_payload_reads_and_writes_as_the_same_text() {
        let permit: Permit = serde_json::from_str(PAYLOAD).unwrap();
        assert_eq!(permit.not_after.as_second() - permit.not_before.as_second(), 3600);
        assert_eq!(serde_json::to_string(&permit).unwrap(), PAYLOAD);
    }

    #[test]
    fn an_unknown_or_missing_field_makes_it_unreadable() {
        let more = PAYLOAD.replacen('{', r#"{"only_on_sundays":true,"#, 1);
        assert!(serde_json::from_str::<Permit>(&more).unwrap_err().to_string().contains("only_on_sundays"));
        let less = PAYLOAD.replace(r#""targets":["cart-1"],"#, "");
        assert!(serde_json::from_str::<Permit>(&less).unwrap_err().to_string().contains("targets"));
    }

    #[test]
    fn the_signed_bytes_name_their_purpose() {
        assert_eq!(signing_bytes("{}"), b"interlock-permit-v1\n{}");
    }
}
