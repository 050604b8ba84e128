//! Signed statements: in-toto Statement v1 or v0.1 in a DSSE v1 envelope, signed with Ed25519.
//!
//! Only signatures that hold over the very payload make a signer; an envelope without one by a key that is known is refused as a
//! whole. The `keyid` is a hint that nobody relies on (DSSE, protocol).

use crate::{
    Content, Fault, GROUPS, Key, Signer, Summary,
    fault::shown,
    json::{self, View, sha256},
    summary::word,
    text,
};
use base64::{Engine, engine::DecodePaddingMode, engine::general_purpose::GeneralPurpose};
use ed25519_dalek::{Signature, VerifyingKey};
use std::collections::BTreeSet;

const IN_TOTO: &str = "application/vnd.in-toto+json";
/// Signatures of one envelope.
const SIGNATURES: usize = 20;

/// What is signed (DSSE v1, protocol, PAE).
pub fn pre_authentication_encoding(kind: &str, payload: &[u8]) -> Vec<u8> {
    let mut out = format!("DSSEv1 {} {kind} {} ", kind.len(), payload.len()).into_bytes();
    out.extend_from_slice(payload);
    out
}

/// Either alphabet, with or without padding, as the specification allows.
fn base64(view: &View<'_, '_>) -> Result<Vec<u8>, Fault> {
    let text = view.text()?;
    let alphabet = if text.contains(['-', '_']) { &base64::alphabet::URL_SAFE } else { &base64::alphabet::STANDARD };
    let config = base64::engine::GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    GeneralPurpose::new(alphabet, config).decode(text.trim()).map_err(|_| view.wrong("Base64"))
}

pub(crate) fn read(root: View<'_, '_>, keys: &[Key]) -> Result<Summary, Fault> {
    let root = root.object()?;
    if !root.get("payloadType").is_there() || !root.get("signatures").is_there() {
        return Err(Fault::new(
            "document-kind",
            "it has no `payloadType` or no `signatures`; expected a DSSE envelope",
        ));
    }
    let kind = root.get("payloadType").text()?;
    if kind != IN_TOTO {
        return Err(Fault::new("document-kind", format!("its payload is `{}`; expected `{IN_TOTO}`", shown(kind))));
    }
    let payload = base64(&root.get("payload"))?;
    let signed_by = signers(&root, &pre_authentication_encoding(kind, &payload), keys)?;
    let statement = json::parse(text::decode(&payload)?)?;
    let statement = statement.view().object()?;
    let version = statement.get("_type");
    match version.text()? {
        "https://in-toto.io/Statement/v1" | "https://in-toto.io/Statement/v0.1" => {}
        other => {
            let what = format!("its payload is of type `{}`; expected https://in-toto.io/Statement/v1", shown(other));
            return Err(Fault::new("document-version", what));
        }
    }
    let predicate = word(statement.get("predicateType").text()?);
    let mut subjects = BTreeSet::new();
    let list = statement.get("subject");
    for subject in list.items()? {
        let digest = subject.get("digest").object()?;
        let sha = digest.get("sha256");
        if let Some(text) = sha.text_or()? {
            subjects.insert(sha256(text).ok_or_else(|| sha.wrong("64 hexadecimal digits"))?);
        }
        if subjects.len() > GROUPS {
            return Err(Fault::new("document-too-many", format!("it has more than {GROUPS} subjects")));
        }
    }
    let content = Content::Statement { predicate, signed_by };
    Ok(Summary { tool: None, made: None, subjects: subjects.into_iter().collect(), content })
}

fn signers(root: &View<'_, '_>, signed: &[u8], keys: &[Key]) -> Result<Vec<Signer>, Fault> {
    let list = root.get("signatures");
    let (mut found, mut tried) = (BTreeSet::new(), 0);
    for signature in list.items()? {
        tried += 1;
        if tried > SIGNATURES {
            return Err(Fault::new("document-too-many", format!("it has more than {SIGNATURES} signatures")));
        }
        let bytes = base64(&signature.get("sig"))?;
        // Another algorithm's signature is none of ours, and no fault.
        let Ok(signature) = Signature::from_slice(&bytes) else { continue };
        for key in keys {
            let holds =
                VerifyingKey::from_bytes(&key.public).is_ok_and(|it| it.verify_strict(signed, &signature).is_ok());
            if holds {
                found.insert(key.name.clone());
            }
        }
    }
    if found.is_empty() {
        let what =
            format!("none of its {tried} signatures is by a signing key that is in force here, over this payload");
        return Err(Fault::new("document-signature", what));
    }
    Ok(found.into_iter().map(Signer).collect())
}
