//! Reasons: outcomes, blockers and what clears them, refusals, rulings of policy, notes, signatures.
//!
//! Invariants: a refusal names every blocker at once, each with what clears it and who can; there are three outcomes and only
//! `Pass` opens anything. Deliberately absent: free text of people. A note is kept outside the ledger, here is its digest.

mod blocker;
mod event;
mod signature;

pub use blocker::{Asked, Blocker, NoteRef, Outcome, Refusal, RefusalKind, Ruling, Slot, only_by_system};
pub use event::{Event, Refused, State};
pub(crate) use signature::digest_of;
pub use signature::{Meaning, Proof, Signature, sign};
