//! Tiles, witnesses and evidence packs over HTTP: what is served verifies elsewhere, and only for those who may have it.

use crate::support::*;
use interlock_ledger::{
    Digest, VerifyingKey,
    checkpoint::Checkpoint,
    pack::{self, Outcome, Trust},
    proof::{root_of, verify_inclusion},
};
use serde_json::json;

fn hash(text: &serde_json::Value) -> Digest {
    text.as_str().unwrap().parse().unwrap()
}

#[tokio::test]
async fn every_acknowledged_command_is_proved_in_its_receipt() {
    let house = House::shop().await;
    let receipt = house.post("rita", "/lockdowns", json!({ "reason": "a test" })).await;
    let receipt = receipt.json();
    let proof = &receipt["proof"];
    let key = VerifyingKey::parse(proof["verifier_key"].as_str().unwrap()).unwrap();
    let checkpoint = Checkpoint::open(&key, proof["checkpoint"].as_str().unwrap()).unwrap();
    let entries = proof["entries"].as_array().unwrap();
    assert_eq!(entries.len(), receipt["entries"].as_array().unwrap().len());
    assert!(!entries.is_empty());
    for it in entries {
        let path: Vec<Digest> = it["hashes"].as_array().unwrap().iter().map(hash).collect();
        let position = it["position"].as_u64().unwrap();
        assert!(verify_inclusion(&hash(&it["leaf_hash"]), position, checkpoint.size, &path, &checkpoint.root));
        let entry = house.get("aude", &format!("/ledger/entries/{position}")).await.ok();
        assert_eq!(entry["leaf_hash"], it["leaf_hash"]);
    }
}

#[tokio::test]
async fn tiles_rebuild_the_root_and_entries_are_for_those_who_may_take_evidence() {
    let house = House::shop().await;
    let got = house.get("dana", "/tlog/checkpoint").await;
    assert_eq!(got.headers["content-type"], "text/plain; charset=utf-8");
    assert_eq!(got.headers["cache-control"], "private, max-age=2");
    let checkpoint = Checkpoint::open(&house.engine.ledger().verifying_key(), &got.text()).unwrap();
    assert!(checkpoint.size < 256, "one tile is enough");
    let tile = format!("000.p/{}", checkpoint.size);
    let got = house.get("dana", &format!("/tlog/tile/0/{tile}")).await;
    assert_eq!((got.status, &got.headers["content-type"]), (200, &"application/octet-stream".parse().unwrap()));
    assert_eq!(got.headers["cache-control"], "private, max-age=31536000, immutable");
    let leaves: Vec<Digest> = got.bytes.chunks(32).map(|it| Digest::from_slice(it).unwrap()).collect();
    assert_eq!(root_of(&leaves), checkpoint.root);
    let bundle = house.get("aude", &format!("/tlog/tile/entries/{tile}")).await.bytes;
    let mut rest = bundle.as_slice();
    for leaf in &leaves {
        let (length, after) = rest.split_at(2);
        let (body, after) = after.split_at(u16::from_be_bytes(length.try_into().unwrap()).into());
        assert_eq!(Digest::leaf(body), *leaf);
        rest = after;
    }
    assert!(rest.is_empty());
    house.get("dana", &format!("/tlog/tile/entries/{tile}")).await.problem(403, "no-permission");
    house.raw("GET", "/tlog/checkpoint", &[], None).await.problem(401, "not-signed-in");
    house.raw("GET", &format!("/tlog/tile/0/{tile}"), &[], None).await.problem(401, "not-signed-in");
    for absent in ["0/001", "0/000", "1/000.p/1", "0/000.p/0", "0/0", "x", "64/000", "entries/999"] {
        house.get("aude", &format!("/tlog/tile/{absent}")).await.problem(404, "not-found");
    }
}

#[tokio::test]
async fn without_witnesses_nothing_is_called_witnessed() {
    let house = House::shop().await;
    let it = house.get("aude", "/ledger/witnesses").await.ok();
    assert_eq!((&it["verdict"], &it["required"], &it["witnessed"]), (&json!("inconclusive"), &json!(0), &json!(null)));
}

#[tokio::test]
async fn a_pack_verifies_with_nothing_but_the_key_and_is_the_same_again() {
    let house = House::shop().await;
    let earlier = house.get("aude", "/ledger/checkpoint").await.text();
    let begun = house.now();
    house.wait(60);
    house.planned().await;
    let ended = house.later(60);
    house.wait(120);
    house.post("rita", "/lockdowns", json!({ "reason": "a test" })).await;
    let trust =
        Trust { key: Some(house.engine.ledger().verifying_key()), earlier: Some(earlier.clone()), ..Trust::default() };
    let period = json!({ "from": begun.to_string(), "to": ended, "earlier": earlier });
    let release = json!({ "release": "second", "earlier": earlier });
    for asked in [period, release] {
        let got = house.post("aude", "/evidence", asked.clone()).await;
        assert_eq!(
            (got.status, &got.headers["content-type"]),
            (200, &"application/x-tar".parse().unwrap()),
            "{}",
            got.text()
        );
        let report = pack::check(&got.bytes, &trust);
        assert_eq!(report.outcome, Outcome::Pass, "{report:#?}");
        assert_eq!(house.post("aude", "/evidence", asked).await.bytes, got.bytes, "the same question, the same bytes");
        let text = String::from_utf8_lossy(&got.bytes).into_owned();
        assert!(!text.contains("Novak"), "no names unless asked for");
        assert!(text.contains("base/gates.cedar") && text.contains("SOX-ITGC"), "policies and controls");
        let unknown = pack::check(&got.bytes, &Trust::default());
        assert_eq!(unknown.outcome, Outcome::Inconclusive, "a key that only the pack names shows nothing");
    }
    let named = house.post("aude", "/evidence", json!({ "release": "second", "names": true })).await;
    assert!(String::from_utf8_lossy(&named.bytes).contains("Dana Novak (dana)"));
    let trust = Trust { earlier: None, ..trust };
    assert_eq!(pack::check(&named.bytes, &trust).outcome, Outcome::Pass);
}

#[tokio::test]
async fn a_pack_that_cannot_be_is_refused_with_the_reason() {
    let house = House::shop().await;
    house.planned().await;
    let ask = |who: &'static str, body: serde_json::Value| {
        let house = &house;
        async move { house.post(who, "/evidence", body).await }
    };
    ask("dana", json!({ "release": "second" })).await.problem(403, "no-permission");
    ask("aude", json!({})).await.problem(422, "evidence-scope");
    ask("aude", json!({ "release": "second", "from": "2026-01-01T00:00:00Z" })).await.problem(422, "evidence-scope");
    ask("aude", json!({ "release": "nothing" })).await.problem(404, "not-found");
    let backwards = json!({ "from": "2026-02-01T00:00:00Z", "to": "2026-01-01T00:00:00Z" });
    ask("aude", backwards).await.problem(422, "evidence-period");
    ask("aude", json!({ "release": "second", "earlier": "x" })).await.problem(422, "earlier-checkpoint");
    // A checkpoint that the same key has signed over another past.
    let other = interlock_ledger::MemoryLedger::new("test.example/interlock", [7; 32]).unwrap();
    let entries = vec![interlock_ledger::NewEntry { body: b"another past".to_vec() }];
    let batch = interlock_ledger::Batch { entries, ..Default::default() };
    interlock_ledger::Ledger::append(&other, 0, &batch).unwrap();
    let forked = interlock_ledger::Ledger::checkpoint(&other).unwrap().note;
    ask("aude", json!({ "release": "second", "earlier": forked })).await.problem(409, "ledger-forked");
}
