//! The ledger over HTTP: entries, proofs that verify, search.

use crate::support::*;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use interlock_ledger::{Digest, VerifyingKey, checkpoint::Checkpoint, merkle};

fn hash(text: &serde_json::Value) -> Digest {
    Digest(digest(text.as_str().unwrap()).0)
}

#[tokio::test]
async fn an_entry_is_proved_with_nothing_but_the_answer_and_the_published_key() {
    let house = House::shop().await;
    house.planned().await;
    let head = house.get("aude", "/ledger").await.ok();
    let key = VerifyingKey::parse(head["verifier_key"].as_str().unwrap()).unwrap();
    for position in [0, 1, house.engine.head() - 1] {
        let entry = house.get("aude", &format!("/ledger/entries/{position}")).await.ok();
        let body = STANDARD.decode(entry["body"].as_str().unwrap()).unwrap();
        let proof = &entry["proof"];
        let checkpoint = Checkpoint::open(&key, proof["checkpoint"].as_str().unwrap()).unwrap();
        let path: Vec<Digest> = proof["hashes"].as_array().unwrap().iter().map(hash).collect();
        assert_eq!((checkpoint.root, Digest::leaf(&body)), (hash(&proof["root_hash"]), hash(&entry["leaf_hash"])));
        assert!(merkle::verify_inclusion(&Digest::leaf(&body), position, checkpoint.size, &path, &checkpoint.root));
        assert!(!merkle::verify_inclusion(
            &Digest::leaf(b"another"),
            position,
            checkpoint.size,
            &path,
            &checkpoint.root
        ));
    }
    house.get("aude", &format!("/ledger/entries/{}", house.engine.head())).await.problem(404, "not-found");
    house.get("aude", "/ledger/entries/first").await.problem(404, "not-found");
    house.get("aude", "/ledger/entries/-1").await.problem(404, "not-found");
}

#[tokio::test]
async fn the_later_ledger_is_shown_to_begin_with_the_earlier() {
    let house = House::shop().await;
    let old = house.get("aude", "/ledger").await.ok();
    house.planned().await;
    let size = old["size"].as_u64().unwrap();
    let it = house.get("aude", &format!("/ledger/consistency?old={size}")).await.ok();
    assert_eq!(it["old_root"], old["root"]);
    let proof: Vec<Digest> = it["hashes"].as_array().unwrap().iter().map(hash).collect();
    assert!(merkle::verify_consistency(
        size,
        it["new_size"].as_u64().unwrap(),
        &hash(&it["old_root"]),
        &hash(&it["new_root"]),
        &proof
    ));
    house.get("aude", "/ledger/consistency?old=999999").await.problem(422, "invalid-query");
    assert!(house.get("aude", "/ledger/checkpoint").await.text().starts_with("test.example/interlock\n"));
}

#[tokio::test]
async fn entries_are_found_by_kind_subject_actor_and_words() {
    let house = House::shop().await;
    house.planned().await;
    let find = |query: &'static str| {
        let house = &house;
        async move { house.get("aude", &format!("/ledger/entries?{query}")).await.ok()["items"].as_array().unwrap().clone() }
    };
    assert_eq!(find("kind=release.planned").await.len(), 1);
    assert!(find("kind=release").await.len() >= 2);
    assert_eq!(find("kind=rel").await.len(), 0);
    let of_release = find("subject=release:second").await;
    assert!(
        of_release.iter().any(|it| it["kind"] == "change.opened")
            && of_release.iter().any(|it| it["kind"] == "release.drafted")
    );
    assert!(find("actor=dana").await.iter().all(|it| it["actor"]["name"] == "Dana Novak"));
    assert_eq!(find("q=quarantine").await.len(), 0);
    assert!(find("q=checkout%20registered").await.len() >= 2);
    let first = house.get("aude", "/ledger/entries?limit=1").await.ok();
    assert_eq!(first["items"][0]["position"], house.engine.head() - 1);
    let second =
        house.get("aude", &format!("/ledger/entries?limit=1&cursor={}", first["next"].as_str().unwrap())).await.ok();
    assert_eq!(second["items"][0]["position"], house.engine.head() - 2);
    house.get("aude", "/ledger/entries?subject=moon:1").await.problem(422, "invalid-query");
    house.get("aude", "/ledger/entries?actor=nobody").await.problem(404, "not-found");
}
