//! What can be asked for about boards.

use super::{Board, Choice};
use crate::reason::NoteRef;
use interlock_ids::{AccountId, ChangeId, ConditionId, Digest, MeetingId, Name};
use jiff::Timestamp;

/// A vote as it is cast.
#[derive(Clone, Debug)]
pub struct Ballot {
    pub choice: Choice,
    pub reason: NoteRef,
    /// Ids are given by the shell, which keeps the texts.
    pub conditions: Vec<(ConditionId, NoteRef)>,
    pub on_behalf_of: Option<AccountId>,
    /// The digest of what the voter has seen.
    pub seen: Option<Digest>,
}

#[derive(Clone, Debug)]
pub enum Command {
    /// Sets up a board, or changes it.
    PutBoard {
        board: Board,
    },
    /// Calls a meeting, with its agenda.
    Call {
        meeting: MeetingId,
        board: Name,
        at: Timestamp,
        agenda: Vec<ChangeId>,
    },
    /// Puts another agenda in place of the one before; items that were decided stay.
    SetAgenda {
        meeting: MeetingId,
        agenda: Vec<ChangeId>,
    },
    /// A member says that he will not come.
    Excuse {
        meeting: MeetingId,
        reason: NoteRef,
    },
    /// A member, or somebody a member has delegated to, takes a seat.
    Join {
        meeting: MeetingId,
        on_behalf_of: Option<AccountId>,
    },
    Open {
        meeting: MeetingId,
    },
    Vote {
        meeting: MeetingId,
        change: ChangeId,
        ballot: Ballot,
    },
    /// Counts the votes on one item and says what the board has decided.
    Conclude {
        meeting: MeetingId,
        change: ChangeId,
    },
    /// Ends the meeting: what was not decided is put off, and the minutes are signed.
    Close {
        meeting: MeetingId,
        remarks: NoteRef,
    },
    /// Calls the meeting off before it has begun.
    CallOff {
        meeting: MeetingId,
        reason: NoteRef,
    },
}
