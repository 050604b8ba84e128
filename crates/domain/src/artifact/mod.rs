//! Artefacts: builds by digest, the commits they contain, signing keys, quarantine, evidence.
//!
//! Invariants: a digest is registered once and never changes its meaning; a quarantine holds for the digest and for every
//! artefact of the same service built from the same commit, whatever its digest. Deliberately absent: the bytes (a blob store
//! has them) and the checking of bytes (the runner does it, right before it executes them).

mod attach;
mod command;
mod decide;
mod event;
mod evidence;
mod state;

pub(crate) use attach::wrote;
pub use command::Command;
pub use decide::{decide, react};
pub use event::*;
pub use evidence::{
    Attached, Content, Evidence, EvidenceKind, Finding, FindingSeverity, Meaning, Shelf, Shelves, Shown, Signed, Tool,
    VexStatement, VexStatus,
};
pub use state::{Artifact, Commit, Quarantine, Signature, SigningKey, Source, State};

#[cfg(test)]
mod tests;
