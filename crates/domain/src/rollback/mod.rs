//! Rollback: taking a release back, and knowing whether that worked.
//!
//! Invariants: a release has at most one rollback under way; a rollback has succeeded only when every criterion passed, and one
//! that could not be checked has not. Deliberately absent: the executing. A rollback runs as a deployment, through the same
//! runners, under the same checks of bytes.

mod command;
mod decide;
mod event;
mod state;

pub use command::Command;
pub use decide::{decide, owed, react};
pub use event::*;
pub use state::{Cause, Checked, CriteriaCheck, CriterionResult, Rollback, State, Status};
