//! The controller and the depot of a server far away, over HTTPS with a bearer token; the runner dials out and listens nowhere.
//!
//! Invariants: the token goes only to the configured address, since redirects are not followed and plain HTTP is refused except
//! to the machine itself; every call ends in bounded time.

use crate::artifact::{ByteStream, Depot, DepotError};
use crate::controller::{Controller, ControllerError};
use crate::fault::excerpt;
use async_trait::async_trait;
use futures::StreamExt as _;
use interlock_ids::Digest;
use interlock_wire::runner::{Lease, LeaseRequest, OutputBatch, OutputChunk, ReportAck, ReportBatch};
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use reqwest::{Client, Response, Url};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::time::Duration;

/// A lease may be held back by the server while there is nothing to do.
const LEASE_TIME: Duration = Duration::from_secs(90);
const CALL_TIME: Duration = Duration::from_secs(30);

/// Where the server is and how to be let in.
#[derive(Clone)]
pub struct RemoteConfig {
    /// Address of the server, such as `https://interlock.example.org`.
    pub server: String,
    /// API token of the runner.
    pub token: String,
    /// Name of the runner.
    pub runner: String,
    /// Whether plain HTTP to another machine is allowed.
    pub allow_plain_http: bool,
}

/// A server reached over HTTP.
pub struct RemoteServer {
    client: Client,
    base: Url,
    runner: String,
}

impl RemoteServer {
    /// Makes the client; nothing is sent yet.
    ///
    /// # Errors
    /// An address that is no http or https address, plain HTTP to another machine, a token that cannot be a header.
    pub fn new(config: &RemoteConfig) -> Result<Self, ControllerError> {
        let wrong = |why: String| ControllerError::Unreachable(why);
        let base = Url::parse(&config.server)
            .map_err(|error| wrong(format!("`{}` is not an address: {error}", excerpt(&config.server))))?;
        let here = matches!(base.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
        match base.scheme() {
            "https" => {}
            "http" if here || config.allow_plain_http => {}
            "http" => return Err(wrong(format!("`{base}` would send the token in clear; use https"))),
            other => return Err(wrong(format!("`{}` is not http or https", excerpt(other)))),
        }
        let mut token = HeaderValue::from_str(&format!("Bearer {}", config.token))
            .map_err(|_| wrong("the token holds characters that cannot be sent".into()))?;
        token.set_sensitive(true);
        let client = Client::builder()
            .default_headers(HeaderMap::from_iter([(AUTHORIZATION, token)]))
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CALL_TIME)
            .read_timeout(LEASE_TIME)
            .user_agent(concat!("interlock-runner/", env!("CARGO_PKG_VERSION")));
        let client = if here { client.no_proxy() } else { client };
        let client = client.build().map_err(|error| wrong(error.to_string()))?;
        Ok(Self { client, base, runner: config.runner.clone() })
    }

    fn url(&self, path: &str) -> Url {
        let mut url = self.base.clone();
        url.set_path(&format!("{}{path}", self.base.path().trim_end_matches('/')));
        url
    }

    async fn post(&self, path: &str, body: &impl Serialize, time: Duration) -> Result<Response, ControllerError> {
        let request = self.client.post(self.url(path)).json(body).timeout(time);
        let response = request.send().await.map_err(|error| ControllerError::Unreachable(chain(&error)))?;
        if response.status().is_success() {
            return Ok(response);
        }
        let status = response.status().as_u16();
        let body = response.text().await.unwrap_or_default();
        // RFC 9457 problem details, when it is one.
        let problem: Option<serde_json::Value> = serde_json::from_str(&body).ok();
        let detail = problem.as_ref().and_then(|problem| problem["detail"].as_str().or(problem["title"].as_str()));
        Err(ControllerError::Refused { status, message: excerpt(detail.unwrap_or(&body)) })
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
        time: Duration,
    ) -> Result<T, ControllerError> {
        let bytes = self.post(path, body, time).await?.bytes().await;
        let bytes = bytes.map_err(|error| ControllerError::Unreachable(chain(&error)))?;
        serde_json::from_slice(&bytes)
            .map_err(|error| ControllerError::Unreachable(format!("the answer to {path} cannot be read: {error}")))
    }
}

/// The innermost cause says most.
fn chain(error: &reqwest::Error) -> String {
    let mut why: &dyn std::error::Error = error;
    while let Some(cause) = why.source() {
        why = cause;
    }
    excerpt(&why.to_string())
}

#[async_trait]
impl Controller for RemoteServer {
    async fn lease(&self, request: LeaseRequest) -> Result<Lease, ControllerError> {
        self.ask("/api/v1/runners/lease", &request, LEASE_TIME).await
    }

    async fn report(&self, batch: ReportBatch) -> Result<ReportAck, ControllerError> {
        self.ask("/api/v1/runners/report", &batch, CALL_TIME).await
    }

    async fn output(&self, chunks: Vec<OutputChunk>) -> Result<(), ControllerError> {
        let batch = OutputBatch { runner: self.runner.clone(), chunks };
        self.post("/api/v1/runners/output", &batch, CALL_TIME).await.map(drop)
    }
}

#[async_trait]
impl Depot for RemoteServer {
    async fn fetch(&self, digest: &Digest, url_path: &str) -> Result<ByteStream, DepotError> {
        let path = if url_path.is_empty() { format!("/api/v1/blobs/{digest}") } else { url_path.to_owned() };
        let response = self.client.get(self.url(&path)).send().await.map_err(|error| DepotError(chain(&error)))?;
        if !response.status().is_success() {
            return Err(DepotError(format!("the server answered {} for {path}", response.status())));
        }
        Ok(Box::pin(response.bytes_stream().map(|bytes| bytes.map_err(|error| DepotError(chain(&error))))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_does_not_go_out_in_clear() {
        let server = |server: &str, allow_plain_http| {
            let config =
                RemoteConfig { server: server.into(), token: "t".into(), runner: "r".into(), allow_plain_http };
            RemoteServer::new(&config).map(|server| server.url("/api").to_string()).map_err(|error| error.to_string())
        };
        assert_eq!(server("https://a.example/base/", false).unwrap(), "https://a.example/base/api");
        assert_eq!(server("http://127.0.0.1:80", false).unwrap(), "http://127.0.0.1/api");
        assert!(server("http://a.example", false).unwrap_err().contains("in clear"));
        assert!(server("http://a.example", true).is_ok());
        assert!(server("ftp://a.example", true).is_err() && server("a.example", true).is_err());
    }
}
