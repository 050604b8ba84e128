//! Whether a delivery is by whom it says: the schemes in which other systems sign their webhooks.
//!
//! Invariants: secrets and signatures are compared in constant time; a signature covers the whole body as it came; where the scheme
//! has a time, a delivery that is older or younger than five minutes is none. Deliberately absent: what a delivery means.

use crate::problem::{Answer, Failure};
use axum::http::{HeaderMap, StatusCode};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use interlock_domain::intake::Scheme;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

/// How far a delivery's time may be from ours, in seconds.
const TOLERANCE: i64 = 300;

/// A delivery that is by whom it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    /// The sender's id of it.
    pub delivery: String,
    /// The sender's word for what it is about.
    pub what: String,
}

fn mac(secret: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("HMAC takes a key of any length");
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().into()
}

fn unsigned(detail: &str) -> Failure {
    let clears = "set the same secret at the sender and here";
    Failure::new(StatusCode::UNAUTHORIZED, "webhook-signature", detail).with_blocker("webhook-signature", clears, "you")
}

/// Judges a delivery; any of `secrets` will do. `now`: Unix time in seconds.
///
/// # Errors
/// It is not signed by any of them, or not now.
pub fn judge(scheme: Scheme, secrets: &[String], headers: &HeaderMap, body: &[u8], now: i64) -> Answer<Signed> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let word = |name: &str, otherwise: &str| {
        let word = text(name).trim().replace(' ', "-");
        if word.is_empty() { otherwise.to_owned() } else { word }
    };
    match scheme {
        Scheme::Github => {
            let shown = text("x-hub-signature-256").strip_prefix("sha256=").unwrap_or_default();
            let mut signature = [0; 32];
            hex::decode_to_slice(shown, &mut signature)
                .map_err(|_| unsigned("the header `X-Hub-Signature-256` is missing or no signature"))?;
            if !any(secrets, |secret| mac(secret.as_bytes(), &[body]).ct_eq(&signature).into()) {
                return Err(unsigned("the signature is not by this webhook's secret over this body"));
            }
            Ok(Signed { delivery: text("x-github-delivery").to_owned(), what: word("x-github-event", "unnamed") })
        }
        Scheme::Gitlab => {
            let shown = Sha256::digest(text("x-gitlab-token"));
            if !any(secrets, |secret| Sha256::digest(secret).ct_eq(&shown).into()) {
                return Err(unsigned("the header `X-Gitlab-Token` is missing or is not this webhook's secret"));
            }
            // The scheme signs nothing, so a sender without ids is told apart by what it sends.
            let delivery = word("x-gitlab-event-uuid", &hex::encode(Sha256::digest(body)));
            Ok(Signed { delivery, what: word("x-gitlab-event", "unnamed") })
        }
        Scheme::Standard => standard(secrets, headers, body, now),
    }
}

/// Standard Webhooks 1.0: the signature covers id, time and body.
fn standard(secrets: &[String], headers: &HeaderMap, body: &[u8], now: i64) -> Answer<Signed> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let (id, time) = (text("webhook-id"), text("webhook-timestamp"));
    let right = |secret: &String| {
        let encoded = secret.strip_prefix("whsec_").unwrap_or(secret);
        let Ok(key) = STANDARD.decode(encoded) else { return false };
        let wanted = mac(&key, &[id.as_bytes(), b".", time.as_bytes(), b".", body]);
        // Several, while the sender replaces its key.
        let mut shown = text("webhook-signature").split(' ').take(10).filter_map(|it| it.strip_prefix("v1,"));
        shown.any(|it| STANDARD.decode(it).is_ok_and(|it| it.ct_eq(&wanted).into()))
    };
    if id.is_empty() || !any(secrets, right) {
        return Err(unsigned("none of the signatures is by this webhook's secret over this id, time and body"));
    }
    let sent = time.parse::<i64>().ok().filter(|at| at.abs_diff(now) <= TOLERANCE as u64);
    if sent.is_none() {
        let detail = "the delivery is not of the last five minutes";
        return Err(Failure::new(StatusCode::UNAUTHORIZED, "webhook-timestamp", detail).with_blocker(
            "webhook-timestamp",
            "send it again with its own time, and correct the clocks",
            "you",
        ));
    }
    let what = serde_json::from_slice::<serde_json::Value>(body).ok();
    let what = what.as_ref().and_then(|it| it["type"].as_str()).unwrap_or("unnamed").replace(' ', "-");
    Ok(Signed { delivery: id.to_owned(), what })
}

/// Whether any secret is right; all are tried, so that the time it takes does not say which.
fn any(secrets: &[String], right: impl Fn(&String) -> bool) -> bool {
    secrets.iter().fold(false, |found, secret| right(secret) | found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::{HeaderName, HeaderValue};

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &str)| {
            (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())
        };
        pairs.iter().map(pair).collect()
    }

    fn code(answer: Answer<Signed>) -> String {
        answer.unwrap_err().problem().code.clone()
    }

    /// The example in GitHub's documents, "Validating webhook deliveries".
    #[test]
    fn the_example_of_github_verifies_and_nothing_else_does() {
        let (secrets, body) = (["It's a Secret to Everybody".to_owned()], b"Hello, World!");
        let signature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
        let good = [("x-hub-signature-256", signature), ("x-github-delivery", "d1"), ("x-github-event", "push")];
        let signed = judge(Scheme::Github, &secrets, &headers(&good), body, 0).unwrap();
        assert_eq!((signed.delivery.as_str(), signed.what.as_str()), ("d1", "push"));
        assert_eq!(code(judge(Scheme::Github, &secrets, &headers(&good), b"Hello, World?", 0)), "webhook-signature");
        assert_eq!(code(judge(Scheme::Github, &["other".into()], &headers(&good), body, 0)), "webhook-signature");
        assert_eq!(code(judge(Scheme::Github, &secrets, &headers(&[]), body, 0)), "webhook-signature");
        assert_eq!(code(judge(Scheme::Github, &[], &headers(&good), body, 0)), "webhook-signature");
        // While a secret is replaced, both are taken.
        assert!(judge(Scheme::Github, &["new".into(), secrets[0].clone()], &headers(&good), body, 0).is_ok());
    }

    #[test]
    fn a_token_of_gitlab_is_compared_whole() {
        let secrets = ["s3cret".to_owned()];
        let with = |token: &str| {
            judge(
                Scheme::Gitlab,
                &secrets,
                &headers(&[("x-gitlab-token", token), ("x-gitlab-event", "Push Hook")]),
                b"{}",
                0,
            )
        };
        assert_eq!(with("s3cret").unwrap().what, "Push-Hook");
        for bad in ["", "s3cre", "s3cret1", "S3CRET"] {
            assert_eq!(code(with(bad)), "webhook-signature");
        }
    }

    /// The example in the specification of Standard Webhooks, "Verifying signatures".
    #[test]
    fn the_example_of_standard_webhooks_verifies_in_its_time_only() {
        let secrets = ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned()];
        let (body, at) = (br#"{"test": 2432232314}"#, 1_614_265_330);
        let all = headers(&[
            ("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek"),
            ("webhook-timestamp", "1614265330"),
            (
                "webhook-signature",
                "v1,bm9ldHUjKzFob2VudXRob2VodWUzMjRvdWVvdW9ldQo= v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
            ),
        ]);
        let signed = judge(Scheme::Standard, &secrets, &all, body, at).unwrap();
        assert_eq!(signed.delivery, "msg_p5jXN8AQM9LWM0D4loKWxJek");
        assert!(judge(Scheme::Standard, &secrets, &all, body, at + 300).is_ok());
        assert_eq!(code(judge(Scheme::Standard, &secrets, &all, body, at + 301)), "webhook-timestamp");
        assert_eq!(code(judge(Scheme::Standard, &secrets, &all, body, at - 301)), "webhook-timestamp");
        assert_eq!(code(judge(Scheme::Standard, &secrets, &all, b"{}", at)), "webhook-signature");
        let mut other = all.clone();
        other.insert("webhook-timestamp", HeaderValue::from_static("1614265331"));
        assert_eq!(code(judge(Scheme::Standard, &secrets, &other, body, at)), "webhook-signature");
    }
}
