//! Runners: who may lease steps, by which key, with which labels.
//!
//! Invariants: a runner is let in by an invitation that an administrator made for its name, used once, kept as a hash only; its
//! key is its own and never leaves it, the ledger holds the public half; labels are the administrator's word, not the runner's;
//! a name belongs to one key at a time, beside the former one for a short overlap after a rotation; a revoked runner leases
//! nothing, reports nothing and holds nothing.
//! Deliberately absent: heartbeats, versions and load. They are not decisions and stay with the node that hears them.

mod command;
mod decide;
mod event;
mod state;
#[cfg(test)]
mod tests;

pub use command::Command;
pub(crate) use decide::labels_wrong;
pub use decide::{LOCAL, decide};
pub use event::*;
pub use state::{Invitation, Key, Runner, State};
