//! The live feed: what happens, and going on where one stopped.

use crate::support::*;
use axum::{
    body::Body,
    http::{Request, Response},
};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tower::ServiceExt as _;

async fn follow(house: &House, path: &str, last: Option<&str>) -> Response<Body> {
    let mut request =
        Request::get(format!("/api/v1{path}")).header("authorization", format!("Bearer {}", house.tokens["dana"]));
    if let Some(last) = last {
        request = request.header("last-event-id", last);
    }
    house.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
}

/// The next event: its id and data.
async fn next(response: &mut Response<Body>) -> (String, Value) {
    let frame = response.body_mut().frame().await.unwrap().unwrap().into_data().unwrap();
    let text = String::from_utf8(frame.to_vec()).unwrap();
    let field =
        |name: &str| text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().trim().to_owned();
    (field("id:"), serde_json::from_str(&field("data:")).unwrap())
}

#[tokio::test]
async fn the_feed_tells_what_is_appended_and_resumes_where_it_was_left() {
    let house = House::shop().await;
    let head = house.engine.head();
    let mut feed = follow(&house, "/live", None).await;
    assert_eq!(feed.headers()["content-type"], "text/event-stream");
    house
        .post("dana", "/environments/staging/claim", json!({ "until": house.later(60), "purpose": "a try" }))
        .await
        .ok();
    let (id, told) = next(&mut feed).await;
    assert_eq!((id, told["position_from"].as_u64()), ((head + 1).to_string(), Some(head)));
    assert_eq!(
        (told["kinds"].clone(), told["subjects"][0]["name"].as_str()),
        (json!(["environment.claimed"]), Some("staging"))
    );
    drop(feed);
    house.build("v1", None).await;
    let mut resumed = follow(&house, "/live?from=0", Some(&(head + 1).to_string())).await;
    let (_, told) = next(&mut resumed).await;
    assert_eq!(
        (told["position_from"].as_u64(), told["kinds"].clone()),
        (Some(head + 1), json!(["artifact.registered"]))
    );
    let mut all = follow(&house, "/live?from=0", None).await;
    assert_eq!(next(&mut all).await.1["position_from"], 0);
    assert_eq!(follow(&house, "/live", Some("yesterday")).await.status(), 422);
}
