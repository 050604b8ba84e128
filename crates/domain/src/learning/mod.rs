//! Learning: reviews that block the next release until they are done, and the DORA figures.
//!
//! Invariants: every rolled-back or failed release gets exactly one review, by itself; a figure is computed from what the ledger
//! says and carries the entries behind it. Deliberately absent: blame. A review names roles and causes.

mod command;
mod decide;
mod dora;
mod event;
mod state;

pub use command::Command;
pub(crate) use decide::emergency_review_open;
pub use decide::{blocking_reviews, decide, react};
pub use dora::{Dora, DoraQuery, Figure, Sample, dora};
pub use event::*;
pub use state::{Action, Cause, Review, ReviewStatus, State};

#[cfg(test)]
mod tests;
