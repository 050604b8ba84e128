//! Boards and their meetings: agenda, seats, votes, decisions, minutes.

use crate::{
    change::{ChangeDocument, ChangeRow},
    reason::{Action, Ref, Ruling, Span, Status},
    signature::{Signature, Signing},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// A board.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BoardSpec {
    /// Logins of the members: people, each once; at most 50.
    pub members: Vec<String>,
    /// Logins of those who call, open, conclude and close its meetings.
    pub chairs: Vec<String>,
    /// People who have to be there and independent of what is decided.
    #[schema(minimum = 1)]
    pub quorum: u32,
    /// What carries a motion: `majority`, `two_thirds` or `unanimous`, of the votes for and against.
    pub rule: String,
}

/// A board as it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Board {
    pub name: String,
    pub members: Vec<Ref>,
    pub chairs: Vec<Ref>,
    pub quorum: u32,
    pub rule: String,
    /// Changes that wait for it and are on no agenda, the most urgent first.
    pub waiting: Vec<ChangeRow>,
    /// The newest first; at most 50.
    pub meetings: Vec<MeetingRow>,
    /// `meetings` calls one.
    pub actions: Vec<Action>,
}

/// Calls a meeting.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CallMeeting {
    pub at: Timestamp,
    /// Ids of changes; at most 100. Left out: all that wait for the board.
    #[serde(default)]
    pub agenda: Option<Vec<String>>,
}

/// Puts another agenda in place of the one before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetAgenda {
    /// Ids of changes, in order; at most 100.
    pub agenda: Vec<String>,
}

/// Takes a seat.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct JoinMeeting {
    /// Login of the member who has delegated. Left out: one's own seat; of whoever is no member, that of the one member who has
    /// delegated to him.
    #[serde(default)]
    pub on_behalf_of: Option<String>,
}

/// A vote.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CastVote {
    /// `approve`, `reject` or `abstain`.
    pub choice: String,
    pub reason: String,
    /// Texts of conditions; if the board approves, each becomes a gate. At most 20.
    #[serde(default)]
    pub conditions: Vec<String>,
    #[serde(default)]
    pub signature: Signing,
}

/// Ends a meeting and signs its minutes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CloseMeeting {
    /// What the minutes say beside the votes.
    pub remarks: String,
    #[serde(default)]
    pub signature: Signing,
}

/// A meeting in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MeetingRow {
    pub id: String,
    pub board: String,
    pub at: Timestamp,
    pub status: Status,
    pub items: u32,
    pub decided: u32,
}

/// A meeting.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Meeting {
    #[serde(flatten)]
    pub row: MeetingRow,
    pub called_by: Ref,
    pub quorum: u32,
    pub rule: String,
    /// Every member.
    pub seats: Vec<Seat>,
    pub agenda: Vec<AgendaItem>,
    pub opened_at: Option<Timestamp>,
    pub closed_at: Option<Timestamp>,
    pub remarks: Option<String>,
    /// SHA-256 of the minutes as canonical JSON, once they are signed.
    pub minutes: Option<String>,
    pub signature: Option<Signature>,
    pub actions: Vec<Action>,
}

/// A member's seat.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Seat {
    pub member: Ref,
    /// `here`, `represented`, `excused` or `absent`.
    pub status: Status,
    /// Who sits there for the member.
    pub by: Option<Ref>,
    pub at: Option<Timestamp>,
    pub reason: Option<String>,
}

/// One change on an agenda.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AgendaItem {
    pub change: ChangeRow,
    pub environment: Option<Ref>,
    pub window: Option<Span>,
    /// Why its impact is what it is.
    pub reasons: Vec<String>,
    pub documents: Vec<ChangeDocument>,
    /// Digest of what is voted on: what a signature is put under.
    pub seen: String,
    pub votes: Vec<Vote>,
    pub tally: Tally,
    pub verdict: Option<Status>,
    pub decided_at: Option<Timestamp>,
    /// `vote` and `conclude`.
    pub actions: Vec<Action>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Vote {
    pub by: Ref,
    pub on_behalf_of: Option<Ref>,
    pub choice: Status,
    pub reason: String,
    pub conditions: Vec<String>,
    pub signature: Signature,
    /// Why it does not count, if it does not.
    pub void: Option<String>,
    pub ruling: Ruling,
}

/// The votes as they count now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Tally {
    pub approve: u32,
    pub reject: u32,
    pub abstain: u32,
    /// People who are there and independent, each once.
    pub heads: u32,
    pub quorum: u32,
    pub carried: bool,
    /// Why somebody who is there does not count for the quorum.
    pub no_heads: Vec<String>,
}

/// Which meetings.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct MeetingQuery {
    /// Name of the board.
    pub board: Option<String>,
    pub cursor: Option<String>,
    #[param(minimum = 1, maximum = 500)]
    pub limit: Option<u32>,
}
