//! The router over real sockets: shares as ordered, bodies and statuses passed through, dead servers reported as such.

#![expect(clippy::unwrap_used, reason = "helpers of tests: a panic is the report")]

use std::collections::BTreeMap;
use std::net::SocketAddr;

use axum::Router;
use axum::routing::{get, post};
use interlock_demo::client::{get_json, get_text, post_json};
use interlock_demo::router::{Frontend, Pool, Route, RouterConfig, Server, serve};
use serde_json::json;
use tokio::net::TcpListener;

async fn server(name: &'static str) -> SocketAddr {
    let routes = Router::new()
        .route("/name", get(move || async move { format!("\"{name}\"") }))
        .route("/echo", post(|body: String| async move { (axum::http::StatusCode::CREATED, body) }));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, routes).await });
    address
}

async fn free() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
}

async fn started(servers: BTreeMap<String, Server>, directory: &std::path::Path) -> (SocketAddr, SocketAddr) {
    let (listen, admin) = (free().await, free().await);
    let route = |prefix: &str| Route { prefix: prefix.to_owned(), pool: "shop".to_owned() };
    let config = RouterConfig {
        frontends: vec![Frontend { listen, routes: vec![route("/name"), route("/echo")] }],
        admin,
        state_file: directory.join("state.json"),
        pools: BTreeMap::from([("shop".to_owned(), Pool { servers })]),
        seed: 5,
        timeout_ms: 2_000,
    };
    tokio::spawn(async move { serve(config, std::future::pending()).await.unwrap() });
    for _ in 0..1000 {
        if get_text(&format!("http://{admin}/healthz")).await.is_ok() {
            return (listen, admin);
        }
        tokio::task::yield_now().await;
    }
    panic!("the router did not start");
}

#[tokio::test]
async fn requests_are_shared_by_weight_and_counted() {
    let directory = tempfile::tempdir().unwrap();
    let servers = BTreeMap::from([
        ("new".to_owned(), Server { address: server("new").await, weight: 10 }),
        ("old".to_owned(), Server { address: server("old").await, weight: 90 }),
    ]);
    let (shop, admin) = started(servers, directory.path()).await;
    let mut new = 0;
    for _ in 0..400 {
        new += u32::from(get_json(&format!("http://{shop}/name")).await.unwrap() == "new");
    }
    // Binomial(400, 0.1): mean 40, standard deviation 6; four of them either way.
    assert!((16..=64).contains(&new), "{new}");
    let metrics = get_text(&format!("http://{admin}/metrics")).await.unwrap().1;
    let line = format!("router_requests_total{{pool=\"shop\",server=\"new\",code=\"200\"}} {new}");
    assert!(metrics.contains(&line), "{metrics}");
    let body = json!({ "text": "ä".repeat(20_000) });
    assert_eq!(post_json(&format!("http://{shop}/echo"), &body).await.unwrap(), (201, body));
}

#[tokio::test]
async fn a_dead_server_is_a_502_and_an_unknown_path_a_404() {
    let directory = tempfile::tempdir().unwrap();
    let servers = BTreeMap::from([("dead".to_owned(), Server { address: free().await, weight: 1 })]);
    let (shop, _) = started(servers, directory.path()).await;
    assert_eq!(get_text(&format!("http://{shop}/name")).await.unwrap().0, 502);
    assert_eq!(get_text(&format!("http://{shop}/nothing")).await.unwrap().0, 404);
}
