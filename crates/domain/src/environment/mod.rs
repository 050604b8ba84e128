//! Environments: their targets, who may deploy to them, and claims on them.
//!
//! Invariants: at most one exclusive claim holds an environment at a time, whatever the timing of requests; names of targets are
//! unique within an environment; a production-like environment names who may deploy to it. Deliberately absent: what runs
//! there (deployment).

mod command;
mod decide;
mod event;
mod state;

pub use command::Command;
pub use decide::decide;
pub use event::*;
pub use state::{Claim, Deployers, Environment, State, Target, Tier};

#[cfg(test)]
mod tests;
