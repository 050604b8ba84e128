//! What has happened to calendars.

use super::{Calendar, WindowScope};
use crate::{
    core::{Subject, payload},
    reason::NoteRef,
};
use interlock_ids::{LockdownId, Name};
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
}

impl Event {
    pub fn kind(&self) -> &'static str {
        match self {
            Event::CalendarPut(_) => "calendar.put",
            Event::CalendarRemoved(_) => "calendar.removed",
            Event::LockdownCalled(_) => "calendar.lockdown_called",
            Event::LockdownLifted(_) => "calendar.lockdown_lifted",
        }
    }

    pub fn subjects(&self) -> Vec<Subject> {
        match self {
            Event::CalendarPut(it) => vec![Subject::Calendar(it.calendar.name.clone())],
            Event::CalendarRemoved(it) => vec![Subject::Calendar(it.calendar.clone())],
            Event::LockdownCalled(_) | Event::LockdownLifted(_) => Vec::new(),
        }
    }
}
