//! HTTP and traffic steps against real sockets; the remote controller and depot against a small server.

use crate::rig::*;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post, put};
use axum::{Json, Router};
use interlock_runner::{Controller, ControllerError, Credential, Depot, RemoteConfig, RemoteServer, Runner, Tls};
use interlock_wire::runner::Outcome::*;
use interlock_wire::runner::*;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

async fn serve(router: Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}")
}

fn request(url: String, change: impl FnOnce(&mut HttpStep)) -> StepKind {
    let mut step: HttpStep =
        serde_json::from_value(json!({ "method": "GET", "url": url, "attempts": 1, "every_ms": 1 })).unwrap();
    change(&mut step);
    StepKind::Http(step)
}

#[tokio::test]
async fn a_smoke_check_tries_again_until_the_answer_is_right() {
    let rig = Rig::new();
    let calls = Arc::new(AtomicU32::new(0));
    let counted = calls.clone();
    let health = move || async move {
        let ready = counted.fetch_add(1, Ordering::SeqCst) >= 2;
        (
            if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE },
            Json(json!({ "version": "2", "ready": ready })),
        )
    };
    let url = serve(Router::new().route("/health", get(health))).await + "/health";
    let expect = |step: &mut HttpStep| {
        step.expect_json = BTreeMap::from([("/version".into(), "2".into()), ("/ready".into(), "true".into())]);
        step.attempts = 5;
    };
    let ran = rig.run(&rig.order(request(url.clone(), expect))).await;
    ran.is(Unchanged, "");
    assert_eq!((calls.load(Ordering::SeqCst), ran.report.facts["http_attempts"].as_str()), (3, "3"));
    let mut order =
        rig.order(request(url, |step| step.expect_json = BTreeMap::from([("/version".into(), "3".into())])));
    order.key = "again".into();
    let ran = rig.run(&order).await;
    ran.is(Failed, "R405");
    assert!(ran.output.contains(r#""version":"2""#), "the answer is shown");
}

#[tokio::test]
async fn a_service_that_is_not_there_or_does_not_answer_fails_the_check() {
    let rig = Rig::new();
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    rig.run(&rig.order(request(format!("http://{closed}/"), |_| ()))).await.is(Failed, "R402");
    let url = serve(Router::new().route("/", get(std::future::pending::<()>).post(std::future::pending::<()>))).await;
    let mut order = StepOrder { key: "hang".into(), timeout_ms: 200, ..rig.order(request(url.clone(), |_| ())) };
    rig.run(&order).await.is(Failed, "R406");
    // What was asked for by POST may have happened.
    order.key = "hanging post".into();
    order.kind = request(url, |step| (step.method, step.attempts) = ("POST".into(), 9));
    rig.run(&order).await.is(Inconclusive, "R408");
}

#[tokio::test]
async fn redirects_and_endless_answers_are_not_followed() {
    let rig = Rig::new();
    let router = Router::new()
        .route("/moved", get(|| async { (StatusCode::FOUND, [("location", "/big")]) }))
        .route("/big", get(|| async { "x".repeat(2 << 20) }));
    let url = serve(router).await;
    rig.run(&rig.order(request(format!("{url}/moved"), |_| ()))).await.is(Failed, "R403");
    let order = StepOrder { key: "big".into(), ..rig.order(request(format!("{url}/big"), |_| ())) };
    rig.run(&order).await.is(Failed, "R407");
    let order = StepOrder { key: "bad".into(), ..rig.order(request("mailto:a@b".into(), |_| ())) };
    rig.run(&order).await.is(Failed, "R401");
}

type Weights = Arc<Mutex<BTreeMap<String, u32>>>;

/// A router with two servers; `stuck` takes no new weight.
fn router() -> (Router, Weights) {
    let weights: Weights = Arc::new(Mutex::new(BTreeMap::from([("cart-1".into(), 100), ("stuck".into(), 50)])));
    let read = |State(weights): State<Weights>, Path(server): Path<String>| async move {
        let weight = weights.lock().unwrap().get(&server).copied();
        weight.map(|weight| Json(json!({ "weight": weight }))).ok_or(StatusCode::NOT_FOUND)
    };
    let write = |State(weights): State<Weights>, Path(server): Path<String>, Json(body): Json<Value>| async move {
        if server != "stuck" {
            weights.lock().unwrap().insert(server, body["weight"].as_u64().unwrap() as u32);
        }
    };
    let list = |State(weights): State<Weights>| async move {
        let weights = weights.lock().unwrap();
        let servers: Vec<_> = weights.iter().map(|(name, weight)| json!({ "name": name, "weight": weight })).collect();
        Json(json!({ "servers": servers }))
    };
    let router = Router::new()
        .route("/pools/shop/servers/{server}/weight", put(write).get(read))
        .route("/pools/shop/servers", get(list))
        .route("/pools/empty/servers", get(|| async { Json(json!({ "servers": [] })) }))
        .with_state(weights.clone());
    (router, weights)
}

#[tokio::test]
async fn traffic_is_set_and_read_back() {
    let rig = Rig::new();
    let (router, weights) = router();
    let router = serve(router).await;
    let mut number = 0;
    let mut order = |pool: &str, server: &str, weight| {
        number += 1;
        let kind = TrafficStep { router: router.clone() + "/", pool: pool.into(), server: server.into(), weight };
        StepOrder { key: format!("key {number}"), ..rig.order(StepKind::Traffic(kind)) }
    };
    let ran = rig.run(&order("shop", "cart-1", 10)).await;
    ran.is(Changed, "");
    assert_eq!((weights.lock().unwrap()["cart-1"], ran.report.facts["weight_before/cart-1"].as_str()), (10, "100"));
    rig.run(&order("shop", "cart-1", 10)).await.is(Unchanged, "");
    rig.run(&order("shop", "all", 0)).await.is(Failed, "R412");
    weights.lock().unwrap().remove("stuck");
    rig.run(&order("shop", "all", 30)).await.is(Changed, "");
    assert_eq!(weights.lock().unwrap()["cart-1"], 30);
    rig.run(&order("empty", "all", 0)).await.is(Failed, "R412");
    rig.run(&order("shop", "nobody", 0)).await.is(Failed, "R411");
    rig.run(&order("shop", "cart-1", 101)).await.is(Failed, "R401");
    rig.run(&order("shop", "..", 1)).await.is(Failed, "R401");
    let undo = StepOrder { operation: Operation::Undo, ..order("shop", "cart-1", 1) };
    rig.run(&undo).await.is(Failed, "R312");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_runner_works_over_http() {
    let rig = Rig::new();
    rig.server.grant([rig.shell("echo far away")]);
    let state = (rig.server.clone(), rig.depot.clone());
    type Both = State<(Arc<FakeServer>, Arc<FakeDepot>)>;
    fn allowed(headers: &HeaderMap) -> Result<(), (StatusCode, Json<Value>)> {
        let problem = || (StatusCode::UNAUTHORIZED, Json(json!({ "title": "no", "detail": "the token is not known" })));
        if headers["authorization"] == "Bearer secret" { Ok(()) } else { Err(problem()) }
    }
    let lease = |State((server, _)): Both, headers: HeaderMap, Json(request): Json<LeaseRequest>| async move {
        allowed(&headers)?;
        Ok::<_, (StatusCode, Json<Value>)>(Json(server.lease(request).await.unwrap()))
    };
    let report = |State((server, _)): Both, Json(batch): Json<ReportBatch>| async move {
        Json(server.report(batch).await.unwrap())
    };
    let output = |State((server, _)): Both, Json(batch): Json<OutputBatch>| async move {
        server.output(batch.chunks).await.unwrap()
    };
    let blob = |State((_, depot)): Both, Path(digest): Path<String>| async move {
        depot.0.lock().unwrap().get(&digest).cloned().ok_or(StatusCode::NOT_FOUND)
    };
    let router = Router::new()
        .route("/api/v1/runners/lease", post(lease))
        .route("/api/v1/runners/report", post(report))
        .route("/api/v1/runners/output", post(output))
        .route("/api/v1/blobs/{digest}", get(blob))
        .with_state(state);
    let config = |token: &str, server: String| RemoteConfig {
        server,
        credential: Credential::Token(token.into()),
        runner: "runner-1".into(),
        allow_plain_http: false,
        tls: Tls::default(),
    };
    let url = serve(router).await;
    let remote = Arc::new(RemoteServer::new(&config("secret", url.clone())).unwrap());
    let runner = Runner::with_clock(rig.config(), remote.clone(), remote.clone(), Arc::new(rig.clock.clone())).unwrap();
    let (handle, task) = (runner.handle(), tokio::spawn(runner.run()));
    eventually(|| rig.server.reported() == 1).await;
    handle.stop();
    tokio::time::timeout(Duration::from_secs(5), task).await.unwrap().unwrap();
    assert_eq!(rig.server.reports.lock().unwrap()[0].outcome, Changed);
    assert!(rig.server.output.lock().unwrap().values().any(|text| text.ends_with("far away\n")));

    let stranger = RemoteServer::new(&config("wrong", url)).unwrap();
    let request = rig.server.requests.lock().unwrap()[0].clone();
    let refused =
        ControllerError::Refused { status: 401, code: String::new(), message: "the token is not known".into() };
    assert_eq!(stranger.lease(request).await, Err(refused));
    let missing = remote.fetch(&sha256(b"missing").parse().unwrap(), "").await;
    assert!(missing.err().unwrap().to_string().contains("404"));
}
