//! Emergencies: what is owed after one, and the glass that two people break together when nothing else is quick enough.
//!
//! Invariants: an emergency that starts to deploy owes an approval after the event and a review, each by a time; while one is overdue,
//! the owners of its services bring nothing else into production. A broken glass opens only gates it names, only for one
//! release, only until its end, and only while two different people stand behind it, the second of whom wrote none of the
//! change; it owes what an emergency owes. Deliberately absent: a way round segregation, signatures and quarantine.

mod command;
mod decide;
mod event;
mod glass;
mod state;

pub use command::Command;
pub use decide::{budget_spent, decide, overdue, react};
pub use event::*;
pub use glass::two_people;
pub use state::{Cause, Debt, Glass, Ratified, State};
