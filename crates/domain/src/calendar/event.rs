//! What has happened to calendars.

use super::{Calendar, Feed, Read, WindowScope};
use crate::{
    core::{Subject, payload},
    reason::{NoteRef, Ruling},
};
use interlock_ids::{ExceptionId, LockdownId, Name, ReleaseId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "data")]
pub enum Event {
    #[serde(rename = "calendar.put")]
    CalendarPut(CalendarPut),
    #[serde(rename = "calendar.removed")]
    CalendarRemoved(CalendarRemoved),
    #[serde(rename = "calendar.lockdown_called")]
    LockdownCalled(LockdownCalled),
    #[serde(rename = "calendar.lockdown_lifted")]
    LockdownLifted(LockdownLifted),
    #[serde(rename = "calendar.exception_asked")]
    ExceptionAsked(ExceptionAsked),
    #[serde(rename = "calendar.exception_decided")]
    ExceptionDecided(ExceptionRuled),
    #[serde(rename = "calendar.exception_ended")]
    ExceptionEnded(ExceptionEnded),
    #[serde(rename = "calendar.feed_put")]
    FeedPut(FeedPut),
    #[serde(rename = "calendar.feed_removed")]
    FeedRemoved(FeedRemoved),
    #[serde(rename = "calendar.feed_read")]
    FeedRead(FeedRead),
}

payload! {
    /// A calendar was entered or replaced. Since 0.1.
    CalendarPut { calendar: Calendar }
    /// A calendar was removed. Since 0.1.
    CalendarRemoved { calendar: Name }
    /// An emergency lockdown began. Since 0.1.
    LockdownCalled { lockdown: LockdownId, scope: WindowScope, reason: NoteRef }
    /// An emergency lockdown ended. Since 0.1.
    LockdownLifted { lockdown: LockdownId }
    /// Somebody asked to be let through one occurrence of a window. Since 0.2.
    ExceptionAsked {
        exception: ExceptionId,
        release: ReleaseId,
        calendar: Name,
        window: Name,
        /// When the occurrence begins.
        occurrence: Timestamp,
        until: Timestamp,
        /// The role that may grant it.
        role: Name,
        reason: NoteRef,
    }
    /// An exception was granted or refused. Since 0.2.
    ExceptionRuled { exception: ExceptionId, release: ReleaseId, calendar: Name, granted: bool, reason: NoteRef, ruling: Ruling }
    /// An exception was taken back, or a request for one. Since 0.2.
    ExceptionEnded { exception: ExceptionId, release: ReleaseId, calendar: Name, reason: NoteRef }
    /// A calendar is filled from an address from now on. Since 0.2.
    FeedPut { feed: Feed }
    /// A calendar is not filled from an address any more; its windows stay. Since 0.2.
    FeedRemoved { calendar: Name }
    /// A feed was read and something has changed; or it cannot be read, and the windows stay as they were. Since 0.2.
    FeedRead { calendar: Name, fence: u64, read: Option<Read>, why: Option<String> }
}

impl Event {
    pub fn kind(&self) -> &'static str {
        match self {
            Event::CalendarPut(_) => "calendar.put",
            Event::CalendarRemoved(_) => "calendar.removed",
            Event::LockdownCalled(_) => "calendar.lockdown_called",
            Event::LockdownLifted(_) => "calendar.lockdown_lifted",
            Event::ExceptionAsked(_) => "calendar.exception_asked",
            Event::ExceptionDecided(_) => "calendar.exception_decided",
            Event::ExceptionEnded(_) => "calendar.exception_ended",
            Event::FeedPut(_) => "calendar.feed_put",
            Event::FeedRemoved(_) => "calendar.feed_removed",
            Event::FeedRead(_) => "calendar.feed_read",
        }
    }

    pub fn subjects(&self) -> Vec<Subject> {
        let both =
            |calendar: &Name, release: ReleaseId| vec![Subject::Calendar(calendar.clone()), Subject::Release(release)];
        match self {
            Event::CalendarPut(it) => vec![Subject::Calendar(it.calendar.name.clone())],
            Event::CalendarRemoved(it) => vec![Subject::Calendar(it.calendar.clone())],
            Event::LockdownCalled(_) | Event::LockdownLifted(_) => Vec::new(),
            Event::ExceptionAsked(it) => both(&it.calendar, it.release),
            Event::ExceptionDecided(it) => both(&it.calendar, it.release),
            Event::ExceptionEnded(it) => both(&it.calendar, it.release),
            Event::FeedPut(it) => vec![Subject::Calendar(it.feed.calendar.clone())],
            Event::FeedRemoved(it) => vec![Subject::Calendar(it.calendar.clone())],
            Event::FeedRead(it) => vec![Subject::Calendar(it.calendar.clone())],
        }
    }
}
