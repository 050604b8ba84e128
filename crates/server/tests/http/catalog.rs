//! Services, environments and the graph over HTTP.

use crate::support::*;
use serde_json::json;

#[tokio::test]
async fn services_are_shown_with_what_depends_on_them_and_what_runs_of_them() {
    let house = House::shop().await;
    house.planned().await;
    let rows = house.get("dana", "/services").await.ok();
    assert_eq!(rows["items"].as_array().unwrap().len(), 2);
    assert_eq!(rows["items"][1]["production_version"], "v1");
    let catalogue = house.get("dana", "/services/catalogue").await.ok();
    assert_eq!(catalogue["dependents"][0]["name"], "checkout");
    let checkout = house.get("dana", "/services/checkout").await.ok();
    assert_eq!(checkout["versions"][0]["targets"], 2);
    assert_eq!(checkout["releases"][0]["name"], "second");
    assert_eq!(checkout["criticality"]["value"], "high");
    house.get("dana", "/services/nothing").await.problem(404, "not-found");
    house.get("dana", "/services/%FF").await.problem(400, "malformed-path");
}

#[tokio::test]
async fn circles_are_allowed_and_shown() {
    let house = House::shop().await;
    let back = "apiVersion: interlock/v1\nkind: Service\nmetadata: {name: catalogue}\nspec: {owner: assortment, depends_on: [checkout, ghost]}\n";
    house.apply("ana", back).await;
    let back = "apiVersion: interlock/v1\nkind: Service\nmetadata: {name: catalogue}\nspec: {owner: assortment, depends_on: [checkout]}\n";
    house.apply("ana", back).await.ok();
    let graph = house.get("dana", "/graph").await.ok();
    assert_eq!(graph["cycles"], json!([["catalogue", "checkout"]]));
    assert!(graph["edges"].as_array().unwrap().iter().all(|edge| edge["in_cycle"] == true));
}

#[tokio::test]
async fn the_matrix_says_what_runs_where_and_claims_hold_an_environment() {
    let house = House::shop().await;
    house.planned().await;
    let matrix = house.get("dana", "/matrix").await.ok();
    let cells = matrix["cells"].as_array().unwrap();
    let cell = |environment: &str| cells.iter().find(|cell| cell["environment"] == environment).unwrap();
    assert_eq!(
        (cell("production")["version"].as_str(), cell("production")["status"]["value"].as_str()),
        (Some("v1"), Some("current"))
    );
    assert_eq!(cell("staging")["status"]["value"], "unknown");
    let claimed = house
        .post("dana", "/environments/staging/claim", json!({ "until": house.later(3600), "purpose": "a load test" }))
        .await;
    assert_eq!(claimed.status, 201, "{}", claimed.text());
    let claim = claimed.json()["subject"]["id"].as_str().unwrap().to_owned();
    let staging = house.get("erik", "/environments/staging").await.ok();
    assert_eq!(
        (staging["status"]["value"].as_str(), staging["claim"]["purpose"].as_str()),
        (Some("claimed"), Some("a load test"))
    );
    let second = house
        .post("erik", "/environments/staging/claim", json!({ "until": house.later(3600), "purpose": "mine" }))
        .await;
    assert!(matches!(second.status, 403 | 409), "{}", second.text());
    house.post("dana", &format!("/claims/{claim}/end"), json!({})).await.ok();
    house
        .post("erik", "/environments/staging/claim", json!({ "until": house.later(3600), "purpose": "mine" }))
        .await
        .ok();
    assert_eq!(house.get("erik", "/claims").await.ok()["items"].as_array().unwrap().len(), 2);
    house.get("dana", "/environments/moon").await.problem(404, "not-found");
}
