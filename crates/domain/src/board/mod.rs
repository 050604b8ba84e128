//! The board: people who decide together on changes with much at stake, in meetings with an agenda, a quorum and minutes.
//!
//! Invariants: one person is one vote and one head of the quorum, whatever accounts he has and whoever he sits there for; every vote
//! is signed; nobody votes on what he wrote or asked for, and he does not count for its quorum; a decision is judged anew
//! whenever it is relied on, with what is known then, so that one that rested on two accounts of one person falls when they
//! are linked. Deliberately absent: which changes need a board (the flow of their class says so), and what people said aloud.

mod command;
mod decide;
mod event;
mod minutes;
mod people;
mod state;
mod tally;

pub use command::{Ballot, Command};
pub use decide::decide;
pub use event::*;
pub use minutes::minutes_of;
pub use state::{Attendance, Board, Choice, Item, Meeting, MeetingStatus, Presence, Rule, State, Verdict, Vote};
pub use tally::{Standing, Tally, decision, needs, tally, waiting};
pub(crate) use tally::{supporters, voters};

#[cfg(test)]
mod tests;
