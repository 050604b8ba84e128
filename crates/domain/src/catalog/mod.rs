//! Catalogue: services, their owners, what they are worth, what they depend on.
//!
//! Invariants: a dependency names a service that exists; a service that others depend on is not removed. Cycles are allowed,
//! since the world has them, and shown. Deliberately absent: where a service runs (environment), what of it runs (deployment).

mod command;
mod decide;
mod event;
mod graph;
mod state;

pub use command::Command;
pub use decide::decide;
pub use event::*;
pub use graph::{cycles, dependants, order};
pub use state::{Criticality, Metrics, Service, State};

#[cfg(test)]
mod tests;
