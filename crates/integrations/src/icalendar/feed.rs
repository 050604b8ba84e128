//! Feeds over HTTP.

use super::{LARGEST, Settings, read};
use crate::http::{body, client, get, told};
use async_trait::async_trait;
use interlock_domain::calendar::Feed;
use interlock_engine::ports::{FeedReading, Feeds, Unread};
use interlock_outbound::{Guard, Outbound};
use sha2::{Digest, Sha256};

/// Reads feeds from addresses that the guard allows.
pub struct HttpFeeds(Outbound);

impl HttpFeeds {
    /// # Errors
    /// As [`client`].
    pub fn new(guard: Guard) -> Result<Self, Unread> {
        client(guard).map(Self)
    }
}

#[async_trait]
impl Feeds for HttpFeeds {
    async fn read(&self, feed: &Feed) -> Result<FeedReading, Unread> {
        let response = get(&self.0, &feed.address)?.send().await.map_err(|error| Unread(told(&error)))?;
        let status = response.status();
        if !status.is_success() {
            return Err(Unread(format!("{} answers with status {}", feed.address, status.as_u16())));
        }
        let bytes = body(response, LARGEST).await?;
        let settings = Settings { kind: feed.kind, zone: feed.zone.clone(), scope: feed.scope.clone() };
        let text = super::decoded(&bytes).map_err(|error| Unread(error.to_string()))?;
        let reading = read(text, &settings).map_err(|error| Unread(error.to_string()))?;
        Ok(FeedReading {
            windows: reading.windows,
            left_out: u32::try_from(reading.left_out.len()).unwrap_or(u32::MAX),
            digest: Sha256::digest(&bytes).into(),
        })
    }
}
