//! Operations: the watch over a release while it is deployed and after.
//!
//! Invariants: a watch ends on evidence; if less than half of its looks gave data it has not passed but is inconclusive, and a
//! person decides. A trigger fires at most once. Deliberately absent: the measuring (the shell), incidents and on call.

mod command;
mod decide;
mod event;
mod state;

pub use command::Command;
pub use decide::{decide, owed, react};
pub use event::*;
pub use state::{Fired, Observation, Phase, State, Watch};
