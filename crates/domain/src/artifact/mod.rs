//! Artefacts: builds by digest, the commits they contain, signing keys, quarantine.
//!
//! Invariants: a digest is registered once and never changes its meaning; a quarantine holds for the digest and for every
//! artefact of the same service built from the same commit, whatever its digest. Deliberately absent: the bytes (a blob store
//! has them) and the checking of bytes (the runner does it, right before it executes them).

mod command;
mod decide;
mod event;
mod state;

pub use command::Command;
pub use decide::{decide, react};
pub use event::*;
pub use state::{Artifact, Commit, Quarantine, Signature, SigningKey, Source, State};

#[cfg(test)]
mod tests;
