//! What has happened in boards.

use super::{Board, Choice, Verdict};
use crate::{
    change::{Attached, Imposed},
    core::{Subject, World, payload},
    reason::{NoteRef, Ruling, Signature},
};
use interlock_ids::{AccountId, ChangeId, Digest, MeetingId, Name};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "data")]
pub enum Event {
    #[serde(rename = "board.put")]
    BoardPut(BoardPut),
    #[serde(rename = "board.meeting_called")]
    Called(Called),
    #[serde(rename = "board.agenda_set")]
    AgendaSet(AgendaSet),
    #[serde(rename = "board.member_excused")]
    Excused(Excused),
    #[serde(rename = "board.seat_taken")]
    SeatTaken(SeatTaken),
    #[serde(rename = "board.meeting_opened")]
    Opened(Opened),
    #[serde(rename = "board.voted")]
    Voted(Voted),
    #[serde(rename = "board.concluded")]
    Concluded(Concluded),
    #[serde(rename = "board.meeting_closed")]
    Closed(Closed),
    #[serde(rename = "board.meeting_called_off")]
    CalledOff(CalledOff),
}

payload! {
    /// A board was set up or changed. Since 0.2.
    BoardPut { board: Board }
    /// A meeting was called. Since 0.2.
    Called { meeting: MeetingId, board: Name, at: Timestamp, agenda: Vec<ChangeId>, account: AccountId }
    /// The agenda of a meeting was changed. Since 0.2.
    AgendaSet { meeting: MeetingId, agenda: Vec<ChangeId> }
    /// A member will not come. Since 0.2.
    Excused { meeting: MeetingId, account: AccountId, reason: NoteRef }
    /// Somebody joined a meeting, for himself or for a member who delegated to him. Since 0.2.
    SeatTaken { meeting: MeetingId, account: AccountId, on_behalf_of: Option<AccountId> }
    /// A meeting began. Since 0.2.
    Opened { meeting: MeetingId }
    /// Somebody voted, and signed that. Since 0.2.
    Voted {
        meeting: MeetingId,
        change: ChangeId,
        account: AccountId,
        on_behalf_of: Option<AccountId>,
        choice: Choice,
        reason: NoteRef,
        conditions: Vec<Attached>,
        signature: Signature,
        ruling: Ruling,
    }
    /// The votes on one item were counted. `heads`: people of the quorum; `needed`: the quorum. Since 0.2.
    Concluded {
        meeting: MeetingId,
        change: ChangeId,
        verdict: Verdict,
        approve: u32,
        reject: u32,
        abstain: u32,
        heads: u32,
        needed: u32,
        conditions: Vec<Imposed>,
    }
    /// A meeting ended. `minutes`: SHA-256 of its minutes as canonical JSON. Since 0.2.
    Closed { meeting: MeetingId, account: AccountId, remarks: NoteRef, minutes: Digest, signature: Signature }
    /// A meeting will not take place. Since 0.2.
    CalledOff { meeting: MeetingId, reason: NoteRef }
}

impl Event {
    pub fn kind(&self) -> &'static str {
        match self {
            Event::BoardPut(_) => "board.put",
            Event::Called(_) => "board.meeting_called",
            Event::AgendaSet(_) => "board.agenda_set",
            Event::Excused(_) => "board.member_excused",
            Event::SeatTaken(_) => "board.seat_taken",
            Event::Opened(_) => "board.meeting_opened",
            Event::Voted(_) => "board.voted",
            Event::Concluded(_) => "board.concluded",
            Event::Closed(_) => "board.meeting_closed",
            Event::CalledOff(_) => "board.meeting_called_off",
        }
    }

    /// The changes on the agenda, and their releases.
    pub fn subjects(&self, world: &World) -> Vec<Subject> {
        let changes: Vec<ChangeId> = match self {
            Event::Called(it) => it.agenda.clone(),
            Event::AgendaSet(it) => it.agenda.clone(),
            Event::Voted(it) => vec![it.change],
            Event::Concluded(it) => vec![it.change],
            Event::BoardPut(_)
            | Event::Excused(_)
            | Event::SeatTaken(_)
            | Event::Opened(_)
            | Event::Closed(_)
            | Event::CalledOff(_) => Vec::new(),
        };
        let of = |id: ChangeId| {
            let release = world.change.change(id).map(|it| Subject::Release(it.release));
            std::iter::once(Subject::Change(id)).chain(release)
        };
        changes.into_iter().flat_map(of).collect()
    }
}
