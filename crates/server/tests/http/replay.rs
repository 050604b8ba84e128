//! The past over HTTP: the world at a position, what was known at a decision, rulings recomputed.

use crate::support::*;
use serde_json::{Value, json};

fn count(world: &Value, name: &str) -> u64 {
    let all = world["counts"].as_array().unwrap();
    all.iter().find(|it| it["name"] == name).unwrap()["count"].as_u64().unwrap()
}

#[tokio::test]
async fn the_world_is_shown_as_it_was_at_a_position_and_at_a_time() {
    let house = House::shop().await;
    let id = house.planned().await;
    let (planned, moment) = (house.engine.head(), house.now().to_string());
    house.wait(3600);
    house.post("rita", "/releases/second/freeze", json!({})).await.ok();
    house.post("rita", "/releases/second/cancel", json!({ "reason": "not needed" })).await.ok();
    assert_eq!(house.get("aude", "/releases/second").await.ok()["status"]["value"], "cancelled");
    for query in [format!("position={planned}"), format!("time={moment}")] {
        let then = house.get("aude", &format!("/ledger/world?{query}&object=release/second")).await.ok();
        assert_eq!((then["position"].as_u64(), then["size"].as_u64()), (Some(planned), Some(house.engine.head())));
        assert_eq!((&then["object"]["id"], &then["object"]["status"]["value"]), (&json!(id), &json!("planned")));
        // Nothing can be done in the past.
        assert!(
            then["object"]["actions"]
                .as_array()
                .unwrap()
                .iter()
                .all(|it| it["allowed"] == false && it["reasons"][0]["code"] == "past")
        );
        assert_eq!((count(&then, "releases"), then["releases"].as_array().unwrap().len()), (1, 1));
        assert_eq!(then["installed"][0]["version"], "v1");
    }
    let now = house.get("aude", "/ledger/world").await.ok();
    assert_eq!((now["position"].as_u64(), now["releases"].as_array().unwrap().len()), (Some(house.engine.head()), 0));
    let nothing = house.get("aude", "/ledger/world?position=0").await.ok();
    assert_eq!((count(&nothing, "accounts"), &nothing["at"]), (0, &Value::Null));
    for object in ["environment/production", "service/checkout", "account/dana"] {
        assert!(
            house.get("aude", &format!("/ledger/world?position={planned}&object={object}")).await.ok()["object"]
                .is_object(),
            "{object}"
        );
    }
    house
        .get("aude", &format!("/ledger/world?position={}", house.engine.head() + 1))
        .await
        .problem(422, "beyond-the-ledger");
    house.get("aude", "/ledger/world?position=1&time=2026-03-02T09:00:00Z").await.problem(422, "invalid-query");
    house.get("aude", "/ledger/world?position=1&object=release/second").await.problem(404, "not-found");
    house.get("aude", "/ledger/world?object=moon/1").await.problem(422, "invalid-query");
}

#[tokio::test]
async fn what_was_known_at_a_decision_is_shown_with_its_facts_and_without_what_came_later() {
    let house = House::shop().await;
    house.planned().await;
    house.post("rita", "/releases/second/freeze", json!({})).await.ok();
    let change = house.get("rita", "/releases/second").await.ok()["change"]["id"].as_str().unwrap().to_owned();
    house.post("amir", &format!("/changes/{change}/approve"), json!({ "reason": "read it, tried it" })).await.ok();
    let decision = house.engine.head() - 1;
    house.wait(60);
    house.post("bea", &format!("/changes/{change}/approve"), json!({ "reason": "later" })).await.ok();
    let entry = house.get("aude", &format!("/ledger/entries?kind=change.decided&to={}", house.now())).await.ok();
    let decision = entry["items"][0]["position"].as_u64().unwrap().min(decision);
    let known = house.get("aude", &format!("/ledger/entries/{decision}/knowledge")).await.ok();
    assert_eq!(
        (&known["entry"]["kind"], &known["decider"]["who"]["name"]),
        (&json!("change.decided"), &json!("Amir Haddad"))
    );
    assert_eq!((&known["decider"]["roles"], &known["decider"]["may_read"]), (&json!(["approver"]), &json!("pass")));
    let ruling = &known["rulings"][0];
    assert_eq!((&ruling["verdict"], &ruling["name"]), (&json!("pass"), &json!("decision")), "{ruling:#}");
    assert_eq!(ruling["request"]["facts"]["is_author"], false);
    assert_eq!(ruling["recorded"], ruling["again"]);
    // The change as it stood before: nobody had decided.
    let objects = known["objects"].as_array().unwrap();
    let then = objects.iter().find(|it| it["subject"]["kind"] == "change").unwrap();
    assert_eq!(then["state"]["decisions"], json!([]));
    let documents = known["documents"].as_array().unwrap();
    assert!(documents.iter().all(|it| it["position"].as_u64().unwrap() < decision));
    assert!(
        documents.iter().any(|it| it["refers_to"]
            .as_array()
            .unwrap()
            .iter()
            .any(|it| it["kind"] == "note" && it["there"] == true))
    );
    assert!(
        documents.iter().any(|it| it["refers_to"]
            .as_array()
            .unwrap()
            .iter()
            .any(|it| it["kind"] == "blob" && it["there"] == true))
    );
    let later = known["later"].as_array().unwrap();
    assert!(!later.is_empty() && later.iter().all(|it| it["position"].as_u64().unwrap() > decision));
    house.get("aude", "/ledger/entries/999999/knowledge").await.problem(404, "not-found");
}

#[tokio::test]
async fn every_ruling_is_recomputed_by_entry_and_by_stretch() {
    let house = House::shop().await;
    house.authorised().await;
    house.post("dana", "/releases/second/authorise", json!({})).await.json();
    let refused = house.engine.head() - 1;
    let one = house.get("aude", &format!("/ledger/entries/{refused}/recomputed")).await.ok();
    assert_eq!(
        (&one[0]["name"], &one[0]["verdict"], &one[0]["recorded"]["verdict"]),
        (&json!("refusal"), &json!("pass"), &json!("fail"))
    );
    let (mut from, mut rulings, mut same) = (0, 0, 0);
    loop {
        let part = house.get("aude", &format!("/ledger/recomputed?from={from}&count=7")).await.ok();
        assert_eq!(part["not_the_same"], json!([]), "{part:#}");
        rulings += part["rulings"].as_u64().unwrap();
        same += part["same"].as_u64().unwrap();
        match part["next"].as_u64() {
            Some(next) => from = next,
            None => break,
        }
    }
    assert!(rulings == same && same > 12, "{rulings} {same}");
    assert_eq!(house.get("aude", "/ledger/entries/0/recomputed").await.ok(), json!([]));
    house.get("aude", "/ledger/recomputed?count=0").await.problem(422, "invalid-query");
    house.get("aude", "/ledger/recomputed?count=10001").await.problem(422, "invalid-query");
    house.get("aude", "/ledger/entries/x/recomputed").await.problem(404, "not-found");
}
