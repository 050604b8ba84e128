//! Plain HTTP: the client all adapters use, and the probe that asks targets.

use async_trait::async_trait;
use interlock_engine::ports::{Probe, Unread};
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(5);
/// Bytes of an answer that are read at most.
pub const LIMIT: usize = 1024 * 1024;

/// A client that follows no redirects and waits 5 seconds at most.
///
/// # Errors
/// The TLS library could not be set up.
pub fn client() -> Result<reqwest::Client, Unread> {
    let builder = reqwest::Client::builder()
        .timeout(TIMEOUT)
        .connect_timeout(TIMEOUT)
        .redirect(reqwest::redirect::Policy::none());
    builder
        .user_agent(concat!("interlock/", env!("CARGO_PKG_VERSION")))
        .no_proxy()
        .build()
        .map_err(|error| Unread(told(&error)))
}

/// An error of the client with its causes, which alone say what happened.
pub(crate) fn told(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        text = format!("{text}: {next}");
        cause = next.source();
    }
    text
}

/// Reads an answer's body, up to [`LIMIT`].
pub(crate) async fn body(mut response: reqwest::Response, limit: usize) -> Result<Vec<u8>, Unread> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| Unread(told(&error)))? {
        if bytes.len() + chunk.len() > limit {
            return Err(Unread(format!("the answer has more than {limit} bytes")));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// Asks targets over HTTP.
pub struct HttpProbe(reqwest::Client);

impl HttpProbe {
    /// # Errors
    /// As [`client`].
    pub fn new() -> Result<Self, Unread> {
        client().map(Self)
    }
}

#[async_trait]
impl Probe for HttpProbe {
    async fn get(&self, url: &str) -> Result<(u16, Vec<u8>), Unread> {
        let response = self.0.get(url).send().await.map_err(|error| Unread(told(&error)))?;
        let status = response.status().as_u16();
        Ok((status, body(response, LIMIT).await?))
    }
}
