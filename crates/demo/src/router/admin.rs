//! The admin interface: read pools, set weights, add servers. Every change answers with the pool as it then is.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, put};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};

use super::metrics::RouterMetrics;
use super::pools::{Pool, Pools, Server};
use crate::error::{DemoError, Result};

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Weight {
    weight: u32,
}

#[derive(Serialize)]
struct NamedWeight {
    name: String,
    weight: u32,
}

#[derive(Serialize)]
struct AllServers {
    servers: Vec<NamedWeight>,
}

#[derive(Serialize)]
struct AllPools {
    pools: BTreeMap<String, Pool>,
}

fn problem(status: StatusCode, detail: String) -> Response {
    (status, Json(serde_json::json!({ "error": detail }))).into_response()
}

fn answer(what: &str, outcome: Result<Option<Pool>>) -> Response {
    match outcome {
        Ok(Some(pool)) => Json(pool).into_response(),
        Ok(None) => problem(StatusCode::NOT_FOUND, format!("there is no {what}")),
        Err(error @ DemoError::Invalid(_)) => problem(StatusCode::UNPROCESSABLE_ENTITY, error.to_string()),
        Err(error) => problem(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
    }
}

type Body<T> = std::result::Result<Json<T>, JsonRejection>;

async fn all(State(pools): State<Arc<Pools>>) -> Json<AllPools> {
    Json(AllPools { pools: pools.all() })
}

async fn one(State(pools): State<Arc<Pools>>, Path(pool): Path<String>) -> Response {
    answer(&format!("pool {pool}"), Ok(pools.get(&pool)))
}

async fn servers(State(pools): State<Arc<Pools>>, Path(pool): Path<String>) -> Response {
    match pools.get(&pool) {
        Some(pool) => {
            let servers = pool.servers.into_iter().map(|(name, server)| NamedWeight { name, weight: server.weight });
            Json(AllServers { servers: servers.collect() }).into_response()
        }
        None => problem(StatusCode::NOT_FOUND, format!("there is no pool {pool}")),
    }
}

async fn weight(State(pools): State<Arc<Pools>>, Path((pool, server)): Path<(String, String)>) -> Response {
    match pools.get(&pool).and_then(|pool| pool.servers.get(&server).map(|server| server.weight)) {
        Some(weight) => Json(Weight { weight }).into_response(),
        None => problem(StatusCode::NOT_FOUND, format!("there is no server {server} in pool {pool}")),
    }
}

async fn set_weight(
    State(pools): State<Arc<Pools>>,
    Path((pool, server)): Path<(String, String)>,
    body: Body<Weight>,
) -> Response {
    match body {
        Ok(Json(body)) => {
            answer(&format!("server {server} in pool {pool}"), pools.set_weight(&pool, &server, body.weight))
        }
        Err(error) => problem(error.status(), error.body_text()),
    }
}

async fn set_server(
    State(pools): State<Arc<Pools>>,
    Path((pool, server)): Path<(String, String)>,
    body: Body<Server>,
) -> Response {
    match body {
        Ok(Json(body)) => answer(&format!("pool {pool}"), pools.set_server(&pool, &server, body)),
        Err(error) => problem(error.status(), error.body_text()),
    }
}

/// The routes of the admin interface.
pub(super) fn routes(pools: Arc<Pools>, metrics: Arc<RouterMetrics>) -> Router {
    Router::new()
        .route("/pools", get(all))
        .route("/pools/{pool}", get(one))
        .route("/pools/{pool}/servers", get(servers))
        .route("/pools/{pool}/servers/{server}", put(set_server))
        .route("/pools/{pool}/servers/{server}/weight", get(weight).put(set_weight))
        .route("/metrics", get(move || async move { metrics.render() }))
        .route("/healthz", get(|| async { "ok" }))
        .with_state(pools)
}
