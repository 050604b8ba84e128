//! What if, over HTTP: an answer with its assumptions, a comparison, the same answer for the same seed, and nothing written.

use crate::support::*;
use serde_json::json;

#[tokio::test]
async fn a_release_would_ship_and_what_if_says_what_would_change() {
    let house = House::shop().await;
    house.planned().await;
    let head = house.engine.head();
    let now = house.post("rita", "/simulate", json!({ "runs": 10, "assume": { "approval": "2h" } })).await.ok();
    let release = &now["releases"][0];
    assert_eq!(release["release"]["name"], "second");
    assert_eq!(release["before"]["answer"], "ships", "{now:#}");
    assert!(release["before"]["p10"].as_str() <= release["before"]["p90"].as_str());
    assert!(release["after"].is_null());
    let approval = now["assumptions"].as_array().unwrap().iter().find(|it| it["name"] == "approval").unwrap();
    assert_eq!(approval["source"], "stated");
    let again = house.post("rita", "/simulate", json!({ "runs": 10, "assume": { "approval": "2h" } })).await.ok();
    assert_eq!(now, again, "the same seed has another answer");
    // Nobody is there to approve, for as long as is looked ahead: it cannot be told when it ships.
    let (from, until) = (house.later(0), house.later(90 * 86_400));
    let what_if = json!({ "away": [{ "role": "approver", "from": from, "until": until }] });
    let empty = house.post("rita", "/simulate", json!({ "runs": 5, "what_if": what_if })).await.ok();
    let after = &empty["releases"][0]["after"];
    assert_ne!(after["answer"], "ships", "{empty:#}");
    assert_eq!((after["shipped"].as_f64(), &after["p50"]), (Some(0.0), &json!(null)));
    // Everybody is quick, so that the window of today is met. A freeze of three days from now on: half of all courses ship at least so much later than without.
    let quick = json!({ "approval": "5m", "act": "1m" });
    let what_if = json!({ "freezes": [{ "start": house.later(0), "end": house.later(3 * 86_400) }] });
    let frozen = house.post("rita", "/simulate", json!({ "runs": 10, "assume": quick, "what_if": what_if })).await.ok();
    let later = frozen["releases"][0]["later_s"].as_i64().unwrap();
    assert!(later > 86_400, "{frozen:#}");
    assert_eq!(house.engine.head(), head, "asking has written something");
}

#[tokio::test]
async fn what_cannot_be_asked_is_said_to_be_so() {
    let house = House::shop().await;
    let ask = async |body| house.post("rita", "/simulate", body).await;
    ask(json!({ "runs": 0 })).await.problem(422, "out-of-range");
    ask(json!({ "ahead": "100d" })).await.problem(422, "out-of-range");
    ask(json!({ "assume": { "failing": 2.0 } })).await.problem(422, "out-of-range");
    let (from, until) = (house.later(0), house.later(60));
    let neither = json!({ "what_if": { "away": [{ "from": from, "until": until }] } });
    ask(neither).await.problem(422, "one-of");
    let nobody = json!({ "what_if": { "away": [{ "account": "nobody", "from": from, "until": until }] } });
    ask(nobody).await.problem(404, "not-found");
    let backwards = json!({ "what_if": { "freezes": [{ "start": until, "end": from }] } });
    ask(backwards).await.problem(422, "no-length");
    ask(json!({ "what_if": { "without": ["finance/nothing"] } })).await.problem(404, "not-found");
    ask(json!({ "what_if": { "roles": [{ "account": "rita", "role": "king" }] } })).await.problem(422, "unknown-role");
}
