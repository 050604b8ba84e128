//! What an auditor needs and nothing else: digests, proofs of RFC 6962, signed notes, co-signatures, and evidence packs, made and
//! checked. The program `interlock-verify` is this crate with a command line; the ledger and the server build on it.
//!
//! **Invariants**
//! - Nothing here opens a socket, reads a clock or draws a random number; only the program reads files. The compiler polices it by
//!   the dependency budget, and `cargo xtask check crates` reads the tree of dependencies.
//! - What makes a pack and what checks it share the format, never a verdict: a check recomputes.
//! - Three outcomes. What was not shown is inconclusive, and inconclusive never passes.
//!
//! **Deliberately absent:** storage (the ledger), meaning of entries (the domain), policies' evaluation (Cedar is large, and a
//! verdict is recomputed by those who have the facts).
//!
//! Reading order: [`digest`], [`proof`], [`note`], [`checkpoint`], [`cosign`], [`tar`], [`pack`].

pub mod checkpoint;
pub mod cosign;
pub mod digest;
pub mod note;
pub mod pack;
pub mod proof;
pub mod tar;

pub use checkpoint::Checkpoint;
pub use digest::Digest;
pub use note::{NoteError, SigningKey, VerifyingKey};
