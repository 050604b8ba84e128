//! Policy: the set of policies in force, and the one way to ask it.
//!
//! Invariants: nothing is allowed that a policy of the set in force does not permit; a set that does not compile is never
//! installed. Deliberately absent: rules. They are Cedar text; the shipped ones are in `policies/`.

mod ask;
mod decide;
mod event;

pub(crate) use ask::authorise_for;
pub use ask::{Question, actions, ask, authorise, may, rule};
pub use decide::{Command, decide};
pub use event::{Event, Installed, State};
