//! Runners over HTTP: let in, known by their keys, turned away.

use crate::support::*;
use axum::{body::Body, http::Request};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use ed25519_dalek::SigningKey;
use interlock_runner::signature::{self, Claims};
use serde_json::{Value, json};
use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

const SESSION: &str = "0123456789abcdef01234567";

/// A runner as seen from the server: a name and a key.
struct Remote<'a> {
    house: &'a House,
    name: String,
    key: SigningKey,
    count: AtomicU64,
}

impl<'a> Remote<'a> {
    fn new(house: &'a House, name: &str, seed: u8) -> Self {
        Self { house, name: name.into(), key: SigningKey::from_bytes(&[seed; 32]), count: AtomicU64::new(0) }
    }

    fn public(&self) -> String {
        BASE64_STANDARD.encode(self.key.verifying_key().to_bytes())
    }

    async fn enrolled(house: &'a House, name: &str, seed: u8, labels: Value) -> Self {
        let it = Self::new(house, name, seed);
        let made = house.post("ana", "/runners/invitations", json!({ "name": name, "labels": labels })).await.ok();
        let body = json!({ "token": made["token"], "key": it.public() });
        let enrolled = house.raw("POST", "/runners/enrol", &[], Some(body)).await.ok();
        assert_eq!((enrolled["name"].as_str(), &enrolled["labels"]), (Some(name), &labels));
        assert_eq!(enrolled["permit_keys"], made["permit_keys"]);
        it
    }

    /// A request as this runner signs it, `late` seconds by its clock from now.
    fn signed(&self, method: &str, path: &str, body: Option<&Value>, late: i64) -> Request<Body> {
        let body = body.map(ToString::to_string).unwrap_or_default();
        let number = self.count.fetch_add(1, Ordering::SeqCst);
        let claims = Claims {
            created: self.house.now().as_second() + late,
            keyid: self.name.clone(),
            nonce: format!("{SESSION}-{number:x}"),
        };
        let path = format!("/api/v1{path}");
        let headers = signature::sign(&self.key, &claims, method, &path, body.as_bytes());
        Request::builder()
            .method(method)
            .uri(path)
            .header(signature::DIGEST, headers.digest)
            .header(signature::INPUT, headers.input)
            .header(signature::SIGNATURE, headers.signature)
            .body(Body::from(body))
            .unwrap()
    }

    async fn post(&self, path: &str, body: Value) -> Got {
        self.house.send(self.signed("POST", path, Some(&body), 0)).await
    }

    fn offer(&self, capacity: u32) -> Value {
        json!({ "runner": self.name, "capacity": capacity, "running": [], "seen_revocations": 0, "protocol": 2, "slots": capacity, "version": "0.2.0" })
    }

    async fn lease(&self, capacity: u32) -> Got {
        self.post("/runners/lease", self.offer(capacity)).await
    }

    fn report(&self, order: &Value) -> Value {
        let now = self.house.now().to_string();
        json!({
            "key": order["key"], "deployment": order["deployment"], "target": order["target"]["name"], "step": order["step"],
            "fence": order["fence"], "attempt": order["attempt"], "outcome": "changed", "message": "as asked",
            "output_tail": "a line\n", "started_at": now, "finished_at": now
        })
    }
}

/// A deployment runs; gives its id.
async fn deploying(house: &House) -> String {
    house.authorised().await;
    house.wait(3700);
    let started = house.post("olu", "/releases/second/deploy", json!({})).await;
    assert_eq!(started.status, 201, "{}", started.text());
    started.json()["subject"]["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_runner_is_invited_once_enrols_and_works_by_its_key() {
    let house = House::shop().await;
    house.post("olu", "/runners/invitations", json!({ "name": "berlin-1" })).await.problem(403, "no-permission");
    let made = house
        .post("ana", "/runners/invitations", json!({ "name": "berlin-1", "labels": { "region": "berlin" } }))
        .await;
    assert_eq!(made.status, 201);
    let (made, remote) = (made.json(), Remote::new(&house, "berlin-1", 1));
    assert_eq!(house.get("ana", "/runners/berlin-1").await.ok()["status"]["value"], "invited");
    remote.lease(1).await.problem(401, "runner-signature");
    let enrol = json!({ "token": made["token"], "key": remote.public() });
    house
        .raw("POST", "/runners/enrol", &[], Some(json!({ "token": made["token"], "key": "AAAA" })))
        .await
        .problem(422, "invalid-value");
    house.raw("POST", "/runners/enrol", &[], Some(enrol.clone())).await.ok();
    // The token was stolen, or sent twice: it lets nobody in again.
    house.raw("POST", "/runners/enrol", &[], Some(enrol)).await.problem(403, "invitation-unknown");
    // Two runners of one name.
    house.post("ana", "/runners/invitations", json!({ "name": "berlin-1" })).await.problem(409, "runner-exists");

    let deployment = deploying(&house).await;
    let lease = remote.lease(1).await.ok();
    let order = &lease["steps"][0];
    assert_eq!((lease["protocol"].as_u64(), order["deployment"].as_str()), (Some(2), Some(deployment.as_str())));
    let seen = house.get("aude", "/runners/berlin-1").await.ok();
    assert_eq!(
        (
            seen["status"]["value"].as_str(),
            seen["running"].as_u64(),
            seen["version"].as_str(),
            seen["deployments"][0]["name"].as_str()
        ),
        (Some("active"), Some(1), Some("0.2.0"), Some("second")),
        "{seen:#}"
    );
    assert_eq!(house.get("aude", "/runners").await.ok()["items"].as_array().unwrap().len(), 1);
    // The report travels with the next offer, and both are one round.
    let mut offer = remote.offer(1);
    offer["reports"] = json!([remote.report(order)]);
    let next = remote.post("/runners/lease", offer).await.ok();
    assert_eq!(next["reported"]["accepted"], json!([order["key"]]), "{next:#}");
    assert_ne!(next["steps"][0]["key"], order["key"], "{next:#}");
    let step = order["key"].as_str().unwrap().replace('/', "%2F");
    let _ = step;
    house.wait(120);
    assert_eq!(house.get("ana", "/runners/berlin-1").await.ok()["status"]["value"], "silent");
}

#[tokio::test]
async fn a_request_counts_only_as_it_was_signed_and_only_once() {
    let house = House::shop().await;
    let remote = Remote::enrolled(&house, "berlin-1", 1, json!({})).await;
    let body = remote.offer(0);
    // Sent again by somebody who has seen it.
    let parts = |request: Request<Body>| request.into_parts().0;
    let first = parts(remote.signed("POST", "/runners/lease", Some(&body), 0));
    let again = |body: String| {
        let mut request = Request::builder().method("POST").uri(first.uri.clone()).body(Body::from(body)).unwrap();
        *request.headers_mut() = first.headers.clone();
        request
    };
    house.send(again(body.to_string())).await.ok();
    let replayed = house.send(again(body.to_string())).await.problem(401, "runner-signature");
    assert!(replayed["detail"].as_str().unwrap().contains("taken before"), "{replayed:#}");
    let other = parts(remote.signed("POST", "/runners/lease", Some(&body), 0));
    let mut changed =
        Request::builder().method("POST").uri(other.uri).body(Body::from(remote.offer(9).to_string())).unwrap();
    *changed.headers_mut() = other.headers;
    house.send(changed).await.problem(401, "runner-signature");
    let moved = parts(remote.signed("POST", "/runners/lease", Some(&body), 0));
    let mut elsewhere =
        Request::builder().method("POST").uri("/api/v1/runners/report").body(Body::from(body.to_string())).unwrap();
    *elsewhere.headers_mut() = moved.headers;
    house.send(elsewhere).await.problem(401, "runner-signature");
    // Wrong clocks, either way.
    for (late, good) in [(-121, false), (121, false), (120, true)] {
        let got = house.send(remote.signed("POST", "/runners/lease", Some(&body), late)).await;
        match good {
            true => drop(got.ok()),
            false => drop(got.problem(401, "runner-clock")),
        }
    }
    house.wait(3600);
    house.send(remote.signed("POST", "/runners/lease", Some(&body), 0)).await.ok();
    // Another key under the same name, and another name under the same key.
    Remote::new(&house, "berlin-1", 2).lease(0).await.problem(401, "runner-signature");
    Remote { name: "berlin-2".into(), ..Remote::new(&house, "", 1) }.lease(0).await.problem(401, "runner-signature");
    remote
        .post("/runners/lease", json!({ "runner": "berlin-2", "capacity": 0, "seen_revocations": 0 }))
        .await
        .problem(403, "another-runner");
}

#[tokio::test]
async fn a_key_is_rotated_with_an_overlap() {
    let house = House::shop().await;
    let old = Remote::enrolled(&house, "berlin-1", 1, json!({})).await;
    let new = Remote::new(&house, "berlin-1", 2);
    new.count.store(1000, Ordering::SeqCst);
    assert_eq!(old.post("/runners/rotate-key", json!({ "key": new.public() })).await.status, 204);
    new.lease(0).await.ok();
    old.lease(0).await.ok();
    assert_eq!(
        new.post("/runners/rotate-key", json!({ "key": new.public() })).await.status,
        204,
        "again changes nothing"
    );
    house.wait(601);
    old.lease(0).await.problem(401, "runner-signature");
    new.lease(0).await.ok();
}

#[tokio::test]
async fn a_revoked_runner_is_out_at_its_next_request_and_what_it_held_goes_to_another() {
    let house = House::shop().await;
    let (first, second) =
        (Remote::enrolled(&house, "a", 1, json!({})).await, Remote::enrolled(&house, "b", 2, json!({})).await);
    let deployment = deploying(&house).await;
    let held = first.lease(1).await.ok()["steps"][0].clone();
    house.post("ana", "/runners/a/drain", json!({})).await.ok();
    let drained = first.lease(4).await.ok();
    assert_eq!(drained["drained"], true, "{drained:#}");
    assert_eq!(drained["steps"][0]["key"], held["key"], "what it holds it goes on holding");
    house.post("ana", "/runners/a/undrain", json!({})).await.ok();
    house.post("olu", "/runners/a/revoke", json!({ "reason": "stolen" })).await.problem(403, "no-permission");
    house.post("ana", "/runners/a/revoke", json!({ "reason": "the machine was stolen" })).await.ok();
    first.lease(1).await.problem(403, "runner-revoked");
    first
        .post("/runners/report", json!({ "runner": "a", "reports": [first.report(&held)] }))
        .await
        .problem(403, "runner-revoked");
    let taken_over = second.lease(4).await.ok();
    let again = taken_over["steps"].as_array().unwrap().iter().find(|it| it["key"] == held["key"]).unwrap().clone();
    assert!(again["fence"].as_u64() > held["fence"].as_u64(), "{again:#}");
    // A zombie under the old fence changes nothing.
    let stale = second.post("/runners/report", json!({ "runner": "b", "reports": [second.report(&held)] })).await.ok();
    assert_eq!(stale["stale"], json!([held["key"]]));
    assert_eq!(house.get("ana", "/runners/a").await.ok()["status"]["value"], "revoked");
    let _ = deployment;
}

#[tokio::test]
async fn an_invitation_can_be_taken_back() {
    let house = House::shop().await;
    let made = house.post("ana", "/runners/invitations", json!({ "name": "berlin-1", "lasts": "8d" })).await;
    made.problem(422, "invitation-length");
    let made = house.post("ana", "/runners/invitations", json!({ "name": "berlin-1", "lasts": "1d" })).await.ok();
    house.post("ana", "/runners/berlin-1/withdraw", json!({})).await.ok();
    let body = json!({ "token": made["token"], "key": Remote::new(&house, "berlin-1", 1).public() });
    for _ in 0..5 {
        house.raw("POST", "/runners/enrol", &[], Some(body.clone())).await.problem(403, "invitation-unknown");
    }
    house.raw("POST", "/runners/enrol", &[], Some(body)).await.problem(429, "too-many-tries");
    house.get("ana", "/runners/nobody").await.problem(404, "not-found");
}

#[tokio::test]
async fn bytes_are_handed_to_runners_only_while_they_are_being_deployed() {
    let house = House::shop().await;
    let remote = Remote::enrolled(&house, "berlin-1", 1, json!({})).await;
    let digest = house.build("v3", None).await;
    let path = format!("/runners/artifacts/{digest}");
    house.send(remote.signed("GET", &path, None, 0)).await.problem(404, "not-found");
    deploying(&house).await;
    let order = remote.lease(1).await.ok()["steps"][0].clone();
    let url = order["artifact"]["url_path"].as_str().map(|it| it.trim_start_matches("/api/v1").to_owned());
    if let Some(url) = url {
        let got = house.send(remote.signed("GET", &url, None, 0)).await;
        assert_eq!((got.status, got.bytes), (200, b"checkout v2".to_vec()));
        assert_eq!(house.raw("GET", &url, &[], None).await.status, 401);
    }
    assert_eq!(house.get("olu", &path).await.status, 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_offer_waits_for_work_and_hears_of_a_revoked_permit() {
    let house = House::shop().await;
    let remote = Remote::enrolled(&house, "berlin-1", 1, json!({})).await;
    house.authorised().await;
    house.wait(3700);
    let waits = remote.lease(1);
    let begins = async {
        tokio::time::sleep(Duration::from_millis(20)).await;
        house.post("olu", "/releases/second/deploy", json!({})).await.ok()
    };
    let (lease, _) = tokio::join!(waits, begins);
    let lease = lease.ok();
    assert_eq!(lease["steps"].as_array().unwrap().len(), 1, "{lease:#}");
    let permit: interlock_wire::permit::Permit =
        serde_json::from_str(lease["steps"][0]["permit"]["payload"].as_str().unwrap()).unwrap();
    assert_eq!((permit.targets.len(), permit.fence_floor), (1, lease["steps"][0]["fence"].as_u64().unwrap()));
    assert!(permit.not_after.duration_since(house.now()).as_mins() < 30, "a permit is as short as its lease");
    house.post("rita", "/lockdowns", json!({ "reason": "fire", "scope": {} })).await.ok();
    let mut busy = remote.offer(0);
    busy["running"] = json!([lease["steps"][0]["key"]]);
    busy["seen_revocations"] = lease["revocation_position"].clone();
    let heard = remote.post("/runners/lease", busy).await.ok();
    assert_eq!(heard["revoked_permits"], json!([permit.id]), "{heard:#}");
}
