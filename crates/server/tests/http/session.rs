//! Signing in: set-up, sessions, forgery across sites, too many tries.

use crate::support::*;
use serde_json::json;

async fn sign_in(house: &House, login: &str, password: &str) -> Got {
    house.raw("POST", "/session", &[], Some(json!({ "login": login, "password": password }))).await
}

#[tokio::test]
async fn the_one_time_secret_makes_the_first_administrator_once() {
    let house = House::empty().await;
    assert_eq!(house.raw("GET", "/version", &[], None).await.ok()["setup_needed"], true);
    let body = |secret: &str| json!({ "secret": secret, "login": "ana", "name": "Ana", "password": PASSWORD });
    house.raw("POST", "/setup", &[], Some(body("wrong"))).await.problem(403, "setup-secret");
    let mut short = body(SECRET);
    short["password"] = "short".into();
    house.raw("POST", "/setup", &[], Some(short)).await.problem(422, "password-length");
    let session = house.raw("POST", "/setup", &[], Some(body(SECRET))).await;
    let cookie = session.headers["set-cookie"].to_str().unwrap().to_owned();
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict") && cookie.contains("Path=/"), "{cookie}");
    assert_eq!(session.ok()["person"]["roles"], json!(["administrator"]));
    house.raw("POST", "/setup", &[], Some(body(SECRET))).await.problem(403, "setup-claimed");
    assert_eq!(house.raw("GET", "/version", &[], None).await.ok()["setup_needed"], false);
    sign_in(&house, "ana", PASSWORD).await.ok();
}

#[tokio::test]
async fn a_session_needs_its_cookie_and_for_changes_its_token() {
    let house = House::shop().await;
    let session = sign_in(&house, "ana", PASSWORD).await;
    let cookie = session.headers["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    let csrf = session.ok()["csrf_token"].as_str().unwrap().to_owned();
    let me = house.raw("GET", "/session", &[("cookie", &cookie)], None).await.ok();
    assert_eq!((me["person"]["login"].as_str(), me["csrf_token"].as_str()), (Some("ana"), Some(csrf.as_str())));

    let body = || Some(json!({ "name": "x", "lasts": "1d" }));
    house.raw("POST", "/tokens", &[("cookie", &cookie)], body()).await.problem(403, "csrf-token");
    house
        .raw("POST", "/tokens", &[("cookie", &cookie), ("x-csrf-token", "wrong")], body())
        .await
        .problem(403, "csrf-token");
    let good = [("cookie", cookie.as_str()), ("x-csrf-token", csrf.as_str())];
    let with = |name: &'static str, value: &'static str| [good[0], good[1], (name, value)];
    house.raw("POST", "/tokens", &with("sec-fetch-site", "cross-site"), body()).await.problem(403, "cross-site");
    house.raw("POST", "/tokens", &with("origin", "https://evil.example"), body()).await.problem(403, "cross-site");
    assert_eq!(house.raw("POST", "/tokens", &good, body()).await.status, 201);

    assert_eq!(house.raw("DELETE", "/session", &good, None).await.status, 204);
    house.raw("GET", "/session", &[("cookie", &cookie)], None).await.problem(401, "not-signed-in");
}

#[tokio::test]
async fn guessing_passwords_is_slowed_down() {
    let house = House::shop().await;
    for _ in 0..5 {
        sign_in(&house, "ana", "not the password").await.problem(401, "wrong-credentials");
    }
    let refused = sign_in(&house, "ana", PASSWORD).await;
    assert!(refused.headers.contains_key("retry-after"));
    refused.problem(429, "too-many-tries");
    sign_in(&house, "nobody", PASSWORD).await.problem(401, "wrong-credentials");
    house.wait(301);
    sign_in(&house, "ana", PASSWORD).await.ok();
}

#[tokio::test]
async fn a_session_ends_by_itself_and_robots_have_none() {
    let house = House::shop().await;
    let session = sign_in(&house, "ana", PASSWORD).await;
    let cookie = session.headers["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    house.wait(12 * 3600 + 1);
    house.raw("GET", "/session", &[("cookie", &cookie)], None).await.problem(401, "not-signed-in");
    sign_in(&house, "runner-1", PASSWORD).await.problem(401, "wrong-credentials");
}

#[tokio::test]
async fn without_signing_in_nothing_is_told() {
    let house = House::shop().await;
    for path in
        ["/releases", "/accounts", "/ledger", "/today", "/live", "/metrics/dora", "/policies", "/calendar.ics?token=x"]
    {
        house.raw("GET", path, &[], None).await.problem(401, "not-signed-in");
        house.raw("GET", path, &[("authorization", "Bearer wrong")], None).await.problem(401, "not-signed-in");
    }
    for path in ["/health", "/ready", "/version", "/openapi.json", "/schemas/service", "/runners/permit-keys"] {
        house.raw("GET", path, &[], None).await.ok();
    }
}

#[tokio::test]
async fn answers_carry_what_protects_a_browser() {
    let house = House::shop().await;
    let api = house.get("ana", "/session").await;
    assert_eq!(api.headers["x-content-type-options"], "nosniff");
    assert_eq!(api.headers["cache-control"], "no-store");
    assert_eq!(api.headers["x-ledger-position"].to_str().unwrap(), house.engine.head().to_string());
    let page = house.send(axum::http::Request::get("/releases/second").body(axum::body::Body::empty()).unwrap()).await;
    assert_eq!(page.status, 200);
    assert!(page.headers["content-security-policy"].to_str().unwrap().contains("frame-ancestors 'none'"));
    assert!(page.headers["content-type"].to_str().unwrap().starts_with("text/html"));
    let file =
        house.send(axum::http::Request::get("/assets/nothing.js").body(axum::body::Body::empty()).unwrap()).await;
    assert_eq!(file.status, 404);
}
