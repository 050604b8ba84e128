//! The controller and the depot of a server far away, over HTTPS; the runner dials out and listens nowhere.
//!
//! Invariants: every request is signed with the runner's key ([`crate::signature`]), or, for a runner of protocol 1, carries its
//! token; nothing goes anywhere but to the configured address, since redirects are not followed and plain HTTP is refused except to
//! the machine itself; every call ends in bounded time. A server that does not know protocol 2 is spoken to in protocol 1.

use crate::artifact::{ByteStream, Depot, DepotError};
use crate::clock::{Clock, SystemClock};
use crate::controller::{Controller, ControllerError};
use crate::fault::excerpt;
use crate::signature::{self, Claims};
use async_trait::async_trait;
use ed25519_dalek::SigningKey;
use futures::StreamExt as _;
use interlock_ids::Digest;
use interlock_wire::runner::{
    EnrolRunner, EnrolledRunner, Lease, LeaseRequest, OutputBatch, OutputChunk, PermitKey, PermitKeyList, ReportAck,
    ReportBatch, RotateRunnerKey,
};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::{Client, Method, RequestBuilder, Response, Url};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

/// A lease may be held back by the server while there is nothing to do.
const LEASE_TIME: Duration = Duration::from_secs(90);
const CALL_TIME: Duration = Duration::from_secs(30);

/// How the server knows the runner.
#[derive(Clone)]
pub enum Credential {
    /// Its own key.
    Key(SigningKey),
    /// A token of its robot account: protocol 1.
    Token(String),
    /// None yet: to enrol.
    Nothing,
}

/// Whom to trust at the other end of a TLS connection, and what to show there. PEM.
#[derive(Clone, Default)]
pub struct Tls {
    /// Certificates of the authorities the server's must come from; empty: those of the system.
    pub ca: Option<Vec<u8>>,
    /// Certificate chain and key, for a server that asks for one.
    pub client: Option<Vec<u8>>,
}

/// Where the server is and how to be let in.
#[derive(Clone)]
pub struct RemoteConfig {
    /// Address of the server, such as `https://interlock.example.org`.
    pub server: String,
    pub credential: Credential,
    /// Name of the runner.
    pub runner: String,
    /// Whether plain HTTP to another machine is allowed.
    pub allow_plain_http: bool,
    pub tls: Tls,
}

/// A server reached over HTTP.
pub struct RemoteServer {
    client: Client,
    base: Url,
    runner: String,
    credential: RwLock<Credential>,
    clock: Arc<dyn Clock>,
    /// Nonces are the random beginning and a counter.
    nonce: (String, AtomicU64),
    /// The version of the protocol the server is spoken to in.
    protocol: AtomicU32,
}

impl RemoteServer {
    /// Makes the client; nothing is sent yet.
    ///
    /// # Errors
    /// An address that is no http or https address, plain HTTP to another machine, a certificate or key that is none.
    pub fn new(config: &RemoteConfig) -> Result<Self, ControllerError> {
        Self::with_clock(config, Arc::new(SystemClock))
    }

    /// The same with another clock to date signatures by.
    ///
    /// # Errors
    /// As [`RemoteServer::new`].
    pub fn with_clock(config: &RemoteConfig, clock: Arc<dyn Clock>) -> Result<Self, ControllerError> {
        let wrong = |why: String| ControllerError::Unreachable(why);
        let base = Url::parse(&config.server)
            .map_err(|error| wrong(format!("`{}` is not an address: {error}", excerpt(&config.server))))?;
        let here = matches!(base.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
        match base.scheme() {
            "https" => {}
            "http" if here || config.allow_plain_http => {}
            "http" => return Err(wrong(format!("`{base}` would send what is secret in clear; use https"))),
            other => return Err(wrong(format!("`{}` is not http or https", excerpt(other)))),
        }
        if let Credential::Token(token) = &config.credential {
            HeaderValue::from_str(token).map_err(|_| wrong("the token holds characters that cannot be sent".into()))?;
        }
        let mut client = Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CALL_TIME)
            .read_timeout(LEASE_TIME)
            .tcp_nodelay(true)
            .user_agent(concat!("interlock-runner/", env!("CARGO_PKG_VERSION")));
        if let Some(pem) = &config.tls.ca {
            let certificates = reqwest::Certificate::from_pem_bundle(pem);
            let certificates =
                certificates.map_err(|error| wrong(format!("the authority's certificates cannot be read: {error}")))?;
            client = client.tls_certs_only(certificates);
        }
        if let Some(pem) = &config.tls.client {
            let identity = reqwest::Identity::from_pem(pem);
            client = client.identity(
                identity.map_err(|error| wrong(format!("the runner's certificate and key cannot be read: {error}")))?,
            );
        }
        let client = if here { client.no_proxy() } else { client };
        let client = client.build().map_err(|error| wrong(chain(&error)))?;
        let mut random = [0u8; 12];
        getrandom::fill(&mut random).map_err(|error| wrong(format!("no random numbers: {error}")))?;
        Ok(Self {
            client,
            base,
            runner: config.runner.clone(),
            credential: RwLock::new(config.credential.clone()),
            clock,
            nonce: (hex::encode(random), AtomicU64::new(0)),
            protocol: AtomicU32::new(interlock_wire::runner::PROTOCOL),
        })
    }

    /// Signs with another key from now on.
    pub fn use_key(&self, key: SigningKey) {
        *self.credential.write().unwrap_or_else(PoisonError::into_inner) = Credential::Key(key);
    }

    fn url(&self, path: &str) -> Url {
        let mut url = self.base.clone();
        url.set_path(&format!("{}{path}", self.base.path().trim_end_matches('/')));
        url
    }

    /// A request that says whose it is. The server sees `path`, whatever comes before it.
    fn request(&self, method: Method, path: &str, body: Vec<u8>) -> RequestBuilder {
        let request = self.client.request(method.clone(), self.url(path));
        let request = match &*self.credential.read().unwrap_or_else(PoisonError::into_inner) {
            Credential::Nothing => request,
            Credential::Token(token) => request.header(AUTHORIZATION, format!("Bearer {token}")),
            Credential::Key(key) => {
                let count = self.nonce.1.fetch_add(1, Ordering::Relaxed);
                let claims = Claims {
                    created: self.clock.now().as_second(),
                    keyid: self.runner.clone(),
                    nonce: format!("{}-{count:x}", self.nonce.0),
                };
                let signed = signature::sign(key, &claims, method.as_str(), path, &body);
                request
                    .header(signature::DIGEST, signed.digest)
                    .header(signature::INPUT, signed.input)
                    .header(signature::SIGNATURE, signed.signature)
            }
        };
        if body.is_empty() { request } else { request.header(CONTENT_TYPE, "application/json").body(body) }
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Vec<u8>,
        time: Duration,
    ) -> Result<Response, ControllerError> {
        let sent = self.request(method, path, body).timeout(time).send().await;
        let response = sent.map_err(|error| ControllerError::Unreachable(chain(&error)))?;
        if response.status().is_success() {
            return Ok(response);
        }
        let status = response.status().as_u16();
        let body = response.text().await.unwrap_or_default();
        // RFC 9457 problem details, when it is one.
        let problem: Option<serde_json::Value> = serde_json::from_str(&body).ok();
        let detail = problem.as_ref().and_then(|problem| problem["detail"].as_str().or(problem["title"].as_str()));
        let code = problem.as_ref().and_then(|problem| problem["code"].as_str()).unwrap_or_default().to_owned();
        Err(ControllerError::Refused { status, code, message: excerpt(detail.unwrap_or(&body)) })
    }

    async fn post(&self, path: &str, body: &impl Serialize, time: Duration) -> Result<Response, ControllerError> {
        let body = serde_json::to_vec(body).map_err(|error| ControllerError::Unreachable(error.to_string()))?;
        self.send(Method::POST, path, body, time).await
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
        time: Duration,
    ) -> Result<T, ControllerError> {
        read(path, self.post(path, body, time).await?).await
    }

    /// Uses an invitation.
    ///
    /// # Errors
    /// The server cannot be reached, or does not know the invitation.
    pub async fn enrol(&self, token: &str, key: &str) -> Result<EnrolledRunner, ControllerError> {
        let body = EnrolRunner { token: token.to_owned(), key: key.to_owned() };
        self.ask("/api/v1/runners/enrol", &body, CALL_TIME).await
    }

    /// Tells the server of the key that takes the place of the one this request is signed with.
    ///
    /// # Errors
    /// The server cannot be reached, or refuses.
    pub async fn rotate(&self, key: &str) -> Result<(), ControllerError> {
        let body = RotateRunnerKey { key: key.to_owned() };
        self.post("/api/v1/runners/rotate-key", &body, CALL_TIME).await.map(drop)
    }
}

async fn read<T: DeserializeOwned>(path: &str, response: Response) -> Result<T, ControllerError> {
    let bytes = response.bytes().await.map_err(|error| ControllerError::Unreachable(chain(&error)))?;
    serde_json::from_slice(&bytes)
        .map_err(|error| ControllerError::Unreachable(format!("the answer to {path} cannot be read: {error}")))
}

/// The request as a server of protocol 1 knows it.
fn as_first(request: LeaseRequest) -> LeaseRequest {
    LeaseRequest { protocol: 1, version: String::new(), kinds: Vec::new(), slots: 0, reports: Vec::new(), ..request }
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
        const PATH: &str = "/api/v1/runners/lease";
        if self.protocol.load(Ordering::Relaxed) == 1 {
            return self.ask(PATH, &as_first(request), LEASE_TIME).await;
        }
        match self.ask(PATH, &request, LEASE_TIME).await {
            // A server of protocol 1 refuses what it does not know. Reports that came along go another way.
            Err(ControllerError::Refused { status: 422, code, .. }) if code == "unknown-field" => {
                tracing::warn!("the server is older: it is spoken to in protocol 1");
                self.protocol.store(1, Ordering::Relaxed);
                self.ask(PATH, &as_first(request), LEASE_TIME).await
            }
            answer => answer,
        }
    }

    async fn report(&self, batch: ReportBatch) -> Result<ReportAck, ControllerError> {
        self.ask("/api/v1/runners/report", &batch, CALL_TIME).await
    }

    async fn output(&self, chunks: Vec<OutputChunk>) -> Result<(), ControllerError> {
        let batch = OutputBatch { runner: self.runner.clone(), chunks };
        self.post("/api/v1/runners/output", &batch, CALL_TIME).await.map(drop)
    }

    fn takes_reports(&self) -> bool {
        self.protocol.load(Ordering::Relaxed) >= 2
    }

    async fn permit_keys(&self) -> Result<Vec<PermitKey>, ControllerError> {
        const PATH: &str = "/api/v1/runners/permit-keys";
        let list: PermitKeyList = read(PATH, self.send(Method::GET, PATH, Vec::new(), CALL_TIME).await?).await?;
        Ok(list.keys)
    }
}

#[async_trait]
impl Depot for RemoteServer {
    async fn fetch(&self, digest: &Digest, url_path: &str) -> Result<ByteStream, DepotError> {
        let path = if url_path.is_empty() { format!("/api/v1/blobs/{digest}") } else { url_path.to_owned() };
        let sent = self.request(Method::GET, &path, Vec::new()).send().await;
        let response = sent.map_err(|error| DepotError(chain(&error)))?;
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
    fn nothing_secret_goes_out_in_clear() {
        let server = |server: &str, allow_plain_http| {
            let config = RemoteConfig {
                server: server.into(),
                credential: Credential::Token("t".into()),
                runner: "r".into(),
                allow_plain_http,
                tls: Tls::default(),
            };
            RemoteServer::new(&config).map(|server| server.url("/api").to_string()).map_err(|error| error.to_string())
        };
        assert_eq!(server("https://a.example/base/", false).unwrap(), "https://a.example/base/api");
        assert_eq!(server("http://127.0.0.1:80", false).unwrap(), "http://127.0.0.1/api");
        assert!(server("http://a.example", false).unwrap_err().contains("in clear"));
        assert!(server("http://a.example", true).is_ok());
        assert!(server("ftp://a.example", true).is_err() && server("a.example", true).is_err());
    }

    #[test]
    fn an_unreadable_authority_is_said() {
        let tls =
            Tls { ca: Some(b"-----BEGIN CERTIFICATE-----\nAA\n-----END CERTIFICATE-----\n".to_vec()), client: None };
        let config = RemoteConfig {
            server: "https://a.example".into(),
            credential: Credential::Nothing,
            runner: "r".into(),
            allow_plain_http: false,
            tls,
        };
        assert!(RemoteServer::new(&config).is_err());
    }
}
