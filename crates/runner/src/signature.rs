//! Signed requests: RFC 9421 (HTTP message signatures) with Ed25519, in one fixed profile, and RFC 9530 content digests.
//!
//! The profile: the covered components are exactly `"@method" "@path" "content-digest"`, in this order; the parameters are `created`,
//! `keyid` (the runner's name), `nonce`, `alg="ed25519"` and `tag="interlock-runner"`, in this order. The authority is not covered,
//! because a proxy in front of the server may change it. A request with a query is not signed at all.
//!
//! Invariants: the bytes of the body are bound by their digest; whoever verifies compares method and path with those of the request
//! at hand; anything but the profile is refused, so that there is one way to read a signature.
//! Deliberately absent: the clock, and the memory of nonces. Both are the verifier's.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use sha2::{Digest as _, Sha256};

/// What a signature of this profile is for.
pub const TAG: &str = "interlock-runner";
pub const INPUT: &str = "signature-input";
pub const SIGNATURE: &str = "signature";
pub const DIGEST: &str = "content-digest";
/// Longest nonce, in characters.
const NONCE_MAX: usize = 64;

/// The three headers of a signed request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Headers {
    /// `Content-Digest`
    pub digest: String,
    /// `Signature-Input`
    pub input: String,
    /// `Signature`
    pub signature: String,
}

/// What a signature says about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claims {
    /// Unix time in seconds.
    pub created: i64,
    /// Who signs.
    pub keyid: String,
    /// Used once.
    pub nonce: String,
}

/// Why a signature is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unsigned {
    #[error("`{0}` is missing, or is not as the profile says")]
    Form(&'static str),
    #[error("the body is not the one whose digest was signed")]
    Body,
    #[error("the signature is not by that key over this request")]
    Forged,
}

/// The signature base of RFC 9421, section 2.5: components with their values, then the parameters.
pub fn base(components: &[(&str, &str)], parameters: &str) -> String {
    let mut text: String = components.iter().map(|(name, value)| format!("\"{name}\": {value}\n")).collect();
    text.push_str("\"@signature-params\": ");
    text.push_str(parameters);
    text
}

fn parameters(claims: &Claims) -> String {
    let Claims { created, keyid, nonce } = claims;
    format!(
        "(\"@method\" \"@path\" \"content-digest\");created={created};keyid=\"{keyid}\";nonce=\"{nonce}\";alg=\"ed25519\";tag=\"{TAG}\""
    )
}

/// `Content-Digest` of a body (RFC 9530).
pub fn content_digest(body: &[u8]) -> String {
    format!("sha-256=:{}:", STANDARD.encode(Sha256::digest(body)))
}

/// Signs a request. `method` in capitals; `path` as it is sent, without a query.
pub fn sign(key: &SigningKey, claims: &Claims, method: &str, path: &str, body: &[u8]) -> Headers {
    let digest = content_digest(body);
    let parameters = parameters(claims);
    let text = base(&[("@method", method), ("@path", path), (DIGEST, &digest)], &parameters);
    let signature = STANDARD.encode(key.sign(text.as_bytes()).to_bytes());
    Headers { digest, input: format!("sig1={parameters}"), signature: format!("sig1=:{signature}:") }
}

impl Headers {
    /// What the signature says, before anything is verified: whose keys to look up.
    ///
    /// # Errors
    /// [`Unsigned::Form`].
    pub fn claims(&self) -> Result<Claims, Unsigned> {
        let wrong = Unsigned::Form(INPUT);
        let text = self.input.strip_prefix("sig1=").ok_or(wrong.clone())?;
        let part = |name: &str| {
            let (_, rest) = text.split_once(&format!(";{name}="))?;
            Some(rest.split(';').next().unwrap_or_default())
        };
        let plain = |text: &str| {
            (1..=NONCE_MAX).contains(&text.len())
                && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
        };
        let quoted = |name: &str| {
            let text = part(name)?.strip_prefix('"')?.strip_suffix('"')?;
            plain(text).then(|| text.to_owned())
        };
        let created = part("created").and_then(|text| text.parse().ok()).ok_or(wrong.clone())?;
        let (Some(keyid), Some(nonce)) = (quoted("keyid"), quoted("nonce")) else { return Err(wrong) };
        let claims = Claims { created, keyid, nonce };
        // Written anew it has to be the same text: nothing else, nothing twice, nothing in another order.
        if parameters(&claims) == text { Ok(claims) } else { Err(wrong) }
    }

    /// Verifies the signature over a request with one of `keys`. Whether it is new and recent is for the caller to see.
    ///
    /// # Errors
    /// What is wrong.
    pub fn verify<'a>(
        &self,
        keys: impl IntoIterator<Item = &'a [u8; 32]>,
        method: &str,
        path: &str,
        body: &[u8],
    ) -> Result<Claims, Unsigned> {
        let claims = self.claims()?;
        if self.digest != content_digest(body) {
            return Err(Unsigned::Body);
        }
        let signature = self.signature.strip_prefix("sig1=:").and_then(|text| text.strip_suffix(':'));
        let signature = signature.and_then(|text| STANDARD.decode(text).ok()).ok_or(Unsigned::Form(SIGNATURE))?;
        let signature = Signature::from_slice(&signature).map_err(|_| Unsigned::Form(SIGNATURE))?;
        let text = base(&[("@method", method), ("@path", path), (DIGEST, &self.digest)], &parameters(&claims));
        let by = |key: &[u8; 32]| {
            VerifyingKey::from_bytes(key).is_ok_and(|key| key.verify_strict(text.as_bytes(), &signature).is_ok())
        };
        if keys.into_iter().any(by) { Ok(claims) } else { Err(Unsigned::Forged) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn claims() -> Claims {
        Claims { created: 1_795_435_200, keyid: "berlin-1".into(), nonce: "b3k2pp5k7z-50gnwp.yemd".into() }
    }

    fn key() -> SigningKey {
        SigningKey::from_bytes(&[5; 32])
    }

    /// RFC 9421, appendix B.2.6, signed with `test-key-ed25519` of appendix B.1.4.
    #[test]
    fn the_example_of_rfc_9421_verifies() {
        let base = base(
            &[
                ("date", "Tue, 20 Apr 2021 02:07:55 GMT"),
                ("@method", "POST"),
                ("@path", "/foo"),
                ("@authority", "example.com"),
                ("content-type", "application/json"),
                ("content-length", "18"),
            ],
            "(\"date\" \"@method\" \"@path\" \"@authority\" \"content-type\" \"content-length\");created=1618884473;keyid=\"test-key-ed25519\"",
        );
        let public = STANDARD.decode("JrQLj5P/89iXES9+vFgrIy29clF9CC/oPPsw3c5D0bs=").unwrap();
        let key = VerifyingKey::from_bytes(&public.try_into().unwrap()).unwrap();
        let signature = "wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw==";
        let signature = Signature::from_slice(&STANDARD.decode(signature).unwrap()).unwrap();
        key.verify_strict(base.as_bytes(), &signature).unwrap();
    }

    /// RFC 9530, appendix D: `{"hello": "world"}` and a line feed.
    #[test]
    fn the_example_of_rfc_9530_has_that_digest() {
        assert_eq!(
            content_digest(b"{\"hello\": \"world\"}\n"),
            "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:"
        );
    }

    #[test]
    fn what_was_signed_verifies_and_nothing_else() {
        let own = key().verifying_key().to_bytes();
        let other = SigningKey::from_bytes(&[6; 32]).verifying_key().to_bytes();
        let signed = sign(&key(), &claims(), "POST", "/api/v1/runners/lease", b"{}");
        let verify = |keys: &[[u8; 32]], method: &str, path: &str, body: &[u8]| signed.verify(keys, method, path, body);
        assert_eq!(verify(&[own], "POST", "/api/v1/runners/lease", b"{}"), Ok(claims()));
        assert_eq!(verify(&[other, own], "POST", "/api/v1/runners/lease", b"{}"), Ok(claims()));
        assert_eq!(verify(&[other], "POST", "/api/v1/runners/lease", b"{}"), Err(Unsigned::Forged));
        assert_eq!(verify(&[], "POST", "/api/v1/runners/lease", b"{}"), Err(Unsigned::Forged));
        assert_eq!(verify(&[own], "PUT", "/api/v1/runners/lease", b"{}"), Err(Unsigned::Forged));
        assert_eq!(verify(&[own], "POST", "/api/v1/runners/report", b"{}"), Err(Unsigned::Forged));
        assert_eq!(verify(&[own], "POST", "/api/v1/runners/lease", b"{ }"), Err(Unsigned::Body));
        let moved = Headers { digest: content_digest(b"{ }"), ..signed.clone() };
        assert_eq!(moved.verify(&[own], "POST", "/api/v1/runners/lease", b"{ }"), Err(Unsigned::Forged));
    }

    #[test]
    fn another_profile_is_refused() {
        let good = sign(&key(), &claims(), "GET", "/", b"");
        let with = |from: &str, to: &str| Headers { input: good.input.replace(from, to), ..good.clone() }.claims();
        assert!(good.claims().is_ok());
        for (from, to) in [
            ("\"@path\" ", ""),
            ("\"@method\"", "\"@authority\""),
            ("ed25519", "hmac-sha256"),
            (TAG, "interlock-else"),
            (";tag=", ";expires=1;tag="),
            (";nonce=\"b3k2pp5k7z-50gnwp.yemd\"", ""),
            ("created=1", "created=x"),
            ("sig1=", "sig2="),
            ("berlin-1", "berlin 1"),
        ] {
            assert_eq!(with(from, to), Err(Unsigned::Form(INPUT)), "{from} -> {to}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn no_text_makes_it_panic_and_no_changed_character_survives(at in 0usize..400, with in "[ -~]") {
            let signed = sign(&key(), &claims(), "GET", "/", b"");
            let mut input: Vec<char> = signed.input.chars().collect();
            let at = at % input.len();
            let before = input[at];
            input[at] = with.chars().next().unwrap();
            let changed = Headers { input: input.iter().collect(), ..signed };
            let verified = changed.verify([&key().verifying_key().to_bytes()], "GET", "/", b"");
            prop_assert!(verified.is_err() || input[at] == before);
        }
    }
}
