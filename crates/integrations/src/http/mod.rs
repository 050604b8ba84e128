//! Plain HTTP: the client all adapters use, and the probe that asks targets. Which addresses may be called is said by a guard.

use async_trait::async_trait;
use interlock_engine::ports::{Probe, Unread};
use interlock_outbound::{Guard, Outbound, Refused};
use reqwest::Method;
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(5);
/// Bytes of an answer that are read at most.
pub const LIMIT: usize = 1024 * 1024;

/// A client that calls what the guard allows, follows no redirects and waits 5 seconds at most.
///
/// # Errors
/// The TLS library could not be set up.
pub fn client(guard: Guard) -> Result<Outbound, Unread> {
    Outbound::new(guard, TIMEOUT).map_err(|error| Unread(told(&error)))
}

/// A GET request.
pub(crate) fn get(client: &Outbound, url: &str) -> Result<reqwest::RequestBuilder, Unread> {
    client.request(Method::GET, url).map_err(|error| Unread(error.to_string()))
}

/// An error of the client with its causes, which alone say what happened.
pub(crate) fn told(error: &(dyn std::error::Error + 'static)) -> String {
    if let Some(refused) = Refused::among(error) {
        return refused.to_string();
    }
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        text = format!("{text}: {next}");
        cause = next.source();
    }
    text
}

/// Reads an answer's body, up to `limit` bytes.
pub(crate) async fn body(response: reqwest::Response, limit: usize) -> Result<Vec<u8>, Unread> {
    let read = interlock_outbound::body(response, limit).await.map_err(|error| Unread(told(&error)))?;
    read.map_err(|error| Unread(error.to_string()))
}

/// Asks targets over HTTP.
pub struct HttpProbe(Outbound);

impl HttpProbe {
    /// # Errors
    /// As [`client`].
    pub fn new(guard: Guard) -> Result<Self, Unread> {
        client(guard).map(Self)
    }
}

#[async_trait]
impl Probe for HttpProbe {
    async fn get(&self, url: &str) -> Result<(u16, Vec<u8>), Unread> {
        let response = get(&self.0, url)?.send().await.map_err(|error| Unread(told(&error)))?;
        let status = response.status().as_u16();
        Ok((status, body(response, LIMIT).await?))
    }
}
