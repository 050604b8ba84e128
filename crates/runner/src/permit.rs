//! Verifies a permit offline: signature, time, revocation, and that it binds exactly what is about to happen.
//!
//! Invariants: the signature is checked before a single byte of the payload is interpreted; every restriction of the permit is
//! compared, and an empty list allows nothing; the time is an argument, so that the same question has the same answer.
//! Deliberately absent: any leniency. A permit that cannot be understood wholly is not a permit.

use crate::fault::{Code, Fault, excerpt};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, VerifyingKey};
use interlock_ids::Digest;
use interlock_wire::permit::{Permit, PermitScope, SignedPermit, signing_bytes};
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// The keys whose permits count, by id.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PermitKeys(BTreeMap<String, [u8; 32]>);

impl PermitKeys {
    /// One key: its id and its 32 bytes (Ed25519 public key, RFC 8032).
    pub fn one(id: impl Into<String>, key: [u8; 32]) -> Self {
        Self(BTreeMap::from([(id.into(), key)]))
    }

    /// Whether a key of this id is trusted.
    pub fn knows(&self, id: &str) -> bool {
        self.0.contains_key(id)
    }

    /// Adds a key, as when the server's key is being replaced.
    pub fn with(mut self, id: impl Into<String>, key: [u8; 32]) -> Self {
        self.0.insert(id.into(), key);
        self
    }
}

/// What is about to happen, for a permit to allow.
#[derive(Clone, Copy, Debug)]
pub struct Binding<'a> {
    pub deployment: &'a str,
    pub environment: &'a str,
    pub target: &'a str,
    pub service: &'a str,
    /// `None` for a step without an artefact: the permit must then name the service, with whatever digest.
    pub digest: Option<&'a Digest>,
    pub fence: u64,
}

/// Whether `signed` allows `about` at `now`; `now` counts from `not_before` on and before `not_after`.
///
/// # Errors
/// The first thing that is wrong, R101 to R112.
pub fn verify(
    signed: &SignedPermit,
    keys: &PermitKeys,
    now: Timestamp,
    about: &Binding<'_>,
    revoked: &BTreeSet<String>,
) -> Result<Permit, Fault> {
    verify_within(signed, keys, now, SignedDuration::ZERO, about, revoked)
}

/// As [`verify`], by a clock that may be wrong by `skew` either way.
///
/// # Errors
/// As [`verify`].
pub fn verify_within(
    signed: &SignedPermit,
    keys: &PermitKeys,
    now: Timestamp,
    skew: SignedDuration,
    about: &Binding<'_>,
    revoked: &BTreeSet<String>,
) -> Result<Permit, Fault> {
    let permit = authentic(signed, keys)?;
    let refuse =
        |code, message: String| Err(Fault::failed(code, format!("permit `{}` {message}", excerpt(&permit.id))));
    if revoked.contains(&permit.id) {
        return refuse(Code::PermitRevoked, "has been revoked".into());
    }
    let shifted = |by: SignedDuration| now.checked_add(by).unwrap_or(now);
    if shifted(skew) < permit.not_before {
        return refuse(Code::PermitNotYetValid, format!("is good from {} on; it is {now}", permit.not_before));
    }
    if shifted(-skew) >= permit.not_after {
        return refuse(Code::PermitExpired, format!("was good until {}; it is {now}", permit.not_after));
    }
    if permit.environment != about.environment {
        let message = format!("is for environment `{}`, not `{}`", excerpt(&permit.environment), about.environment);
        return refuse(Code::PermitEnvironment, message);
    }
    if let PermitScope::Deployments { ids } = &permit.scope
        && !ids.iter().any(|id| id == about.deployment)
    {
        return refuse(Code::PermitScope, format!("does not cover deployment `{}`", about.deployment));
    }
    if !permit.targets.iter().any(|target| target == about.target) {
        return refuse(Code::PermitTarget, format!("does not cover target `{}`", about.target));
    }
    let mut of_service = permit.artifacts.iter().filter(|artifact| artifact.service == about.service).peekable();
    if of_service.peek().is_none() {
        return refuse(Code::PermitService, format!("does not cover service `{}`", about.service));
    }
    if let Some(digest) = about.digest
        && !of_service.any(|artifact| artifact.digest.parse() == Ok(*digest))
    {
        return refuse(Code::PermitDigest, format!("does not bind service `{}` to {digest}", about.service));
    }
    if about.fence < permit.fence_floor {
        let message = format!("is good from fence {} on; the order has fence {}", permit.fence_floor, about.fence);
        return refuse(Code::PermitFence, message);
    }
    Ok(permit)
}

/// The permit, if one of the keys has signed it; whether it allows anything is another question.
///
/// # Errors
/// R101 to R103.
pub fn authentic(signed: &SignedPermit, keys: &PermitKeys) -> Result<Permit, Fault> {
    let key = keys.0.get(&signed.key_id).ok_or_else(|| {
        Fault::failed(
            Code::PermitKeyUnknown,
            format!("the permit is signed by key `{}`, which this runner does not trust", excerpt(&signed.key_id)),
        )
    })?;
    let forged = |why: &str| Fault::failed(Code::PermitSignature, format!("the permit's signature {why}"));
    let key = VerifyingKey::from_bytes(key)
        .map_err(|_| forged("cannot be checked: the trusted key is not an Ed25519 key"))?;
    let signature = STANDARD.decode(&signed.signature).map_err(|_| forged("is not base64"))?;
    let signature = Signature::from_slice(&signature).map_err(|_| forged("is not 64 bytes long"))?;
    key.verify_strict(&signing_bytes(&signed.payload), &signature)
        .map_err(|_| forged(&format!("is not by key `{}` over this text", excerpt(&signed.key_id))))?;
    serde_json::from_str(&signed.payload)
        .map_err(|error| Fault::failed(Code::PermitUnreadable, format!("the permit cannot be read: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ed25519_dalek::{Signer, SigningKey};
    use interlock_wire::permit::PermittedArtifact;
    use proptest::prelude::*;

    const DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn permit() -> Permit {
        Permit {
            id: "pmt_1".into(),
            release: "rel_1".into(),
            scope: PermitScope::Deployments { ids: vec!["dep_1".into()] },
            environment: "production".into(),
            artifacts: vec![PermittedArtifact { service: "cart".into(), digest: DIGEST.into() }],
            targets: vec!["cart-1".into()],
            not_before: at("2026-11-23T10:00:00Z"),
            not_after: at("2026-11-23T11:00:00Z"),
            policy_set: "sha256:00".into(),
            approvals: vec![],
            fence_floor: 7,
        }
    }

    fn key() -> SigningKey {
        SigningKey::from_bytes(&[7; 32])
    }

    fn sign(payload: String) -> SignedPermit {
        let signature = STANDARD.encode(key().sign(&signing_bytes(&payload)).to_bytes());
        SignedPermit { payload, key_id: "k1".into(), signature }
    }

    fn keys() -> PermitKeys {
        PermitKeys::one("k1", key().verifying_key().to_bytes())
    }

    fn code<'a>(permit: Permit, now: &str, change: impl FnOnce(&mut Binding<'a>)) -> Result<(), &'static str> {
        let digest: &'static Digest = Box::leak(Box::new(DIGEST.parse().unwrap()));
        let mut about = Binding {
            deployment: "dep_1",
            environment: "production",
            target: "cart-1",
            service: "cart",
            digest: Some(digest),
            fence: 7,
        };
        change(&mut about);
        let signed = sign(serde_json::to_string(&permit).unwrap());
        verify(&signed, &keys(), at(now), &about, &BTreeSet::new()).map(drop).map_err(|fault| fault.code.as_str())
    }

    const NOON: &str = "2026-11-23T10:30:00Z";

    #[test]
    fn what_it_binds_is_allowed_and_nothing_else() {
        let other: Digest = DIGEST.replace("e3b0", "e3b1").parse().unwrap();
        assert_eq!(code(permit(), NOON, |_| ()), Ok(()));
        assert_eq!(code(permit(), NOON, |about| about.digest = None), Ok(()));
        assert_eq!(code(permit(), NOON, |about| about.environment = "staging"), Err("R106"));
        assert_eq!(code(permit(), NOON, |about| about.target = "cart-10"), Err("R107"));
        assert_eq!(code(permit(), NOON, |about| about.digest = Some(&other)), Err("R108"));
        assert_eq!(code(permit(), NOON, |about| about.deployment = "dep_2"), Err("R110"));
        assert_eq!(code(permit(), NOON, |about| about.fence = 6), Err("R111"));
        assert_eq!(code(permit(), NOON, |about| about.service = "checkout"), Err("R112"));
    }

    #[test]
    fn the_window_is_half_open() {
        for (now, expected) in [
            ("2026-11-23T09:59:59.999Z", Err("R104")),
            ("2026-11-23T10:00:00Z", Ok(())),
            ("2026-11-23T10:59:59.999Z", Ok(())),
            ("2026-11-23T11:00:00Z", Err("R105")),
        ] {
            assert_eq!(code(permit(), now, |_| ()), expected, "{now}");
        }
    }

    #[test]
    fn a_clock_may_be_wrong_by_the_skew_and_no_more() {
        let signed = sign(serde_json::to_string(&permit()).unwrap());
        let about = Binding {
            deployment: "dep_1",
            environment: "production",
            target: "cart-1",
            service: "cart",
            digest: None,
            fence: 7,
        };
        let skew = SignedDuration::from_secs(30);
        let code = |now| {
            let verified = verify_within(&signed, &keys(), at(now), skew, &about, &BTreeSet::new());
            verified.map(drop).map_err(|fault| fault.code.as_str())
        };
        for (now, expected) in [
            ("2026-11-23T09:59:29.999Z", Err("R104")),
            ("2026-11-23T09:59:30Z", Ok(())),
            ("2026-11-23T11:00:29.999Z", Ok(())),
            ("2026-11-23T11:00:30Z", Err("R105")),
        ] {
            assert_eq!(code(now), expected, "{now}");
        }
    }

    #[test]
    fn empty_lists_allow_nothing() {
        assert_eq!(code(Permit { targets: vec![], ..permit() }, NOON, |_| ()), Err("R107"));
        assert_eq!(code(Permit { artifacts: vec![], ..permit() }, NOON, |about| about.digest = None), Err("R112"));
        assert_eq!(
            code(Permit { scope: PermitScope::Deployments { ids: vec![] }, ..permit() }, NOON, |_| ()),
            Err("R110")
        );
        assert_eq!(code(Permit { scope: PermitScope::Release, ..permit() }, NOON, |_| ()), Ok(()));
    }

    fn refused(signed: &SignedPermit, keys: &PermitKeys, revoked: &[&str]) -> &'static str {
        let about = Binding {
            deployment: "dep_1",
            environment: "production",
            target: "cart-1",
            service: "cart",
            digest: None,
            fence: 7,
        };
        let revoked = revoked.iter().map(|id| id.to_string()).collect();
        verify(signed, keys, at(NOON), &about, &revoked).map_or_else(|fault| fault.code.as_str(), |_| "allowed")
    }

    #[test]
    fn forged_foreign_revoked_and_unreadable_permits_are_told_apart() {
        let good = sign(serde_json::to_string(&permit()).unwrap());
        assert_eq!(refused(&good, &keys(), &[]), "allowed");
        assert_eq!(refused(&good, &keys(), &["pmt_1"]), "R109");
        assert_eq!(refused(&good, &PermitKeys::default(), &[]), "R101");
        let foreign = PermitKeys::one("k1", SigningKey::from_bytes(&[8; 32]).verifying_key().to_bytes());
        assert_eq!(refused(&good, &foreign, &[]), "R102");
        let wider = SignedPermit { payload: good.payload.replace("11:00:00", "23:00:00"), ..good.clone() };
        assert_eq!(refused(&wider, &keys(), &[]), "R102");
        for signature in ["", "!", "AAAA"] {
            assert_eq!(refused(&SignedPermit { signature: signature.into(), ..good.clone() }, &keys(), &[]), "R102");
        }
        let bare = STANDARD.encode(key().sign(good.payload.as_bytes()).to_bytes());
        assert_eq!(refused(&SignedPermit { signature: bare, ..good.clone() }, &keys(), &[]), "R102");
        let unknown = sign(good.payload.replacen('{', r#"{"weekdays":["Sun"],"#, 1));
        assert_eq!(refused(&unknown, &keys(), &[]), "R103");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn no_flipped_bit_survives(index in 0usize..1000, bit in 0u8..7) {
            let good = sign(serde_json::to_string(&permit()).unwrap());
            let mut bytes = good.payload.clone().into_bytes();
            let index = index % bytes.len();
            bytes[index] ^= 1 << bit;
            if let Ok(payload) = String::from_utf8(bytes) {
                prop_assert_eq!(refused(&SignedPermit { payload, ..good }, &keys(), &[]), "R102");
            }
        }
    }
}
