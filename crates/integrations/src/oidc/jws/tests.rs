//! Tokens: known answers from the RFCs, and every way in which one is refused.

use super::*;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use proptest::prelude::*;
use serde_json::json;

const NOW: i64 = 1_800_000_000;
const EXPECTED: Expected =
    Expected { issuer: "https://i.example", audience: "us", nonce: Some("n1"), subject: true, now: NOW };

fn pair(seed: u8) -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap()
}

fn keys() -> Keys {
    let x = URL_SAFE_NO_PAD.encode(pair(1).public_key().as_ref());
    Keys::parse(json!({ "keys": [{ "kty": "OKP", "crv": "Ed25519", "kid": "k1", "x": x }] }).to_string().as_bytes())
        .unwrap()
}

fn claims() -> Value {
    json!({ "iss": "https://i.example", "aud": "us", "sub": "s1", "nonce": "n1", "exp": NOW + 300, "iat": NOW })
}

fn signed(header: Value, claims: &Value, seed: u8) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let text = format!("{}.{}", part(&header), part(claims));
    let signature = pair(seed).sign(text.as_bytes());
    format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref()))
}

fn token(claims: &Value) -> String {
    signed(json!({ "alg": "EdDSA", "kid": "k1" }), claims, 1)
}

fn with(field: &str, value: Value) -> Value {
    let mut claims = claims();
    claims[field] = value;
    claims
}

fn fault(token: &str) -> &'static str {
    verify(token, &keys(), &EXPECTED).unwrap_err().code()
}

/// RFC 7515, A.3 (ES256), and RFC 8037, A.4 (EdDSA): the tokens and the keys printed there.
#[test]
fn the_examples_of_the_rfcs_verify() {
    for (jwk, algorithm, token) in [
        (
            json!({ "kty": "EC", "crv": "P-256", "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0" }),
            "ES256",
            "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
        ),
        (
            json!({ "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" }),
            "EdDSA",
            "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg",
        ),
    ] {
        let keys = Keys::parse(json!({ "keys": [jwk] }).to_string().as_bytes()).unwrap();
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
        assert_eq!(keys.check(None, algorithm, signed.as_bytes(), &signature), Ok(()));
        let other = signed.replace("eyJ", "eyK");
        assert_eq!(keys.check(None, algorithm, other.as_bytes(), &signature), Err(Fault::Signature));
        assert!(matches!(keys.check(None, "RS256", signed.as_bytes(), &signature), Err(Fault::Algorithm(_))));
    }
}

#[test]
fn a_good_token_is_taken_and_its_leeway_is_a_minute() {
    assert_eq!(verify(&token(&claims()), &keys(), &EXPECTED).unwrap().subject, "s1");
    assert!(verify(&token(&with("exp", json!(NOW - 59))), &keys(), &EXPECTED).is_ok());
    assert!(verify(&token(&with("iat", json!(NOW + 59))), &keys(), &EXPECTED).is_ok());
    assert!(verify(&token(&with("aud", json!(["us"]))), &keys(), &EXPECTED).is_ok());
}

#[test]
fn an_unsigned_token_is_refused() {
    for algorithm in ["none", "None", "NONE", "nOnE"] {
        let text = signed(json!({ "alg": algorithm }), &claims(), 1);
        assert_eq!(fault(&text), "token-unsigned");
        let (start, _) = text.rsplit_once('.').unwrap();
        assert_eq!(fault(&format!("{start}.")), "token-unsigned");
    }
}

#[test]
fn a_token_of_another_algorithm_or_key_is_refused() {
    for algorithm in ["HS256", "HS384", "HS512", "RS256", "ES256", "", "EdDSA2"] {
        assert_eq!(
            fault(&signed(json!({ "alg": algorithm, "kid": "k1" }), &claims(), 1)),
            "token-algorithm",
            "{algorithm}"
        );
    }
    assert_eq!(fault(&signed(json!({ "alg": "EdDSA", "kid": "k2" }), &claims(), 1)), "token-key-unknown");
    assert_eq!(fault(&signed(json!({ "alg": "EdDSA", "kid": "k1" }), &claims(), 2)), "token-signature");
    // Keys that the token itself brings along are not looked at.
    let own = json!({ "kty": "OKP", "crv": "Ed25519", "x": URL_SAFE_NO_PAD.encode(pair(2).public_key().as_ref()) });
    let header = json!({ "alg": "EdDSA", "kid": "k1", "jwk": own, "jku": "https://evil.example/keys" });
    assert_eq!(fault(&signed(header, &claims(), 2)), "token-signature");
    assert_eq!(
        fault(&signed(json!({ "alg": "EdDSA", "kid": "k1", "crit": ["b64"] }), &claims(), 1)),
        "token-malformed"
    );
}

#[test]
fn claims_that_are_not_those_expected_are_refused() {
    for (claims, code) in [
        (with("iss", json!("https://i.example/")), "token-issuer"),
        (with("iss", json!("https://evil.example")), "token-issuer"),
        (with("aud", json!("them")), "token-audience"),
        (with("aud", json!(["them", "us"])), "token-audience"),
        (with("aud", json!([])), "token-audience"),
        (with("azp", json!("them")), "token-audience"),
        (with("exp", json!(NOW - 60)), "token-expired"),
        (with("exp", json!("tomorrow")), "token-claim-missing"),
        (with("iat", json!(NOW + 61)), "token-not-yet"),
        (with("nbf", json!(NOW + 61)), "token-not-yet"),
        (with("nonce", json!("n2")), "token-nonce"),
        (with("nonce", Value::Null), "token-nonce"),
        (with("sub", json!("")), "token-claim-missing"),
        (with("iat", Value::Null), "token-claim-missing"),
    ] {
        assert_eq!(fault(&token(&claims)), code, "{claims}");
    }
}

#[test]
fn a_set_of_keys_is_read_with_what_cannot_be_used_left_out() {
    assert!(Keys::parse(b"[]").is_err() && Keys::parse(br#"{"keys":[]}"#).is_err());
    for useless in [
        json!({ "kty": "oct", "k": "c2VjcmV0" }),
        json!({ "kty": "OKP", "crv": "Ed25519", "x": "short" }),
        json!({ "kty": "RSA", "use": "enc", "n": "AQAB", "e": "AQAB" }),
        json!({ "kty": "EC", "crv": "P-256", "x": "AAAA", "y": "AAAA" }),
    ] {
        assert!(Keys::parse(json!({ "keys": [useless] }).to_string().as_bytes()).is_err());
    }
}

proptest! {
    #[test]
    fn no_text_makes_it_panic_or_is_taken(text in "\\PC{0,200}", dots in "[A-Za-z0-9_-]{0,40}\\.[A-Za-z0-9_-]{0,40}\\.[A-Za-z0-9_-]{0,40}") {
        prop_assert!(verify(&text, &keys(), &EXPECTED).is_err());
        prop_assert!(verify(&dots, &keys(), &EXPECTED).is_err());
        let _ = (key_id(&text), claimed_issuer(&text));
    }

    /// One changed character anywhere is noticed.
    #[test]
    fn a_changed_token_is_refused(at in 0usize..400, to in "[A-Za-z0-9_-]") {
        let good = token(&claims());
        let at = at % good.len();
        let changed = format!("{}{to}{}", &good[..at], &good[at + 1..]);
        // The last character of a signature holds bits that are not used.
        prop_assume!(changed != good && at + 1 < good.len());
        prop_assert!(verify(&changed, &keys(), &EXPECTED).is_err());
    }
}
