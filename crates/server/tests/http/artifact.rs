//! Artefacts over HTTP: bytes, signatures, commits from a real repository, quarantine.

use crate::support::*;
use serde_json::json;

#[tokio::test]
async fn a_build_is_entered_with_its_signature_and_commits() {
    let house = House::shop().await;
    house.build("v1", None).await;
    let digest = house.build("v2", Some("v1")).await;
    let build = house.get("rita", &format!("/artifacts/{digest}")).await.ok();
    assert_eq!(build["signature"]["verdict"], "pass");
    let commits = build["commit_list"].as_array().unwrap();
    assert_eq!(commits.len(), 1, "{build:#}");
    assert_eq!(
        (commits[0]["subject"].as_str(), commits[0]["author"].as_str()),
        (Some("checkout: v2"), Some("Dana Novak"))
    );
    let blob = house.get("rita", &format!("/blobs/{digest}")).await;
    assert_eq!(
        (blob.bytes.as_slice(), blob.headers["content-type"].to_str().unwrap()),
        (&b"checkout v2"[..], "application/octet-stream")
    );
    assert_eq!(
        house.get("rita", "/artifacts?service=checkout&version=v1").await.ok()["items"].as_array().unwrap().len(),
        1
    );
    let body = json!({ "digest": digest, "service": "checkout", "version": "other" });
    assert_eq!(house.post("dana", "/artifacts", body).await.status, 409);
}

#[tokio::test]
async fn what_does_not_prove_itself_is_refused() {
    let house = House::shop().await;
    let bytes = b"checkout v1".to_vec();
    let stored = house.bytes("dana", "PUT", "/blobs", "application/octet-stream", bytes.clone()).await.ok();
    let digest = stored["digest"].as_str().unwrap();
    let good = house.sign(&bytes);
    let ask = |signature: serde_json::Value, source: serde_json::Value| json!({ "digest": digest, "service": "checkout", "version": "v1", "signature": signature, "source": source });
    let commit = || json!({ "commit": "v1" });
    let key = |text: &str| json!({ "key": "shop-build", "text": text });
    let post = |body| house.post("dana", "/artifacts", body);
    post(ask(key(&house.sign(b"other bytes")), commit())).await.problem(422, "signature-wrong");
    post(ask(key("nonsense"), commit())).await.problem(422, "signature-unreadable");
    post(ask(key(&"x".repeat(20_000)), commit())).await.problem(422, "signature-unreadable");
    post(ask(json!({ "key": "nobody", "text": good }), commit())).await.problem(422, "unknown-signing-key");
    post(ask(key(&good), json!({ "commit": "no-such-tag" }))).await.problem(422, "git-revision");
    post(ask(key(&good), json!({ "commit": "--upload-pack=x" }))).await.problem(422, "git-revision-name");
    post(ask(key(&good), json!({ "commit": "v1", "since": "v2" }))).await.problem(422, "git-not-an-ancestor");
    post(ask(key(&good), json!({ "commit": "v1", "repository": "/etc" }))).await.problem(422, "other-repository");
    let nowhere = format!("sha256:{}", "0".repeat(64));
    post(json!({ "digest": nowhere, "service": "checkout", "version": "v1" })).await.problem(422, "no-such-blob");
    post(json!({ "digest": "md5:00", "service": "checkout", "version": "v1" })).await.problem(422, "invalid-value");
    house.post("ana", "/signing-keys/shop-build/revoke", json!({})).await.ok();
    post(ask(key(&good), commit())).await.problem(422, "signing-key-revoked");
}

#[tokio::test]
async fn a_quarantine_holds_a_build_back_until_it_is_lifted() {
    let house = House::shop().await;
    let digest = house.build("v1", None).await;
    let address = format!("/artifacts/{digest}/quarantine");
    let refused = house.post("aude", &address, json!({ "reason": "looks odd" })).await.json();
    assert_eq!(refused["status"], 403, "{refused:#}");
    let held = house.post("olu", &address, json!({ "reason": "loses orders" })).await;
    let who = if held.status == 200 { "olu" } else { "rita" };
    if who == "rita" {
        house.post("rita", &address, json!({ "reason": "loses orders" })).await.ok();
    }
    let build = house.get("rita", &format!("/artifacts/{digest}")).await.ok();
    assert_eq!(
        (build["status"]["value"].as_str(), build["quarantine"]["reason"].as_str()),
        (Some("quarantined"), Some("loses orders"))
    );
    let id = build["quarantine"]["id"].as_str().unwrap();
    let mut lifted = 0;
    for who in ["rita", "ana", "olu", "bea"] {
        let got = house.post(who, &format!("/quarantines/{id}/lift"), json!({ "reason": "found and mended" })).await;
        lifted += usize::from(got.status == 200);
    }
    assert!(lifted >= 1);
    assert_eq!(house.get("rita", &format!("/artifacts/{digest}")).await.ok()["status"]["value"], "free");
}
