//! The activity log: filters, origins, exports.

use crate::support::*;
use axum::{body::Body, extract::ConnectInfo, http::Request};
use serde_json::{Value, json};
use std::net::SocketAddr;

async fn from(house: &House, who: &str, address: &str, path: &str, body: Value) -> Got {
    let mut request = Request::builder()
        .method("POST")
        .uri(format!("/api/v1{path}"))
        .header("authorization", format!("Bearer {}", house.tokens[who]))
        .header("user-agent", "tests/1 (made of parts)")
        .header("content-type", "application/json")
        .body(Body::from(body.to_string()))
        .unwrap();
    request.extensions_mut().insert(ConnectInfo(SocketAddr::new(address.parse().unwrap(), 5000)));
    house.send(request).await
}

/// A release that was deployed to two targets, one step reported; the id of its change.
async fn lived_in(house: &House) -> String {
    house.authorised().await;
    let change = house.get("rita", "/releases/second").await.ok()["change"]["id"].as_str().unwrap().to_owned();
    house.wait(3700);
    from(house, "olu", "198.51.100.7", "/releases/second/deploy", json!({})).await.ok();
    let lease = house
        .post(
            "runner-1",
            "/runners/lease",
            json!({ "runner": "runner-1", "capacity": 1, "running": [], "seen_revocations": 0 }),
        )
        .await
        .ok();
    let step = &lease["steps"][0];
    let key = &step["key"];
    house
        .post(
            "runner-1",
            "/runners/output",
            json!({ "runner": "runner-1", "chunks": [{ "key": key, "offset": 0, "text": "so far so good\n" }] }),
        )
        .await;
    let report = json!({
        "key": key, "deployment": step["deployment"], "target": step["target"]["name"], "step": step["step"], "fence": step["fence"],
        "attempt": step["attempt"], "outcome": "changed", "message": "done", "started_at": house.now().to_string(), "finished_at": house.now().to_string()
    });
    house.post("runner-1", "/runners/report", json!({ "runner": "runner-1", "reports": [report] })).await.ok();
    change
}

async fn items(house: &House, who: &str, query: &str) -> Vec<Value> {
    house.get(who, &format!("/activity?{query}")).await.ok()["items"].as_array().unwrap().clone()
}

#[tokio::test]
async fn activity_is_found_by_person_change_environment_target_time_kind_and_words() {
    let house = House::shop().await;
    let start = house.now().to_string();
    let change = lived_in(&house).await;
    let of_change = items(&house, "aude", &format!("change={change}&limit=500")).await;
    assert!(of_change.iter().all(|it| it["change"]["id"] == change.as_str() && it["release"]["name"] == "second"));
    for kind in ["change.opened", "release.authorised", "deployment.started", "deployment.steps_reported"] {
        assert!(of_change.iter().any(|it| it["kind"] == kind), "{kind}");
    }
    assert_eq!(items(&house, "aude", "release=second&limit=500").await.len(), of_change.len());
    let by_olu = items(&house, "aude", "actor=olu&kind=deployment").await;
    assert!(!by_olu.is_empty() && by_olu.iter().all(|it| it["actor"]["name"] == "Olu Adeyemi"));
    let in_production = items(&house, "aude", "environment=production&limit=500").await;
    assert!(in_production.iter().all(|it| it["environment"] == "production"));
    assert!(in_production.iter().any(|it| it["kind"] == "deployment.started"));
    assert_eq!(items(&house, "aude", "environment=staging&kind=deployment").await.len(), 0);
    let steps = items(&house, "aude", "kind=deployment.steps_reported").await;
    let target = steps[0]["targets"][0].as_str().unwrap().to_owned();
    let other = if target == "checkout-1" { "checkout-2" } else { "checkout-1" };
    assert_eq!(items(&house, "aude", &format!("target={target}&kind=deployment.steps_reported")).await.len(), 1);
    assert_eq!(items(&house, "aude", &format!("target={other}&kind=deployment.steps_reported")).await.len(), 0);
    // Output by digest, and the digest leads to the bytes.
    let output = steps[0]["evidence"][0].as_str().unwrap();
    assert_eq!(house.get("aude", &format!("/blobs/{output}")).await.text(), "so far so good\n");
    let late = items(&house, "aude", &format!("from={}&limit=500", house.now())).await;
    assert!(!late.is_empty() && late.iter().all(|it| it["at"].as_str().unwrap() >= house.now().to_string().as_str()));
    assert!(items(&house, "aude", &format!("to={start}")).await.is_empty());
    assert_eq!(
        items(&house, "aude", "q=deployment%20began&kind=deployment.started").await.len(),
        by_olu.iter().filter(|it| it["kind"] == "deployment.started").count()
    );
    // Pages follow one another.
    let (mut seen, mut path) = (Vec::new(), format!("/activity?change={change}&limit=3"));
    loop {
        let page = house.get("aude", &path).await.ok();
        seen.extend(page["items"].as_array().unwrap().iter().map(|it| it["position"].as_u64().unwrap()));
        match page["next"].as_str() {
            Some(next) => path = format!("/activity?change={change}&limit=3&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(seen, of_change.iter().map(|it| it["position"].as_u64().unwrap()).collect::<Vec<_>>());
    house.get("aude", "/activity?change=chg_00000000000000000000000000").await.problem(404, "not-found");
    house.get("aude", "/activity?actor=nobody").await.problem(404, "not-found");
    house.get("aude", "/activity?colour=red").await.problem(422, "invalid-query");
}

#[tokio::test]
async fn from_where_somebody_acted_is_for_auditors_administrators_and_oneself() {
    let house = House::shop().await;
    lived_in(&house).await;
    let started = |who: &'static str| {
        let house = &house;
        async move { items(house, who, "kind=deployment.started").await[0]["origin"].clone() }
    };
    for who in ["aude", "ana", "olu"] {
        let origin = started(who).await;
        assert_eq!(
            (&origin["address"], &origin["agent"]),
            (&json!("198.51.100.7"), &json!("tests/1 (made of parts)")),
            "{who}"
        );
        assert!(origin["token"].as_str().unwrap().starts_with("tok_"));
    }
    for who in ["rita", "dana"] {
        assert_eq!(started(who).await, Value::Null, "{who}");
    }
}

#[tokio::test]
async fn an_export_names_nobody_unless_it_is_asked_for_and_permitted() {
    let house = House::shop().await;
    let change = lived_in(&house).await;
    let texts = ["Dana Novak", "Olu Adeyemi", "Amir Haddad", "read it, tried it", "198.51.100.7"];
    for form in ["csv", "jsonl", "cef"] {
        let plain = house.get("dana", &format!("/activity/export?form={form}")).await;
        assert_eq!(plain.status, 200);
        assert!(plain.headers.get("x-next-after").is_none());
        let text = plain.text();
        assert!(texts.iter().all(|name| !text.contains(name)), "{form}: {text}");
        assert!(text.contains("acc_") && text.contains(&change), "{form}");
        let lines = text.lines().count() as u64;
        assert_eq!(lines, house.engine.head() + u64::from(form == "csv"), "{form}");
        house.get("dana", &format!("/activity/export?form={form}&personal=true")).await.problem(403, "no-permission");
        let full = house.get("aude", &format!("/activity/export?form={form}&personal=true")).await.text();
        assert!(["Olu Adeyemi", "198.51.100.7"].iter().all(|name| full.contains(name)), "{form}");
    }
    // In parts, each begun where the last ended, it is the same.
    let whole = house.get("aude", "/activity/export?form=jsonl").await.text();
    let (mut parts, mut after) = (String::new(), Some("0".to_owned()));
    while let Some(at) = after {
        let part = house.get("aude", &format!("/activity/export?form=jsonl&count=9&after={at}")).await;
        after = part.headers.get("x-next-after").map(|it| it.to_str().unwrap().to_owned());
        parts.push_str(&part.text());
    }
    assert_eq!(parts, whole);
    // Each line in the form that it says it is in.
    assert!(whole.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()));
    let cef = house.get("aude", "/activity/export?form=cef&kind=deployment.started&personal=true").await.text();
    assert!(cef.starts_with("CEF:0|Interlock|Interlock|"), "{cef}");
    for part in ["|deployment.started|", "src=198.51.100.7", "cs3Label=environment cs3=production", "suser=Olu Adeyemi"]
    {
        assert!(cef.contains(part), "{part}: {cef}");
    }
    let csv = house.get("aude", "/activity/export?form=csv&kind=deployment.started").await;
    assert_eq!(csv.headers["content-type"], "text/csv; charset=utf-8");
    assert!(csv.text().starts_with("position,at,kind,"));
    house.get("aude", "/activity/export?count=0").await.problem(422, "invalid-query");
    house.get("aude", "/activity/export?form=xml").await.problem(422, "invalid-query");
}
