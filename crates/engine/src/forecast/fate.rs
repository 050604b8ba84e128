//! What a release waits for in one simulated course, and for how long.

use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;

/// What has become of one release in one course so far.
#[derive(Default)]
pub(super) struct Fate {
    pub shipped: Option<Timestamp>,
    pub stands: bool,
    waiting: Option<(Timestamp, String, String)>,
    pub waits: BTreeMap<String, (String, SignedDuration)>,
    /// Somebody has been asked and will act.
    pub asked: bool,
}

impl Fate {
    /// From now on it waits for this.
    pub fn wait(&mut self, now: Timestamp, code: &str, message: &str) {
        if self.shipped.is_some() || self.waiting.as_ref().is_some_and(|(_, waited, _)| waited == code) {
            return;
        }
        self.cease(now);
        self.waiting = Some((now, code.to_owned(), message.to_owned()));
    }

    /// It waits no more.
    pub fn cease(&mut self, now: Timestamp) {
        if let Some((since, code, message)) = self.waiting.take() {
            let (_, length) = self.waits.entry(code).or_insert_with(|| (message, SignedDuration::ZERO));
            *length += now.duration_since(since);
        }
    }
}
