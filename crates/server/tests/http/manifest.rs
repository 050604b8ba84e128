//! Manifests over HTTP: all or nothing, every fault with its line.

use crate::support::*;
use serde_json::json;

#[tokio::test]
async fn the_same_manifests_again_change_nothing() {
    let house = House::shop().await;
    let (head, manifests) = (house.engine.head(), house.organisation());
    let again = house.apply("ana", &manifests).await.ok();
    assert!(again["documents"].as_array().unwrap().iter().all(|it| it["outcome"] == "unchanged"), "{again:#}");
    assert_eq!(house.engine.head(), head);
    let more = manifests.replace("users: 6500", "users: 7000");
    let dry = house.bytes("ana", "POST", "/manifests?dry_run=true", "application/yaml", more.clone()).await.ok();
    let changed = |answer: &serde_json::Value| {
        let all = answer["documents"].as_array().unwrap().clone();
        all.iter()
            .filter(|it| it["outcome"] != "unchanged")
            .map(|it| format!("{} {}", it["name"].as_str().unwrap(), it["outcome"].as_str().unwrap()))
            .collect::<Vec<_>>()
    };
    assert_eq!((changed(&dry), house.engine.head()), (vec!["checkout changed".to_owned()], head));
    let done = house.apply("ana", &more).await.ok();
    assert_eq!((changed(&done), house.engine.head()), (vec!["checkout changed".to_owned()], head + 1));
}

#[tokio::test]
async fn all_documents_are_applied_or_none_and_every_refusal_is_told_with_its_line() {
    let house = House::shop().await;
    let text = "apiVersion: interlock/v1\nkind: Service\nmetadata: {name: search}\nspec: {owner: assortment}\n---\n\
                apiVersion: interlock/v1\nkind: Account\nmetadata: {name: x}\nspec: {display_name: X, roles: [wizard]}\n---\n\
                apiVersion: interlock/v1\nkind: Environment\nmetadata: {name: bare}\nspec: {tier: production, targets: []}\n";
    let head = house.engine.head();
    let refused = house.bytes("ana", "POST", "/manifests?dry_run=true", "application/yaml", text).await;
    assert!((400..500).contains(&refused.status));
    let lines: Vec<_> =
        refused.json()["faults"].as_array().unwrap().iter().map(|it| it["line"].as_u64().unwrap()).collect();
    assert!(lines.contains(&6) && lines.contains(&11), "{:#}", refused.json());
    assert_eq!(house.engine.head(), head);
    house.apply("ana", text).await;
    house.get("ana", "/services/search").await.problem(404, "not-found");
}

#[tokio::test]
async fn whoever_may_not_is_refused_and_that_is_on_record() {
    let house = House::shop().await;
    let service = "apiVersion: interlock/v1\nkind: Service\nmetadata: {name: search}\nspec: {owner: assortment}\n";
    let head = house.engine.head();
    assert_eq!(house.apply("aude", service).await.status, 403);
    let entry = house.get("ana", &format!("/ledger/entries/{head}")).await.ok();
    assert_eq!(
        (entry["kind"].as_str(), entry["actor"]["name"].as_str()),
        (Some("reason.refused"), Some("Aude Laurent"))
    );
}

#[tokio::test]
async fn faults_are_told_with_line_and_column() {
    let house = House::shop().await;
    let text = "apiVersion: interlock/v1\nkind: Service\nmetadata: {name: a}\nspec:\n  owner: x\n  ownr: y\n---\napiVersion: interlock/v1\nkind: Widget\nmetadata: {name: a}\nspec: {}\n";
    let problem = house.apply("ana", text).await.problem(422, "invalid-manifest");
    let places: Vec<_> = problem["faults"].as_array().unwrap().iter().map(|it| it["line"].as_u64().unwrap()).collect();
    assert_eq!(places, [6, 8], "{problem:#}");
    house.bytes("ana", "POST", "/manifests", "text/plain", "x").await.problem(415, "content-type");
    house.bytes("ana", "POST", "/manifests", "application/yaml", vec![0xff, 0xfe]).await.problem(400, "not-utf-8");
    house
        .bytes("ana", "POST", "/manifests", "application/yaml", vec![b'#'; (1 << 20) + 1])
        .await
        .problem(413, "too-large");
    let twice = "apiVersion: interlock/v1\nkind: Service\nmetadata: {name: a}\nspec: {owner: x}\n";
    house.apply("ana", &format!("{twice}---\n{twice}")).await.problem(422, "named-twice");
    house.apply("ana", &twice.replace("name: a", "name: A_B")).await.problem(422, "invalid-manifest");
}

#[tokio::test]
async fn a_release_is_applied_once() {
    let house = House::shop().await;
    house.build("v1", None).await;
    let text = "apiVersion: interlock/v1\nkind: Release\nmetadata: {name: first}\nspec:\n  environment: production\n  class: normal\n  summary: The first\n  \
                items: [{service: checkout, version: v1}]\n  pipeline: shop\n  length: 1h\n  \
                model: {phased: {waves: [{name: one, take: 1, weight: 10, canary: {interval: 5s, horizon: 60, at_least: 5, on_inconclusive: hold}}, {name: all, take: rest, bake: 30s}]}}\n  \
                triggers: [{name: errors, indicator: {error_ratio: {service: checkout, window: 1m}}, comparison: above, threshold: 0.05, for: 10s, action: rollback, owner: olu, deputy: rita}]\n  \
                rollback: {criteria: [{name: up, http: {path: /health}}]}\n  watch: {length: 10m, interval: 30s}\n";
    let made = house.apply("rita", text).await.ok();
    assert_eq!(made["documents"][0]["outcome"], "created");
    let release = house.get("rita", "/releases/first").await.ok();
    assert_eq!(release["spec"]["model"]["phased"]["waves"][0]["take"], "1");
    assert_eq!(release["plan"]["waves"][0]["targets"], json!(["checkout-1"]));
    assert_eq!(house.apply("rita", text).await.ok()["documents"][0]["outcome"], "unchanged");
    assert_eq!(house.apply("rita", &text.replace("1h", "2h")).await.status, 422);
    house
        .apply("rita", &text.replace("name: first", "name: other").replace("version: v1", "version: v9"))
        .await
        .problem(422, "invalid-manifest");
    house
        .apply("rita", &text.replace("name: first", "name: other").replace("owner: olu", "owner: ghost"))
        .await
        .problem(422, "invalid-manifest");
}

#[tokio::test]
async fn every_kind_has_a_schema() {
    let house = House::empty().await;
    for kind in ["PolicyPack", "Account", "SigningKey", "Service", "Environment", "Calendar", "Pipeline", "Release"] {
        let schema = house.raw("GET", &format!("/schemas/{kind}"), &[], None).await.ok();
        assert_eq!(schema["properties"]["kind"]["const"], kind);
        let text = schema.to_string();
        assert!(!text.contains("#/components"), "{kind}");
        for reference in text.split("\"$ref\":\"#/$defs/").skip(1) {
            let name = reference.split('"').next().unwrap();
            assert!(schema["$defs"].get(name).is_some(), "{kind}: {name}");
        }
    }
    house.raw("GET", "/schemas/widget", &[], None).await.problem(404, "not-found");
}
