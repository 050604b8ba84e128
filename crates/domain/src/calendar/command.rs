//! What can be asked for about calendars.

use super::{Calendar, Feed, Window, WindowScope};
use crate::reason::NoteRef;
use interlock_ids::{Digest, ExceptionId, LockdownId, Name, ReleaseId};
use jiff::Timestamp;

#[derive(Clone, Debug)]
pub enum Command {
    /// Creates a calendar or replaces it as a whole.
    PutCalendar {
        calendar: Calendar,
    },
    RemoveCalendar {
        calendar: Name,
    },
    /// Stops everything in the scope, now, until it is lifted.
    CallLockdown {
        lockdown: LockdownId,
        scope: WindowScope,
        reason: NoteRef,
    },
    LiftLockdown {
        lockdown: LockdownId,
    },
    /// Asks that a release be let through one occurrence of a window.
    AskException {
        exception: ExceptionId,
        release: ReleaseId,
        calendar: Name,
        window: Name,
        /// When the occurrence begins.
        occurrence: Timestamp,
        /// When the exception ends: at the latest with the occurrence.
        until: Timestamp,
        reason: NoteRef,
    },
    /// Grants or refuses it.
    DecideException {
        exception: ExceptionId,
        grant: bool,
        reason: NoteRef,
    },
    /// Takes an exception back, or the request for one.
    EndException {
        exception: ExceptionId,
        reason: NoteRef,
    },
    /// Fills a calendar from an address, again and again.
    PutFeed {
        feed: Feed,
    },
    /// Leaves the calendar as it is, and reads no more.
    RemoveFeed {
        calendar: Name,
    },
    /// What was read of a feed.
    TakeFeed {
        calendar: Name,
        fence: u64,
        windows: Vec<Window>,
        /// Events that are no windows.
        left_out: u32,
        digest: Digest,
    },
    /// Why a feed could not be read.
    MissFeed {
        calendar: Name,
        fence: u64,
        why: String,
    },
}
