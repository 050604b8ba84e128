//! Accounts, tokens and delegations over HTTP.

use crate::support::*;
use serde_json::json;

#[tokio::test]
async fn accounts_are_entered_changed_and_closed_by_administrators_only() {
    let house = House::shop().await;
    let body = json!({ "login": "nils", "spec": { "display_name": "Nils Holm", "email": "nils@shop.example", "roles": ["developer"] }, "password": PASSWORD });
    let refused = house.put("dana", "/accounts", body.clone()).await.json();
    assert_eq!(refused["status"], 403);
    assert!(!refused["blockers"].as_array().unwrap().is_empty());
    assert_eq!(house.put("ana", "/accounts", body.clone()).await.status, 201);
    assert_eq!(house.put("ana", "/accounts", body).await.status, 200);
    house.raw("POST", "/session", &[], Some(json!({ "login": "nils", "password": PASSWORD }))).await.ok();
    let seen = house.get("dana", "/accounts/nils").await.ok();
    assert_eq!((seen["name"].as_str(), seen["identities"].as_u64()), (Some("Nils Holm"), Some(1)));
    assert_eq!(seen["actions"][0]["allowed"], false);
    house.post("ana", "/accounts/nils/close", json!({})).await.ok();
    assert_eq!(house.get("ana", "/accounts/nils").await.ok()["status"]["value"], "closed");
    house
        .raw("POST", "/session", &[], Some(json!({ "login": "nils", "password": PASSWORD })))
        .await
        .problem(401, "wrong-credentials");
    house.get("ana", "/accounts/nobody").await.problem(404, "not-found");
}

#[tokio::test]
async fn a_token_does_what_its_scopes_say_until_it_ends() {
    let mut house = House::shop().await;
    let made = house.post("rita", "/tokens", json!({ "name": "reader", "scopes": ["read"], "lasts": "2d" })).await;
    assert_eq!(made.status, 201);
    let made = made.json();
    house.tokens.insert("reader".into(), made["secret"].as_str().unwrap().into());
    house.get("reader", "/releases").await.ok();
    let digest = house.build("v1", None).await;
    let refused = house.post("reader", "/releases", json!({ "name": "x", "spec": house.spec(&digest) })).await.json();
    assert_eq!(refused["status"], 403, "{refused:#}");
    assert!(refused["blockers"].to_string().contains("token-scope"), "{refused:#}");
    house
        .post("rita", "/tokens", json!({ "name": "x", "scopes": ["fly"], "lasts": "1d" }))
        .await
        .problem(422, "unknown-scope");
    house.post("rita", "/tokens", json!({ "name": "x", "lasts": "400d" })).await.problem(422, "invalid-value");
    let id = made["token"]["id"].as_str().unwrap();
    house.post("rita", &format!("/tokens/{id}/revoke"), json!({})).await.ok();
    house.get("reader", "/releases").await.problem(401, "not-signed-in");
    house.wait(31 * 86_400);
    house.get("rita", "/releases").await.problem(401, "not-signed-in");
}

#[tokio::test]
async fn the_same_idempotency_key_does_a_thing_once_and_only_for_its_owner() {
    let house = House::shop().await;
    let token = |who: &str| format!("Bearer {}", house.tokens[who]);
    let (amir, bea) = (token("amir"), token("bea"));
    let body = json!({ "to": "rita", "start": house.now().to_string(), "end": house.later(86_400) });
    let first = house
        .raw("POST", "/delegations", &[("authorization", &amir), ("idempotency-key", "k-1")], Some(body.clone()))
        .await
        .ok();
    let again = house
        .raw("POST", "/delegations", &[("authorization", &amir), ("idempotency-key", "k-1")], Some(body.clone()))
        .await
        .ok();
    assert_eq!((again["repeated"].as_bool(), &again["entries"]), (Some(true), &first["entries"]));
    let other = house
        .raw("POST", "/delegations", &[("authorization", &bea), ("idempotency-key", "k-1")], Some(body))
        .await
        .ok();
    assert_eq!(other["repeated"], false);
    assert_eq!(house.get("rita", "/delegations").await.ok()["items"].as_array().unwrap().len(), 2);
    let me = house.get("rita", "/session").await.ok();
    assert_eq!(me["person"]["stands_in_for"].as_array().unwrap().len(), 2);
    let long = "x".repeat(201);
    house
        .raw("POST", "/delegations", &[("authorization", &amir), ("idempotency-key", &long)], Some(json!({})))
        .await
        .problem(400, "idempotency-key");
}

#[tokio::test]
async fn one_changes_ones_own_password_with_the_present_one() {
    let house = House::shop().await;
    let session = house.raw("POST", "/session", &[], Some(json!({ "login": "ana", "password": PASSWORD }))).await;
    let cookie = session.headers["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    let csrf = session.ok()["csrf_token"].as_str().unwrap().to_owned();
    let headers = [("cookie", cookie.as_str()), ("x-csrf-token", csrf.as_str())];
    let change = |present: &str| Some(json!({ "present": present, "password": "another good password" }));
    house.raw("POST", "/accounts/ana/password", &headers, change("wrong")).await.problem(403, "wrong-credentials");
    assert_eq!(house.raw("POST", "/accounts/ana/password", &headers, change(PASSWORD)).await.status, 204);
    house.post("dana", "/accounts/rita/password", json!({ "password": "another good password" })).await.json()["blockers"][0].as_object().unwrap();
    house.raw("POST", "/session", &[], Some(json!({ "login": "ana", "password": "another good password" }))).await.ok();
}

#[tokio::test]
async fn lists_come_in_pages() {
    let house = House::shop().await;
    let (mut seen, mut path) = (Vec::new(), "/accounts?limit=4".to_owned());
    loop {
        let page = house.get("rita", &path).await.ok();
        seen.extend(page["items"].as_array().unwrap().iter().map(|it| it["login"].as_str().unwrap().to_owned()));
        match page["next"].as_str() {
            Some(next) => path = format!("/accounts?limit=4&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(seen.len(), 10);
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 10);
    house.get("rita", "/accounts?limit=0").await.problem(422, "invalid-query");
    house.get("rita", "/accounts?cursor=!").await.problem(422, "invalid-cursor");
    house.get("rita", "/accounts?colour=red").await.problem(422, "invalid-query");
}
