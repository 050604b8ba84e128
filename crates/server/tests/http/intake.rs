//! Webhooks and tokens of issuers, through the front door.

use crate::support::*;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

const HOOK: &str = "apiVersion: interlock/v1\nkind: Webhook\nmetadata: {name: forge}\nspec: {scheme: github, secrets: ['file:forge']}\n";

/// A house whose directory of secrets has one for the webhook: GitHub's own example.
async fn with_hook() -> House {
    let house = House::shop().await;
    std::fs::write(house.dir.path().join("forge"), "It's a Secret to Everybody\n").unwrap();
    house.apply("ana", HOOK).await.ok();
    house
}

async fn deliver(house: &House, id: &str, body: &'static str, signature: &str) -> Got {
    let request = axum::http::Request::post("/api/v1/webhooks/forge")
        .header("x-hub-signature-256", format!("sha256={signature}"))
        .header("x-github-delivery", id)
        .header("x-github-event", "push");
    house.send(request.body(axum::body::Body::from(body)).unwrap()).await
}

const RIGHT: &str = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";

#[tokio::test]
async fn a_verified_delivery_is_an_entry_and_an_unverified_one_is_refused() {
    let house = with_hook().await;
    let head = house.engine.head();
    deliver(&house, "d1", "Hello, World?", RIGHT).await.problem(401, "webhook-signature");
    deliver(&house, "d1", "Hello, World!", &RIGHT.replace('7', "8")).await.problem(401, "webhook-signature");
    deliver(&house, "d1", "Hello, World!", "").await.problem(401, "webhook-signature");
    assert_eq!(house.engine.head(), head, "what is not verified leaves no entry");
    let taken = deliver(&house, "d1", "Hello, World!", RIGHT).await.ok();
    assert_eq!((taken["repeated"].as_bool(), taken["delivery"].as_str()), (Some(false), Some("d1")));
    let entry = house.get("aude", &format!("/ledger/entries/{head}")).await.ok();
    assert_eq!(entry["kind"], "intake.delivered");
    assert!(entry.to_string().contains(taken["digest"].as_str().unwrap()), "{entry:#}");
    // A sender that tries again is told that it is in.
    assert_eq!(deliver(&house, "d1", "Hello, World!", RIGHT).await.ok()["repeated"], true);
    assert_eq!(house.engine.head(), head + 1);
    house.raw("POST", "/webhooks/none", &[], None).await.problem(404, "not-found");
    let listed = house.get("ana", "/webhooks").await.ok();
    assert!(listed["items"][0]["url"].as_str().unwrap().ends_with("/api/v1/webhooks/forge"), "{listed:#}");
}

#[tokio::test]
async fn without_its_secret_a_webhook_takes_nothing() {
    let house = with_hook().await;
    std::fs::remove_file(house.dir.path().join("forge")).unwrap();
    deliver(&house, "d1", "Hello, World!", RIGHT).await.problem(401, "webhook-signature");
}

fn pair(seed: u8) -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap()
}

fn token(claims: &Value, seed: u8) -> String {
    let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let text = format!("{}.{}", part(json!({ "alg": "EdDSA", "kid": "k" })), part(claims.clone()));
    format!("{text}.{}", URL_SAFE_NO_PAD.encode(pair(seed).sign(text.as_bytes()).as_ref()))
}

async fn with_issuer() -> House {
    let house = House::shop().await;
    let x = URL_SAFE_NO_PAD.encode(pair(1).public_key().as_ref());
    let jwks = json!({ "keys": [{ "kty": "OKP", "crv": "Ed25519", "kid": "k", "x": x }] });
    let issuer = format!(
        "apiVersion: interlock/v1\nkind: Account\nmetadata: {{name: ci}}\nspec: {{display_name: Builds, kind: robot, owner: olu, roles: [developer]}}\n---\n\
         apiVersion: interlock/v1\nkind: TrustedIssuer\nmetadata: {{name: forge}}\nspec:\n  issuer: https://token.forge.example\n  audience: interlock\n  jwks: '{jwks}'\n  \
         rules:\n  - {{claims: {{repository: shop/*, ref: refs/heads/main}}, account: ci, scopes: [artifact.register, read], lasts: 10m}}\n"
    );
    house.apply("ana", &issuer).await.ok();
    house
}

fn claims(house: &House, id: &str) -> Value {
    let now = house.now().as_second();
    json!({
        "iss": "https://token.forge.example", "aud": "interlock", "sub": "repo:shop/basket:ref:refs/heads/main", "jti": id,
        "repository": "shop/basket", "ref": "refs/heads/main", "iat": now, "nbf": now - 1, "exp": now + 300
    })
}

async fn exchange(house: &House, token: String) -> Got {
    house.raw("POST", "/session/exchange", &[], Some(json!({ "token": token }))).await
}

#[tokio::test]
async fn a_build_exchanges_its_token_for_a_scoped_and_short_one_once() {
    let house = with_issuer().await;
    let first = token(&claims(&house, "1"), 1);
    let given = exchange(&house, first.clone()).await;
    assert_eq!(given.status, 201, "{}", given.text());
    let given = given.json();
    assert_eq!((given["account"]["name"].as_str(), given["scopes"].as_array().unwrap().len()), (Some("Builds"), 2));
    let bearer = format!("Bearer {}", given["secret"].as_str().unwrap());
    let with = [("authorization", bearer.as_str())];
    house.raw("GET", "/services", &with, None).await.ok();
    house.raw("POST", "/calendar/lockdowns", &with, Some(json!({ "reason": "no", "scope": {} }))).await;
    let refused = house.raw("POST", "/tokens", &with, Some(json!({ "name": "x", "lasts": "1d" }))).await;
    assert_eq!(refused.status, 403, "{}", refused.text());
    exchange(&house, first).await.problem(403, "token-replayed");
    house.wait(601);
    house.raw("GET", "/services", &with, None).await.problem(401, "not-signed-in");
    let entries = house.get("aude", "/ledger/entries?limit=500").await.ok().to_string();
    assert!(
        entries.contains("people.admitted") && !entries.contains("repo:shop/basket"),
        "who it was is kept at the desk"
    );
}

#[tokio::test]
async fn a_token_of_an_issuer_is_refused_for_each_thing_that_is_wrong() {
    let house = with_issuer().await;
    let with = |field: &str, value: Value| {
        let mut claims = claims(&house, "2");
        claims[field] = value;
        claims
    };
    let now = house.now().as_second();
    for (claims, code) in [
        (with("aud", json!("other")), "token-audience"),
        (with("exp", json!(now - 61)), "token-expired"),
        (with("nbf", json!(now + 100)), "token-not-yet"),
        (with("iss", json!("https://evil.example")), "token-issuer"),
        (with("ref", json!("refs/heads/other")), "no-rule"),
        (with("repository", json!("evil/shop/basket")), "no-rule"),
    ] {
        exchange(&house, token(&claims, 1)).await.problem(403, code);
    }
    exchange(&house, token(&claims(&house, "3"), 2)).await.problem(403, "token-signature");
    exchange(&house, "no token".into()).await.problem(403, "token-issuer");
    let signed = token(&claims(&house, "4"), 1);
    let body = signed.split('.').nth(1).unwrap();
    let none = format!("{}.{body}.", URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#));
    exchange(&house, none).await.problem(403, "token-unsigned");
}

#[tokio::test]
async fn only_a_token_that_ends_sessions_ends_any() {
    let house = House::shop().await;
    let provider = "apiVersion: interlock/v1\nkind: IdentityProvider\nmetadata: {name: corporate}\nspec: {title: C, issuer: 'https://login.invalid', client_id: x}\n";
    house.apply("ana", provider).await.ok();
    let send = |kind: &'static str, body: &'static str| {
        let request =
            axum::http::Request::post("/api/v1/session/providers/corporate/logout").header("content-type", kind);
        house.send(request.body(axum::body::Body::from(body)).unwrap())
    };
    send("application/json", "{}").await.problem(415, "content-type");
    // Whose keys cannot be had cannot end anything. What a good token does is shown against a real provider in tests/oidc.
    send("application/x-www-form-urlencoded", "logout_token=a.b.c").await.problem(503, "unavailable");
    house.raw("POST", "/session/providers/none/logout", &[], None).await.problem(404, "not-found");
    house.raw("GET", "/session/callback?state=1.2&code=3", &[], None).await.problem(403, "sign-in-not-begun");
    let page = house.raw("GET", "/session/callback?state=1.2&error=x", &[("accept", "text/html")], None).await;
    assert_eq!((page.status, page.headers["location"].to_str().unwrap()), (303, "/sign-in?refused=sign-in-not-begun"));
}
