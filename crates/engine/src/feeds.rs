//! Following feeds: each is read when it becomes owed, and again and again until it is not.
//!
//! Invariant: what cannot be read, or cannot be a calendar, changes nothing and is said. Deliberately absent: reading by another node
//! than the one that performs.

use crate::{Engine, SubmitError};
use interlock_domain::{
    calendar::{Command as Calendars, Feed},
    core::{Actor, Command},
};
use interlock_ids::Digest;
use std::time::Duration;

/// Reads a feed until the task is dropped.
pub(crate) async fn follow(engine: Engine, feed: Feed, fence: u64) {
    loop {
        engine.read_feed(&feed, fence).await;
        tokio::time::sleep(Duration::from_secs(feed.every_s.into())).await;
    }
}

impl Engine {
    /// Reads a feed once, and submits what it says.
    pub async fn read_feed(&self, feed: &Feed, fence: u64) {
        let calendar = feed.calendar.clone();
        let miss = |why: String| Command::Calendar(Calendars::MissFeed { calendar: feed.calendar.clone(), fence, why });
        let command = match self.0.ports.feeds.read(feed).await {
            Ok(it) => {
                let (windows, left_out, digest) = (it.windows, it.left_out, Digest(it.digest));
                let take = Command::Calendar(Calendars::TakeFeed { calendar, fence, windows, left_out, digest });
                match self.submit(Actor::system(), take.clone(), None).await {
                    // Windows that the core does not take are as good as none.
                    Err(SubmitError::Refused(refusal)) => miss(refusal.to_string()),
                    Err(SubmitError::Unavailable(_) | SubmitError::Unknown(_)) => take,
                    Ok(_) => return,
                }
            }
            Err(unread) => miss(unread.to_string()),
        };
        self.insist(command).await;
    }
}
