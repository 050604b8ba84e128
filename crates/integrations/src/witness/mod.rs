//! Witnesses over HTTP (C2SP tlog-witness, `add-checkpoint`).
//!
//! **Invariant:** what a witness answers is handed on as it is; the engine verifies it. **Deliberately absent:** retries, which
//! are the engine's, and bastions.

use crate::http;
use async_trait::async_trait;
use interlock_engine::ports::{Cosigned, NotCosigned, Unread, Witness};
use interlock_ledger::{
    Digest,
    checkpoint::decimal,
    cosign::{WitnessKey, proof_lines},
};
use interlock_outbound::{Guard, Outbound};
use reqwest::Method;

/// Bytes of an answer that are read at most.
const ANSWER: usize = 64 * 1024;

/// A witness at an address.
pub struct HttpWitness {
    client: Outbound,
    key: WitnessKey,
    /// Submission prefix, without a slash at its end.
    address: String,
}

impl HttpWitness {
    /// `address`: the submission prefix, with `http://` or `https://`.
    ///
    /// # Errors
    /// The address is none or may not be called, or the TLS library could not be set up.
    pub fn new(key: WitnessKey, address: &str, guard: Guard) -> Result<Self, Unread> {
        let url =
            reqwest::Url::parse(address).map_err(|error| Unread(format!("`{address}` is no address: {error}")))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(Unread(format!("`{address}` is no address of a witness: write http:// or https://")));
        }
        Ok(Self { client: http::client(guard)?, key, address: address.trim_end_matches('/').to_owned() })
    }
}

#[async_trait]
impl Witness for HttpWitness {
    fn key(&self) -> &WitnessKey {
        &self.key
    }

    fn address(&self) -> &str {
        &self.address
    }

    async fn cosign(&self, old: u64, proof: &[Digest], checkpoint: &str) -> Result<Cosigned, NotCosigned> {
        let unread = |error: String| NotCosigned::Unread(error);
        let body = format!("old {old}\n{}\n{checkpoint}", proof_lines(proof));
        let asked = self.client.request(Method::POST, &format!("{}/add-checkpoint", self.address));
        let asked = asked.map_err(|error| unread(error.to_string()))?;
        let response = asked.body(body).send().await.map_err(|error| unread(http::told(&error)))?;
        let status = response.status().as_u16();
        let sized =
            response.headers().get("content-type").is_some_and(|it| it.as_bytes().starts_with(b"text/x.tlog.size"));
        let bytes = http::body(response, ANSWER).await.map_err(|error| unread(error.0))?;
        let text = String::from_utf8_lossy(&bytes);
        match status {
            200 => Ok(Cosigned::Lines(text.into_owned())),
            409 if sized => {
                let size = text.strip_suffix('\n').and_then(decimal);
                size.map(Cosigned::Size).ok_or_else(|| unread("it names no size that can be read".into()))
            }
            400 | 403 | 404 | 409 | 422 => {
                Err(NotCosigned::Refused { status, text: text.trim().chars().take(300).collect() })
            }
            _ => Err(unread(format!("it answers with status {status}"))),
        }
    }
}
