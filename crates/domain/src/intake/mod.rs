//! Intake: what other systems deliver by webhook, as far as it was verified.
//!
//! Invariants: only a delivery whose signature or token the edge has verified is recorded; the same delivery is recorded once; what
//! came in is not in the ledger but its digest is, so that what is later concluded from it can be held against it.
//! Deliberately absent: what a delivery means, which is for whoever reads it, and secrets: a hook names where its secret is.

mod command;
mod decide;
mod event;
mod state;

pub use command::Command;
pub use decide::decide;
pub use event::*;
pub use state::{Hook, Scheme, State};

#[cfg(test)]
mod tests;
