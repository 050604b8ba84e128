//! Changes: class, impact, authors, approvals, conditions.
//!
//! Invariants: authorship comes from Git, never from what somebody typed; nobody decides twice on a change; an approval counts
//! for the state of the change it was given for, so a new scope needs new approvals. Deliberately absent: who may approve.
//! Policies say so; here are the facts they judge.

mod command;
mod decide;
mod event;
mod impact;
mod state;

pub use command::Command;
pub use decide::{authorship_now, decide, react};
pub use event::*;
pub use impact::{impact_of, required_approvals};
pub use state::{Approval, Authorship, Change, Class, Condition, Decision, Impact, Level, State, Status};

#[cfg(test)]
mod tests;
