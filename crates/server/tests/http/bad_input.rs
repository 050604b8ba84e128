//! What people and programs get wrong, case by case: each answer a problem with a stable code, and nothing changed.

use crate::support::*;
use axum::{body::Body, http::Request};
use serde_json::json;

#[tokio::test]
async fn bodies_that_cannot_be_read_say_where() {
    let house = House::shop().await;
    let send = |text: &'static str| house.bytes("rita", "POST", "/releases", "application/json", text);
    send("{").await.problem(400, "malformed-json");
    send("{\"name\": }").await.problem(400, "malformed-json");
    send("nonsense").await.problem(400, "malformed-json");
    send("{\"name\":\"a\",\"name\":\"b\"}").await.problem(422, "invalid-value");
    send("[]").await.problem(422, "invalid-value");
    send("[\"x\", {}]").await.problem(422, "invalid-value");
    send("{}").await.problem(422, "missing-field");
    send("null").await.problem(422, "invalid-value");
    house
        .bytes("rita", "POST", "/releases", "application/json", vec![b'"', 0xff, b'"'])
        .await
        .problem(400, "malformed-json");
    house.bytes("rita", "POST", "/releases", "text/plain", "{}").await.problem(415, "content-type");
    house
        .bytes("rita", "POST", "/releases", "application/json", vec![b' '; (1 << 20) + 1])
        .await
        .problem(413, "too-large");
    house
        .bytes("rita", "POST", "/releases", "application/json", "[".repeat(100_000))
        .await
        .problem(422, "invalid-value");
    let unknown =
        house.post("rita", "/releases", json!({ "name": "a", "colour": "red" })).await.problem(422, "unknown-field");
    assert_eq!(unknown["faults"][0]["field"], "colour");
    assert!(unknown["detail"].as_str().unwrap().contains("expected"), "{unknown:#}");
}

#[tokio::test]
async fn values_that_cannot_be_are_refused_with_their_field() {
    let house = House::shop().await;
    let digest = house.build("v1", None).await;
    let with = |change: &dyn Fn(&mut serde_json::Value)| {
        let mut body = json!({ "name": "x", "spec": house.spec(&digest) });
        change(&mut body);
        body
    };
    let cases: Vec<(&str, serde_json::Value)> = vec![
        ("invalid-value", with(&|it| it["name"] = "Not A Name".into())),
        ("invalid-value", with(&|it| it["name"] = "../../etc/passwd".into())),
        ("invalid-value", with(&|it| it["spec"]["length"] = "two hours".into())),
        ("invalid-value", with(&|it| it["spec"]["length"] = 7200.into())),
        ("unknown-value", with(&|it| it["spec"]["class"] = "urgent".into())),
        ("one-of", with(&|it| it["spec"]["items"] = json!([{ "service": "checkout" }]))),
        (
            "one-of",
            with(&|it| it["spec"]["items"] = json!([{ "service": "checkout", "version": "v1", "digest": digest }])),
        ),
        ("unknown-version", with(&|it| it["spec"]["items"] = json!([{ "service": "checkout", "version": "v9" }]))),
        ("one-of", with(&|it| it["spec"]["model"] = json!({ "big_bang": {}, "phased": { "waves": [] } }))),
        ("one-of", with(&|it| it["spec"]["triggers"][0]["indicator"] = json!({}))),
        ("unknown-account", with(&|it| it["spec"]["triggers"][0]["owner"] = "ghost".into())),
        ("one-of", with(&|it| it["spec"]["rollback"]["criteria"] = json!([{ "name": "x" }]))),
        ("text-length", with(&|it| it["spec"]["summary"] = "".into())),
        ("text-length", with(&|it| it["spec"]["summary"] = "x".repeat(4001).into())),
        ("invalid-value", with(&|it| it["start"] = "tomorrow".into())),
    ];
    let head = house.engine.head();
    for (code, body) in cases {
        house.post("rita", "/releases", body).await.problem(422, code);
    }
    for (field, value) in [("environment", "moon"), ("pipeline", "none")] {
        let refused = house.post("rita", "/releases", with(&|it| it["spec"][field] = value.into())).await;
        assert_eq!(refused.status, 422, "{}", refused.text());
    }
    assert_eq!(house.engine.head(), head, "what cannot be leaves no trace");
}

#[tokio::test]
async fn addresses_and_methods_that_are_not_ones_are_problems_too() {
    let house = House::shop().await;
    house.get("rita", "/nothing").await.problem(404, "no-such-address");
    house.get("rita", "/releases/../accounts").await.problem(404, "no-such-address");
    let wrong = house.raw("PATCH", "/releases", &[], None).await;
    assert!(wrong.headers.contains_key("allow"));
    wrong.problem(405, "method");
    let other = house.send(Request::get("/api/v2/releases").body(Body::empty()).unwrap()).await;
    assert_eq!((other.status, other.headers["content-type"].to_str().unwrap()), (404, "application/problem+json"));
    for path in [
        "/releases/x",
        "/releases/rel_00041061050r3gg28a1c60t3gf",
        "/changes/x",
        "/deployments/x",
        "/analyses/x",
        "/rollbacks/x",
        "/reviews/x",
        "/artifacts/x",
        "/blobs/x",
        "/calendars/x",
        "/pipelines/x",
        "/deployments/x/steps/0.0/output",
        "/ledger/entries/x",
    ] {
        house.get("rita", path).await.problem(404, "not-found");
    }
    for path in [
        "/tokens/x/revoke",
        "/delegations/x/end",
        "/claims/x/end",
        "/lockdowns/x/lift",
        "/signing-keys/X/revoke",
        "/releases/x/freeze",
        "/deployments/x/resume",
    ] {
        house.post("rita", path, json!({})).await.problem(404, "not-found");
    }
    for path in [
        "/artifacts/x/quarantine",
        "/quarantines/x/lift",
        "/releases/x/cancel",
        "/deployments/x/pause",
        "/rollbacks/x/check-again",
    ] {
        house.post("rita", path, json!({ "reason": "x" })).await.problem(404, "not-found");
    }
}

#[tokio::test]
async fn blobs_are_bytes_within_bounds() {
    let house = House::shop().await;
    house.bytes("dana", "PUT", "/blobs", "application/octet-stream", Vec::new()).await.problem(422, "empty-blob");
    house.bytes("dana", "PUT", "/blobs", "application/json", "{}").await.problem(415, "content-type");
    house
        .bytes("dana", "PUT", "/blobs", "application/octet-stream", vec![0; (64 << 20) + 1])
        .await
        .problem(413, "too-large");
    house.get("dana", &format!("/blobs/sha256:{}", "0".repeat(64))).await.problem(404, "not-found");
}

#[tokio::test]
async fn policies_that_do_not_compile_are_told_and_never_installed() {
    let house = House::shop().await;
    let broken = json!({ "packs": [{ "name": "mine", "version": "1.0.0", "files": { "a.cedar": "permit (principal, action, resource" } }] });
    let check = house.post("ana", "/policies/check", broken.clone()).await.ok();
    assert_eq!((check["ok"].as_bool(), check["findings"][0]["code"].as_str()), (Some(false), Some("P005")));
    let before = house.get("ana", "/policies").await.ok();
    let refused = house.put("ana", "/policies", broken).await;
    assert!((400..500).contains(&refused.status), "{}", refused.text());
    assert_eq!(house.get("ana", "/policies").await.ok()["digest"], before["digest"]);
    assert!(before["policies"].as_array().unwrap().iter().all(|policy| !policy["text"].as_str().unwrap().is_empty()));
    let packs = before["packs"].clone();
    house.put("dana", "/policies", json!({ "packs": packs })).await.json()["blockers"][0].as_object().unwrap();
    house.put("ana", "/policies", json!({ "packs": packs })).await.ok();
}
