//! What can be asked for about calendars.

use super::{Calendar, WindowScope};
use crate::reason::NoteRef;
use interlock_ids::{LockdownId, Name};

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
}
