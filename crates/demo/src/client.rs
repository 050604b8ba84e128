//! One-off HTTP exchanges with the parts of the world: plain HTTP, loopback, JSON.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Method, Request};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;

use crate::error::{DemoError, Result};

const LIMIT: Duration = Duration::from_secs(5);

/// A client that keeps no connections: parts of the world come and go.
fn client() -> Client<HttpConnector, Full<Bytes>> {
    Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build_http()
}

async fn exchange(method: Method, name: &'static str, url: &str, body: Option<&Value>) -> Result<(u16, Bytes)> {
    let failed = |reason: String| DemoError::Http { method: name, url: url.to_owned(), reason };
    let content = body.map_or_else(Bytes::new, |value| Bytes::from(value.to_string()));
    let request = Request::builder()
        .method(method)
        .uri(url)
        .header("content-type", "application/json")
        .body(Full::new(content))
        .map_err(|error| failed(error.to_string()))?;
    let answer = async {
        let response = client().request(request).await.map_err(|error| failed(error.to_string()))?;
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.map_err(|error| failed(error.to_string()))?;
        Ok((status, body.to_bytes()))
    };
    tokio::time::timeout(LIMIT, answer).await.unwrap_or_else(|_| Err(failed(format!("no answer within {LIMIT:?}"))))
}

fn parse(name: &'static str, url: &str, answer: (u16, Bytes)) -> Result<Value> {
    let failed = |reason: String| DemoError::Http { method: name, url: url.to_owned(), reason };
    let (status, body) = answer;
    if status != 200 {
        return Err(failed(format!("status {status}: {}", String::from_utf8_lossy(&body).trim())));
    }
    serde_json::from_slice(&body).map_err(|error| failed(format!("answer is not JSON: {error}")))
}

/// `GET`, expecting 200 and JSON.
///
/// # Errors
/// When there is no answer within 5 s, another status, or no JSON.
pub async fn get_json(url: &str) -> Result<Value> {
    parse("GET", url, exchange(Method::GET, "GET", url, None).await?)
}

/// `PUT` of JSON, expecting 200 and JSON.
///
/// # Errors
/// When there is no answer within 5 s, another status, or no JSON.
pub async fn put_json(url: &str, body: &Value) -> Result<Value> {
    parse("PUT", url, exchange(Method::PUT, "PUT", url, Some(body)).await?)
}

/// `POST` of JSON; gives the status, whatever it is, and the body when it is JSON.
///
/// # Errors
/// When there is no answer within 5 s.
pub async fn post_json(url: &str, body: &Value) -> Result<(u16, Value)> {
    let (status, body) = exchange(Method::POST, "POST", url, Some(body)).await?;
    Ok((status, serde_json::from_slice(&body).unwrap_or(Value::Null)))
}

/// `GET` of text, whatever its status.
///
/// # Errors
/// When there is no answer within 5 s.
pub async fn get_text(url: &str) -> Result<(u16, String)> {
    let (status, body) = exchange(Method::GET, "GET", url, None).await?;
    Ok((status, String::from_utf8_lossy(&body).into_owned()))
}
