//! Signed tokens: compact JWS (RFC 7515) with claims (RFC 7519), judged as RFC 8725 advises.

use super::keys::Keys;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Deserialize;
use serde_json::{Map, Value};

/// The longest token, in bytes.
const LONGEST: usize = 16 << 10;
/// How far two clocks may differ, in seconds.
const LEEWAY: i64 = 60;

/// What a token has to say.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    pub issuer: &'a str,
    pub audience: &'a str,
    /// The value this sign-in was begun with; `None` where there is none.
    pub nonce: Option<&'a str>,
    /// Whether it has to say who it is about; a token that ends sessions may name a session instead.
    pub subject: bool,
    /// Unix time in seconds.
    pub now: i64,
}

/// A token that is what was expected.
#[derive(Clone, Debug, PartialEq)]
pub struct Verified {
    pub claims: Map<String, Value>,
    /// Empty only where none was needed.
    pub subject: String,
    /// Unix time in seconds.
    pub expires: i64,
}

impl Verified {
    /// A claim that is a text.
    pub fn text(&self, claim: &str) -> Option<&str> {
        self.claims.get(claim).and_then(Value::as_str)
    }
}

/// Why a token is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    #[error("the token cannot be read: {0}")]
    Malformed(&'static str),
    #[error("the token is not signed")]
    Unsigned,
    #[error("the token is signed by `{0}`, which is not taken or does not fit the issuer's key")]
    Algorithm(String),
    #[error("the token names a key that its issuer does not publish")]
    KeyUnknown,
    #[error("the token's signature is not by its issuer's key")]
    Signature,
    #[error("the token is of another issuer")]
    Issuer,
    #[error("the token is for another audience")]
    Audience,
    #[error("the token has ended")]
    Expired,
    #[error("the token is from the future")]
    NotYet,
    #[error("the token does not belong to this sign-in")]
    Nonce,
    #[error("the token lacks the claim `{0}`")]
    Missing(&'static str),
}

impl Fault {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Malformed(_) => "token-malformed",
            Self::Unsigned => "token-unsigned",
            Self::Algorithm(_) => "token-algorithm",
            Self::KeyUnknown => "token-key-unknown",
            Self::Signature => "token-signature",
            Self::Issuer => "token-issuer",
            Self::Audience => "token-audience",
            Self::Expired => "token-expired",
            Self::NotYet => "token-not-yet",
            Self::Nonce => "token-nonce",
            Self::Missing(_) => "token-claim-missing",
        }
    }
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    crit: Option<Value>,
}

/// The id of the key that signed, as the token says: for finding out whether the keys at hand are too old. Judges nothing.
pub(super) fn key_id(token: &str) -> Option<String> {
    let head = token.get(..LONGEST.min(token.len()))?.split('.').next()?;
    serde_json::from_slice::<Header>(&URL_SAFE_NO_PAD.decode(head).ok()?).ok()?.kid
}

/// The issuer a token says it is of, for finding out whose keys to judge it by. Judges nothing.
pub(super) fn claimed_issuer(token: &str) -> Option<String> {
    let body = token.get(..LONGEST.min(token.len()))?.split('.').nth(1)?;
    let claims: Map<String, Value> = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(body).ok()?).ok()?;
    Some(claims.get("iss")?.as_str()?.to_owned())
}

/// Judges a token: form, algorithm, key, signature, then claims.
///
/// # Errors
/// The first thing that is wrong.
pub fn verify(token: &str, keys: &Keys, expected: &Expected) -> Result<Verified, Fault> {
    if token.len() > LONGEST {
        return Err(Fault::Malformed("it is longer than 16 KiB"));
    }
    let mut parts = token.split('.');
    let (Some(head), Some(body), Some(signature), None) = (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(Fault::Malformed("it has not three parts"));
    };
    let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| Fault::Malformed("a part is not base64url"));
    let header: Header =
        serde_json::from_slice(&decode(head)?).map_err(|_| Fault::Malformed("its header is no JSON with `alg`"))?;
    if header.crit.is_some() {
        return Err(Fault::Malformed("it demands an extension"));
    }
    if header.alg.eq_ignore_ascii_case("none") {
        return Err(Fault::Unsigned);
    }
    let signed = &token.as_bytes()[..head.len() + 1 + body.len()];
    keys.check(header.kid.as_deref(), &header.alg, signed, &decode(signature)?)?;
    let claims: Map<String, Value> =
        serde_json::from_slice(&decode(body)?).map_err(|_| Fault::Malformed("its claims are no JSON object"))?;
    judge(claims, expected)
}

fn judge(claims: Map<String, Value>, expected: &Expected) -> Result<Verified, Fault> {
    let text = |claim: &str| claims.get(claim).and_then(Value::as_str);
    // Moments may have fractions.
    let moment = |claim: &str| claims.get(claim).and_then(Value::as_f64).map(|at| at as i64);
    if text("iss").ok_or(Fault::Missing("iss"))? != expected.issuer {
        return Err(Fault::Issuer);
    }
    let several = match claims.get("aud").ok_or(Fault::Missing("aud"))? {
        Value::String(only) if only == expected.audience => false,
        Value::Array(all) if all.iter().any(|it| it == expected.audience) => all.len() > 1,
        _ => return Err(Fault::Audience),
    };
    // Core 3.1.3.7: with several audiences, or where it is named, the party it was made for is us.
    let party = text("azp");
    if party.map_or(several && expected.nonce.is_some(), |party| expected.nonce.is_some() && party != expected.audience)
    {
        return Err(Fault::Audience);
    }
    let expires = moment("exp").ok_or(Fault::Missing("exp"))?;
    if expected.now >= expires.saturating_add(LEEWAY) {
        return Err(Fault::Expired);
    }
    let issued = moment("iat").ok_or(Fault::Missing("iat"))?;
    if issued > expected.now + LEEWAY || moment("nbf").is_some_and(|at| at > expected.now + LEEWAY) {
        return Err(Fault::NotYet);
    }
    if let Some(nonce) = expected.nonce
        && text("nonce") != Some(nonce)
    {
        return Err(Fault::Nonce);
    }
    let subject = match text("sub") {
        Some(subject) if (1..=255).contains(&subject.len()) => subject.to_owned(),
        None if !expected.subject => String::new(),
        _ => return Err(Fault::Missing("sub")),
    };
    Ok(Verified { claims, subject, expires })
}

#[cfg(test)]
mod tests;
