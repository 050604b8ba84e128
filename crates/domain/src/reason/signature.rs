//! Electronic signatures: who signed what, when, what it means, and how he proved on that occasion that it was he.
//!
//! After 21 CFR Part 11: §11.50 asks for the signer, the time and the meaning; §11.70 ties a signature to its record, which here is
//! the digest of what was signed; §11.200 asks that the signer proves himself when he signs. Invariant: a signature is only made
//! of a request that itself carried the proof; nothing is remembered from an earlier one.
//! Deliberately absent: the proof. The edge checks a password or a fresh sign-in and says which it was.

use crate::core::Context;
use interlock_ids::Digest;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What somebody means by signing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Meaning {
    /// I have read it and approve it.
    Approval,
    /// I have read it and reject it.
    Rejection,
    /// I have read it and do not decide.
    Abstention,
    /// I approve after the event what was done in an emergency.
    Ratification,
    /// I object after the event to what was done in an emergency.
    Objection,
    /// I answer for it: minutes that are right, a glass that was broken.
    Responsibility,
}

/// How the signer proved himself with the very request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Proof {
    /// By his password.
    Password,
    /// By a sign-in at his identity provider that is at most five minutes old.
    Provider,
}

/// A signature. Who: the account of the event that holds it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signature {
    pub meaning: Meaning,
    pub at: Timestamp,
    pub proof: Proof,
    /// SHA-256 of the canonical text of what was signed.
    pub signed: Digest,
}

/// The signature this request makes under what has this digest; `None` if it carried no proof.
pub fn sign(ctx: &Context, meaning: Meaning, signed: Digest) -> Option<Signature> {
    ctx.actor.proof.map(|proof| Signature { meaning, at: ctx.now, proof, signed })
}

/// SHA-256 of a value's canonical JSON: keys sorted, no space. Written here and not left to the library, whose order of keys is a
/// matter of how it was built.
pub(crate) fn digest_of(value: &serde_json::Value) -> Digest {
    use sha2::{Digest as _, Sha256};
    let mut text = String::new();
    canonical(value, &mut text);
    Digest(Sha256::digest(text.as_bytes()).into())
}

fn canonical(value: &serde_json::Value, into: &mut String) {
    use serde_json::Value;
    match value {
        Value::Array(items) => {
            into.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    into.push(',');
                }
                canonical(item, into);
            }
            into.push(']');
        }
        Value::Object(fields) => {
            let sorted: std::collections::BTreeMap<&String, &Value> = fields.iter().collect();
            into.push('{');
            for (index, (key, item)) in sorted.into_iter().enumerate() {
                if index > 0 {
                    into.push(',');
                }
                into.push_str(&Value::String(key.clone()).to_string());
                into.push(':');
                canonical(item, into);
            }
            into.push('}');
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => into.push_str(&value.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Known answer: `printf '{"a":[1,"x"],"b":null}' | sha256sum` of GNU coreutils 9.
    #[test]
    fn the_order_in_which_keys_were_given_means_nothing() {
        let known = "sha256:854ef06dc57f5dfed10206344ab2d02e0b6c84b0e19436703a5afd0f1f9f2687";
        for text in [r#"{"b":null,"a":[1,"x"]}"#, r#"{ "a": [1, "x"], "b": null }"#] {
            let value = serde_json::from_str(text).expect("JSON");
            assert_eq!(digest_of(&value).to_string(), known);
        }
    }
}
