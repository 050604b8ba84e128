//! The boards there are, and their meetings.

use super::Event;
use crate::{
    change::Attached,
    core::{Map, Meta, edit},
    reason::{NoteRef, Ruling, Signature},
};
use interlock_ids::{AccountId, ChangeId, Digest, MeetingId, Name};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeSet, sync::Arc};

/// What carries a motion, of the votes that approve or reject.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// More approve than reject.
    Majority,
    /// At least two approve for each that rejects.
    TwoThirds,
    /// Nobody rejects.
    Unanimous,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Board {
    pub name: Name,
    pub members: BTreeSet<AccountId>,
    /// Those who call, open, conclude and close; members, or not.
    pub chairs: BTreeSet<AccountId>,
    /// People who have to be there and independent of what is decided.
    pub quorum: u32,
    pub rule: Rule,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Choice {
    Approve,
    Reject,
    Abstain,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Approved,
    Rejected,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MeetingStatus {
    Called,
    Open,
    Closed,
    CalledOff,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Vote {
    pub by: AccountId,
    pub on_behalf_of: Option<AccountId>,
    pub choice: Choice,
    pub reason: NoteRef,
    pub conditions: Vec<Attached>,
    pub at: Timestamp,
    pub signature: Signature,
    pub ruling: Ruling,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Item {
    pub change: ChangeId,
    /// The newest of each voter.
    pub votes: Vec<Vote>,
    pub verdict: Option<(Verdict, Timestamp)>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Presence {
    /// He is there himself.
    Here {
        at: Timestamp,
    },
    /// Somebody he delegated to is there for him.
    Represented {
        by: AccountId,
        at: Timestamp,
    },
    Excused {
        reason: NoteRef,
        at: Timestamp,
    },
}

/// Whether a member came. One who is not listed was absent without a word.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attendance {
    pub member: AccountId,
    pub presence: Presence,
}

impl Attendance {
    /// Whoever sits on the member's seat.
    pub fn head(&self) -> Option<AccountId> {
        match self.presence {
            Presence::Here { .. } => Some(self.member),
            Presence::Represented { by, .. } => Some(by),
            Presence::Excused { .. } => None,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Meeting {
    pub id: MeetingId,
    pub board: Name,
    pub at: Timestamp,
    pub called_by: AccountId,
    pub status: MeetingStatus,
    pub items: Vec<Item>,
    pub attendance: Vec<Attendance>,
    pub opened: Option<Timestamp>,
    pub closed: Option<Timestamp>,
    pub closed_by: Option<AccountId>,
    pub remarks: Option<NoteRef>,
    pub minutes: Option<Digest>,
    pub signature: Option<Signature>,
}

impl Meeting {
    pub fn item(&self, change: ChangeId) -> Option<&Item> {
        self.items.iter().find(|it| it.change == change)
    }

    /// Whether it is still to come or under way.
    pub fn is_pending(&self) -> bool {
        matches!(self.status, MeetingStatus::Called | MeetingStatus::Open)
    }

    fn set_agenda(&mut self, agenda: &[ChangeId]) {
        let kept = std::mem::take(&mut self.items);
        let new = |change: &ChangeId| {
            let known = kept.iter().find(|it| it.change == *change).cloned();
            known.unwrap_or_else(|| Item { change: *change, votes: Vec::new(), verdict: None })
        };
        self.items = agenda.iter().map(new).collect();
    }

    fn seat(&mut self, member: AccountId, presence: Presence) {
        self.attendance.retain(|it| it.member != member);
        self.attendance.push(Attendance { member, presence });
    }
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct State {
    pub boards: Map<Name, Board>,
    pub meetings: Map<MeetingId, Meeting>,
    /// The newest meeting that has decided on a change.
    pub decided: imbl::OrdMap<ChangeId, MeetingId>,
}

impl State {
    pub fn board(&self, name: &Name) -> Option<&Board> {
        self.boards.get(name).map(Arc::as_ref)
    }

    pub fn meeting(&self, id: MeetingId) -> Option<&Meeting> {
        self.meetings.get(&id).map(Arc::as_ref)
    }

    pub(crate) fn apply(&mut self, event: &Event, meta: &Meta) {
        match event {
            Event::BoardPut(it) => drop(self.boards.insert(it.board.name.clone(), Arc::new(it.board.clone()))),
            Event::Called(it) => {
                let mut meeting = Meeting {
                    id: it.meeting,
                    board: it.board.clone(),
                    at: it.at,
                    called_by: it.account,
                    status: MeetingStatus::Called,
                    items: Vec::new(),
                    attendance: Vec::new(),
                    opened: None,
                    closed: None,
                    closed_by: None,
                    remarks: None,
                    minutes: None,
                    signature: None,
                };
                meeting.set_agenda(&it.agenda);
                self.meetings.insert(it.meeting, Arc::new(meeting));
            }
            Event::AgendaSet(it) => edit(&mut self.meetings, &it.meeting, |meeting| meeting.set_agenda(&it.agenda)),
            Event::Excused(it) => edit(&mut self.meetings, &it.meeting, |meeting| {
                meeting.seat(it.account, Presence::Excused { reason: it.reason, at: meta.at });
            }),
            Event::SeatTaken(it) => edit(&mut self.meetings, &it.meeting, |meeting| match it.on_behalf_of {
                Some(member) => meeting.seat(member, Presence::Represented { by: it.account, at: meta.at }),
                None => meeting.seat(it.account, Presence::Here { at: meta.at }),
            }),
            Event::Opened(it) => edit(&mut self.meetings, &it.meeting, |meeting| {
                meeting.status = MeetingStatus::Open;
                meeting.opened = Some(meta.at);
            }),
            Event::Voted(it) => edit(&mut self.meetings, &it.meeting, |meeting| {
                let Some(item) = meeting.items.iter_mut().find(|item| item.change == it.change) else { return };
                item.votes.retain(|vote| vote.by != it.account);
                item.votes.push(Vote {
                    by: it.account,
                    on_behalf_of: it.on_behalf_of,
                    choice: it.choice,
                    reason: it.reason,
                    conditions: it.conditions.clone(),
                    at: meta.at,
                    signature: it.signature.clone(),
                    ruling: it.ruling.settled(),
                });
            }),
            Event::Concluded(it) => {
                self.decided.insert(it.change, it.meeting);
                edit(&mut self.meetings, &it.meeting, |meeting| {
                    for item in meeting.items.iter_mut().filter(|item| item.change == it.change) {
                        item.verdict = Some((it.verdict, meta.at));
                    }
                });
            }
            Event::Closed(it) => edit(&mut self.meetings, &it.meeting, |meeting| {
                meeting.status = MeetingStatus::Closed;
                meeting.closed = Some(meta.at);
                meeting.closed_by = Some(it.account);
                meeting.remarks = Some(it.remarks);
                meeting.minutes = Some(it.minutes);
                meeting.signature = Some(it.signature.clone());
            }),
            Event::CalledOff(it) => edit(&mut self.meetings, &it.meeting, |meeting| {
                meeting.status = MeetingStatus::CalledOff;
                meeting.closed = Some(meta.at);
                meeting.remarks = Some(it.reason);
            }),
        }
    }
}
