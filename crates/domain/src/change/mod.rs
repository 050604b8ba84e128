//! Changes: class, impact, authors, approvals, conditions.
//!
//! Invariants: authorship comes from Git, never from what somebody typed; nobody decides twice on a change; an approval counts
//! for the state of the change it was given for, so a new scope needs new approvals. Deliberately absent: who may approve.
//! Policies say so; here are the facts they judge.

mod command;
mod decide;
mod event;
mod facts;
mod impact;
mod record;
mod state;

pub use command::Command;
pub(crate) use decide::signed_otherwise;
pub use decide::{decide, react};
pub use event::*;
pub use facts::authorship_now;
pub(crate) use facts::{Deciding, decider, deciding, independence};
pub use impact::{impact_of, required_approvals};
pub use record::{record_of, signing_digest};
pub use state::{
    Approval, Authorship, BoardRule, Change, Class, Condition, Decision, Document, Flow, Impact, Level, Met, State,
    Status,
};

#[cfg(test)]
mod tests;
